"""What several formats say of a study in the same words: versions of an engine, energy in kWh, dates."""

from __future__ import annotations

from collections.abc import Iterator

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.run_view import RunView
from greenreport.catalog import ENGINES
from greenreport.errors import UsageError
from greenreport.record import Environment
from greenreport.report.interchange.study_export import StudyExport

J_PER_KWH = 3.6e6


def engine_label(engine: str) -> str:
    """Return the label of an engine; its id where the catalog does not know it."""
    info = ENGINES.get(engine)
    return info.label if info else engine


def versions_of(engine: str, environment: Environment | None) -> str:
    """Return the libraries whose versions decide what an engine does, with their versions; empty where none is known."""
    info, known = ENGINES.get(engine), dict(environment.libraries) if environment else {}
    return ", ".join(f"{name} {known[name]}" for name in (info.distributions if info else ()) if name in known)


def valid_runs(dataset: Dataset) -> Iterator[tuple[CellView, RunView]]:
    """Yield every run whose values count, with its cell."""
    yield from ((cell, run) for cell in dataset.cells for run in cell.ok)


def require_own_runs(study: StudyExport, what: str) -> None:
    """Refuse a study that was imported, where a format tells what an import does not know.

    Args:
        what: what that is, as the end of a sentence: ``the requests of each run``.

    Raises:
        UsageError: the study was imported.
    """
    if study.dataset.imported:
        raise UsageError(
            f"this format needs {what}, which imported results do not tell; `--as run-table` and `--as frictionless` write them"
        )
