"""F10 and F7 of a sweep: what more load gives, and what it costs in latency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from greenreport.report.charts.base import WIDTH, Sheet, colour, log_ticks, points
from greenreport.report.charts.rows import FrontRow, LoadRow
from greenreport.report.style import Look

PANEL = 150
HEIGHT = 300


def curves(rows: Sequence[LoadRow], styles: Mapping[str, Look], *, x_axis: str, description: str) -> dict[str, Any]:
    """Draw values over the load, a panel a metric: medians joined, every run as a small mark, remarks as dashed lines.

    Every vertical axis begins at 0; the horizontal one is logarithmic with the measured loads as ticks.
    """
    sheet = Sheet(description)
    loads = sorted({row.load for row in rows})
    panels = list(dict.fromkeys(row.panel for row in rows))
    scale = alt.Scale(type="log", base=2, domain=[loads[0] / 1.15, loads[-1] * 1.15], nice=False)
    x = alt.X("load:Q", title=x_axis, scale=scale, axis=alt.Axis(values=loads, format="~r", labelOverlap="greedy", grid=False))
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=True, nice=True), axis=alt.Axis(format="~s", tickCount=4, grid=True))
    base = alt.Chart()
    detail = [alt.Tooltip("label:N", title="series"), alt.Tooltip("detail:N", title="value")]
    line = base.transform_filter("datum.kind == 'line'")
    layers = alt.layer(
        base.transform_filter("datum.kind == 'mark'").mark_rule(strokeDash=[3, 3], opacity=0.55).encode(x=x),
        base.transform_filter("datum.kind == 'mark' && datum.text != ''")
        .mark_text(align="right", dx=-4, baseline="top", fontSize=11, color="currentColor")
        .encode(x=x, y=alt.value(2), text="text:N"),
        base.transform_filter("datum.kind == 'run'").mark_point(size=18, opacity=0.45, filled=True).encode(
            x=x, y=y, color=colour(styles, legend=len(styles) > 1)
        ),
        line.mark_line(strokeWidth=1.5).encode(x=x, y=y, color=colour(styles, legend=len(styles) > 1)),
        points(line, styles, 60).encode(x=x, y=y, tooltip=detail),
        data=sheet.rows(rows),
    ).properties(width=WIDTH - 40, height=PANEL)  # fmt: skip
    faceted = layers.facet(row=alt.Row("panel:N", sort=panels, title=None)).resolve_scale(y="independent")
    return sheet.finish(faceted, plot="spec.width", chrome=90, narrowest=240)


def front(
    rows: Sequence[FrontRow], styles: Mapping[str, Look], *, x_axis: str, y_axis: str, description: str
) -> dict[str, Any]:
    """Draw every load as latency (across, logarithmic) and throughput (upwards); the upper left is better.

    A mark is as opaque as its place on the Pareto front is probable; labels are loads.
    """
    sheet = Sheet(description)
    xs = [row.x for row in rows]
    domain = [min(xs) / 1.25, max(xs) * 1.25]
    x = alt.X(
        "x:Q",
        title=x_axis,
        scale=alt.Scale(type="log", domain=domain, nice=False),
        axis=alt.Axis(values=log_ticks(domain), format="~s", grid=True),
    )
    y = alt.Y("y:Q", title=y_axis, scale=alt.Scale(zero=True, nice=True), axis=alt.Axis(format="~s", tickCount=6, grid=True))
    base = alt.Chart()
    joined = base.mark_line(strokeWidth=1.2, opacity=0.5).encode(
        x=x, y=y, color=colour(styles, legend=len(styles) > 1), order=alt.Order("load:Q")
    )
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
    layers = alt.layer(joined, mark, *names, data=sheet.rows(rows)).properties(width=WIDTH, height=HEIGHT)
    return sheet.finish(layers, chrome=80, narrowest=240)
