"""One pure function for each kind of chart: rows in, Vega-Lite specification out.

Charts carry no title: the finding stands in the caption. Every scale has an explicit domain, jitter comes from a digest, nothing
is random, so the same rows give the same bytes. Colours are theme variables (see `style`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import altair as alt

from greenreport.report.style import Look, theme

WIDTH = 640
TWO_LINES = "split(datum.value, ' · ')"
ROW = 26


@dataclass(frozen=True, slots=True)
class RatioRow:
    """An estimate of a ratio with its interval, of one configuration on one model."""

    model: str
    configuration: str
    label: str
    provider: str
    ratio: float
    low: float
    high: float
    n: int
    text: str
    short: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run's value of a metric."""

    model: str
    configuration: str
    label: str
    provider: str
    repetition: int
    value: float
    note: str


@dataclass(frozen=True, slots=True)
class PairRow:
    """A pair of configurations on one model: adjusted p and ratio of medians."""

    model: str
    row: str
    column: str
    band: str
    text: str
    detail: str


@dataclass(frozen=True, slots=True)
class CellRow:
    """A cell of the matrix: ratio to the best of its row, or why there is none."""

    model: str
    label: str
    excess: float | None
    text: str
    detail: str


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A point of a trace, seconds since the start of the run."""

    seconds: float
    value: float
    rail: str


@dataclass(frozen=True, slots=True)
class BandRow:
    """A phase as an interval of time, or a run in the order plot."""

    start: float
    end: float
    name: str
    row: str
    detail: str


def _finish(chart: Any, description: str, *, plot: str = "width", chrome: int) -> dict[str, Any]:
    """Return the specification with theme and text alternative.

    Args:
        chart: an Altair chart.
        plot: path of the plot's width in the specification.
        chrome: pixels beside the plot; the page sets the plot's width to what is left of its own.
    """
    alt.data_transformers.consolidate_datasets = False
    spec: dict[str, Any] = chart.to_dict()
    del spec["$schema"]
    spec["config"] = theme()
    spec["description"] = description
    spec["usermeta"] = {"greenreport": {"plot": plot, "chrome": chrome}}
    return spec


def _data(rows: Sequence[Any]) -> alt.InlineData:
    return alt.InlineData(values=[row if isinstance(row, dict) else asdict(row) for row in rows])


def _colour(styles: Mapping[str, Look]) -> alt.Color:
    return alt.Color("configuration:N", scale=_hues(styles), legend=None)


def _shape(styles: Mapping[str, Look]) -> alt.Shape:
    return alt.Shape(
        "configuration:N", scale=alt.Scale(domain=list(styles), range=[look.shape for look in styles.values()]), legend=None
    )


def _fill(styles: Mapping[str, Look]) -> alt.FillOpacity:
    return alt.FillOpacity(
        "configuration:N",
        scale=alt.Scale(type="ordinal", domain=list(styles), range=[1.0 if look.filled else 0.0 for look in styles.values()]),
        legend=None,
    )


def log_domain(values: Sequence[float], pad: float = 1.12) -> list[float]:
    """Return a domain for a logarithmic scale with a little room on both sides."""
    positive = [value for value in values if value > 0 and math.isfinite(value)]
    return [min(positive, default=0.5) / pad, max(positive, default=2.0) * pad]


def log_ticks(domain: Sequence[float]) -> list[float]:
    """Return round tick values of a logarithmic scale: 1, 2, 5 per decade, finer when the domain is short."""
    low, high = domain
    steps = (1, 2, 5) if high / low > 8 else (1, 1.5, 2, 3, 4, 5, 7) if high / low > 3 else (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)
    first = math.floor(math.log10(low))
    ticks = [step * 10.0**decade for decade in range(first, math.ceil(math.log10(high)) + 1) for step in steps]
    return [float(f"{tick:.6g}") for tick in ticks if low <= tick <= high]


def _by_model(layers: alt.LayerChart, models: Sequence[str], description: str, chrome: int) -> dict[str, Any]:
    """Stack one panel a model; a single model needs no panel heading."""
    if len(models) == 1:
        return _finish(layers, description, chrome=chrome)
    panels = layers.facet(row=alt.Row("model:N", sort=list(models), title=None))
    return _finish(panels, description, plot="spec.width", chrome=chrome)


def _labels(rows: Sequence[Any]) -> tuple[list[str], alt.Y]:
    labels = list(dict.fromkeys(row.label for row in rows))
    return labels, alt.Y("label:N", title=None, sort=labels, scale=alt.Scale(domain=labels))


def _hues(styles: Mapping[str, Look]) -> alt.Scale:
    return alt.Scale(domain=list(styles), range=[look.colour for look in styles.values()])


def _points(chart: alt.Chart, styles: Mapping[str, Look], size: int) -> alt.Chart:
    """Points with the colour, shape and fill of their configuration."""
    return chart.mark_point(size=size, strokeWidth=2, opacity=1).encode(
        stroke=alt.Stroke("configuration:N", scale=_hues(styles), legend=None),
        fill=alt.Fill("configuration:N", scale=_hues(styles), legend=None),
        fillOpacity=_fill(styles),
        shape=_shape(styles),
    )


def forest(rows: Sequence[RatioRow], styles: Mapping[str, Look], *, axis: str, band: float, description: str) -> dict[str, Any]:
    """F1: ratios to a baseline with intervals on a logarithmic axis, a line at 1, and the band of no practical interest."""
    models = list(dict.fromkeys(row.model for row in rows))
    labels, y = _labels(rows)
    domain = log_domain([v for row in rows for v in (row.low, row.high, 1 / (1 + band), 1 + band)])
    scale = alt.Scale(type="log", domain=domain, nice=False)
    ticks = alt.Axis(values=log_ticks(domain), labelExpr="format(datum.value, '~g') + ' ×'", labelOverlap=True)
    x = alt.X("low:Q", title=axis, scale=scale, axis=ticks)
    reference = alt.Chart(alt.InlineData(values=[{"one": 1.0, "from": 1 / (1 + band), "to": 1 + band}]))
    zone = reference.mark_rect(opacity=0.07, color="currentColor").encode(x=alt.X("from:Q", title=axis, scale=scale, axis=ticks), x2="to:Q")
    one = reference.mark_rule(strokeDash=[3, 3], opacity=0.7).encode(x=alt.X("one:Q", title=axis, scale=scale, axis=ticks))
    base = alt.Chart()
    interval = base.mark_rule(strokeWidth=2.5).encode(x=x, x2="high:Q", y=y, color=_colour(styles))
    tooltip = [alt.Tooltip("label:N", title="configuration"), alt.Tooltip("text:N", title="ratio"), alt.Tooltip("n:Q", title="runs")]
    point = _points(base, styles, 110).encode(x=alt.X("ratio:Q", scale=scale), y=y, tooltip=tooltip)
    value = base.mark_text(align="left", dx=9, fontSize=11, color="currentColor").encode(x=alt.X("high:Q", scale=scale), y=y, text="short:N")
    layers = alt.layer(zone, one, interval, point, value, data=_data(rows)).properties(width=WIDTH - 200, height=ROW * len(labels))
    return _by_model(layers, models, description, chrome=265)


def strip(rows: Sequence[RunRow], styles: Mapping[str, Look], *, axis: str, log: bool, description: str) -> dict[str, Any]:
    """F2: every run as a point over the box of its group; the box spans the quartiles, its line is the median."""
    models = list(dict.fromkeys(row.model for row in rows))
    labels, y = _labels(rows)
    values = [row.value for row in rows]
    low, high = min(values), max(values)
    if log:
        domain = log_domain(values, 1.15)
        x = alt.X("value:Q", title=axis, scale=alt.Scale(type="log", domain=domain, nice=False), axis=alt.Axis(values=log_ticks(domain), format="~s"))
    else:
        pad = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
        x = alt.X("value:Q", title=axis, scale=alt.Scale(domain=[low - pad, high + pad], nice=False, zero=False), axis=alt.Axis(format="~s", tickCount=6))
    data = [{**asdict(row), "jitter": _jitter(row)} for row in rows]
    box = alt.Chart().mark_boxplot(
        extent=1.5, outliers=False, size=15, box={"fillOpacity": 0.16, "strokeWidth": 1.2}, median={"strokeWidth": 2.2, "color": "currentColor"},
    ).encode(x=x, y=y, color=_colour(styles))  # fmt: skip
    tooltip = [alt.Tooltip("label:N", title="configuration"), alt.Tooltip("repetition:Q"), alt.Tooltip("note:N", title="value")]
    point = _points(alt.Chart(), styles, 32).encode(
        x=x, y=y, yOffset=alt.YOffset("jitter:Q", scale=alt.Scale(domain=[-1, 1])), strokeOpacity=alt.value(0.85), tooltip=tooltip
    )
    layers = alt.layer(box, point, data=alt.InlineData(values=data)).properties(width=WIDTH - 150, height=(ROW + 6) * len(labels))
    return _by_model(layers, models, description, chrome=185)


def _jitter(row: RunRow) -> float:
    digest = hashlib.sha256(f"{row.model}:{row.configuration}:{row.repetition}".encode()).digest()
    return round((digest[0] / 255 - 0.5) * 1.1, 3)


BANDS = ("p < 0.001", "p < 0.01", "p < 0.05", "not significant", "ratio")


def pairs(rows: Sequence[PairRow], *, description: str) -> dict[str, Any]:
    """F4: pairwise matrix: adjusted p above the diagonal in four ordered bands, ratio of medians below it."""
    models = list(dict.fromkeys(row.model for row in rows))
    names = list(dict.fromkeys(row.row for row in rows))
    position = {"sort": names, "scale": alt.Scale(domain=names, paddingInner=0.06)}
    x = alt.X("column:N", title=None, axis=alt.Axis(orient="top", labelAngle=0, labelExpr=TWO_LINES, domain=False, ticks=False), **position)
    y = alt.Y("row:N", title=None, **position)
    shade = alt.FillOpacity("band:N", scale=alt.Scale(type="ordinal", domain=list(BANDS), range=[0.42, 0.28, 0.15, 0.0, 0.0]), legend=None)
    base = alt.Chart()
    square = base.mark_rect(fill="var(--blue)", stroke="currentColor", strokeOpacity=0.18, cornerRadius=1).encode(
        x=x, y=y, fillOpacity=shade, tooltip=[alt.Tooltip("detail:N", title="pair")]
    )
    text = base.mark_text(fontSize=11, color="currentColor").encode(x=x, y=y, text="text:N")
    size = max(300, min(WIDTH - 120, 104 * len(names)))
    layers = alt.layer(square, text, data=_data(rows)).properties(width=size, height=30 * len(names))
    return _by_model(layers, models, description, chrome=190)


def matrix(rows: Sequence[CellRow], *, description: str) -> dict[str, Any]:
    """F5: configuration × model: ratio to the best of its row by depth of one hue, the value as text, holes named."""
    models = list(dict.fromkeys(row.model for row in rows))
    labels = list(dict.fromkeys(row.label for row in rows))
    worst = max((row.excess for row in rows if row.excess is not None), default=2.0)
    data = [{**asdict(row), "depth": 0.0 if row.excess is None or worst <= 1 else math.log(row.excess) / math.log(max(worst, 1.01))} for row in rows]
    x = alt.X("label:N", title=None, sort=labels, axis=alt.Axis(orient="top", labelAngle=0, labelExpr=TWO_LINES, domain=False, ticks=False), scale=alt.Scale(domain=labels, paddingInner=0.04))
    y = alt.Y("model:N", title=None, sort=models, scale=alt.Scale(domain=models, paddingInner=0.06))
    base = alt.Chart()
    square = base.mark_rect(fill="var(--vermilion)", stroke="currentColor", strokeOpacity=0.15).encode(
        x=x, y=y, fillOpacity=alt.FillOpacity("depth:Q", scale=alt.Scale(domain=[0, 1], range=[0.0, 0.55]), legend=None), tooltip=[alt.Tooltip("detail:N", title="cell")],
    )  # fmt: skip
    text = base.mark_text(fontSize=12, color="currentColor").encode(x=x, y=y, text="text:N", opacity=alt.condition("datum.excess == null", alt.value(0.6), alt.value(1)))
    best = base.mark_point(shape="diamond", filled=True, size=34, yOffset=-11, color="currentColor").transform_filter("datum.excess == 1").encode(x=x, y=y)
    layers = alt.layer(square, text, best, data=alt.InlineData(values=data)).properties(width=max(360, min(WIDTH + 80, 120 * len(labels))), height=38 * len(models))
    return _finish(layers, description, chrome=170)


def trace(samples: Sequence[SampleRow], phases: Sequence[BandRow], *, axis: str, description: str) -> dict[str, Any]:
    """F8: a trace over time with the phases as bands; brush to zoom."""
    end = max([s.seconds for s in samples] + [p.end for p in phases], default=1.0)
    start = min([s.seconds for s in samples] + [p.start for p in phases], default=0.0)
    top = max((s.value for s in samples), default=1.0) * 1.12 or 1.0
    rails = list(dict.fromkeys(s.rail for s in samples))
    x = alt.X("seconds:Q", title="time since the run began (s)", scale=alt.Scale(domain=[start, end], nice=False))
    y = alt.Y("value:Q", title=axis, scale=alt.Scale(domain=[0, top], nice=False), axis=alt.Axis(grid=True, tickCount=5))
    bands = alt.Chart(_data(phases))
    shade = bands.mark_rect(color="currentColor").encode(
        x=alt.X("start:Q", title="time since the run began (s)", scale=alt.Scale(domain=[start, end], nice=False)), x2="end:Q",
        opacity=alt.Opacity("row:N", scale=alt.Scale(type="ordinal", domain=["window", "a", "b"], range=[0.14, 0.05, 0.0]), legend=None),
        tooltip=[alt.Tooltip("name:N", title="phase"), alt.Tooltip("detail:N")],
    )  # fmt: skip
    edge = bands.mark_rule(strokeDash=[2, 3], opacity=0.35).encode(x="start:Q")
    wide = [p for p in phases if p.end - p.start > 0.06 * (end - start)]
    names = alt.Chart(_data(wide)).mark_text(align="left", baseline="top", dx=3, dy=2, fontSize=11, color="currentColor", opacity=0.8).encode(x="start:Q", y=alt.value(0), text="name:N")
    hues = [f"var(--{hue})" for hue in ("blue", "vermilion", "green", "purple")]
    line = alt.Chart(_data(samples)).mark_line(strokeWidth=1.4, interpolate="step-after").encode(
        x=x, y=y, color=alt.Color("rail:N", scale=alt.Scale(domain=rails, range=[hues[i % 4] for i in range(len(rails))]), legend=alt.Legend(title=None) if len(rails) > 1 else None),
    )  # fmt: skip
    chart = alt.layer(shade, edge, line, names).properties(width=WIDTH + 60, height=220)
    return _finish(chart, description, chrome=70)


def stacked(rows: Sequence[BandRow], *, axis: str, description: str) -> dict[str, Any]:
    """F9: parts of a total as stacked bars, one bar a row."""
    labels = list(dict.fromkeys(row.row for row in rows))
    names = list(dict.fromkeys(row.name for row in rows))
    opacity = [round(0.25 + 0.65 * i / max(1, len(names) - 1), 2) for i in range(len(names))]
    chart = (
        alt.Chart(_data(rows))
        .mark_bar(color="var(--blue)", stroke="var(--paper)", strokeWidth=1, height=16)
        .encode(
            x=alt.X("end:Q", title=axis, stack="zero", axis=alt.Axis(format="~s", tickCount=6)),
            y=alt.Y("row:N", title=None, sort=labels),
            opacity=alt.Opacity("name:N", sort=names, scale=alt.Scale(type="ordinal", domain=names, range=opacity), legend=alt.Legend(title=None, columns=4)),
            order=alt.Order("start:Q"),
            tooltip=[alt.Tooltip("row:N", title="configuration"), alt.Tooltip("name:N", title="phase"), alt.Tooltip("detail:N", title="value")],
        )
        .properties(width=WIDTH - 120, height=ROW * len(labels))
    )  # fmt: skip
    return _finish(chart, description, chrome=175)


def order(rows: Sequence[BandRow], styles: Mapping[str, Look], *, description: str) -> dict[str, Any]:
    """F13: when each run was executed: time against cell, colour by configuration."""
    labels = sorted(dict.fromkeys(row.row for row in rows))
    hues = {row.row: styles[row.name].colour for row in rows if row.name in styles}
    chart = (
        alt.Chart(_data(rows))
        .mark_bar(height=7)
        .encode(
            x=alt.X("start:Q", title="minutes since the first run", scale=alt.Scale(domain=[0, max(row.end for row in rows)], nice=False)),
            x2="end:Q",
            y=alt.Y("row:N", title=None, sort=labels),
            color=alt.Color("row:N", scale=alt.Scale(domain=labels, range=[hues.get(label, "currentColor") for label in labels]), legend=None),
            tooltip=[alt.Tooltip("row:N", title="cell"), alt.Tooltip("detail:N", title="run")],
        )
        .properties(width=WIDTH - 100, height=17 * len(labels))
    )  # fmt: skip
    return _finish(chart, description, chrome=230)
