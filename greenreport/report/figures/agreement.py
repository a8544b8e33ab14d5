"""Two instruments on one component: the difference of every run."""

from __future__ import annotations

from greenreport.analysis.measure.dataset import label_of
from greenreport.analysis.measure.measurement_quality import AgreementSummary
from greenreport.report import charts
from greenreport.report.charts import AgreementRow, Limits
from greenreport.report.charts.axes import finite
from greenreport.report.context import StudyContext
from greenreport.report.figure import Column, Figure, Table, make_table
from greenreport.units import MINUS, THIN, declared_percent, number, quantity, safe_slug

WIDE = 20  # from this ratio of largest to smallest energy on, the axis is logarithmic


def agreement_figure(study: StudyContext, found: AgreementSummary) -> Figure | None:
    """F14 of a pair of instruments: difference against mean of every run; None without limits of agreement."""
    if not (finite(found.low) and finite(found.high)):
        return None
    means = [(point.first_j + point.second_j) / 2 for point in found.points]
    rows = [
        AgreementRow(
            label_of(point.cell.configuration),
            mean,
            100 * point.difference,
            f"{label_of(point.cell.configuration)} on {point.cell.model.label}, repetition {point.repetition}: "
            f"{quantity(point.first_j, 'J')} and {quantity(point.second_j, 'J')}, {signed(point.difference)}",
        )
        for point, mean in zip(found.points, means, strict=True)
    ]
    admitted = study.dataset.study.validity.meters_disagree
    log = min(means) > 0 and max(means) / min(means) > WIDE
    used = dict.fromkeys(row.label for row in rows)
    styles = {
        label_of(c): study.looks[c.id] for c in study.dataset.configurations if c.id in study.looks and label_of(c) in used
    }
    summary = (
        f"Over {found.runs} runs the second instrument, {found.second}, reads {_against(found)}; 95 in 100 differences are expected between "
        f"{signed(found.low)} and {signed(found.high)}. {_outside(found)}"
    )
    caption = (
        f"Energy of {found.domain} over the measured window: {found.second} minus {found.first}, as a share of their mean, against that mean; a point a "
        f"run, n = {found.runs}. Solid line: mean difference; dashed: limits of agreement, mean ± 1.96 standard deviations (Bland and Altman 1986); grey: "
        f"the difference this study admits, ±{declared_percent(admitted)}. A trend from left to right would mean that the difference depends on the "
        "energy."
    )
    spec = charts.agreement(
        rows,
        styles,
        Limits(100 * found.bias, 100 * found.low, 100 * found.high, 100 * admitted),
        axis=f"mean of the two{', log scale' if log else ''}",
        log=log,
        description=summary,
    )
    name = safe_slug(f"agreement-{found.domain}-{found.first}-{found.second}").replace(".", "-")
    title = f"{found.domain}: {found.second} reads {_against(found)}"
    bands = tuple(band for band in study.bands if band != "estimated energy")  # estimates are not compared
    return Figure(name, title, caption, summary, spec, _table(found), bands)


def _table(found: AgreementSummary) -> Table:
    columns = [
        Column("model"),
        Column("configuration"),
        Column("repetition", "", True),
        Column(found.first, "J", True),
        Column(found.second, "J", True),
        Column("difference ÷ mean", "1", True),
    ]
    keyed = [(p.cell.model.label, label_of(p.cell.configuration), p) for p in found.points]
    return make_table(
        f"{found.domain}: energy of every run by {found.first} and by {found.second}",
        columns,
        [(model, label, p.repetition, p.first_j, p.second_j, p.difference) for model, label, p in keyed],
        [
            (model, label, str(p.repetition), quantity(p.first_j, "J"), quantity(p.second_j, "J"), signed(p.difference))
            for model, label, p in keyed
        ],
    )


def _against(found: AgreementSummary) -> str:
    if abs(found.bias) < 0.0005:
        return f"the same as {found.first}"
    return f"{number(abs(found.bias) * 100, 2)}{THIN}% {'more' if found.bias > 0 else 'less'} than {found.first}"


def _outside(found: AgreementSummary) -> str:
    runs = f"{found.outside} of {found.runs} runs {'lies' if found.outside == 1 else 'lie'}"
    return f"{runs if found.outside else 'No run lies'} outside these limits."


def signed(share: float) -> str:
    """Print a share as a percentage with its sign."""
    sign = "+" if share > 0 else MINUS if share < 0 else ""
    return f"{sign}{number(abs(share) * 100, 2)}{THIN}%"
