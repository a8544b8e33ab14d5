"""F12, F18: distributions over requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import altair as alt

from greenreport.report.charts.axes import value_axis
from greenreport.report.charts.base import WIDTH, Sheet
from greenreport.report.charts.rows import StepRow
from greenreport.report.drawing.style import Look

DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3])
HEIGHT = 210


def distribution(
    rows: Sequence[StepRow],
    styles: Mapping[str, Look],
    *,
    axis: str,
    unit: str = "",
    bound: float | None = None,
    description: str,
) -> dict[str, Any]:
    """Draw the share of requests that do not exceed a value, one line a configuration, one panel a model.

    Args:
        bound: the value a study admits, drawn as a line.
    """
    sheet = Sheet(description, styles)
    models = list(dict.fromkeys(row.model for row in rows))
    names = {row.configuration: row.label for row in rows}
    shown = [name for name in styles if name in names]
    x = value_axis(sheet, [*(row.value for row in rows), *([] if bound is None else [bound])], axis, unit=unit)
    y = alt.Y(
        "share:Q", title=None, scale=alt.Scale(domain=[0, 1], nice=False), axis=alt.Axis(format=".0%", grid=True, tickCount=4)
    )
    base = alt.Chart()
    legend = alt.Legend(title=None, symbolType="stroke", symbolSize=300)
    labels = [names[name] for name in shown]
    lines = base.mark_line(interpolate="step-after", strokeWidth=2).encode(
        x=x("value:Q"),
        y=y,
        color=alt.Color(
            "label:N", scale=alt.Scale(domain=labels, range=[styles[name].colour for name in shown]), legend=legend
        ),
        strokeDash=alt.StrokeDash("label:N", scale=alt.Scale(domain=labels, range=_dashes(styles, shown)), legend=legend),
        order=alt.Order("share:Q"),
    )
    layers = [lines]
    if bound is not None:
        layers.insert(0, base.mark_rule(strokeDash=[4, 3], opacity=0.8).encode(x=x("mean(bound):Q")))
    data = [{**asdict(row), "bound": bound} for row in rows]
    chart = alt.layer(*layers, data=sheet.rows(data)).properties(width=WIDTH, height=HEIGHT)
    return sheet.by_model(chart, models, chrome=75)


def _dashes(styles: Mapping[str, Look], shown: Sequence[str]) -> list[list[int]]:
    """Return a dash for each configuration: solid for the first of a hue, so that no two lines look the same."""
    seen: dict[str, int] = {}
    found = []
    for name in shown:
        hue = styles[name].hue
        found.append(DASHES[seen.get(hue, 0) % len(DASHES)])
        seen[hue] = seen.get(hue, 0) + 1
    return found
