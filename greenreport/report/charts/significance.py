"""F6: how large the differences are, and how far chance is from explaining them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from greenreport.report.charts.axes import value_axis
from greenreport.report.charts.base import WIDTH, Sheet
from greenreport.report.charts.rows import EffectRow
from greenreport.report.drawing.style import Look

VERDICTS = {"difference": "circle", "no practical difference": "square", "inconclusive": "diamond"}
HEIGHT = 260


def significance(
    rows: Sequence[EffectRow], styles: Mapping[str, Look], *, axis: str, band: float, alpha: float, description: str
) -> dict[str, Any]:
    """Draw each pair: to the right larger, upwards less explained by chance; the range of no practical interest is shaded.

    The effect size is the ratio of medians, on which the smallest effect of interest is declared and which all tests share.

    Args:
        styles: looks of the configurations, so that a reader can hide the pairs of an engine.
    """
    sheet = Sheet(description, styles)
    top = max(2.2, max(row.strength for row in rows) * 1.06)
    x = value_axis(sheet, [1.0, 1 + band, *(row.ratio for row in rows)], axis, first="log", start=1, suffix="×")
    step = 1 if top <= 6 else math.ceil(top / 6)
    text = "datum.value == 0 ? '1' : datum.value > 3.5 ? '1e-' + datum.value : format(pow(10, -datum.value), '~g')"
    y = alt.Y(
        "strength:Q",
        title="p",
        scale=alt.Scale(domain=[0, top], nice=False),
        axis=alt.Axis(values=list(range(0, int(top) + 1, step)), labelExpr=text, grid=True),
    )
    frame = alt.Chart(sheet.rows([{"from": 1.0, "to": 1 + band, "level": -math.log10(alpha)}]))
    zone = frame.mark_rect(opacity=0.07, color="currentColor").encode(x=x("from:Q"), x2="to:Q")
    level = frame.mark_rule(strokeDash=[3, 3], opacity=0.7).encode(y=alt.Y("level:Q", scale=alt.Scale(domain=[0, top])))
    names = list(VERDICTS)
    shape = alt.Shape(
        "verdict:N",
        scale=alt.Scale(domain=names, range=[VERDICTS[name] for name in names]),
        legend=alt.Legend(title=None, offset=26),
    )
    pairs = alt.Chart(sheet.rows(rows))
    inside = (
        pairs.transform_filter("datum.verdict == 'difference'")
        .mark_circle(size=80, opacity=0.35, color="var(--blue)")
        .encode(x=x("ratio:Q"), y=y)
    )
    point = pairs.mark_point(size=80, strokeWidth=1.8, opacity=1, color="var(--blue)").encode(
        x=x("ratio:Q"), y=y, shape=shape, tooltip=[alt.Tooltip("detail:N", title="pair")]
    )
    chart = alt.layer(zone, level, inside, point).properties(width=WIDTH, height=HEIGHT)
    return sheet.finish(chart, chrome=75)
