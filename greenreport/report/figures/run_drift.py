"""The runs of a cell in the order they were made, with what their order does over the whole study."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import altair as alt

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.run_order import OrderEffects, in_order, start_temperature
from greenreport.analysis.measure.run_view import RunView
from greenreport.analysis.stats.order_effects import Drift
from greenreport.catalog import METRICS
from greenreport.record import Outcome
from greenreport.report.context import StudyContext
from greenreport.report.drawing.style import Look
from greenreport.report.figure import Figure, TableCell, make_table
from greenreport.report.figures.axes import axis_unit, finite
from greenreport.report.figures.captions import metric_bands
from greenreport.report.figures.specification import WIDTH, Sheet, Specification, layered, ordered
from greenreport.report.order_sentences import drift_words
from greenreport.units import capital, counted, listed, number, quantity

COUNTS, LEFT_OUT = "valid run", "does not count"
HEIGHT = 110


@dataclass(frozen=True, slots=True)
class CourseRow:
    """A run's value in the order of runs.

    Attributes:
        panel: what is shown, with its unit.
        counts: `COUNTS` or `LEFT_OUT`.
        median: of the panel's valid runs.
    """

    panel: str
    order: int
    value: float
    median: float
    counts: str
    detail: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A quantity over the order, with the runs that have a value of it."""

    name: str
    unit: str
    values: tuple[tuple[RunView, float], ...]

    @property
    def valid(self) -> list[float]:
        """The values of the runs that count."""
        return [value for run, value in self.values if run.outcome is Outcome.OK]


def run_drift_spec(rows: Sequence[CourseRow], look: Look) -> Specification:
    """F3: one panel for each quantity over the place in the order, each with its median over the valid runs."""
    sheet = Sheet()
    orders = [row.order for row in rows]
    pad = max(1.0, (max(orders) - min(orders)) * 0.04)
    x = alt.X(
        "order:Q",
        title="place of the run in the study's order",
        scale=alt.Scale(domain=[min(orders) - pad, max(orders) + pad], nice=False, zero=False),
        axis=alt.Axis(format="d", tickMinStep=1, tickCount=8),
    )
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(format=",~r", grid=True, tickCount=4))
    middle = alt.Y("mean(median):Q", title=None, scale=alt.Scale(zero=False))
    base = alt.Chart()
    line_of_medians = base.mark_rule(strokeDash=[3, 3], opacity=0.55).encode(y=middle)
    line = (
        base.transform_filter(f"datum.counts == '{COUNTS}'")
        .mark_line(strokeWidth=1.2, opacity=0.55, color=look.colour)
        .encode(x=x, y=y, order=alt.Order("order:Q"))
    )
    shapes = alt.Scale(domain=[COUNTS, LEFT_OUT], range=["circle", "cross"])
    point = base.mark_point(size=60, strokeWidth=2, opacity=1, color=look.colour).encode(
        x=x, y=y, shape=alt.Shape("counts:N", scale=shapes, legend=None), tooltip=[alt.Tooltip("detail:N", title="run")]
    )
    layers = layered(line_of_medians, line, point, data=sheet.rows(rows), width=WIDTH, height=HEIGHT)
    panels = ordered([row.panel for row in rows])
    chart = layers.facet(row=alt.Row("panel:N", sort=panels, title=None)).resolve_scale(y="independent")
    return sheet.finish(chart, plot="spec.width", chrome=70)


def course_figure(study: StudyContext, cell: CellView) -> Figure | None:
    """F3: energy and time of every run in its order, and the temperature it began at where a sensor was read."""
    runs, info = in_order(cell), [METRICS[metric] for metric in ("energy_j", "duration_s")]
    quantities = [(metric.label, metric.unit, [run.value(metric.id) for run in runs]) for metric in info]
    quantities.append(("Temperature at the start", "°C", [start_temperature(run) for run in runs]))
    every = (
        Panel(name, unit, tuple((run, value) for run, value in zip(runs, values, strict=True) if finite(value)))
        for name, unit, values in quantities
    )
    panels = [panel for panel in every if len(panel.values) > 1]
    if not panels:
        return None
    rows = [row for panel in panels for row in _rows(panel)]
    drawn = {panel.name for panel in panels}
    effects = [item for item in study.analysis.order if METRICS[item.metric].label in drawn]
    label = f"{label_of(cell.configuration)} on {cell.model.label}"
    summary = f"{label}. Over all runs of the study, {'; '.join(map(drift_words, effects))}. " if effects else f"{label}. "
    summary += "Runs of other cells lie between these."
    left_out = any(row.counts == LEFT_OUT for row in rows)
    caption = (
        f"{counted(len(runs), 'run')}; the dashed line is the median over valid runs. Runs of one cell are too few to show a trend; the "
        "validity page looks for one over all cells."
        f"{' Crosses: runs that do not count.' if left_out else ''}"
    )
    table = make_table(
        f"Runs in their order, {label}",
        ["quantity", ("place in the order", ""), ("value", "as named"), "counts"],
        [[row.panel, row.order, TableCell(row.value, number(row.value, 4)), row.counts] for row in rows],
    )
    spec = run_drift_spec(rows, study.looks[cell.configuration.id])
    energy = any(panel.name == METRICS["energy_j"].label for panel in panels)
    bands = metric_bands(study, "energy_j" if energy else "duration_s")
    return Figure(f"{cell.slug}-course", _finding(cell, effects), caption, summary, spec, table, bands)


def _rows(panel: Panel) -> Iterator[CourseRow]:
    values = [value for _, value in panel.values]
    middle = median(panel.valid or values)
    factor, unit = axis_unit(panel.unit, values)
    for run, value in panel.values:
        valid = run.outcome is Outcome.OK
        detail = f"repetition {run.repetition}, place {run.position}: {quantity(value, panel.unit)}"
        yield CourseRow(
            f"{panel.name} ({unit})", run.position, value / factor, middle / factor, COUNTS if valid else LEFT_OUT,
            detail if valid else f"{detail}; {run.outcome.value}",
        )  # fmt: skip


def _finding(cell: CellView, effects: Sequence[OrderEffects]) -> str:
    moving = [METRICS[item.metric].noun for item in effects if isinstance(item.drift, Drift) and item.drift.found]
    if moving:
        return f"{capital(listed(moving))} {'moves' if len(moving) == 1 else 'move'} with time over the study"
    return f"{counted(len(cell.ok), 'valid run')} in {'its' if len(cell.ok) == 1 else 'their'} order"
