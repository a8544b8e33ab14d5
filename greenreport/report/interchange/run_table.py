"""``run_table.csv`` of experiment-runner: a row for each run, with its factors, and the mapping that reads it back without guessing.

Columns that begin with two underscores are bookkeeping, as in experiment-runner's own tables: neither factors nor data.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.run_view import RunView
from greenreport.catalog import CURVE_FACTORS, LOAD_FACTORS, METRICS, FactorKind
from greenreport.record import Method, Outcome
from greenreport.report.figure import guarded
from greenreport.report.interchange.study_export import StudyExport

RUN_ID, DONE = "__run_id", "__done"
OUTCOME, SOURCE, BOUNDARY, ESTIMATED, SIMULATED = (
    "__outcome",
    "__greenreport_run",
    "__energy_boundary",
    "__estimated",
    "__simulated",
)
#: Bookkeeping columns besides run and state, and what each says.
BOOKKEEPING = {
    OUTCOME: "how the run ended in greenreport",
    SOURCE: "the run in greenreport's other files",
    BOUNDARY: "what its energy includes",
    ESTIMATED: "metrics whose values are estimated by a power model, not measured",
    SIMULATED: "whether no model was served: the engine only waits",
}
_SAME_FACTORS = ("model", "engine", "provider")
#: Columns of a metric: by its id, and by the statistic where what was imported had been aggregated already.
MetricColumns = dict[tuple[str, str | None], str]


def run_table(study: StudyExport) -> Mapping[str, bytes]:
    """Return the table and its mapping; a run that is not valid has no values, and its state is TODO."""
    dataset = study.dataset
    factors, metrics = _factors(dataset), _metrics(dataset)
    categories = any(cell.model.size_category is not None for cell in dataset.cells)
    head = [*_SAME_FACTORS, *(("size_category",) if categories else ()), *factors]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([RUN_ID, DONE, *head, *metrics.values(), *BOOKKEEPING])
    for treatment, cell in enumerate(dataset.cells):
        levels = _levels(dataset, cell)
        for run in cell.runs:
            done = "DONE" if run.outcome is Outcome.OK else "TODO"
            row = [f"run_{treatment}_repetition_{run.repetition - 1}", done, *(levels.get(name, "") for name in head)]
            writer.writerow([*row, *_values(run, metrics), *_bookkeeping(dataset, cell, run)])
    mapping = {
        "format": "experiment-runner", **{name: name for name in _SAME_FACTORS}, **({"size_category": "size_category"} if categories else {}),
        "load": {name: name for name in factors if name in CURVE_FACTORS},
        "factors": {name: name for name in factors if name not in CURVE_FACTORS},
        "metrics": dict(_places(metrics)),
        "left_out": dict(_not_first(metrics)),
    }  # fmt: skip
    text = "# greenreport import run_table.csv --map mapping.yaml --study NAME\n" + yaml.safe_dump(
        {key: value for key, value in mapping.items() if value}, sort_keys=False, allow_unicode=True, width=1000
    )
    return {"run_table.csv": stream.getvalue().encode(), "mapping.yaml": text.encode()}


def _factors(dataset: Dataset) -> list[str]:
    """Return the columns of the factors that any configuration names, besides engine and provider."""
    return list(dict.fromkeys(_column(factor.field, name) for c in dataset.configurations for factor, name, _ in c.levels()))


def _column(field: str, option: str) -> str:
    return f"option_{option}" if option else field


def _levels(dataset: Dataset, cell: CellView) -> dict[str, str]:
    """Return the text of every factor of a cell, that of its default too where another cell names the factor."""
    model, configuration = cell.model, cell.configuration
    levels: dict[str, Any] = {
        "model": model.label if dataset.imported else model.id, "engine": configuration.engine, "provider": configuration.provider,
        "size_category": model.size_category,
    }  # fmt: skip
    levels |= {
        name: getattr(configuration, name) for name, factor in LOAD_FACTORS.items() if factor.kind is not FactorKind.OPTION
    }
    levels |= {_column("options", name): level for name, level in configuration.options.items()}
    return {name: _text(level) for name, level in levels.items() if level is not None}


def _text(level: object) -> str:
    return str(level).lower() if isinstance(level, bool) else guarded(level) if isinstance(level, str) else repr(level)


def _metrics(dataset: Dataset) -> MetricColumns:
    """Return a column for each metric and statistic of which any run has a value, in the order of the catalog."""
    found = {
        (metric, item.statistic) for run in dataset.runs for metric, item in run.observations.items() if item.value is not None
    }
    order = list(METRICS)
    return {
        (metric, statistic): f"{metric}_{statistic}" if statistic else metric
        for metric, statistic in sorted(found, key=lambda pair: (order.index(pair[0]), pair[1] or ""))
    }


def _values(run: RunView, metrics: MetricColumns) -> Iterator[str]:
    for metric, statistic in metrics:
        item = run.observations.get(metric)
        counts = run.outcome is Outcome.OK and item is not None and item.statistic == statistic
        yield repr(item.value) if counts and item is not None and item.value is not None else ""


def _bookkeeping(dataset: Dataset, cell: CellView, run: RunView) -> Iterator[str]:
    energy = run.observations.get("energy_j")
    yield run.outcome.value
    yield run.run_id
    yield guarded(energy.boundary) if energy is not None and energy.boundary and energy.value is not None else ""
    yield " ".join(
        name for name in METRICS if (o := run.observations.get(name)) and o.method is Method.ESTIMATED and o.value is not None
    )
    yield "" if dataset.imported else "yes" if cell.configuration.engine == "fake" else "no"


def _places(metrics: MetricColumns) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the first column of each metric, as a mapping names it."""
    for (metric, statistic), column in _first(metrics).items():
        yield metric, {"column": column, "unit": METRICS[metric].unit, **({"statistic": statistic} if statistic else {})}


def _not_first(metrics: MetricColumns) -> Iterator[tuple[str, str]]:
    first = _first(metrics).values()
    yield from ((column, "another statistic of the same metric") for column in metrics.values() if column not in first)


def _first(metrics: MetricColumns) -> MetricColumns:
    seen = dict.fromkeys(metric for metric, _ in metrics)
    return {
        pair: column for metric in seen for pair, column in [next(item for item in metrics.items() if item[0][0] == metric)]
    }
