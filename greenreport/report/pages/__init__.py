"""Which pages there are; a file for each kind, with the type of its content and the function that makes it."""

from greenreport.report.pages.comparison_page import ComparisonContent, comparison_links, comparison_pages
from greenreport.report.pages.embed_page import EmbedContent, embed_pages
from greenreport.report.pages.related_studies import related_studies
from greenreport.report.pages.site_pages import SiteContent, site_pages
from greenreport.report.pages.study_pages import StudyContent, study_pages

#: What templates print: a type for each kind of page; None where the template says everything itself.
PageContent = StudyContent | ComparisonContent | EmbedContent | SiteContent

__all__ = ["PageContent", "comparison_links", "comparison_pages", "embed_pages", "related_studies", "site_pages", "study_pages"]
