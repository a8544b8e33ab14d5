"""Two instruments on one component: the difference of every run (Bland and Altman 1986)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.measurement_quality import AgreementSummary
from greenreport.report.context import StudyContext
from greenreport.report.drawing.style import Looks
from greenreport.report.figure import Figure, Table, TableCell, make_table, measured
from greenreport.report.figures.axes import far_apart, finite, log_domain, log_ticks, prefixed
from greenreport.report.figures.captions import remarks_on
from greenreport.report.figures.specification import WIDTH, Sheet, Specification, hues, layered, text_marks
from greenreport.units import MINUS, THIN, declared_percent, number, quantity, safe_slug


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """One run measured by two instruments: mean in joules, difference in % of it."""

    label: str
    mean_j: float
    difference: float
    detail: str


def agreement_spec(
    rows: Sequence[AgreementRow], styles: Looks, *, limits: tuple[float, float, float], admitted: float, axis: str, log: bool
) -> Specification:
    """F14: the difference of each run against the mean of both instruments, with mean difference and limits of agreement.

    Args:
        styles: label of a configuration → its look, of those that occur.
        limits: upper limit, mean difference and lower limit in %; `admitted`: the difference the study allows, in %.
        log: whether the horizontal axis is logarithmic.
    """
    sheet = Sheet()
    heights = [row.difference for row in rows] + [*limits, 0.0]
    pad = 0.12 * (max(heights) - min(heights)) or 1.0
    low, high = min(heights) - pad, max(heights) + pad
    x = _mean_axis([row.mean_j for row in rows], axis, log=log)
    scale = alt.Scale(domain=[low, high], nice=False)
    axis_y = alt.Axis(grid=False, tickCount=6, labelExpr="(datum.value == 0 ? '0' : format(datum.value, '+~g')) + ' %'")
    y, top = (alt.Y(name, title=None, scale=scale, axis=axis_y) for name in ("difference:Q", "from:Q"))
    band = alt.Chart(sheet.rows([{"from": max(low, -admitted), "to": min(high, admitted)}]))
    zone = band.mark_rect(color="currentColor", opacity=0.06).encode(y=top, y2=alt.Y2("to:Q"))
    lines = zip(limits, ("upper limit", "mean", "lower limit"), ("limit", "bias", "limit"), strict=True)
    named = alt.Chart(sheet.rows([{"difference": value, "name": name, "kind": kind} for value, name, kind in lines]))
    dashes = alt.StrokeDash("kind:N", scale=alt.Scale(domain=["limit", "bias"], range=[[5, 4], [1, 0]]), legend=None)
    rule = named.mark_rule(strokeWidth=1.5).encode(y=y, strokeDash=dashes)
    text = text_marks(named, align="right", baseline="bottom", dx=-2, dy=-2).encode(
        y=y, x=alt.XValue("width"), text=alt.Text("name:N")
    )
    zero = alt.Chart(sheet.rows([{"difference": 0.0}])).mark_rule(opacity=0.4, strokeDash=[1, 3]).encode(y=y)
    layers = layered(zone, zero, _points(sheet, rows, styles).encode(x=x, y=y), rule, text, width=WIDTH, height=280)
    return sheet.finish(layers, chrome=90, narrowest=300)


def _mean_axis(values: Sequence[float], title: str, *, log: bool) -> alt.X:
    if log:
        domain = log_domain(values, 1.15)
        scale = alt.Scale(type="log", domain=domain, nice=False)
        axis = alt.Axis(values=log_ticks(domain), labelExpr=prefixed("J"))
    else:
        room = 0.06 * (max(values) - min(values)) or 0.05 * abs(values[0]) or 1.0
        scale = alt.Scale(domain=[min(values) - room, max(values) + room], nice=False, zero=False)
        axis = alt.Axis(labelExpr=prefixed("J"), tickCount=6)
    return alt.X("mean_j:Q", title=title, scale=scale, axis=axis)


def _points(sheet: Sheet, rows: Sequence[AgreementRow], styles: Looks) -> alt.Chart:
    """Return one point per run; the legend names the configurations, as nothing else in the chart does."""
    domain, looks, legend = list(styles), list(styles.values()), alt.Legend(title=None)
    inside = alt.Scale(domain=domain, range=[look.colour if look.filled else "transparent" for look in looks])
    shapes = alt.Scale(domain=domain, range=[look.shape for look in looks])
    return (
        alt.Chart(sheet.rows(rows))
        .mark_point(size=55, strokeWidth=1.8, opacity=1)
        .encode(
            stroke=alt.Stroke("label:N", scale=hues(styles), legend=legend),
            fill=alt.Fill("label:N", scale=inside, legend=legend),
            shape=alt.Shape("label:N", scale=shapes, legend=legend),
            tooltip=[alt.Tooltip("detail:N", title="run")],
        )
    )


def agreement_figure(study: StudyContext, agreement: AgreementSummary) -> Figure | None:
    """F14 of a pair of instruments: difference against mean of every run; None without limits of agreement."""
    first, second, low, high = agreement.first, agreement.second, agreement.low, agreement.high
    if not (finite(low) and finite(high)):
        return None
    rows = []
    for point in agreement.points:
        label = label_of(point.cell.configuration)
        detail = (
            f"{label} on {point.cell.model.label}, repetition {point.repetition}: "
            f"{quantity(point.first_j, 'J')} and {quantity(point.second_j, 'J')}, {signed(point.difference)}"
        )
        rows.append(AgreementRow(label, (point.first_j + point.second_j) / 2, 100 * point.difference, detail))
    admitted = study.dataset.study.validity.meters_disagree
    log = far_apart([row.mean_j for row in rows])
    used = {row.label for row in rows}
    styles = {
        label_of(c): study.looks[c.id] for c in study.dataset.configurations if c.id in study.looks and label_of(c) in used
    }
    different = f"{number(abs(agreement.bias) * 100, 2)}{THIN}% {'more' if agreement.bias > 0 else 'less'} than {first}"
    against = different if abs(agreement.bias) >= 0.0005 else f"the same as {first}"
    lie = f"{agreement.outside} of {agreement.runs} runs {'lies' if agreement.outside == 1 else 'lie'}"
    outside = lie if agreement.outside else "No run lies"
    summary = (
        f"Over {agreement.runs} runs the second instrument, {second}, reads {against}; 95 in 100 differences are expected between "
        f"{signed(low)} and {signed(high)}. {outside} outside these limits."
    )
    caption = (
        f"Energy of {agreement.domain} over the measured window: {second} minus {first}, as a share of their mean, against that mean; a point a "
        f"run, n = {agreement.runs}. Solid line: mean difference; dashed: limits of agreement, mean ± 1.96 standard deviations (Bland and Altman 1986); grey: "
        f"the difference this study allows, ±{declared_percent(admitted)}. A trend from left to right would mean that the difference depends on the "
        "energy."
    )
    axis = f"mean of the two{', log scale' if log else ''}"
    limits = (100 * high, 100 * agreement.bias, 100 * low)
    spec = agreement_spec(rows, styles, limits=limits, admitted=100 * admitted, axis=axis, log=log)
    figure_id = safe_slug(f"agreement-{agreement.domain}-{first}-{second}").replace(".", "-")
    bands = remarks_on(study.bands, "duration_s")  # estimates are not compared
    title = f"{agreement.domain}: {second} reads {against}"
    return Figure(figure_id, title, caption, summary, spec, _table(agreement), bands)


def _table(agreement: AgreementSummary) -> Table:
    meters = (agreement.first, agreement.second)
    return make_table(
        f"{agreement.domain}: energy of every run by {' and by '.join(meters)}",
        ["model", "configuration", ("repetition", ""), *((name, "J") for name in meters), ("difference ÷ mean", "1")],
        [
            [
                point.cell.model.label, label_of(point.cell.configuration), point.repetition, measured(point.first_j, "J"),
                measured(point.second_j, "J"), TableCell(point.difference, signed(point.difference)),
            ]
            for point in agreement.points
        ],
    )  # fmt: skip


def signed(share: float) -> str:
    """Print a share as a percentage with its sign."""
    sign = "+" if share > 0 else MINUS if share < 0 else ""
    return f"{sign}{number(abs(share) * 100, 2)}{THIN}%"
