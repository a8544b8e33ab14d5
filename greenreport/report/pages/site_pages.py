"""The pages of the whole site."""

from __future__ import annotations

from collections.abc import Sequence

from greenreport.report.page import Page
from greenreport.report.pages.glossary_page import GlossaryContent, glossary_page
from greenreport.report.pages.index_page import IndexContent, index_page
from greenreport.report.site_writer import NOWHERE
from greenreport.report.summary import Summary

SiteContent = IndexContent | GlossaryContent | None


def site_pages(studies: Sequence[Summary]) -> list[Page[SiteContent]]:
    """Return the pages that belong to no study."""
    about = "What greenreport does and how its numbers are made."
    return [
        index_page(studies),
        glossary_page(),
        Page("about/index.html", "about.html", "About", about, "about", None, None),
        Page(NOWHERE, "404.html", "Not found", "There is no such page.", "", None, None),
    ]
