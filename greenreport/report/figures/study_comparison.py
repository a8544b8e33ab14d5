"""Two studies beside each other: their ratios to a common reference, and the quotients of these."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import altair as alt

from greenreport.analysis.compare.comparison import Likeness, MetricComparison, RatioPair
from greenreport.analysis.stats import Interval
from greenreport.report.drawing.safe_text import visible
from greenreport.report.drawing.style import Looks
from greenreport.report.figure import Figure, Table, TableCell, TableEntry, make_table
from greenreport.report.figures.axes import cell_axes, log_domain, log_ends, log_ticks, moved_apart, narrowest_columns, positive
from greenreport.report.figures.captions import remarks_on, times
from greenreport.report.figures.specification import WIDTH, Sheet, Specification, colour, layered, ordered, points, text_marks
from greenreport.units import THIN, declared_percent, number

PANEL = 190  # height of a model's panel
LEAST = 15  # pixels between two labels
FAN = 0.05  # intervals of one study stand side by side over this share of the distance between the studies
DEEPEST = math.log(1.5)  # at least this quotient has the deepest colour


@dataclass(frozen=True, slots=True)
class SlopeRow:
    """The ratio of one configuration to the common reference on one model, in the first (`side` 0) or the second study (1)."""

    model: str
    configuration: str
    label: str
    side: int
    ratio: float
    low: float
    high: float
    detail: str


@dataclass(frozen=True, slots=True)
class QuotientRow:
    """The quotient of a ratio in two studies, or None where one of them has no such ratio."""

    model: str
    label: str
    quotient: float | None
    text: str
    interval: str
    detail: str


def slope_spec(rows: Sequence[SlopeRow], styles: Looks, *, names: tuple[str, str]) -> Specification:
    """F15: ratios to the common reference in both studies, joined by a line; bars are intervals, the dashed line is equality."""
    sheet = Sheet(styles)
    models = ordered([row.model for row in rows])
    domain = log_domain([v for row in rows for v in (row.low, row.high, 1.0)], 1.15)
    scale = alt.Scale(type="log", domain=domain, nice=False)
    ticks = alt.Axis(values=log_ticks(domain), labelExpr="format(datum.value, '~g') + ' ×'", labelOverlap=True, grid=True)
    first, second = (json.dumps(visible(name)) for name in names)
    sides = alt.Axis(
        values=[0, 1], orient="top", labelExpr=f"datum.value == 0 ? {first} : {second}", grid=False, ticks=False, domain=False
    )
    across = alt.Scale(domain=[-0.12, 1.12], nice=False)
    x, edge = (alt.X(field, title=None, scale=across, axis=sides) for field in ("place:Q", "edge:Q"))

    def y(field: str) -> alt.Y:
        return alt.Y(field, title=None, scale=scale, axis=ticks)

    base = alt.Chart()
    one = alt.Chart(sheet.rows([{"one": 1.0}])).mark_rule(strokeDash=[3, 3], opacity=0.7).encode(y=y("one:Q"))
    line = base.mark_line(strokeWidth=2, opacity=0.75).encode(
        x=x, y=y("ratio:Q"), color=colour(styles), order=alt.Order("place:Q")
    )
    interval = base.mark_rule(strokeWidth=1.5, opacity=0.8).encode(x=x, y=y("low:Q"), y2=alt.Y2("high:Q"), color=colour(styles))
    point = points(base, styles, 70).encode(x=x, y=y("ratio:Q"), tooltip=[alt.Tooltip("detail:N", title="ratio")])
    named = text_marks(base.transform_filter("datum.side == 1"), align="left", dx=6)
    label = named.encode(x=edge, y=y("label_at:Q"), text=alt.Text("label:N"))
    layers = layered(one, interval, line, point, label, data=sheet.rows(_placed(rows, domain)), width=WIDTH - 260, height=PANEL)
    return sheet.by_model(layers, models, chrome=300)


def _placed(rows: Sequence[SlopeRow], domain: Sequence[float]) -> list[dict[str, Any]]:
    """Return the rows with their horizontal place and with labels moved apart where they would lie on each other."""
    placed = []
    for model in ordered([row.model for row in rows]):
        panel = [row for row in rows if row.model == model]
        names = ordered([row.configuration for row in panel])
        ends = {row.configuration: row.ratio for row in panel if row.side == 1}
        labels = dict(zip(ends, spread(list(ends.values()), domain), strict=True))
        for row in panel:
            offset = FAN * (names.index(row.configuration) - (len(names) - 1) / 2) / max(1, len(names) - 1)
            place, label_at = row.side + offset, labels.get(row.configuration)
            placed.append({**asdict(row), "place": place, "label_at": label_at, "edge": 1 + FAN})
    return placed


def spread(values: Sequence[float], domain: Sequence[float]) -> list[float]:
    """Return values moved apart until labels at them on a logarithmic axis do not touch."""
    low, high = (math.log(value) for value in domain)
    step = min(LEAST / PANEL * (high - low), (high - low) / max(1, len(values)))
    order = sorted(range(len(values)), key=lambda index: values[index])
    places = moved_apart([math.log(values[index]) for index in order], step, high)
    return [math.exp(place) for _, place in sorted(zip(order, places, strict=True))]


def quotients_spec(rows: Sequence[QuotientRow]) -> Specification:
    """F16: ratio in the second study ÷ ratio in the first by hue and depth, with its interval as text; ≠ marks those that exclude 1."""
    sheet = Sheet()
    axes = cell_axes(rows, gap=0.04, row_gap=0.06)
    x, y = axes.x, axes.y
    logs = [0.0 if row.quotient is None else math.log(row.quotient) for row in rows]
    deepest = max(DEEPEST, *map(abs, logs))
    data = [
        {**asdict(row), "depth": round(abs(log) / deepest, 4), "hue": "lower" if log < 0 else "higher"}
        for row, log in zip(rows, logs, strict=True)
    ]
    hue = alt.Fill("hue:N", scale=alt.Scale(domain=["lower", "higher"], range=["var(--blue)", "var(--vermilion)"]), legend=None)
    depth = alt.FillOpacity("depth:Q", scale=alt.Scale(domain=[0, 1], range=[0.0, 0.5]), legend=None)
    base = alt.Chart()
    square = base.mark_rect(stroke="currentColor", strokeOpacity=0.15).encode(
        x=x, y=y, fill=hue, fillOpacity=depth, tooltip=[alt.Tooltip("detail:N", title="cell")]
    )
    values = text_marks(base, size=12, dy=-6).encode(x=x, y=y, text=alt.Text("text:N"))
    ends = text_marks(base, size=10, dy=8, opacity=0.8).encode(x=x, y=y, text=alt.Text("interval:N"))
    layers = layered(
        square,
        values,
        ends,
        data=sheet.rows(data),
        width=max(300, min(WIDTH + 80, 130 * len(axes.columns))),
        height=44 * len(axes.rows),
    )
    return sheet.finish(layers, chrome=axes.beside, narrowest=narrowest_columns(axes.columns, 96))


def slope_figure(
    comparison: MetricComparison, names: tuple[str, str], styles: Looks, bands: tuple[str, ...], name: str
) -> Figure:
    """F15 of a metric: every ratio in both studies; `bands` are remarks of either, `name` begins the figure's id."""
    rows = []
    for pair in comparison.pairs:
        for side, claim in enumerate((pair.first, pair.second)):
            if positive(claim.value):
                detail = f"{pair.label} on {pair.model} in {names[side]}: {times(claim.value)} ({claim.n} runs)"
                ends = log_ends(claim.value, claim.ci)
                rows.append(SlopeRow(pair.model, pair.configuration, pair.label, side, claim.value, *ends, detail))
    crossed = [pair for pair in comparison.pairs if not pair.same_way]
    summary = (
        f"{comparison.same_way} of {len(comparison.pairs)} lines stay on one side of 1, or within the range of no practical interest. "
        + (f"{crossed[0].label} on {crossed[0].model} does not." if crossed else "No difference turns round.")
    )
    caption = (
        f"{comparison.info.label} relative to {comparison.reference} in {names[0]} (left) and in {names[1]} (right), ratio over runs, log scale; bars are "
        f"95{THIN}% intervals, the dashed line is equality. A flat line means that the difference carries over; its height says nothing about joules or "
        "seconds."
    )
    spec = slope_spec(rows, styles, names=names)
    title = f"{comparison.info.label}: {comparison.same_way} of {len(comparison.pairs)} ratios to {comparison.reference} keep their direction"
    figure_id = f"{name}-{comparison.metric.replace('_', '-')}-slope"
    return Figure(figure_id, title, caption, summary, spec, _table(comparison, names), remarks_on(bands, comparison.metric))


def quotient_figure(comparison: MetricComparison, names: tuple[str, str], bands: tuple[str, ...], name: str) -> Figure:
    """F16 of a metric: the quotient of every ratio, with a gap where one study has no value."""
    pairs = {(pair.model, pair.label): pair for pair in comparison.pairs}
    models = ordered([pair.model for pair in comparison.pairs])
    labels = ordered([pair.label for pair in comparison.pairs])
    rows = [_quotient_row(model, label, pairs.get((model, label))) for model in models for label in labels]
    different = [pair for pair in comparison.pairs if pair.likeness is Likeness.DIFFERENT]
    example = f", for example {different[0].label} on {different[0].model}" if different else ""
    summary = (
        f"{len(different)} of {len(comparison.pairs)} quotients are different: their interval excludes 1 and reaches beyond the smallest effect of interest{example}. Above 1 the ratio to {comparison.reference} is larger in "
        f"{names[1]} than in {names[0]}."
    )
    caption = (
        f"Ratio of {comparison.info.noun} to {comparison.reference} in {names[1]} ÷ the same ratio in {names[0]}, with its 95{THIN}% interval; 1 means that the "
        f"difference is the same, ≠ that the interval excludes 1 and does not lie within ±{declared_percent(comparison.margin)}. The intervals of both ratios are combined on a logarithmic scale (MOVER)."
    )
    spec = quotients_spec(rows)
    title = f"{comparison.info.label}: {len(different)} of {len(comparison.pairs)} ratios differ between the two studies"
    figure_id = f"{name}-{comparison.metric.replace('_', '-')}-quotients"
    return Figure(figure_id, title, caption, summary, spec, _table(comparison, names), remarks_on(bands, comparison.metric))


def _quotient_row(model: str, label: str, pair: RatioPair | None) -> QuotientRow:
    if pair is None:
        return QuotientRow(model, label, None, "–", "", f"{label} on {model}: not in both studies")
    mark = " ≠" if pair.likeness is Likeness.DIFFERENT else ""
    ends = f"{number(pair.ci.low)} – {number(pair.ci.high)}" if isinstance(pair.ci, Interval) else "no interval"
    detail = f"{label} on {model}: {times(pair.first.value)} and {times(pair.second.value)}, quotient {times(pair.quotient)} ({ends})"
    quotient = pair.quotient if positive(pair.quotient) else None
    return QuotientRow(model, label, quotient, times(pair.quotient) + mark, ends, detail)


def _table(comparison: MetricComparison, names: tuple[str, str]) -> Table:
    estimates = [(f"ratio in {name}", "1") for name in names] + [("quotient", "1")]
    return make_table(
        f"{comparison.info.label} relative to {comparison.reference} in both studies",
        [
            "model", "configuration", *(column for estimate in estimates for column in (estimate, ("low", "1"), ("high", "1"))),
            *((f"runs in {name}", "") for name in names), "verdict",
        ],
        [_entries(pair) for pair in comparison.pairs],
    )  # fmt: skip


def _entries(pair: RatioPair) -> list[TableEntry]:
    """Return a pair as a row of the table."""
    estimates = ((pair.first.value, pair.first.ci), (pair.second.value, pair.second.ci), (pair.quotient, pair.ci))
    ends = [(value, *((ci.low, ci.high) if isinstance(ci, Interval) else (None, None))) for value, ci in estimates]
    numbers = [None if value is None else TableCell(value, number(value)) for estimate in ends for value in estimate]
    return [pair.model, pair.label, *numbers, pair.first.n, pair.second.n, pair.likeness.value]
