"""F14: agreement of two instruments (Bland and Altman 1986)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from greenreport.report.charts.base import WIDTH, Sheet, log_domain, log_ticks, prefixed
from greenreport.report.charts.rows import AgreementRow
from greenreport.report.drawing.style import Look


@dataclass(frozen=True, slots=True)
class Limits:
    """Horizontal lines of the chart in %: mean difference, limits of agreement, and the difference the study admits."""

    bias: float
    low: float
    high: float
    admitted: float


def agreement(
    rows: Sequence[AgreementRow], styles: Mapping[str, Look], limits: Limits, *, axis: str, log: bool, description: str
) -> dict[str, Any]:
    """Draw the difference of each run against the mean of both instruments, with mean difference and limits of agreement.

    Args:
        styles: label of a configuration → its look, of those that occur.
        log: whether the horizontal axis is logarithmic.
    """
    sheet = Sheet(description)
    heights = [row.difference for row in rows] + [limits.low, limits.high, 0.0]
    pad = 0.12 * (max(heights) - min(heights)) or 1.0
    low, high = min(heights) - pad, max(heights) + pad
    x = _mean_axis([row.mean_j for row in rows], axis, log=log)
    scale = alt.Scale(domain=[low, high], nice=False)
    axis_y = alt.Axis(grid=False, tickCount=6, labelExpr="(datum.value == 0 ? '0' : format(datum.value, '+~g')) + ' %'")
    y, top = (alt.Y(name, title=None, scale=scale, axis=axis_y) for name in ("difference:Q", "from:Q"))
    zone = alt.Chart(sheet.rows([{"from": max(low, -limits.admitted), "to": min(high, limits.admitted)}])).mark_rect(
        color="currentColor", opacity=0.06
    )
    lines = [
        {"difference": limits.high, "name": "upper limit", "kind": "limit"},
        {"difference": limits.bias, "name": "mean", "kind": "bias"},
        {"difference": limits.low, "name": "lower limit", "kind": "limit"},
    ]
    named = alt.Chart(sheet.rows(lines))
    dashes = alt.StrokeDash("kind:N", scale=alt.Scale(domain=["limit", "bias"], range=[[5, 4], [1, 0]]), legend=None)
    rule = named.mark_rule(strokeWidth=1.5).encode(y=y, strokeDash=dashes)
    text = named.mark_text(align="right", baseline="bottom", dx=-2, dy=-2, fontSize=11, color="currentColor").encode(
        y=y, x=alt.value("width"), text="name:N"
    )
    zero = alt.Chart(sheet.rows([{"difference": 0.0}])).mark_rule(opacity=0.4, strokeDash=[1, 3]).encode(y=y)
    layers = alt.layer(
        zone.encode(y=top, y2="to:Q"), zero, _points(sheet, rows, styles).encode(x=x, y=y), rule, text
    ).properties(width=WIDTH, height=280)
    return sheet.finish(layers, chrome=90, narrowest=300)


def _mean_axis(values: Sequence[float], title: str, *, log: bool) -> alt.X:
    if log:
        domain = log_domain(values, 1.15)
        scale = alt.Scale(type="log", domain=domain, nice=False)
        axis = alt.Axis(values=log_ticks(domain), labelExpr=prefixed("J"))
    else:
        room = 0.06 * (max(values) - min(values)) or 0.05 * abs(values[0]) or 1.0
        scale = alt.Scale(domain=[min(values) - room, max(values) + room], nice=False, zero=False)
        axis = alt.Axis(labelExpr=prefixed("J"), tickCount=6)
    return alt.X("mean_j:Q", title=title, scale=scale, axis=axis)


def _points(sheet: Sheet, rows: Sequence[AgreementRow], styles: Mapping[str, Look]) -> alt.Chart:
    """Return a point a run; the legend names the configurations, as nothing else in the chart does."""
    domain = list(styles)
    legend = alt.Legend(title=None)
    looks = list(styles.values())
    outline = alt.Scale(domain=domain, range=[look.colour for look in looks])
    inside = alt.Scale(domain=domain, range=[look.colour if look.filled else "transparent" for look in looks])
    shapes = alt.Scale(domain=domain, range=[look.shape for look in looks])
    return (
        alt.Chart(sheet.rows(rows))
        .mark_point(size=55, strokeWidth=1.8, opacity=1)
        .encode(
            stroke=alt.Stroke("label:N", scale=outline, legend=legend),
            fill=alt.Fill("label:N", scale=inside, legend=legend),
            shape=alt.Shape("label:N", scale=shapes, legend=legend),
            tooltip=[alt.Tooltip("detail:N", title="run")],
        )
    )
