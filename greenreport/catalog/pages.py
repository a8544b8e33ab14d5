"""Pages that other packages add to each study; those of greenreport itself are listed in `report.pages.study_pages`."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.catalog.table import CatalogTable


@dataclass(frozen=True, slots=True)
class PageInfo:
    """A page of each study.

    Attributes:
        name: its folder below that of the study.
        label: its entry in the navigation of a study.
        target: the function that makes it: ``"module:function"``, from a `StudyContext` to a `Page`, whose figures the site draws. Its
            template lies in the folder ``templates/study`` beside the module.
    """

    name: str
    label: str
    target: str


ADDED_PAGES = CatalogTable("greenreport.pages", PageInfo, ())
