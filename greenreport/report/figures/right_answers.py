"""How many answers are right, with intervals over problems, and what an answer takes beside how often it is right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import altair as alt

from greenreport.analysis.quality.judgement import ConfigurationQuality, FrontPlace, ModelQuality
from greenreport.analysis.stats import Ratio, reach
from greenreport.catalog import METRICS
from greenreport.report.context import StudyContext
from greenreport.report.drawing.style import Looks
from greenreport.report.figure import Figure, TableCell, TableEntry, make_table, measured, share
from greenreport.report.figures.axes import label_axis, log_ends, value_axis
from greenreport.report.figures.captions import metric_bands, ratio_text, times
from greenreport.report.figures.hypothesis_ratios import RatioRow, ratios_spec
from greenreport.report.figures.specification import (
    ROW,
    WIDTH,
    Sheet,
    Specification,
    colour,
    layered,
    ordered,
    points,
    text_marks,
)
from greenreport.report.figures.tradeoffs import PointRow, tradeoff_spec
from greenreport.units import THIN, capital, counted, declared_percent, number, percent, quantity


@dataclass(frozen=True, slots=True)
class ShareRow:
    """The share of right answers of a configuration on one model, in percent, with its interval; `reference`: that of the reference."""

    model: str
    configuration: str
    label: str
    percent: float
    low: float
    high: float
    reference: float
    text: str
    detail: str


def shares_spec(rows: Sequence[ShareRow], styles: Looks) -> Specification:
    """Shares of right answers with intervals over problems, from 0, and a line at the share of the reference."""
    sheet = Sheet(styles)
    labels, y = label_axis(rows)
    ends = [value for row in rows for value in (row.low, row.high)]
    room = 1.2 * max(ends)  # for the text behind the last bar, also where the page is narrow
    x = value_axis(
        sheet,
        [*ends, room],
        "answers that are right",
        first="linear",
        start=0,
        unit="%",
    )
    base = alt.Chart()
    line = base.mark_rule(strokeDash=[3, 3], opacity=0.7).encode(x=x("mean(reference):Q"))
    interval = base.mark_rule(strokeWidth=2.5).encode(x=x("low:Q"), x2=alt.X2("high:Q"), y=y, color=colour(styles))
    point = points(base, styles, 110).encode(x=x("percent:Q"), y=y, tooltip=[alt.Tooltip("detail:N", title="configuration")])
    value = text_marks(base, align="left", dx=9).encode(x=x("high:Q"), y=y, text=alt.Text("text:N"))
    layers = layered(line, interval, point, value, data=sheet.rows(rows), width=WIDTH - 200, height=ROW * len(labels))
    return sheet.by_model(layers, ordered([row.model for row in rows]), chrome=265)


def shares_figure(study: StudyContext, models: Sequence[ModelQuality]) -> Figure:
    """Draw the share of right answers of every configuration with its interval."""
    rows = [row for item in models for row in _share_rows(study, item)]
    problems = sorted({row.problems for item in models for row in item.rows})
    number = counted(problems[0], "problem") if len(problems) == 1 else f"{problems[0]} to {problems[-1]} problems"
    table = make_table(
        f"Answers that are right, with 95{THIN}% intervals over problems",
        ["model", "configuration", ("problems", ""), ("right", ""), ("share of right answers", "1"), ("low", "1"), ("high", "1")],
        [
            [
                item.model.label, study.dataset.labels[row.configuration], row.problems, TableCell(row.solved, row.right()),
                share(row.share), *map(share, reach(row.share, row.ci)),
            ]
            for item in models
            for row in item.rows
        ],
    )  # fmt: skip
    caption = (
        f"Share of right answers to {number}; bars are 95{THIN}% intervals for further problems of this kind, the dashed line is the "
        "reference. Intervals of two configurations may overlap although they differ, since both answered the same problems."
    )
    finding = _shares_sentence(study, models)
    most, least = max(rows, key=lambda row: row.percent), min(rows, key=lambda row: row.percent)
    summary = f"The most are right with {most.label} on {most.model} ({most.text}), the fewest with {least.label} on {least.model} ({least.text})."
    return Figure(
        "right-answers", finding, caption, summary, shares_spec(rows, study.looks), table, metric_bands(study, "solved_pct")
    )


def _shares_sentence(study: StudyContext, models: Sequence[ModelQuality]) -> str:
    """Return between what the shares lie, beside that of the reference on one model; in problems where each is solved or not."""
    ends = [f(row.share for item in models for row in item.rows) for f in (min, max)]
    if len(models) == 1 and ends[0] != ends[1] and all(row.answers.steady for row in models[0].rows):
        fewest, most = (f(models[0].rows, key=lambda row: row.share) for f in (min, max))
        solved = f"From {round(fewest.solved)} to {most.right()} problems are solved"
        base = models[0].row(models[0].reference)
        return solved if base is None else f"{solved}; {round(base.solved)} with {study.dataset.labels[base.configuration]}"
    reach_text = f"between {percent(ends[0])} and {percent(ends[1])} of the answers are right"
    reference = models[0].row(models[0].reference)
    if len(models) > 1 or reference is None or ends[0] == ends[1]:
        return (
            capital(reach_text)
            if ends[0] != ends[1]
            else f"{percent(ends[0])} of the answers are right with every configuration"
        )
    return f"{capital(reach_text)}; {percent(reference.share)} with {study.dataset.labels[reference.configuration]}"


def _share_rows(study: StudyContext, item: ModelQuality) -> Iterator[ShareRow]:
    reference = item.row(item.reference)
    for row in sorted(item.rows, key=lambda row: -row.share):
        label, (low, high) = study.dataset.labels[row.configuration], reach(row.share, row.ci)
        detail = f"{label} on {item.model.label}: {row.right()} right"
        against = 0.0 if reference is None else reference.share
        yield ShareRow(
            item.model.label,
            row.configuration,
            label,
            100 * row.share,
            100 * low,
            100 * high,
            100 * against,
            row.right(),
            detail,
        )


def cost_ratio_figure(study: StudyContext, models: Sequence[ModelQuality], *, of_energy: bool) -> Figure | None:
    """Draw what a right answer takes of time, or energy, as a ratio to the reference, with intervals over problems and blocks."""
    metric = METRICS["j_per_right_answer" if of_energy else "s_per_right_answer"]
    reference = study.dataset.labels.get(models[0].reference or "", "the reference")
    rows = sorted(
        (
            RatioRow(
                item.model.label, row.configuration, study.dataset.labels[row.configuration], row.answers.cell.configuration.provider,
                found.value, *log_ends(found.value, found.ci), len(row.answers.blocks), ratio_text(Ratio(found.value, found.ci)), times(found.value),
            )
            for item in models
            for row in item.rows
            if (found := row.energy_ratio if of_energy else row.time_ratio) is not None
        ),
        key=lambda row: (row.model, row.ratio),
    )  # fmt: skip
    if not rows:
        return None
    below = sum(row.high < 1 for row in rows)
    certain = "none of them certainly" if not below else f"{below} of them certainly"
    low, high = min(rows, key=lambda row: row.ratio), max(rows, key=lambda row: row.ratio)
    finding = f"With {low.label}, a right answer takes {times(low.ratio)} the {'energy' if of_energy else 'time'} it takes with {reference}"
    if len(rows) > 1:
        finding = f"{finding}; with {high.label}, {times(high.ratio)}"
    effect = study.dataset.study.smallest_effect(metric.id)
    caption = (
        f"{metric.label}, ratio to {reference}; bars are 95{THIN}% intervals for further problems of this kind, over problems and runs. "
        f"Wrong answers make it larger, since they take as much. The grey band is the range of no practical interest (±{declared_percent(effect)})."
    )
    table = make_table(
        f"{metric.label} relative to {reference}, ratio with 95{THIN}% interval over problems and blocks",
        ["model", "configuration", ("ratio", "1"), ("low", "1"), ("high", "1"), ("blocks", "")],
        [
            [row.model, row.label, TableCell(row.ratio, times(row.ratio)), TableCell(row.low, number(row.low)), TableCell(row.high, number(row.high)), row.n]
            for row in rows
        ],
    )  # fmt: skip
    summary = f"{finding}. Of {counted(len(rows), 'ratio')}, {certain} below 1."
    spec = ratios_spec(rows, study.looks, axis=f"{metric.noun} relative to {reference}", band=effect)
    figure_id = f"{'energy' if of_energy else 'time'}-per-right-answer"
    return Figure(figure_id, finding, caption, summary, spec, table, metric_bands(study, metric.id))


def cost_figure(study: StudyContext, models: Sequence[ModelQuality], *, of_energy: bool) -> Figure | None:
    """Draw the time, or energy, of an answer beside the share of right ones, and the configurations that no other dominates."""
    metric = METRICS["j_per_right_answer" if of_energy else "s_per_right_answer"]
    unit, noun = ("J", "energy") if of_energy else ("s", "time")
    rows: list[PointRow] = []
    entries: list[list[TableEntry]] = []
    fronts = []
    for item in models:
        placed = [
            (row, place, each) for row in item.rows if (found := _placed(row, of_energy=of_energy)) for place, each in [found]
        ]
        fronts.append([study.dataset.labels[row.configuration] for row, place, _ in placed if place.on_front])
        for row, place, each in sorted(placed, key=lambda part: (part[0].share, part[2])):
            label, cost = study.dataset.labels[row.configuration], row.answers.cell.median(metric.id)
            verdict = "on the front" if place.on_front else "dominated"
            per = "no right answer" if cost is None else f"{quantity(cost, unit)} a right answer"
            detail = f"{label} on {item.model.label}: {row.right()} right, {quantity(each, unit)} an answer, {per}; {verdict}"
            rows.append(PointRow(item.model.label, row.configuration, label, each, 100 * row.share, place.on_front, detail))
            entries.append(
                [
                    item.model.label,
                    label,
                    share(row.share),
                    measured(each, unit),
                    measured(cost, unit),
                    share(place.probability),
                    verdict,
                ]
            )
    if len(rows) < 2:
        return None
    finding = (
        _front_sentence(fronts[0], noun) if len(models) == 1 else f"What an answer takes in {noun}, and how often it is right"
    )
    caption = (
        f"Share of right answers (upwards) beside the {noun} of an answer, right or wrong (across). The dashed line "
        "joins the configurations that no other dominates: none gives more right answers in no more, or as many in less. "
        "Probability: how often that holds when problems and blocks are drawn again."
    )
    table = make_table(
        f"Right answers beside the {noun} of an answer",
        [
            "model", "configuration", ("share of right answers", "1"), (f"{noun} of an answer", unit), (f"median {metric.id}", metric.unit),
            ("probability of being on the front", "1"), "verdict",
        ],
        entries,
    )  # fmt: skip
    axis = f"{noun} of an answer (across), answers that are right (upwards)"
    spec = tradeoff_spec(rows, study.looks, {}, x_axis=axis, units=(unit, "%"))
    bands = metric_bands(study, metric.id)
    return Figure(f"right-answer-{noun}", finding, caption, f"{finding}.", spec, table, bands)


def _placed(row: ConfigurationQuality, *, of_energy: bool) -> tuple[FrontPlace, float] | None:
    """Return the place of a configuration on a front, and what an answer of it takes."""
    place, spent = (row.energy_front, row.answers.joules) if of_energy else (row.time_front, row.answers.seconds)
    if place is None or spent is None:
        return None
    return place, float(spent.sum() / row.answers.answered.sum())


def _front_sentence(front: Sequence[str], noun: str) -> str:
    """Return the finding of the front of one model."""
    if len(front) == 1:
        return f"{front[0]} gives the most right answers and takes the least {noun}"
    return f"More right answers cost more {noun}: {counted(len(front), 'configuration')} are dominated by no other"
