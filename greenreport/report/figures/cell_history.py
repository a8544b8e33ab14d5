"""Cells over the times or environments they were measured in, with the steps that changed something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from greenreport.analysis.compare.history import Step, StepVerdict, StudyHistory
from greenreport.analysis.measure.courses import Course
from greenreport.analysis.stats import reach
from greenreport.catalog import METRICS
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure, TableCell, TableEntry, make_table
from greenreport.report.figures.axes import narrowest_columns, prefixed
from greenreport.report.figures.captions import metric_bands
from greenreport.report.figures.specification import WIDTH, Sheet, Specification, layered, ordered, ordinal
from greenreport.units import THIN, counted, number, quantity

HEIGHT = 120
LEAST = 60  # pixels between two times
CHANGED, KEPT = "changed", "not shown to change"


@dataclass(frozen=True, slots=True)
class TimeRow:
    """The median of a cell at one time, with the ends of its interval.

    Attributes:
        panel: the cell in words.
        time: the name of the period.
        step: `CHANGED` where the value differs from the time before.
        said: the size of the change; empty without one.
    """

    panel: str
    time: str
    value: float
    low: float
    high: float
    runs: int
    step: str
    said: str
    detail: str


def cell_history_spec(rows: Sequence[TimeRow], unit: str) -> Specification:
    """F30: a panel for each cell; medians with intervals over the times, filled where a step changed something."""
    sheet = Sheet()
    panels, times = ordered([row.panel for row in rows]), ordered([row.time for row in rows])
    x = alt.X("time:N", title=None, sort=times, axis=alt.Axis(labelAngle=0, labelLimit=160), scale=alt.Scale(padding=0.6))
    axis = alt.Axis(labelExpr=prefixed(unit), grid=True, tickCount=4)
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False), axis=axis)
    base = alt.Chart()
    line = base.mark_line(strokeWidth=1.5, opacity=0.6, color="var(--blue)").encode(x=x, y=y)
    interval = base.mark_rule(strokeWidth=1.5, color="var(--blue)").encode(
        x=x, y=alt.Y("low:Q", title=None, scale=alt.Scale(zero=False)), y2=alt.Y2("high:Q")
    )
    filled = alt.FillOpacity("step:O", scale=ordinal([CHANGED, KEPT], [1, 0]), legend=None)
    point = base.mark_point(size=70, strokeWidth=2, opacity=1, color="var(--blue)", fill="var(--blue)").encode(
        x=x, y=y, fillOpacity=filled, tooltip=[alt.Tooltip("detail:N", title="time")]
    )
    layers = layered(line, interval, point, data=sheet.rows(rows), width=WIDTH - 40, height=HEIGHT)
    facets = layers.facet(row=alt.Row("panel:N", sort=panels, title=None)).resolve_scale(x="independent", y="independent")
    columns = [narrowest_columns(ordered([row.time for row in rows if row.panel == panel]), LEAST) for panel in panels]
    return sheet.finish(facets, plot="spec.width", chrome=70, narrowest=max(150, round(1.3 * max(columns, default=0))))


def cell_history_figure(study: StudyContext, history: StudyHistory, metric: str) -> Figure:
    """F30 of a metric: the courses that have a step in it."""
    info = METRICS[metric]
    drawn = [(course, steps) for course in history.courses if (steps := history.of(course, metric))]
    rows = [row for course, steps in drawn for row in _rows(course, steps, metric)]
    changes = [step for step in history.changes if step.metric == metric]
    number_of_steps = sum(len(of) for _, of in drawn)
    title = f"{info.label}: {len(changes)} of {counted(number_of_steps, 'step')} {'is a change' if len(changes) == 1 else 'are changes'}"
    caption = (
        f"Medians over valid runs with their 95{THIN}% intervals; each panel has its own axis. By the interval of their ratio, a filled point differs significantly from the one before it"
        f"{' and by more than the noise of the machine' if history.noise_floor is not None else ''}."
    )
    summary = "; ".join(f"{step.course.label}: {step.sentence()}" for step in changes) or "No step is shown to change anything."
    table = make_table(
        f"{info.label} at each time",
        [
            "cell",
            "time",
            (info.label, info.unit),
            ("low", info.unit),
            ("high", info.unit),
            ("runs", ""),
            "against the time before",
        ],
        [_entries(row) for row in rows],
    )
    name = f"history-{metric.replace('_', '-')}"
    return Figure(
        name,
        title,
        caption,
        f"{summary}.".replace("..", "."),
        cell_history_spec(rows, info.unit),
        table,
        metric_bands(study, metric),
    )


def _rows(course: Course, steps: Sequence[Step], metric: str) -> list[TimeRow]:
    into = {id(step.after): step for step in steps}
    rows = []
    for period, name in zip(course.periods, course.names, strict=True):
        described = period.cell.description(metric)
        if not period.cell.values(metric) or described is None or described.median is None:
            continue
        low, high = reach(described.median, described.median_ci)
        step = into.get(id(period))
        changed = step is not None and step.change in (StepVerdict.BETTER, StepVerdict.WORSE, StepVerdict.DIFFERENT)
        said = step.size() if step is not None and changed else ""
        detail = f"{name}: {quantity(described.median, METRICS[metric].unit)}, {counted(described.n, 'run')}"
        rows.append(
            TimeRow(
                course.label,
                name,
                described.median,
                low,
                high,
                described.n,
                CHANGED if changed else KEPT,
                said,
                f"{detail}; {said}" if said else detail,
            )
        )
    return rows


def _entries(row: TimeRow) -> list[TableEntry]:
    numbers = [TableCell(value, number(value, 4)) for value in (row.value, row.low, row.high)]
    return [row.panel, row.time, *numbers, row.runs, row.said or row.step]
