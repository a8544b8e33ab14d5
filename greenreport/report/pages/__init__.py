"""Which pages there are; a file for each kind, with the type of its content and the function that makes it."""

from collections.abc import Sequence

from greenreport.report.page import Page
from greenreport.report.pages.comparison_page import ComparisonContent, comparison_links, comparison_pages
from greenreport.report.pages.embed_page import EmbedContent, embed_pages
from greenreport.report.pages.explorer_page import ExplorerContent, explorer_files, explorer_page
from greenreport.report.pages.glossary_page import GlossaryContent, glossary_page
from greenreport.report.pages.index_page import IndexContent, index_page
from greenreport.report.pages.overview_page import related_studies
from greenreport.report.pages.study_pages import StudyContent, study_pages
from greenreport.report.site_writer import NOWHERE
from greenreport.report.summary import Summary

SiteContent = IndexContent | ExplorerContent | GlossaryContent | None
#: What templates print: a type for each kind of page; None where the template says everything itself.
PageContent = StudyContent | ComparisonContent | EmbedContent | SiteContent

__all__ = [
    "PageContent",
    "comparison_links",
    "comparison_pages",
    "embed_pages",
    "explorer_files",
    "related_studies",
    "site_pages",
    "study_pages",
]


def site_pages(studies: Sequence[Summary]) -> list[Page[SiteContent]]:
    """Return the pages that belong to no study."""
    about = "What greenreport does and how its numbers are made."
    return [
        index_page(studies),
        explorer_page(studies),
        glossary_page(),
        Page("about/index.html", "about.html", "About", about, "about", None, None),
        Page(NOWHERE, "404.html", "Not found", "There is no such page.", "", None, None),
    ]
