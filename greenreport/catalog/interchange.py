"""The formats in which ``greenreport export STUDY --as FORMAT`` writes results, so that other programs and archives read them."""

from __future__ import annotations

from dataclasses import dataclass

_IN = "greenreport.report.interchange"


@dataclass(frozen=True, slots=True)
class InterchangeInfo:
    """A format that others read.

    Attributes:
        target: the function that makes its files: from a `report.interchange.study_export.StudyExport` to content by name.
        summary: what is written, and for whom.
    """

    name: str
    target: str
    summary: str


# Tables are read by row.
# fmt: off
_ROWS = (
    InterchangeInfo("run-table", f"{_IN}.run_table:run_table", "run_table.csv of experiment-runner: a row for each run, with the mapping that reads it back"),
)
# fmt: on

INTERCHANGE = {row.name: row for row in _ROWS}
