"""F1, F2, F4: the charts of a tested hypothesis."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import altair as alt

from greenreport.report.charts.axes import value_axis
from greenreport.report.charts.base import (
    LINES,
    ROW,
    WIDTH,
    Sheet,
    colour,
    label_axis,
    ordinal,
    points,
)
from greenreport.report.charts.rows import PairRow, RatioRow, RunRow
from greenreport.report.drawing.style import Look

BANDS = ("p < 0.001", "p < 0.01", "p < 0.05", "not significant", "ratio")


def forest(rows: Sequence[RatioRow], styles: Mapping[str, Look], *, axis: str, band: float, description: str) -> dict[str, Any]:
    """F1: ratios to a baseline with intervals on a logarithmic axis, a line at 1, and the band of no practical interest."""
    sheet = Sheet(description, styles)
    models = list(dict.fromkeys(row.model for row in rows))
    labels, y = label_axis(_by_estimate(rows))
    ends = [v for row in rows for v in (row.low, row.high, 1 / (1 + band), 1 + band)]
    x = value_axis(sheet, ends, axis, first="log", start=0, suffix="×")
    reference = alt.Chart(sheet.rows([{"one": 1.0, "from": 1 / (1 + band), "to": 1 + band}]))
    zone = reference.mark_rect(opacity=0.07, color="currentColor").encode(x=x("from:Q"), x2="to:Q")
    one = reference.mark_rule(strokeDash=[3, 3], opacity=0.7).encode(x=x("one:Q"))
    base = alt.Chart()
    interval = base.mark_rule(strokeWidth=2.5).encode(x=x("low:Q"), x2="high:Q", y=y, color=colour(styles))
    tooltip = [
        alt.Tooltip("label:N", title="configuration"),
        alt.Tooltip("text:N", title="ratio"),
        alt.Tooltip("n:Q", title="runs"),
    ]
    point = points(base, styles, 110).encode(x=x("ratio:Q"), y=y, tooltip=tooltip)
    value = base.mark_text(align="left", dx=9, fontSize=11, color="currentColor").encode(x=x("high:Q"), y=y, text="short:N")
    layers = alt.layer(zone, one, interval, point, value, data=sheet.rows(rows)).properties(
        width=WIDTH - 200, height=ROW * len(labels)
    )
    return sheet.by_model(layers, models, chrome=265)


def _by_estimate(rows: Sequence[RatioRow]) -> list[RatioRow]:
    """Return rows with the configurations in the order of their ratios, averaged over models: all panels share one axis."""
    logs: dict[str, list[float]] = {}
    for row in rows:
        logs.setdefault(row.label, []).append(math.log(row.ratio) if row.ratio > 0 else -math.inf)
    return sorted(rows, key=lambda row: math.fsum(logs[row.label]) / len(logs[row.label]))


def strip(rows: Sequence[RunRow], styles: Mapping[str, Look], *, axis: str, log: bool, description: str) -> dict[str, Any]:
    """F2: every run as a point over the box of its group; the box spans the quartiles, its line is the median."""
    sheet = Sheet(description, styles)
    models = list(dict.fromkeys(row.model for row in rows))
    labels, y = label_axis(rows)
    x = value_axis(sheet, [row.value for row in rows], axis, first="log" if log else "linear")("value:Q")
    data = [{**asdict(row), "jitter": _jitter(row)} for row in rows]
    box = (
        alt.Chart()
        .mark_boxplot(
            extent=1.5,
            outliers=False,
            size=15,
            box={"fillOpacity": 0.16, "strokeWidth": 1.2},
            median={"strokeWidth": 2.2, "color": "currentColor"},
        )
        .encode(x=x, y=y, color=colour(styles))
    )
    tooltip = [alt.Tooltip("label:N", title="configuration"), alt.Tooltip("repetition:Q"), alt.Tooltip("note:N", title="value")]
    point = points(alt.Chart(), styles, 32).encode(
        x=x,
        y=y,
        yOffset=alt.YOffset("jitter:Q", scale=alt.Scale(domain=[-1, 1])),
        strokeOpacity=alt.value(0.85),
        tooltip=tooltip,
    )
    layers = alt.layer(box, point, data=sheet.rows(data)).properties(width=WIDTH - 150, height=(ROW + 6) * len(labels))
    return sheet.by_model(layers, models, chrome=185)


def _jitter(row: RunRow) -> float:
    digest = hashlib.sha256(f"{row.model}:{row.configuration}:{row.repetition}".encode()).digest()
    return round((digest[0] / 255 - 0.5) * 1.1, 3)


def pairs(rows: Sequence[PairRow], *, description: str) -> dict[str, Any]:
    """F4: pairwise matrix: adjusted p above the diagonal in four ordered bands, ratio of medians below it."""
    sheet = Sheet(description)
    models = list(dict.fromkeys(row.model for row in rows))
    names = list(dict.fromkeys(row.row for row in rows))
    position = {"sort": names, "scale": alt.Scale(domain=names, paddingInner=0.06)}
    x = alt.X(
        "column:N",
        title=None,
        axis=alt.Axis(orient="bottom", labelAngle=0, labelExpr=LINES, domain=False, ticks=False),
        **position,
    )
    y = alt.Y("row:N", title=None, **position)
    shade = alt.FillOpacity("band:O", scale=ordinal(BANDS, [0.42, 0.28, 0.15, 0.0, 0.0]), legend=None)
    base = alt.Chart()
    square = base.mark_rect(fill="var(--blue)", stroke="currentColor", strokeOpacity=0.18, cornerRadius=1).encode(
        x=x, y=y, fillOpacity=shade, tooltip=[alt.Tooltip("detail:N", title="pair")]
    )
    text = base.mark_text(fontSize=11, color="currentColor").encode(x=x, y=y, text="text:N")
    size = max(300, min(WIDTH - 120, 104 * len(names)))
    layers = alt.layer(square, text, data=sheet.rows(rows)).properties(width=size, height=30 * len(names))
    return sheet.by_model(layers, models, chrome=190, narrowest=88 * len(names))
