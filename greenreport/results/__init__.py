"""Results of studies: from study files, the store and published files to datasets, for pages, findings and Python alike."""

from greenreport.results.audited import runs_table
from greenreport.results.counterparts import Counterpart, counterparts, groups
from greenreport.results.sources import (
    MOMENT,
    Located,
    StudyData,
    load,
    load_dataset,
    load_published,
    locate_all,
    measured_here,
)

__all__ = [
    "MOMENT",
    "Counterpart",
    "Located",
    "StudyData",
    "counterparts",
    "groups",
    "load",
    "load_dataset",
    "load_published",
    "locate_all",
    "measured_here",
    "runs_table",
]
