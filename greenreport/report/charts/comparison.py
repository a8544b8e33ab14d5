"""F15 and F16: two studies beside each other."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import altair as alt

from greenreport.report.charts.base import WIDTH, Sheet, cell_axes, colour, log_domain, log_ticks, points
from greenreport.report.charts.rows import QuotientRow, SlopeRow
from greenreport.report.drawing.safe_text import visible
from greenreport.report.drawing.style import Look

PANEL = 190  # height of a model's panel
LEAST = 15  # pixels between two labels
FAN = 0.05  # intervals of one study stand side by side over this share of the distance between the studies
DEEPEST = math.log(1.5)  # at least this quotient has the deepest colour


def slope(rows: Sequence[SlopeRow], styles: Mapping[str, Look], *, names: tuple[str, str], description: str) -> dict[str, Any]:
    """F15: ratios to the common reference in both studies, joined by a line; bars are intervals, the dashed line is equality.

    Args:
        names: of the first and the second study, left and right.
    """
    sheet = Sheet(description, styles)
    models = list(dict.fromkeys(row.model for row in rows))
    domain = log_domain([v for row in rows for v in (row.low, row.high, 1.0)], 1.15)
    scale = alt.Scale(type="log", domain=domain, nice=False)
    ticks = alt.Axis(values=log_ticks(domain), labelExpr="format(datum.value, '~g') + ' ×'", labelOverlap=True, grid=True)
    first, second = (json.dumps(visible(name)) for name in names)
    sides = alt.Axis(
        values=[0, 1], orient="top", labelExpr=f"datum.value == 0 ? {first} : {second}", grid=False, ticks=False, domain=False
    )
    x = alt.X("place:Q", title=None, scale=alt.Scale(domain=[-0.12, 1.12], nice=False), axis=sides)

    def y(field: str) -> alt.Y:
        return alt.Y(field, title=None, scale=scale, axis=ticks)

    base = alt.Chart()
    one = alt.Chart(sheet.rows([{"one": 1.0}])).mark_rule(strokeDash=[3, 3], opacity=0.7).encode(y=y("one:Q"))
    line = base.mark_line(strokeWidth=2, opacity=0.75).encode(
        x=x, y=y("ratio:Q"), color=colour(styles), order=alt.Order("place:Q")
    )
    interval = base.mark_rule(strokeWidth=1.5, opacity=0.8).encode(x=x, y=y("low:Q"), y2="high:Q", color=colour(styles))
    point = points(base, styles, 70).encode(x=x, y=y("ratio:Q"), tooltip=[alt.Tooltip("detail:N", title="ratio")])
    label = (
        base.transform_filter("datum.side == 1")
        .mark_text(align="left", dx=6, fontSize=11, color="currentColor")
        .encode(
            x=alt.X("edge:Q", title=None, scale=alt.Scale(domain=[-0.12, 1.12], nice=False), axis=sides),
            y=y("label_at:Q"),
            text="label:N",
        )
    )
    layers = alt.layer(one, interval, line, point, label, data=sheet.rows(_placed(rows, domain))).properties(
        width=WIDTH - 260, height=PANEL
    )
    return sheet.by_model(layers, models, chrome=300)


def _placed(rows: Sequence[SlopeRow], domain: Sequence[float]) -> list[dict[str, Any]]:
    """Return the rows with their horizontal place and with labels moved apart where they would lie on each other."""
    found = []
    for model in dict.fromkeys(row.model for row in rows):
        mine = [row for row in rows if row.model == model]
        names = list(dict.fromkeys(row.configuration for row in mine))
        ends = {row.configuration: row.ratio for row in mine if row.side == 1}
        labels = dict(zip(ends, spread(list(ends.values()), domain), strict=True))
        for row in mine:
            offset = FAN * (names.index(row.configuration) - (len(names) - 1) / 2) / max(1, len(names) - 1)
            found.append(
                {**asdict(row), "place": row.side + offset, "label_at": labels.get(row.configuration), "edge": 1 + FAN}
            )
    return found


def spread(values: Sequence[float], domain: Sequence[float]) -> list[float]:
    """Return values moved upwards, and down again from the upper end, until labels at them on a logarithmic axis do not touch."""
    low, high = (math.log(value) for value in domain)
    step = min(LEAST / PANEL * (high - low), (high - low) / max(1, len(values)))
    order = sorted(range(len(values)), key=lambda index: values[index])
    at = [math.log(values[index]) for index in order]
    for index in range(1, len(at)):
        at[index] = max(at[index], at[index - 1] + step)
    over = max(0.0, at[-1] - high) if at else 0.0
    for index in reversed(range(len(at))):
        limit = high if index == len(at) - 1 else at[index + 1] - step
        at[index] = min(at[index], limit) if over else at[index]
    placed = [0.0] * len(values)
    for index, value in zip(order, at, strict=True):
        placed[index] = math.exp(value)
    return placed


def quotients(rows: Sequence[QuotientRow], *, description: str) -> dict[str, Any]:
    """F16: ratio in the second study ÷ ratio in the first by hue and depth, with its interval as text; ≠ marks those that exclude 1."""
    sheet = Sheet(description)
    labels, models, x, y = cell_axes(rows, gap=0.04, row_gap=0.06)
    sizes = [abs(math.log(row.quotient)) for row in rows if row.quotient is not None]
    deepest = max([DEEPEST, *sizes])
    data = [
        {
            **asdict(row),
            "depth": 0.0 if row.quotient is None else round(abs(math.log(row.quotient)) / deepest, 4),
            "hue": "lower" if row.quotient is not None and row.quotient < 1 else "higher",
        }
        for row in rows
    ]
    hue = alt.Fill("hue:N", scale=alt.Scale(domain=["lower", "higher"], range=["var(--blue)", "var(--vermilion)"]), legend=None)
    depth = alt.FillOpacity("depth:Q", scale=alt.Scale(domain=[0, 1], range=[0.0, 0.5]), legend=None)
    base = alt.Chart()
    square = base.mark_rect(stroke="currentColor", strokeOpacity=0.15).encode(
        x=x, y=y, fill=hue, fillOpacity=depth, tooltip=[alt.Tooltip("detail:N", title="cell")]
    )
    words = base.mark_text(fontSize=12, dy=-6, color="currentColor").encode(x=x, y=y, text="text:N")
    ends = base.mark_text(fontSize=10, dy=8, color="currentColor", opacity=0.8).encode(x=x, y=y, text="interval:N")
    layers = alt.layer(square, words, ends, data=sheet.rows(data)).properties(
        width=max(300, min(WIDTH + 80, 130 * len(labels))), height=44 * len(models)
    )
    return sheet.finish(layers, chrome=170, narrowest=96 * len(labels))
