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
    InterchangeInfo("llm-d", f"{_IN}.llm_d_report:llm_d_reports", "Benchmark Report 0.2.1 of llm-d: a YAML file for each valid run"),
    InterchangeInfo("frictionless", f"{_IN}.data_folder:data_folder", "all tables of the study as a Frictionless data package (datapackage.json), with croissant.json beside it"),
    InterchangeInfo("croissant", f"{_IN}.data_folder:data_folder", "all tables of the study with croissant.json (Croissant 1.0), and datapackage.json beside it"),
    InterchangeInfo("ro-crate", f"{_IN}.ro_crate:ro_crate", "data, study file, pages, environment and citation as a research object (RO-Crate 1.1)"),
    InterchangeInfo("boamps", f"{_IN}.boamps:boamps_reports", "energy reports in BoAmps' data model: a JSON file for each cell with energy"),
    InterchangeInfo("model-card", f"{_IN}.model_card:model_cards", "a snippet for the card of each model on the Hugging Face hub: measured values as metadata, and a table"),
    InterchangeInfo("zenodo", f"{_IN}.zenodo:zenodo_archive", "one archive with all of that, .zenodo.json, README and checksums, ready to be deposited"),
)
# fmt: on

INTERCHANGE = {row.name: row for row in _ROWS}
