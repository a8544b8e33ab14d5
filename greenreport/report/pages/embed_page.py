"""Pages with one figure only, to be shown inside pages of other sites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from greenreport.report.exports.embed import embed_path
from greenreport.report.figure import Figure
from greenreport.report.page import Page


@dataclass(frozen=True, slots=True)
class EmbedContent:
    """The page on which the figure stands with all that belongs to it."""

    home: str


def embed_pages(pages: Sequence[Page[object]]) -> list[Page[EmbedContent]]:
    """Return a page for each figure but details; it leads back to where the figure is discussed, rather than to the first page of its study."""
    homes: dict[str, tuple[Page[object], Figure]] = {}
    for page in pages:
        if page.study is None:
            continue
        for figure in (figure for figure in page.figures if not figure.detail):
            path = embed_path(page.study, figure)
            if path not in homes or homes[path][0].section == "overview":
                homes[path] = (page, figure)
    return [
        Page(path, "embed.html", figure.finding, figure.summary, "embed", home.study, EmbedContent(home.path), (figure,))
        for path, (home, figure) in homes.items()
    ]
