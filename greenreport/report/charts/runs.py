"""F8, F9, F13: traces, energy by phase, order of execution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from greenreport.report.charts.base import ROW, WIDTH, Sheet, ordinal
from greenreport.report.charts.rows import BandRow, SampleRow
from greenreport.report.drawing.style import HUES, Look

SINCE = "time since the run began (s)"
WHEEL = "wheel![event.shiftKey]"  # the wheel alone goes on to scroll the page


def trace(samples: Sequence[SampleRow], phases: Sequence[BandRow], *, axis: str, description: str) -> dict[str, Any]:
    """F8: a trace over time with the phases as bands; the axis can be dragged and zoomed, or switched to the measured window."""
    sheet = Sheet(description)
    end = max([s.seconds for s in samples] + [p.end for p in phases], default=1.0)
    start = min([s.seconds for s in samples] + [p.start for p in phases], default=0.0)
    top = max((s.value for s in samples), default=1.0) * 1.12 or 1.0
    rails = list(dict.fromkeys(s.rail for s in samples))
    whole = alt.Scale(domain=[start, end], nice=False)
    y = alt.Y("value:Q", title=axis, scale=alt.Scale(domain=[0, top], nice=False), axis=alt.Axis(grid=True, tickCount=5))
    colours = [f"var(--{HUES[place % len(HUES)]})" for place in range(len(rails))]
    line = (
        alt.Chart(sheet.rows(samples), name="trace")  # a name of its own: those altair counts up differ from build to build
        .mark_line(strokeWidth=1.4, interpolate="step-before", clip=True)
        .encode(
            x=alt.X("seconds:Q", title=SINCE, scale=whole),
            y=y,
            color=alt.Color(
                "rail:N",
                scale=alt.Scale(domain=rails, range=colours),
                legend=alt.Legend(title=None) if len(rails) > 1 else None,
            ),
        )
        .add_params(alt.selection_interval(name="zoom", bind="scales", encodings=["x"], zoom=WHEEL))
    )
    window = next((p for p in phases if p.row == "window"), None)
    if window is not None and window.end > window.start and (window.start, window.end) != (start, end):
        sheet.offer("window", "x", {"title": SINCE, "scale": alt.Scale(domain=[window.start, window.end], nice=False)})
    shade, edge, names = _phases(sheet, phases, whole, end - start)
    return sheet.finish(alt.layer(shade, edge, line, names).properties(width=WIDTH + 60, height=220), chrome=70)


def _phases(sheet: Sheet, phases: Sequence[BandRow], whole: alt.Scale, span: float) -> tuple[alt.Chart, alt.Chart, alt.Chart]:
    """Return the bands of the phases, the lines where they begin, and the names of those wide enough for one."""
    bands = alt.Chart(sheet.rows(phases))
    shade = bands.mark_rect(color="currentColor", clip=True).encode(
        x=alt.X("start:Q", title=SINCE, scale=whole),
        x2="end:Q",
        opacity=alt.Opacity("row:O", scale=ordinal(["window", "a", "b"], [0.14, 0.05, 0.0]), legend=None),
        tooltip=[alt.Tooltip("name:N", title="phase"), alt.Tooltip("detail:N")],
    )
    edge = bands.mark_rule(strokeDash=[2, 3], opacity=0.35, clip=True).encode(x="start:Q")
    names = (
        alt.Chart(sheet.rows([p for p in phases if p.end - p.start > 0.06 * span]))
        .mark_text(align="left", baseline="top", dx=3, dy=2, fontSize=11, color="currentColor", opacity=0.8, clip=True)
        .encode(x="start:Q", y=alt.value(0), text="name:N")
    )
    return shade, edge, names


def stacked(rows: Sequence[BandRow], *, axis: str, description: str, part: str = "phase") -> dict[str, Any]:
    """F9: parts of a total as stacked bars, one bar a row."""
    sheet = Sheet(description)
    labels = list(dict.fromkeys(row.row for row in rows))
    names = list(dict.fromkeys(row.name for row in rows))
    opacity = [round(0.25 + 0.65 * i / max(1, len(names) - 1), 2) for i in range(len(names))]
    chart = (
        alt.Chart(sheet.rows(rows))
        .mark_bar(color="var(--blue)", stroke="var(--paper)", strokeWidth=1, height=16)
        .encode(
            x=alt.X("end:Q", title=axis, stack="zero", axis=alt.Axis(format=",~r", tickCount=6)),
            y=alt.Y("row:N", title=None, sort=labels),
            opacity=alt.Opacity(
                "name:O",
                sort=names,
                scale=ordinal(names, opacity),
                legend=alt.Legend(title=None, columns=4),
            ),
            order=alt.Order("start:Q"),
            tooltip=[
                alt.Tooltip("row:N", title="configuration"),
                alt.Tooltip("name:N", title=part),
                alt.Tooltip("detail:N", title="value"),
            ],
        )
        .properties(width=WIDTH - 120, height=ROW * len(labels))
    )
    return sheet.finish(chart, chrome=175)


def order(rows: Sequence[BandRow], styles: Mapping[str, Look], *, description: str) -> dict[str, Any]:
    """F13: when each run was executed: time against cell, colour by configuration."""
    sheet = Sheet(description)
    labels = sorted(dict.fromkeys(row.row for row in rows))
    hues = {row.row: styles[row.name].colour for row in rows if row.name in styles}
    chart = (
        alt.Chart(sheet.rows(rows))
        .mark_bar(height=7)
        .encode(
            x=alt.X(
                "start:Q",
                title="minutes since the first run",
                scale=alt.Scale(domain=[0, max(row.end for row in rows)], nice=False),
            ),
            x2="end:Q",
            y=alt.Y("row:N", title=None, sort=labels),
            color=alt.Color(
                "row:N",
                scale=alt.Scale(domain=labels, range=[hues.get(label, "currentColor") for label in labels]),
                legend=None,
            ),
            tooltip=[alt.Tooltip("row:N", title="cell"), alt.Tooltip("detail:N", title="run")],
        )
        .properties(width=WIDTH - 100, height=17 * len(labels))
    )
    return sheet.finish(chart, chrome=230)
