"""The code that shows a figure inside a page of another site."""

from __future__ import annotations

import re
from html import escape

from greenreport.report.context import StudyContext
from greenreport.report.drawing.svg_text import plain_line
from greenreport.report.figure import Figure
from greenreport.study import Site

CAPTION = 240  # pixels for finding, caption and source; more on a phone
TALLEST = 900


def embed_path(study: StudyContext, figure: Figure) -> str:
    """Return the file of a figure's own page."""
    return f"{study.root}embed/{figure.id}.html"


def embed_code(figure: Figure, study: StudyContext, settings: Site, svg: str) -> str:
    """Return the element that shows a figure in another page.

    If the site has no address, the path starts at the folder of the site, and the page's script completes it in the browser.

    Args:
        svg: the drawing; its height decides that of the frame.
    """
    path = embed_path(study, figure)
    declared = re.search(r'<svg[^>]*? height="([0-9]+)', svg)
    height = min(CAPTION + (int(declared[1]) if declared else TALLEST), TALLEST)
    source, title = escape(settings.address(path) or path), escape(plain_line(figure.finding))
    return f'<iframe src="{source}" title="{title}" width="100%" height="{height}" loading="lazy"></iframe>'
