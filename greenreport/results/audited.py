"""The audit of a study's own runs, or of those it imported: a reader's second pair of eyes."""

from __future__ import annotations

from collections.abc import Iterator

from greenreport.analysis.measure.dataset import CellView, Dataset
from greenreport.analysis.measure.run_view import RunView
from greenreport.audit.run_rows import RunRow, as_table
from greenreport.catalog import CIRCUMSTANCES, CURVE_FACTORS
from greenreport.imports.results_table import ResultsTable
from greenreport.study import Configuration

#: What a model, or its answers, fix: it is equal in every run, and nothing is wrong with that.
_FIXED = frozenset({"weights_b", "solved_pct", "served_well_pct"})


def runs_table(dataset: Dataset) -> ResultsTable:
    """Return the runs of a study that count as a table of results, in the order in which they were made."""
    runs = [(run.position, cell, run) for cell in dataset.cells for run in cell.ok]
    runs.sort(key=lambda item: item[0])
    return as_table(dataset.study.study, [_row(cell, run) for _, cell, run in runs])


def _row(cell: CellView, run: RunView) -> RunRow:
    configuration = cell.configuration
    levels = {"model": cell.model.label, "configuration": " · ".join(_named(configuration))}
    loads = {name: float(level) for name in CURVE_FACTORS if (level := getattr(configuration, name)) is not None}
    if configuration.request_rate is not None or configuration.batch_size > 1 or configuration.replicas > 1:
        del loads["concurrency"]  # requests in flight are not the clients there
    values = {
        metric: item.value for metric, item in run.observations.items() if item.value is not None and metric not in _FIXED
    }
    return RunRow(levels, run.repetition, values | dict(_circumstances(run)), loads)


def _named(configuration: Configuration) -> Iterator[str]:
    """Yield what a configuration is apart from its load."""
    if configuration.name:
        yield configuration.name
    yield from (configuration.runtime, configuration.provider)
    for factor, name, level in configuration.levels():
        if level is not None and factor.field not in CURVE_FACTORS:
            yield factor.label_part(level, name)


def _circumstances(run: RunView) -> Iterator[tuple[str, float]]:
    """Yield what is known of the load of a run, for the rules that judge it."""
    answered = [request for request in run.requests if request.error is None]
    known = {
        "requests": len(answered) or None,
        "failed_requests": len(run.requests) - len(answered) if run.requests else None,
        "output_tokens": run.output_tokens,
        "prompt_tokens": run.prompt_tokens,
    }
    yield from ((key, float(value)) for key, value in known.items() if value is not None and key in CIRCUMSTANCES)
