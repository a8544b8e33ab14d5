"""The result files of other tools that can be read. Others add theirs through the entry point group ``greenreport.formats``."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.catalog.table import CatalogTable

_IN = "greenreport.imports.formats"


@dataclass(frozen=True, slots=True)
class FormatInfo:
    """A kind of result file.

    Attributes:
        target: its reader, a subclass of `imports.reader.Reader`.
        summary: which program writes it, and what a row is.
    """

    name: str
    label: str
    target: str
    summary: str


# Tables are read by row.
# fmt: off
_FORMATS = (
    FormatInfo("experiment-runner", "experiment-runner", f"{_IN}.experiment_runner:ExperimentRunner", "run_table.csv of experiment-runner: a row for each run"),
    FormatInfo("tidy", "tidy table", f"{_IN}.tidy:Tidy", "greenreport's own table of text: a row for each value"),
    FormatInfo("csv", "table of text", f"{_IN}.plain_csv:PlainCsv", "any table with a header: a row for each run, columns as a mapping says"),
)
# fmt: on

#: In the order in which a file is offered to them: the first that knows it reads it.
FORMATS = CatalogTable("greenreport.formats", FormatInfo, _FORMATS)
