"""What the head of a page tells those who link to it: its title, and its address where the site has one."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.report.context import Page
from greenreport.study import Site

HOME = "index.html"
NOWHERE = "404.html"  # shown under any address, so it has none of its own


@dataclass(frozen=True, slots=True)
class Head:
    """What the head of a page says.

    Attributes:
        title: name of the page where nothing stands around it; that of the first page is the site's.
        url: absolute address of the page; None where that of the site is not known.
    """

    title: str
    url: str | None


def head_of(page: Page, settings: Site) -> Head:
    """Return the head of a page."""
    title = settings.title if page.path == HOME else page.title
    return Head(title, None if page.path == NOWHERE else settings.address(page.path))
