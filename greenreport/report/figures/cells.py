"""The matrix of cells in one metric."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from greenreport.analysis.hypotheses.answers import MAX_NAMED, best_phrase, models_text
from greenreport.analysis.measure.dataset import CellView, label_of
from greenreport.analysis.measure.fidelity import not_ranked
from greenreport.catalog import METRICS, Better, MetricInfo
from greenreport.record import Outcome
from greenreport.report import charts
from greenreport.report.charts import CellRow
from greenreport.report.charts.axes import finite, positive
from greenreport.report.context import StudyContext
from greenreport.report.figure import BEST, Column, Figure, make_table
from greenreport.report.figures.words import metric_bands, times
from greenreport.units import quantity

UNRANKED = "not ranked: other outputs than the reference"
NO_RATIO = "not above 0, so it has no ratio"


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
    """Return every configuration × model in one metric; cells without a value say why."""
    dataset, info, unfaithful = study.dataset, METRICS[metric], not_ranked(study.analysis.fidelity)
    matrix = []
    for model in dataset.models:
        cells = {c.configuration.id: c for c in dataset.cells if c.model.id == model.id}
        ranked = [c.median(metric) for name, c in cells.items() if (model.id, name) not in unfaithful]
        best = (max if info.better is Better.HIGHER else min)(filter(positive, ranked), default=None)
        for configuration in dataset.configurations:
            cell, label = cells.get(configuration.id), label_of(configuration)
            if cell is None:
                matrix.append(MatrixCell(model.label, label, None, None, "excluded", "excluded by design"))
            else:
                matrix.append(_matrix_cell(cell, info, best, ranked=(model.id, configuration.id) not in unfaithful))
    return matrix


def _matrix_cell(cell: CellView, info: MetricInfo, best: float | None, *, ranked: bool) -> MatrixCell:
    model, label, median = cell.model.label, label_of(cell.configuration), cell.median(info.id)
    if not finite(median):
        return MatrixCell(model, label, None, None, hole(cell), cell.absence(info.id))
    text = quantity(median, info.unit)
    if not ranked:
        return MatrixCell(model, label, median, None, text, UNRANKED)
    if best is None or not positive(median):
        return MatrixCell(model, label, median, None, text, NO_RATIO)
    ratio = best / median if info.better is Better.HIGHER else median / best
    return MatrixCell(model, label, median, ratio, text + (BEST if ratio == 1 else ""), "")


def matrix_figure(study: StudyContext, metric: str) -> Figure | None:
    """F5: configuration × model in one metric, relative to the best (of a metric without a better direction: the lowest)."""
    dataset, info = study.dataset, METRICS[metric]
    if not dataset.has(metric):
        return None
    cells = matrix_cells(study, metric)
    first = "best" if info.better is not Better.NEITHER else "lowest"
    wins = Counter(cell.label for cell in cells if cell.excess == 1)
    said = _winners(wins, len(dataset.models), info)
    holes = sum(cell.median is None for cell in cells)
    missing = (
        "1 cell has no value; it names its reason." if holes == 1 else f"{holes} cells have no value; each names its reason."
    )
    summary = f"{said}. {missing if holes else 'Every cell has a value.'}"
    caption = f"Median over valid runs; the deeper the colour, the further from the {first} of the row (◆). {info.definition}"
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
    return Figure(f"matrix-{metric.replace('_', '-')}", said, caption, summary, spec, table, metric_bands(study, metric))


def _winners(wins: Counter[str], models: int, info: MetricInfo) -> str:
    """Say which configuration is best on how many models; of many, the first few."""
    if not wins:
        return f"{info.label} of every cell"
    (leader, most), *others = wins.most_common()
    named = others[: MAX_NAMED - 1]
    words = [f"{leader} {best_phrase(info)} {models_text(most, models)}"]
    words += [f"as does {name}" if models == 1 else f"{name} on {number}" for name, number in named]
    return ", ".join(words) + (", others on the rest" if len(others) >= MAX_NAMED else "")


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
