"""Pages with one figure only, to be shown inside pages of other sites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from greenreport.report.context import StudyContext
from greenreport.report.exports.embed import embed_path
from greenreport.report.figure import Figure
from greenreport.report.page import Page


@dataclass(frozen=True, slots=True)
class EmbedContent:
    """A figure by itself; `home` is the page on which it stands with all that belongs to it."""

    figure: Figure
    home: str


def embed_pages(pages: Sequence[Page[object]]) -> list[Page[EmbedContent]]:
    """Return a page for each figure; it leads back to where the figure is discussed, rather than to the first page of its study."""
    homes: dict[str, tuple[Page[object], StudyContext, Figure]] = {}
    for page in pages:
        for figure in page.figures:
            if page.study is None:
                continue
            path = embed_path(page.study, figure)
            if path not in homes or homes[path][0].section == "overview":
                homes[path] = (page, page.study, figure)
    return [
        Page(path, "embed.html", figure.finding, figure.summary, "embed", study, EmbedContent(figure, home.path), (figure,))
        for path, (home, study, figure) in homes.items()
    ]
