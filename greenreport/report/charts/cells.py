"""F5: the matrix of cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import altair as alt

from greenreport.report.charts.base import NARROWEST_COLUMN, WIDTH, Sheet, cell_axes
from greenreport.report.charts.rows import CellRow


def matrix(rows: Sequence[CellRow], *, description: str) -> dict[str, Any]:
    """F5: configuration × model: ratio to the best of its row by depth of one hue, the value as text, holes named."""
    sheet = Sheet(description)
    labels, models, x, y = cell_axes(rows, gap=0.04, row_gap=0.06)
    worst = max((row.excess for row in rows if row.excess is not None), default=2.0)
    data = [
        {**asdict(row), "depth": 0.0 if row.excess is None or worst <= 1 else math.log(row.excess) / math.log(max(worst, 1.01))}
        for row in rows
    ]
    base = alt.Chart()
    square = base.mark_rect(fill="var(--vermilion)", stroke="currentColor", strokeOpacity=0.15).encode(
        x=x,
        y=y,
        fillOpacity=alt.FillOpacity("depth:Q", scale=alt.Scale(domain=[0, 1], range=[0.0, 0.55]), legend=None),
        tooltip=[alt.Tooltip("detail:N", title="cell")],
    )
    words = base.mark_text(fontSize=12, color="currentColor").encode(
        x=x, y=y, text="text:N", opacity=alt.condition("datum.excess == null", alt.value(0.6), alt.value(1))
    )
    best = words.mark_text(fontSize=12, color="currentColor", fontWeight=700).transform_filter("datum.excess === 1")
    others = words.transform_filter("datum.excess !== 1")
    layers = alt.layer(square, others, best, data=sheet.rows(data)).properties(
        width=max(360, min(WIDTH + 80, 120 * len(labels)), NARROWEST_COLUMN * len(labels)), height=38 * len(models)
    )
    return sheet.finish(layers, chrome=170, narrowest=88 * len(labels))
