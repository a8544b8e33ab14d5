"""Pages with one figure only, to be shown inside pages of others, and the code that shows them there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from greenreport.report.context import Page, StudyContext
from greenreport.report.drawing.svg_text import plain_line
from greenreport.report.figure import Figure
from greenreport.study import Site

CAPTION = 240  # pixels that finding, caption and source take beside the drawing, on a phone more
TALLEST = 900


@dataclass(frozen=True, slots=True)
class EmbedContent:
    """A figure by itself; `home` is the page on which it stands with all that belongs to it."""

    figure: Figure
    home: str


def embed_path(study: StudyContext, figure: Figure) -> str:
    """Return the file of a figure's own page."""
    return f"{study.root}embed/{figure.id}.html"


def embed_pages(pages: Sequence[Page]) -> list[Page]:
    """Return a page for each figure; it leads back to where the figure is discussed, rather than to the first page of its study."""
    homes: dict[str, tuple[Page, StudyContext, Figure]] = {}
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


def embed_code(figure: Figure, study: StudyContext, settings: Site, svg: str) -> str:
    """Return the element that shows a figure in another page.

    Without the site's address, that of the figure is written from the site's own folder; the page completes it where it is served.

    Args:
        svg: the drawing, which says how tall the frame has to be.
    """
    path = embed_path(study, figure)
    found = re.search(r'<svg[^>]*? height="([0-9]+)', svg)
    height = min(CAPTION + (int(found[1]) if found else TALLEST), TALLEST)
    source, title = escape(settings.address(path) or path), escape(plain_line(figure.finding))
    return f'<iframe src="{source}" title="{title}" width="100%" height="{height}" loading="lazy"></iframe>'
