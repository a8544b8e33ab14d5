"""Saturation curves of a sweep: throughput, energy per token and latency over the load, one figure per model and factor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from greenreport.analysis.sweep.series import ENERGY, THROUGHPUT, LoadPoint, Series
from greenreport.catalog import CURVE_FACTORS, METRICS
from greenreport.record import Outcome
from greenreport.report.context import StudyContext
from greenreport.report.drawing.style import HUES, SHAPES, Look, Looks
from greenreport.report.figure import Figure, TableCell, TableEntry, make_table, measured
from greenreport.report.figures.axes import axis_unit, finite, positive
from greenreport.report.figures.captions import metric_bands
from greenreport.report.figures.specification import (
    WIDTH,
    Sheet,
    Specification,
    colour,
    layered,
    names_below,
    ordered,
    points,
    text_marks,
)
from greenreport.units import declared_percent, quantity

ENDS = {Outcome.OUT_OF_MEMORY: "memory ends", Outcome.TIMED_OUT: "time limit", Outcome.OK: "preemption"}
PANEL = 150
LINE = 14  # pixels between two lines of remarks
TICKS = ",~r"  # plain numbers: the unit of an axis has the prefix
TOO_FEW_LOADS = "too few loads work to see where throughput saturates"


@dataclass(frozen=True, slots=True)
class LoadRow:
    """A value at a load: the median of the runs (`line`), one run (`run`), or a remark at a load (`mark`, its words `note`).

    Attributes:
        kind: also `room`: a value up to which the axis must reach, so that no curve meets the words of remarks.
        panel: metric with its unit; panels stand below each other.
        configuration: name of the series, in the scale of colours.
        value: in the unit of the panel; of words the line they stand on, from 0 at the top.
        text: of a remark; only the first panel prints it.
    """

    kind: str
    panel: str
    configuration: str
    label: str
    load: float
    value: float
    text: str
    detail: str


def saturation_curves_spec(rows: Sequence[LoadRow], styles: Looks, *, x_axis: str) -> Specification:
    """F10: values over the load, one panel per metric: medians joined, every run as a small mark, remarks as dashed lines.

    Every vertical axis begins at 0; the horizontal one is logarithmic with the measured loads as ticks.
    """
    sheet = Sheet(styles)
    loads = sorted({row.load for row in rows if positive(row.load)}) or [1.0]
    scale = alt.Scale(type="log", base=2, domain=[loads[0] / 1.15, loads[-1] * 1.15], nice=False)
    x = alt.X("load:Q", title=x_axis, scale=scale, axis=alt.Axis(values=loads, format="~r", labelOverlap="greedy", grid=False))
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=True, nice=True), axis=alt.Axis(format=TICKS, tickCount=4, grid=True))
    base = alt.Chart()
    legend = names_below(styles)
    hue = colour(styles, legend)
    detail = [alt.Tooltip("label:N", title="series"), alt.Tooltip("detail:N", title="value")]
    line = base.transform_filter("datum.kind == 'line'")
    layers = layered(
        base.transform_filter("datum.kind == 'mark'").mark_rule(strokeDash=[3, 3], opacity=0.7).encode(x=x, color=hue),
        base.transform_filter("datum.kind == 'room'").mark_point(opacity=0).encode(y=y),
        *_note_layers(base, x, rows),
        base.transform_filter("datum.kind == 'run'").mark_point(size=18, opacity=0.45, filled=True).encode(x=x, y=y, color=hue),
        line.mark_line(strokeWidth=1.5).encode(x=x, y=y, color=hue),
        points(line, styles, 60, legend).encode(x=x, y=y, tooltip=detail),
        data=sheet.rows(rows),
        width=WIDTH - 40,
        height=PANEL,
    )
    panels = ordered([row.panel for row in rows])
    faceted = layers.facet(row=alt.Row("panel:N", sort=panels, title=None)).resolve_scale(y="independent")
    return sheet.finish(faceted, plot="spec.width", chrome=90, narrowest=240)


def _note_layers(base: alt.Chart, x: alt.X, rows: Sequence[LoadRow]) -> list[alt.Chart]:
    """Return the words of remarks, each on the line that its row names, left of the dashed line they are about."""
    return [
        text_marks(
            base.transform_filter(f"datum.kind == 'note' && datum.value == {line:g}"), align="right", dx=-4, baseline="top"
        ).encode(x=x, y=alt.YValue(2 + LINE * line), text=alt.Text("text:N"))
        for line in sorted({row.value for row in rows if row.kind == "note"})
    ]


def series_looks(study: StudyContext, every: Sequence[Series]) -> dict[str, Look]:
    """Return the look of each series by its label: the hue of its engine; where one engine has several, replicas differ by hue and shape."""
    looks = {s.label: study.looks[s.points[0].cell.configuration.id] for s in every}
    if len({look.hue for look in looks.values()}) == len(every):
        return looks
    return {
        name: Look(
            HUES[place % len(HUES)], SHAPES[place % len(SHAPES)], filled=look.filled, engine=look.engine, label=look.label
        )
        for place, (name, look) in enumerate(looks.items())
    }


def by_model_and_factor(every: Sequence[Series]) -> Mapping[tuple[str, str], tuple[Series, ...]]:
    """Group series by model and factor: those share axes."""
    keys = ordered([(series.model.id, series.factor) for series in every])
    return {key: tuple(series for series in every if (series.model.id, series.factor) == key) for key in keys}


def curves_figure(study: StudyContext, every: Sequence[Series]) -> Figure:
    """F10: throughput, energy per token and latency over the load, for the series of one model and factor."""
    model, factor = every[0].model, every[0].factor
    cells = [point.cell for series in every for point in series.points]
    metrics = [m for m in (THROUGHPUT, ENERGY, every[0].latency) if m and any(cell.values(m) for cell in cells)]
    rows = [row for metric in metrics for row in _curve_rows(every, metric, first=metric == metrics[0])]
    finding = f"{model.label}: {_saturations(every)}"
    caption = (
        "Medians over valid runs joined by lines, every run as a small mark; all vertical axes begin at 0. "
        f"Saturation: no larger load gains {declared_percent(study.dataset.study.frontier.epsilon)} or more per doubling."
    )
    summary = f"{finding}. Values over the load of {model.label}, {len(every)} series. {_ranges(every)}"
    spec = saturation_curves_spec(rows, series_looks(study, every), x_axis=CURVE_FACTORS[factor].axis)
    table = make_table(
        f"{model.label}: medians at every load",
        ["series", (factor, ""), ("runs", ""), *((f"median {m}", METRICS[m].unit) for m in metrics), "remark"],
        [_entries(series, point, metrics) for series in every for point in series.points],
    )
    figure_id = f"curves-{model.id}-{factor}".replace("_", "-")
    return Figure(figure_id, finding, caption, summary, spec, table, metric_bands(study, *metrics))


def _entries(series: Series, point: LoadPoint, metrics: Sequence[str]) -> list[TableEntry]:
    """Return a load as a row of the table."""
    values = [measured(point.value(metric), METRICS[metric].unit) for metric in metrics]
    return [series.label, TableCell(point.load, f"{point.load:g}"), len(point.cell.ok), *values, _remark(series, point)]


def _saturations(every: Sequence[Series]) -> str:
    """Say where the series saturate, the same place said once."""
    labels: dict[str, list[str]] = {}
    for series in (series for series in every if not series.short):
        load = series.saturation.load
        clause = "still grows at the largest load" if load is None else f"saturates at {series.load_text(load)}"
        labels.setdefault(clause, []).append(series.label)
    if not labels:
        return TOO_FEW_LOADS
    if len(labels) == 1:
        return f"throughput {next(iter(labels))}"
    return "throughput " + "; ".join(f"{clause} ({', '.join(names)})" for clause, names in labels.items())


def _ranges(every: Sequence[Series]) -> str:
    """Say how far throughput goes in each series."""
    ranges = []
    for series in every:
        first, peak = series.points[0], series.peak
        ends = [
            f"{quantity(point.value(THROUGHPUT) or 0.0, 'tokens/s')} at {series.load_text(point.load)}"
            for point in (first, peak)
        ]
        ranges.append(f"{series.label}: {ends[0]}" + (f", at most {ends[1]}" if peak.load != first.load else ""))
    return f"Throughput of {'; '.join(ranges)}."


def _remark(series: Series, point: LoadPoint) -> str:
    remarks = {
        "saturation": point.load == series.saturation.load,
        "highest throughput": point is series.peak,
        "least energy per token": series.least_energy is not None and point.load == series.least_energy[0],
        "best under the objective": series.within is not None and point.load == series.within.load,
    }
    return ", ".join(remark for remark, applies in remarks.items() if applies)


def _curve_rows(every: Sequence[Series], metric: str, *, first: bool) -> Iterator[LoadRow]:
    """Yield the rows of a panel; the words of remarks stand in the first one only."""
    info = METRICS[metric]
    values = [value for series in every for point in series.points for value in point.cell.values(metric) if finite(value)]
    factor, unit = axis_unit(info.unit, values)
    panel = f"{info.label} ({unit})"
    remarks: dict[float, dict[str, None]] = {}
    for series in every:
        name = series.label
        for point in series.points:
            if not finite(value := point.value(metric)):
                continue
            runs = point.cell.values(metric)
            detail = f"{series.load_text(point.load)}: {quantity(value, info.unit)}, median of {len(runs)}"
            yield LoadRow("line", panel, name, name, point.load, value / factor, "", detail)
            for single in runs if len(runs) > 1 else ():
                yield LoadRow("run", panel, name, name, point.load, single / factor, "", "")
        for load, text in _marks(series):
            yield LoadRow("mark", panel, name, name, load, 0.0, "", "")
            remarks.setdefault(load, {})[text] = None
    if not first or not remarks or not values:
        return
    for line, (load, texts) in enumerate(sorted(remarks.items())):
        yield LoadRow("note", panel, "", "", load, float(line), ", ".join(texts), "")
    below = 1 - LINE * (len(remarks) + 0.5) / PANEL  # share of the panel that the words leave to the curves
    yield LoadRow("room", panel, "", "", min(remarks), max(values) / factor / below, "", "")


def _marks(series: Series) -> Iterator[tuple[float, str]]:
    if series.saturation.load is not None:
        yield series.saturation.load, "saturation"
    if series.within is not None:
        yield series.within.load, "best under the objective"
    if series.end is not None:
        yield series.end.load, ENDS[series.end.outcome]
