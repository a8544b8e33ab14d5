"""F11: which cells give the outputs of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import altair as alt

from greenreport.report.charts.base import NARROWEST_COLUMN, WIDTH, Sheet, cell_axes
from greenreport.report.charts.rows import MatchRow


def faithful(rows: Sequence[MatchRow], *, description: str) -> dict[str, Any]:
    """Draw configuration × model: the deeper the colour, the more outputs differ; cells that are not ranked are outlined."""
    sheet = Sheet(description)
    labels, models, x, y = cell_axes(rows, gap=0.06, row_gap=0.1)
    base = alt.Chart()
    data = [{**asdict(row), "depth": row.missed or 0.0} for row in rows]
    square = base.mark_rect(fill="var(--vermilion)", stroke="currentColor").encode(
        x=x,
        y=y,
        fillOpacity=alt.FillOpacity("depth:Q", scale=alt.Scale(domain=[0, 1], range=[0.0, 0.55]), legend=None),
        strokeWidth=alt.condition("datum.verdict == 'unfaithful'", alt.value(2.5), alt.value(1)),
        strokeOpacity=alt.condition("datum.verdict == 'unfaithful'", alt.value(1), alt.value(0.15)),
        tooltip=[alt.Tooltip("detail:N", title="cell")],
    )
    known = alt.condition("datum.missed == null", alt.value(0.6), alt.value(1))
    first = base.mark_text(fontSize=12, dy=-7, color="currentColor").encode(x=x, y=y, text="text:N", opacity=known)
    second = base.mark_text(fontSize=11, dy=8, color="currentColor").encode(x=x, y=y, text="second:N", opacity=known)
    layers = alt.layer(square, first, second, data=sheet.rows(data)).properties(
        width=max(360, min(WIDTH + 80, 130 * len(labels)), NARROWEST_COLUMN * len(labels)), height=46 * len(models)
    )
    return sheet.finish(layers, chrome=170, narrowest=104 * len(labels))
