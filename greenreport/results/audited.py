"""The audit of a study's own runs, or of those it imported: a reader's second pair of eyes."""

from __future__ import annotations

from collections.abc import Iterator

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.configuration_labels import JOINT, label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.run_view import RunView
from greenreport.audit.run_rows import AuditedRun, as_table
from greenreport.catalog import CIRCUMSTANCES, CURVE_FACTORS
from greenreport.imports.results_table import ResultsTable
from greenreport.study import Configuration

#: What a model, or its answers, fix: it is equal in every run, and nothing is wrong with that.
_FIXED = frozenset({"weights_b", "solved_pct", "served_well_pct"})


def runs_table(dataset: Dataset) -> ResultsTable:
    """Return the runs of a study that count as a table of results, in the order in which they were made.

    Values that nothing can have, and that no answer uses, are among them: the audit is to find them.
    """
    runs = [(run.position, cell, run) for cell in dataset.cells for run in cell.ok]
    runs.sort(key=lambda item: item[0])
    return as_table(dataset.study.study, [_row(cell, run, imported=dataset.imported) for _, cell, run in runs])


def _row(cell: CellView, run: RunView, *, imported: bool) -> AuditedRun:
    configuration = cell.configuration
    levels = {"model": cell.model.label, "configuration": label_of(configuration).replace(JOINT, " · ")}
    values = {
        metric: value
        for metric, item in run.observations.items()
        if (value := item.refused if item.value is None else item.value) is not None and metric not in _FIXED
    }
    loads = dict(_loads(configuration, told_only=imported))
    return AuditedRun(levels, run.repetition, values | dict(_circumstances(run)), loads, frozenset({"model"}))


def _loads(configuration: Configuration, *, told_only: bool) -> Iterator[tuple[str, float]]:
    """Yield load factors and their levels; of a table of somebody else, those that it tells."""
    for name in CURVE_FACTORS:
        level = getattr(configuration, name)
        if level is not None and (name in configuration.model_fields_set or not told_only):
            several = configuration.request_rate is not None or configuration.batch_size > 1 or configuration.replicas > 1
            if name != "concurrency" or not several:  # otherwise requests in flight are not the clients
                yield name, float(level)


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
