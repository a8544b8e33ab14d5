"""Which pages exist, and the context of each kind."""

from greenreport.report.pages.comparison_page import comparison_links, comparison_pages
from greenreport.report.pages.related_studies import measured_elsewhere
from greenreport.report.pages.site_pages import site_pages
from greenreport.report.pages.study_pages import study_pages

__all__ = ["comparison_links", "comparison_pages", "measured_elsewhere", "site_pages", "study_pages"]
