"""The matrix of cells in one metric."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from greenreport.analysis.dataset import CellView, label_of
from greenreport.catalog import METRICS, Better, MetricInfo
from greenreport.record import Outcome
from greenreport.report import charts
from greenreport.report.charts import CellRow
from greenreport.report.context import StudyContext
from greenreport.report.figure import BEST, Column, Figure, make_table
from greenreport.report.figures.words import definition, metric_bands, times
from greenreport.units import quantity


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """A cell of the matrix: median and ratio to the best of its row, or why there is none."""

    model: str
    label: str
    median: float | None
    excess: float | None
    text: str
    remark: str


def matrix_cells(study: StudyContext, metric: str) -> list[MatrixCell]:
    """Return every configuration × model in one metric, holes included."""
    dataset, info = study.dataset, METRICS[metric]
    found = []
    for model in dataset.models:
        cells = {c.configuration.id: c for c in dataset.cells if c.model.id == model.id}
        medians = {name: median_of(cell, metric) for name, cell in cells.items()}
        known = [value for value in medians.values() if value is not None and value > 0]
        best = (max(known) if info.better is Better.HIGHER else min(known)) if known else None
        for configuration in dataset.configurations:
            label = label_of(configuration)
            found.append(_cell(model.label, label, cells.get(configuration.id), medians.get(configuration.id), best, info))
    return found


def _cell(
    model: str, label: str, cell: CellView | None, median: float | None, best: float | None, info: MetricInfo
) -> MatrixCell:
    if cell is None:
        return MatrixCell(model, label, None, None, "excluded", "excluded by design")
    if median is None or best is None:
        return MatrixCell(model, label, None, None, hole(cell), cell.absence(info.id))
    ratio = best / median if info.better is Better.HIGHER else median / best
    text = quantity(median, info.unit) + (BEST if ratio == 1 else "")
    return MatrixCell(model, label, median, ratio, text, "")


def matrix_figure(study: StudyContext, metric: str) -> Figure | None:
    """F5: configuration × model in one metric, relative to the best (of a metric without a better direction: the lowest)."""
    dataset, info = study.dataset, METRICS[metric]
    if not dataset.has(metric):
        return None
    cells = matrix_cells(study, metric)
    first = "best" if info.better is not Better.NEITHER else "lowest"
    wins = Counter(cell.label for cell in cells if cell.excess == 1)
    counts = ", ".join(f"{name} {n}/{len(dataset.models)}" for name, n in wins.most_common())
    holes = sum(cell.excess is None for cell in cells)
    rest = f"{holes} cells have no value; each names its reason." if holes else "Every cell has a value."
    summary = f"{first.capitalize()} on each model: {counts}. {rest}"
    caption = f"Median over valid runs; the deeper the colour, the further from the {first} of the row (◆). {definition(info)}"
    columns = [
        Column("model"),
        Column("configuration"),
        Column(f"median {info.id}", info.unit, True),
        Column(f"ratio to the {first}", "1", True),
        Column("remark"),
    ]
    table = make_table(
        f"{info.label}: median of each cell",
        columns,
        [(c.model, c.label, c.median, c.excess, c.remark) for c in cells],
        [(c.model, c.label, c.text, "–" if c.excess is None else times(c.excess), c.remark) for c in cells],
    )
    drawn = [CellRow(c.model, c.label, c.excess, c.text, f"{c.label} on {c.model}: {c.remark or c.text}") for c in cells]
    spec = charts.matrix(drawn, description=summary)
    title = f"{info.label}: {first} with {counts}"
    return Figure(f"matrix-{metric.replace('_', '-')}", title, caption, summary, spec, table, metric_bands(study, metric))


def median_of(cell: CellView, metric: str) -> float | None:
    """Return the median over valid runs, or None."""
    values = sorted(cell.values(metric))
    if not values:
        return None
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def hole(cell: CellView) -> str:
    """Return the short word for a cell without a value."""
    words = {
        Outcome.OUT_OF_MEMORY: "no memory",
        Outcome.TIMED_OUT: "too slow",
        Outcome.UNSUPPORTED: "unsupported",
        Outcome.FAILED: "failed",
        Outcome.INVALID: "invalid",
        Outcome.UNFAITHFUL: "unfaithful",
    }
    worst = [outcome for outcome in cell.outcomes if outcome is not Outcome.OK]
    return words[worst[0]] if worst and not cell.ok else "not measured" if cell.ok else "not run"
