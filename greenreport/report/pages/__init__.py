"""Which pages exist, and the context of each kind."""

from greenreport.report.pages.site import site_pages
from greenreport.report.pages.study import study_pages

__all__ = ["site_pages", "study_pages"]
