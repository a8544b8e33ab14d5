"""The matrix of cells in one metric."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import altair as alt

from greenreport.analysis.hypotheses.answers import MAX_NAMED
from greenreport.analysis.hypotheses.headline import best_phrase, models_text
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import losses, not_ranked
from greenreport.catalog import METRICS, Better, MetricInfo
from greenreport.record import Outcome
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure, TableCell, make_table
from greenreport.report.figures.axes import cell_axes, finite, narrowest_columns, positive
from greenreport.report.figures.captions import metric_bands, times
from greenreport.report.figures.specification import WIDTH, Sheet, Specification, drawn, either, layered, text_marks
from greenreport.units import quantity

BEST = " ◆"  # marks the best value of a model; it survives greyscale and copying
UNRANKED = "not ranked: other outputs than the reference"
LOSES = "not ranked: it loses too many right answers"
NO_RATIO = "not above 0, so it has no ratio"
ROW_BYTES = 600
#: Height of a row, and where there are many.
ROW_PX, LOW_ROW_PX, MANY_ROWS = 38, 28, 10
MISSING = {
    Outcome.OUT_OF_MEMORY: "no memory",
    Outcome.TIMED_OUT: "too slow",
    Outcome.UNSUPPORTED: "unsupported",
    Outcome.FAILED: "failed",
    Outcome.INVALID: "invalid",
    Outcome.UNFAITHFUL: "unfaithful",
    Outcome.NOT_RUN: "not run",
}


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """A cell of the matrix: median and ratio to the best of its model, or why there is none; `page`: its page in the folder of the study."""

    model: str
    label: str
    median: float | None
    excess: float | None
    text: str
    remark: str
    page: str | None = None

    @property
    def best(self) -> bool:
        """Whether no other ranked cell of the model is better."""
        return self.excess == 1

    @property
    def printed(self) -> str:
        """The value, marked where it is the best of its model."""
        return self.text + (BEST if self.best else "")


def matrix_spec(cells: Sequence[MatrixCell]) -> Specification:
    """F5: configuration × model: ratio to the best of its model by depth of one hue, the value as text, missing values named."""
    sheet = Sheet()
    axes = cell_axes(cells, gap=0.04, row_gap=0.06)
    x, y = axes.x, axes.y
    # The deepest colour is that of the worst cell; where all are alike, nothing is coloured.
    deepest = math.log(max((cell.excess for cell in cells if cell.excess is not None), default=1.0))
    rows = [
        {
            "page": cell.page, "model": cell.model, "label": cell.label, "excess": cell.excess, "text": cell.printed,
            "detail": f"{cell.label} on {cell.model}: {cell.remark or cell.printed}",
            "depth": 0.0 if cell.excess is None or deepest == 0 else math.log(cell.excess) / max(deepest, math.log(1.01)),
        }
        for cell in cells
    ]  # fmt: skip
    height = len(axes.rows) * (ROW_PX if len(axes.rows) < MANY_ROWS else LOW_ROW_PX)
    base = alt.Chart()
    square = base.mark_rect(fill="var(--vermilion)", stroke="currentColor", strokeOpacity=0.15).encode(
        x=x,
        y=y,
        fillOpacity=alt.FillOpacity("depth:Q", scale=alt.Scale(domain=[0, 1], range=[0.0, 0.55]), legend=None),
        tooltip=[alt.Tooltip("detail:N", title="cell")],
        href=alt.Href("page:N"),
    )
    values = text_marks(base, size=12).encode(
        x=x, y=y, text=alt.Text("text:N"), opacity=either(alt.OpacityValue, "datum.excess == null", 0.6, 1)
    )
    best = text_marks(values, size=12, fontWeight=700).transform_filter("datum.excess === 1")
    others = values.transform_filter("datum.excess !== 1")
    layers = layered(
        square,
        others,
        best,
        data=sheet.rows(rows),
        width=max(360, min(WIDTH + 80, 120 * len(axes.columns)), narrowest_columns(axes.columns)),
        height=height,
    )
    return sheet.finish(layers, chrome=axes.beside, narrowest=narrowest_columns(axes.columns))


def matrix_figure(study: StudyContext, metric: str) -> Figure | None:
    """F5: configuration × model in one metric, relative to the best (of a metric without a better direction: the lowest)."""
    dataset, info = study.dataset, METRICS[metric]
    if not dataset.has(metric):
        return None
    cells = matrix_cells(study, metric)
    first = "best" if info.better is not Better.NEITHER else "lowest"
    finding = _winners(Counter(cell.label for cell in cells if cell.best), dataset, info)
    without = sum(cell.median is None for cell in cells)
    missing = "1 cell has no value; it" if without == 1 else f"{without} cells have no value; each"
    summary = f"{finding}. {f'{missing} names its reason.' if without else 'Every cell has a value.'}"
    caption = f"Median over valid runs; the deeper the colour, the further from the {first} of the same model (◆). {info.meaning(imported=dataset.imported)}"
    table = make_table(
        f"{info.label}: median of each cell",
        ["model", "configuration", (f"median {info.id}", info.unit), (f"ratio to the {first}", "1"), "remark"],
        [
            [
                cell.model, cell.label, TableCell(cell.median, cell.printed, cell.best),
                None if cell.excess is None else TableCell(cell.excess, times(cell.excess)), cell.remark,
            ]
            for cell in cells
        ],
    )  # fmt: skip
    shown, left_out = drawn(cells, ROW_BYTES)
    spec = matrix_spec(shown)
    return Figure(
        f"matrix-{metric.replace('_', '-')}", finding, caption + left_out, summary, spec, table, metric_bands(study, metric)
    )


def matrix_cells(study: StudyContext, metric: str) -> list[MatrixCell]:
    """Return every configuration × model in one metric; cells without a value say why."""
    dataset, info, unranked = study.dataset, METRICS[metric], not_ranked(study.analysis.fidelity)
    remarks = dict.fromkeys(unranked, UNRANKED) | dict.fromkeys(losses(study.analysis.fidelity), LOSES)
    matrix = []
    for model in dataset.models:
        cells = {c.configuration.id: c for c in dataset.cells_of(model.id)}
        ranked = [c.median(metric) for name, c in cells.items() if (model.id, name) not in unranked]
        best = (max if info.better is Better.HIGHER else min)(filter(positive, ranked), default=None)
        for configuration in dataset.configurations:
            cell = cells.get(configuration.id)
            if cell is None:
                matrix.append(MatrixCell(model.label, label_of(configuration), None, None, "excluded", "excluded by design"))
            else:
                drawn = _matrix_cell(cell, info, best, remarks.get((model.id, configuration.id)))
                matrix.append(replace(drawn, page=study.cell_page(cell)))
    return matrix


def _matrix_cell(cell: CellView, info: MetricInfo, best: float | None, unranked: str | None) -> MatrixCell:
    model, label, median = cell.model.label, label_of(cell.configuration), cell.median(info.id)
    if not finite(median):
        return MatrixCell(model, label, None, None, missing_label(cell), cell.absence(info.id))
    text = quantity(median, info.unit)
    if unranked is not None:
        return MatrixCell(model, label, median, None, text, unranked)
    if best is None or not positive(median):
        return MatrixCell(model, label, median, None, text, NO_RATIO)
    return MatrixCell(model, label, median, best / median if info.better is Better.HIGHER else median / best, text, "")


def _winners(wins: Counter[str], dataset: Dataset, info: MetricInfo) -> str:
    """Say which configuration is best on how many models; of many, the first few."""
    if not wins:
        return f"{info.label} of every cell"
    (leader, most), *others = wins.most_common()
    models = len(dataset.models)
    clauses = [f"{leader} {best_phrase(info)} {models_text(most, [model.label for model in dataset.models], dataset.subject)}"]
    clauses += [f"as does {name}" if models == 1 else f"{name} on {number}" for name, number in others[: MAX_NAMED - 1]]
    return ", ".join(clauses) + (", others on the rest" if len(others) >= MAX_NAMED else "")


def missing_label(cell: CellView) -> str:
    """Return the short word for a cell without a value."""
    if cell.ok:
        return "not measured"
    return next((MISSING[outcome] for outcome in cell.outcomes if outcome is not Outcome.OK), "not run")
