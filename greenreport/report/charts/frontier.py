"""F10 and F7 of a sweep: what more load gives, and what it costs in latency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from greenreport.report.charts.base import WIDTH, Sheet, colour, log_ticks, points
from greenreport.report.charts.rows import FrontRow, LoadRow
from greenreport.report.drawing.style import Look

PANEL = 150
HEIGHT = 300
TICKS = ",~r"  # plain numbers: the unit of an axis has the prefix
LINE = 14  # pixels between two lines of remarks


def curves(rows: Sequence[LoadRow], styles: Mapping[str, Look], *, x_axis: str, description: str) -> dict[str, Any]:
    """Draw values over the load, a panel a metric: medians joined, every run as a small mark, remarks as dashed lines.

    Every vertical axis begins at 0; the horizontal one is logarithmic with the measured loads as ticks.
    """
    sheet = Sheet(description, styles)
    loads = sorted({row.load for row in rows})
    panels = list(dict.fromkeys(row.panel for row in rows))
    scale = alt.Scale(type="log", base=2, domain=[loads[0] / 1.15, loads[-1] * 1.15], nice=False)
    x = alt.X("load:Q", title=x_axis, scale=scale, axis=alt.Axis(values=loads, format="~r", labelOverlap="greedy", grid=False))
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=True, nice=True), axis=alt.Axis(format=TICKS, tickCount=4, grid=True))
    base = alt.Chart()
    hue = colour(styles, legend=len(styles) > 1)
    detail = [alt.Tooltip("label:N", title="series"), alt.Tooltip("detail:N", title="value")]
    line = base.transform_filter("datum.kind == 'line'")
    layers = alt.layer(
        base.transform_filter("datum.kind == 'mark'").mark_rule(strokeDash=[3, 3], opacity=0.7).encode(x=x, color=hue),
        *_notes(base, x, rows),
        base.transform_filter("datum.kind == 'run'").mark_point(size=18, opacity=0.45, filled=True).encode(x=x, y=y, color=hue),
        line.mark_line(strokeWidth=1.5).encode(x=x, y=y, color=hue),
        points(line, styles, 60).encode(x=x, y=y, tooltip=detail),
        data=sheet.rows(rows),
    ).properties(width=WIDTH - 40, height=PANEL)
    faceted = layers.facet(row=alt.Row("panel:N", sort=panels, title=None)).resolve_scale(y="independent")
    return sheet.finish(faceted, plot="spec.width", chrome=90, narrowest=240)


def _notes(base: alt.Chart, x: alt.X, rows: Sequence[LoadRow]) -> list[alt.Chart]:
    """Return the words of remarks, each on the line that its row names, left of the dashed line they are about."""
    return [
        base.transform_filter(f"datum.kind == 'note' && datum.value == {line:g}")
        .mark_text(align="right", dx=-4, baseline="top", fontSize=11, color="currentColor")
        .encode(x=x, y=alt.value(2 + LINE * line), text="text:N")
        for line in sorted({row.value for row in rows if row.kind == "note"})
    ]


def front(
    rows: Sequence[FrontRow], styles: Mapping[str, Look], *, x_axis: str, y_axis: str, description: str
) -> dict[str, Any]:
    """Draw every load as latency (across, logarithmic) and throughput (upwards); the upper left is better.

    A mark is as opaque as its place on the Pareto front is probable; labels are loads, thin lines are intervals, and the dashed
    line joins the loads that no other beats in both.
    """
    sheet = Sheet(description, styles)
    domain = [min(row.x_low for row in rows) / 1.25, max(row.x_high for row in rows) * 1.25]
    x = alt.X(
        "x:Q",
        title=x_axis,
        scale=alt.Scale(type="log", domain=domain, nice=False),
        axis=alt.Axis(values=log_ticks(domain), format=TICKS, labelOverlap=True, grid=True),
    )
    top = max(row.y_high for row in rows)
    y = alt.Y(
        "y:Q",
        title=y_axis,
        scale=alt.Scale(domain=[0, top * 1.05], nice=True),
        axis=alt.Axis(format=TICKS, tickCount=6, grid=True),
    )
    base = alt.Chart()
    hue = colour(styles, legend=len(styles) > 1)
    joined = base.mark_line(strokeWidth=1.2, opacity=0.5).encode(x=x, y=y, color=hue, order=alt.Order("load:Q"))
    edge = (
        base.transform_filter("datum.edge")
        .mark_line(interpolate="step-after", strokeDash=[4, 3], strokeWidth=1.2, opacity=0.6, color="currentColor")
        .encode(x=x, y=y, order=alt.Order("x:Q"))
    )
    across = base.mark_rule(opacity=0.5).encode(x=alt.X("x_low:Q", title=x_axis), x2="x_high:Q", y=y, color=hue)
    upright = base.mark_rule(opacity=0.5).encode(x=x, y=alt.Y("y_low:Q", title=y_axis), y2="y_high:Q", color=hue)
    mark = points(base, styles, 90).encode(
        x=x,
        y=y,
        opacity=alt.Opacity("sure:Q", scale=alt.Scale(domain=[0, 1], range=[0.35, 1]), legend=None),
        tooltip=[alt.Tooltip("label:N", title="series"), alt.Tooltip("detail:N", title="load")],
    )
    names = [
        base.transform_filter(f"datum.place == '{place}'")
        .mark_text(align=align, dx=dx, dy=dy, fontSize=11, color="currentColor")
        .encode(x=x, y=y, text="load_text:N")
        for place, align, dx, dy in (("left", "right", -8, -6), ("right", "left", 8, 8))
    ]
    layers = alt.layer(edge, joined, across, upright, mark, *names, data=sheet.rows(rows))
    return sheet.finish(layers.properties(width=WIDTH, height=HEIGHT), chrome=80, narrowest=240)
