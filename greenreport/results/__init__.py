"""Results of studies: from study files, the store and published files to datasets, for pages, findings and Python alike."""

from greenreport.results.audited import runs_table
from greenreport.results.counterparts import Counterpart, counterparts, groups
from greenreport.results.located import Located, StudyData
from greenreport.results.sources import (
    MOMENT,
    load,
    load_dataset,
    load_published,
    locate_all,
    measured_here,
    read_study,
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
    "read_study",
    "runs_table",
]
