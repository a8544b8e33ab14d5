"""F3: the runs of a cell in the order they were made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from greenreport.report.charts.base import WIDTH, Sheet
from greenreport.report.charts.rows import CourseRow
from greenreport.report.drawing.style import Look

HEIGHT = 110


def course(rows: Sequence[CourseRow], look: Look, *, description: str) -> dict[str, Any]:
    """Draw one panel for each quantity over the place in the order, each with its median over the valid runs."""
    sheet = Sheet(description)
    panels = list(dict.fromkeys(row.panel for row in rows))
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
    median = base.mark_rule(strokeDash=[3, 3], opacity=0.55).encode(y=middle)
    line = (
        base.transform_filter("datum.counts == 'valid run'")
        .mark_line(strokeWidth=1.2, opacity=0.55, color=look.colour)
        .encode(x=x, y=y, order=alt.Order("order:Q"))
    )
    shapes = alt.Scale(domain=["valid run", "does not count"], range=["circle", "cross"])
    point = base.mark_point(size=60, strokeWidth=2, opacity=1, color=look.colour).encode(
        x=x,
        y=y,
        shape=alt.Shape("counts:N", scale=shapes, legend=None),
        tooltip=[alt.Tooltip("detail:N", title="run")],
    )
    layers = alt.layer(median, line, point, data=sheet.rows(rows)).properties(width=WIDTH, height=HEIGHT)
    chart = layers.facet(row=alt.Row("panel:N", sort=panels, title=None)).resolve_scale(y="independent")
    return sheet.finish(chart, plot="spec.width", chrome=70)
