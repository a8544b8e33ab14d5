"""Which pages exist, and the context of each kind."""

from greenreport.report.pages.comparison import comparison_links, comparison_pages
from greenreport.report.pages.elsewhere import measured_elsewhere
from greenreport.report.pages.site import site_pages
from greenreport.report.pages.study import study_pages

__all__ = ["comparison_links", "comparison_pages", "measured_elsewhere", "site_pages", "study_pages"]
