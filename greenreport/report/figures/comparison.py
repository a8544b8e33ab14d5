"""Two studies beside each other: their ratios, and the quotients of these."""

from __future__ import annotations

from collections.abc import Mapping

from greenreport.analysis.compare.comparison import Likeness, MetricComparison, RatioPair
from greenreport.analysis.hypotheses.claims import Claim
from greenreport.analysis.stats import Interval
from greenreport.report import charts
from greenreport.report.charts import QuotientRow, SlopeRow
from greenreport.report.charts.axes import log_ends, positive
from greenreport.report.drawing.style import Look
from greenreport.report.figure import Column, Figure, Table, make_table
from greenreport.report.figures.words import applying, times
from greenreport.units import THIN, number


def slope_figure(
    found: MetricComparison, names: tuple[str, str], styles: Mapping[str, Look], bands: tuple[str, ...], name: str
) -> Figure:
    """F15 of a metric: every ratio in both studies.

    Args:
        bands: remarks of either study.
        name: beginning of the figure's id.
    """
    rows = [
        SlopeRow(
            pair.model,
            pair.configuration,
            pair.label,
            side,
            claim.value,
            *log_ends(claim.value, claim.ci),
            _detail(pair, claim, names[side]),
        )
        for pair in found.pairs
        for side, claim in enumerate((pair.first, pair.second))
    ]
    crossed = [pair for pair in found.pairs if not pair.same_way]
    summary = (
        f"{found.same_way} of {len(found.pairs)} lines stay on one side of 1, or within the range of no practical interest. "
        + (f"{crossed[0].label} on {crossed[0].model} does not." if crossed else "No difference turns round.")
    )
    caption = (
        f"{found.info.label} relative to {found.reference} in {names[0]} (left) and in {names[1]} (right), ratio of medians over runs, log scale; bars are "
        f"95{THIN}% intervals, the dashed line is equality. A flat line means that the difference carries over; its height says nothing about joules or "
        "seconds."
    )
    spec = charts.slope(rows, styles, names=names, description=summary)
    title = f"{found.info.label}: {found.same_way} of {len(found.pairs)} ratios to {found.reference} keep their direction"
    figure_id = f"{name}-{found.metric.replace('_', '-')}-slope"
    return Figure(figure_id, title, caption, summary, spec, _table(found, names), applying(bands, found.metric))


def quotient_figure(found: MetricComparison, names: tuple[str, str], bands: tuple[str, ...], name: str) -> Figure:
    """F16 of a metric: the quotient of every ratio, with holes where one study has no value."""
    known = {(pair.model, pair.label): pair for pair in found.pairs}
    models = dict.fromkeys(pair.model for pair in found.pairs)
    labels = dict.fromkeys(pair.label for pair in found.pairs)
    rows = [_quotient_row(model, label, known.get((model, label))) for model in models for label in labels]
    different = [pair for pair in found.pairs if pair.likeness is Likeness.DIFFERENT]
    example = f", for example {different[0].label} on {different[0].model}" if different else ""
    summary = (
        f"{len(different)} of {len(found.pairs)} quotients have an interval that excludes 1{example}. Above 1 the ratio to {found.reference} is larger in "
        f"{names[1]} than in {names[0]}."
    )
    caption = (
        f"Ratio of {found.info.noun} to {found.reference} in {names[1]} ÷ the same ratio in {names[0]}, with its 95{THIN}% interval; 1 means that the "
        "difference is the same, ≠ that the interval excludes 1. The intervals of both ratios are combined on a logarithmic scale (MOVER)."
    )
    spec = charts.quotients(rows, description=summary)
    title = f"{found.info.label}: {len(different)} of {len(found.pairs)} ratios differ between the two studies"
    figure_id = f"{name}-{found.metric.replace('_', '-')}-quotients"
    return Figure(figure_id, title, caption, summary, spec, _table(found, names), applying(bands, found.metric))


def _quotient_row(model: str, label: str, pair: RatioPair | None) -> QuotientRow:
    if pair is None:
        return QuotientRow(model, label, None, "–", "", f"{label} on {model}: not in both studies")
    mark = " ≠" if pair.likeness is Likeness.DIFFERENT else ""
    ends = f"{number(pair.ci.low)} – {number(pair.ci.high)}" if isinstance(pair.ci, Interval) else "no interval"
    detail = f"{label} on {model}: {times(pair.first.value)} and {times(pair.second.value)}, quotient {times(pair.quotient)} ({ends})"
    quotient = pair.quotient if positive(pair.quotient) else None
    return QuotientRow(model, label, quotient, times(pair.quotient) + mark, ends, detail)


def _table(found: MetricComparison, names: tuple[str, str]) -> Table:
    columns = [Column("model"), Column("configuration")]
    for title in (f"ratio in {names[0]}", f"ratio in {names[1]}", "quotient"):
        columns += [Column(title, "1", True), Column("low", "1", True), Column("high", "1", True)]
    columns += [Column(f"runs in {names[0]}", "", True), Column(f"runs in {names[1]}", "", True), Column("verdict")]
    rows: list[tuple[str | float | int | None, ...]] = []
    shown: list[tuple[str, ...]] = []
    for pair in found.pairs:
        estimates = (
            (pair.first.value, pair.first.ci),
            (pair.second.value, pair.second.ci),
            (pair.quotient, pair.ci),
        )
        values = [
            v for value, ci in estimates for v in (value, *((ci.low, ci.high) if isinstance(ci, Interval) else (None, None)))
        ]
        rows.append((pair.model, pair.label, *values, pair.first.n, pair.second.n, pair.likeness.value))
        texts = ["–" if value is None else number(value) for value in values]
        shown.append((pair.model, pair.label, *texts, str(pair.first.n), str(pair.second.n), pair.likeness.value))
    return make_table(f"{found.info.label} relative to {found.reference} in both studies", columns, rows, shown)


def _detail(pair: RatioPair, claim: Claim, name: str) -> str:
    return f"{pair.label} on {pair.model} in {name}: {times(claim.value)} ({claim.n} runs)"
