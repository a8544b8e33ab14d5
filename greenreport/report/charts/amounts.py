"""Carbon, water or cost of each cell: what is derived from energy, with two ranges around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from greenreport.report.charts.axes import value_axis
from greenreport.report.charts.base import ROW, WIDTH, Sheet, colour, label_axis, points
from greenreport.report.charts.rows import AmountRow
from greenreport.report.drawing.style import Look


def amounts(
    rows: Sequence[AmountRow], styles: Mapping[str, Look], *, axis: str, unit: str, prefixed: bool, description: str
) -> dict[str, Any]:
    """Draw the central value, a thick bar for the interval of the energy, a thin one for the whole range.

    Args:
        unit: stands at the ticks; `prefixed`: whether with the prefix of its size.
    """
    sheet = Sheet(description, styles)
    models = list(dict.fromkeys(row.model for row in rows))
    labels, y = label_axis(rows)
    ends = [v for row in rows for v in (row.low, row.high)]
    x = value_axis(sheet, ends, axis, start=0, unit=unit if prefixed else "", suffix="" if prefixed else unit)
    base = alt.Chart()
    whole = base.mark_rule(strokeWidth=1.2).encode(x=x("low:Q"), x2="high:Q", y=y, color=colour(styles))
    energy = base.mark_rule(strokeWidth=5, opacity=0.45).encode(
        x=x("energy_low:Q"), x2="energy_high:Q", y=y, color=colour(styles)
    )
    tooltip = [alt.Tooltip("label:N", title="configuration"), alt.Tooltip("text:N", title="derived")]
    point = points(base, styles, 90).encode(x=x("central:Q"), y=y, tooltip=tooltip)
    value = base.mark_text(align="left", dx=9, fontSize=11, color="currentColor").encode(x=x("high:Q"), y=y, text="short:N")
    layers = alt.layer(whole, energy, point, value, data=sheet.rows(rows)).properties(
        width=WIDTH - 200, height=ROW * len(labels)
    )
    return sheet.by_model(layers, models, chrome=265)
