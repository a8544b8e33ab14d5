"""F7: two metrics at once, with the line of configurations that no other dominates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from greenreport.report.charts.base import WIDTH, Sheet, points, prefixed
from greenreport.report.charts.rows import PointRow
from greenreport.report.drawing.style import Look

HEIGHT = 210
NARROWEST = 430  # labels need room on both sides; a phone scrolls the figure


def tradeoff(
    rows: Sequence[PointRow], styles: Mapping[str, Look], *, x_axis: str, units: tuple[str, str], description: str
) -> dict[str, Any]:
    """Draw medians, one panel a model with scales of its own; towards the lower left both are better.

    Args:
        units: of the horizontal and the vertical metric; they stand at the ticks, so the vertical axis needs no title.
    """
    sheet = Sheet(description, styles)
    models = list(dict.fromkeys(row.model for row in rows))
    x = alt.X("x:Q", title=x_axis, scale=alt.Scale(zero=False, nice=False, padding=120), axis=_axis(units[0], 5))
    y = alt.Y("y:Q", title=None, scale=alt.Scale(zero=False, nice=False, padding=28), axis=_axis(units[1], 4))
    base = alt.Chart()
    line = (
        base.transform_filter("datum.front")
        .mark_line(interpolate="step-after", strokeDash=[4, 3], opacity=0.6, color="currentColor")
        .encode(x=x, y=y, order=alt.Order("x:Q"))
    )
    point = points(base, styles, 110).encode(x=x, y=y, tooltip=[alt.Tooltip("detail:N", title="configuration")])
    # Labels of neighbours would lie on each other: in the order of y they stand right above and left below their points.
    names = [
        base.transform_filter(f"datum.place == '{place}'")
        .mark_text(align=align, dx=dx, dy=dy, fontSize=11, color="currentColor")
        .encode(x=x, y=y, text="label:N")
        for place, align, dx, dy in (("right", "left", 10, -8), ("left", "right", -10, 10))
    ]
    layers = alt.layer(line, point, *names, data=sheet.rows(rows)).properties(width=WIDTH - 60, height=HEIGHT)
    if len(models) == 1:
        return sheet.finish(layers, chrome=110, narrowest=NARROWEST)
    panels = layers.facet(row=alt.Row("model:N", sort=models, title=None)).resolve_scale(x="independent", y="independent")
    return sheet.finish(panels, plot="spec.width", chrome=110, narrowest=NARROWEST)


def _axis(unit: str, ticks: int) -> alt.Axis:
    return alt.Axis(labelExpr=prefixed(unit), tickCount=ticks, grid=True)
