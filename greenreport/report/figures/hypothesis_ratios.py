"""Ratios of configurations to a baseline with their intervals: of a hypothesis on every model, of one configuration over all models."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import altair as alt

from greenreport.analysis.hypotheses.findings import Finding, ModelTest
from greenreport.analysis.hypotheses.headline import verb_of
from greenreport.analysis.hypotheses.ratio_text import difference, rounds_to_equal
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.subjects import MODELS, Subject
from greenreport.analysis.quality.problems import OVER_PROBLEMS
from greenreport.catalog import Better, MetricInfo
from greenreport.report.context import StudyContext
from greenreport.report.drawing.style import Looks
from greenreport.report.figure import ColumnSpec, Figure, Table, TableCell, make_table
from greenreport.report.figures.axes import label_axis, log_ends, positive, value_axis
from greenreport.report.figures.captions import boundary_text, metric_bands, ratio_text, runs_text, times
from greenreport.report.figures.hypothesis_runs import runs_over_models
from greenreport.report.figures.specification import (
    ROW,
    WIDTH,
    Sheet,
    Specification,
    colour,
    drawn,
    layered,
    ordered,
    points,
    text_marks,
)
from greenreport.study import Configuration
from greenreport.units import THIN, declared_percent, number

EACH_BASELINE = "each model's baseline"
RATIO_COLUMNS: tuple[ColumnSpec, ...] = (("ratio", "1"), ("low", "1"), ("high", "1"), ("runs", ""))
ROW_BYTES = 1000


@dataclass(frozen=True, slots=True)
class RatioRow:
    """An estimate of a ratio with its interval, of one configuration on one model."""

    model: str
    configuration: str
    label: str
    provider: str
    ratio: float
    low: float
    high: float
    n: int
    text: str
    short: str


def ratios_spec(rows: Sequence[RatioRow], styles: Looks, *, axis: str, band: float) -> Specification:
    """F1: ratios to a baseline with intervals on a logarithmic axis, a line at 1, and the band of no practical interest."""
    sheet = Sheet(styles)
    labels, y = label_axis(_by_mean_ratio(rows))
    ends = [v for row in rows for v in (row.low, row.high, 1 / (1 + band), 1 + band)]
    x = value_axis(sheet, ends, axis, first="log", start=0, suffix="×")
    reference = alt.Chart(sheet.rows([{"one": 1.0, "from": 1 / (1 + band), "to": 1 + band}]))
    zone = reference.mark_rect(opacity=0.07, color="currentColor").encode(x=x("from:Q"), x2=alt.X2("to:Q"))
    one = reference.mark_rule(strokeDash=[3, 3], opacity=0.7).encode(x=x("one:Q"))
    base = alt.Chart()
    interval = base.mark_rule(strokeWidth=2.5).encode(x=x("low:Q"), x2=alt.X2("high:Q"), y=y, color=colour(styles))
    shown = (("label:N", "configuration"), ("text:N", "ratio"), ("n:Q", "runs"))
    tooltip = [alt.Tooltip(field, title=title) for field, title in shown]
    point = points(base, styles, 110).encode(x=x("ratio:Q"), y=y, tooltip=tooltip)
    value = text_marks(base, align="left", dx=9).encode(
        x=alt.XValue("width"), y=y, text=alt.Text("short:N")
    )  # a column: no line crosses it
    layers = layered(zone, one, interval, point, value, data=sheet.rows(rows), width=WIDTH - 200, height=ROW * len(labels))
    return sheet.by_model(layers, ordered([row.model for row in rows]), chrome=265)


def _by_mean_ratio(rows: Sequence[RatioRow]) -> list[RatioRow]:
    """Return rows with the configurations in the order of their ratios, averaged over models: all panels share one axis."""
    logs: dict[str, list[float]] = {}
    for row in rows:
        logs.setdefault(row.label, []).append(math.log(row.ratio))
    return sorted(rows, key=lambda row: math.fsum(logs[row.label]) / len(logs[row.label]))


def baseline_of(test: ModelTest, reference: str | None, *, described: bool = False) -> str | None:
    """Return the group ratios are taken against: the reference where it was compared, else the first group.

    Args:
        described: whether groups count that are too small for a test.
    """
    names = [group.name for group in test.test.groups if group.tested or described]
    return reference if reference in names else next(iter(names), None)


def untested(study: StudyContext, finding: Finding) -> bool:
    """Whether imported values can only be compared as they are: a table with one value for each cell leaves nothing to test."""
    return study.dataset.imported and not any(group.tested for item in finding.tests for group in item.test.groups)


def forest_figure(study: StudyContext, finding: Finding, reference: str | None) -> Figure | None:
    """F1 of a hypothesis: ratio to the baseline for each model and configuration."""
    ratios = list(_ratio_rows(study, finding, reference))
    if not ratios:
        return None
    models = ordered([row.model for _, row in ratios])
    rows = sorted((row for _, row in ratios), key=lambda row: (models.index(row.model), row.ratio))
    info, baselines = finding.metric, {baseline for baseline, _ in ratios}
    against = finding.labels[baselines.pop()] if len(baselines) == 1 else EACH_BASELINE
    table = make_table(
        f"{info.label} relative to {against}, ratio with 95{THIN}% interval",
        ["model", "configuration", *RATIO_COLUMNS],
        [[row.model, row.label, *_ratio_cells(row)] for row in rows],
    )
    lowest, highest = min(rows, key=lambda r: r.ratio), max(rows, key=lambda r: r.ratio)
    summary = (
        f"Relative to {against}, the smallest ratio is {times(lowest.ratio)} ({lowest.label} on {lowest.model}) and the largest "
        f"{times(highest.ratio)} ({highest.label} on {highest.model}). Left of 1 means {info.less} {info.noun}."
    )
    over = "the same problems" if info.id in OVER_PROBLEMS else runs_text(row.n for row in rows)
    told = (
        part for answer in study.analysis.answers for part in answer.answers if part.finding.hypothesis == finding.hypothesis
    )
    leader = next((finding.labels.get(part.standing.leader.id) for part in told if part.standing is not None), None)
    kind = (
        "of the values as published, which have no intervals;"
        if untested(study, finding)
        else f"over {over}; bars are 95{THIN}% intervals,"
    )
    figure_id = f"{finding.hypothesis.id.lower().replace('.', '-')}-ratios"
    return _figure(
        study,
        finding,
        rows,
        against,
        (figure_id, ratios_heading(rows, info, against, leader, finding.subject), kind, summary),
        table,
    )


def ratios_over_models_figure(
    study: StudyContext, finding: Finding, configuration: Configuration, reference: str | None
) -> Figure | None:
    """F1 over models: the ratio of one configuration to the baseline on each; for the baseline itself, all its runs."""
    figure_id = f"{finding.hypothesis.id.lower()}-models-{configuration.id}".replace(".", "-").replace("/", "--")
    ratios = (row for _, row in _ratio_rows(study, finding, reference) if row.configuration == configuration.id)
    rows = sorted(ratios, key=lambda row: row.ratio)
    if not rows:
        return runs_over_models(study, finding, configuration, figure_id)
    info, label = finding.metric, label_of(configuration)
    against = finding.labels.get(reference or "", EACH_BASELINE)
    low, high = rows[0], rows[-1]
    span = f"{low.short} ({low.model})" + (f" to {high.short} ({high.model})" if len(rows) > 1 else "")
    title = f"{label}: the ratio of {info.noun} to {against} is {span}"
    summary = f"{title}. Left of 1 means {info.less} {info.noun}."
    table = make_table(
        f"{info.label} of {label} relative to {against}, ratio with 95{THIN}% interval",
        ["model", *RATIO_COLUMNS],
        [[row.model, *_ratio_cells(row)] for row in rows],
    )
    kind = f"on each model with 95{THIN}% interval;"
    return _figure(study, finding, rows, against, (figure_id, title, kind, summary), table, over_models=True)


def _figure(
    study: StudyContext,
    finding: Finding,
    rows: Sequence[RatioRow],
    against: str,
    texts: tuple[str, str, str, str],
    table: Table,
    *,
    over_models: bool = False,
) -> Figure:
    """Return a figure of ratios, in panels by model or `over_models` in one; its `texts` are id, title, which ratios and intervals these are, and the text alternative."""
    info, effect = finding.metric, finding.hypothesis.smallest_effect
    figure_id, title, kind, summary = texts
    caption = (
        f"{info.label}, ratio {kind} the grey band is the range of no practical interest "
        f"(±{declared_percent(effect)}). {boundary_text(finding)}"
    )
    axis = f"{info.noun} relative to {against}"
    shown, left_out = drawn(rows, ROW_BYTES)
    if over_models:
        shown = [replace(row, model="", label=row.model) for row in shown]
    spec = ratios_spec(shown, study.looks, axis=axis, band=effect)
    return Figure(figure_id, title, caption.strip() + left_out, summary, spec, table, metric_bands(study, info.id))


def _ratio_cells(row: RatioRow) -> tuple[TableCell | int, ...]:
    """Return the entries of a row below `RATIO_COLUMNS`."""
    return (
        TableCell(row.ratio, times(row.ratio)),
        TableCell(row.low, number(row.low)),
        TableCell(row.high, number(row.high)),
        row.n,
    )


def _ratio_rows(study: StudyContext, finding: Finding, reference: str | None) -> Iterator[tuple[str, RatioRow]]:
    """Yield every ratio that is known, with its baseline."""
    described = untested(study, finding)
    for item in finding.tests:
        baseline = baseline_of(item, reference, described=described)
        for group in item.test.groups:
            if baseline is None or not (group.tested or described) or group.name == baseline:
                continue
            ratio = item.test.pair(group.name, baseline).ratio
            if not positive(ratio.value):
                continue
            yield baseline, RatioRow(
                item.model.label, group.name, finding.labels[group.name], study.dataset.study.configuration(group.name).provider,
                ratio.value, *log_ends(ratio.value, ratio.ci), group.description.n, ratio_text(ratio), times(ratio.value),
            )  # fmt: skip


def ratios_heading(
    rows: Sequence[RatioRow], info: MetricInfo, against: str, leader: str | None = None, subject: Subject = MODELS
) -> str:
    """Say by how much the configuration that leads on most models beats the baseline, that nothing does, or that every interval holds 1.

    Args:
        leader: label of the configuration that the answer names; the heading is about the same one where that leads on any model.
    """
    higher = info.better is Better.HIGHER
    best = max if higher else min
    models = ordered([row.model for row in rows])
    firsts = [best((row for row in rows if row.model == model), key=lambda row: row.ratio) for model in models]
    labels = {row.label for row in rows}
    if all(row.low <= 1 <= row.high for row in rows) and any(row.low < row.high for row in rows):
        which = f"{rows[0].label} is not" if len(labels) == 1 else "No configuration is"
        return f"{which} shown to differ from {against} in {info.noun} {_on(firsts, models, subject)}"
    if len(labels) == 1:
        return f"{rows[0].label} {_gain(firsts, info, against)} {_on(firsts, models, subject)}"
    ahead = [row for row in firsts if (row.ratio > 1 if higher else row.ratio < 1)]
    behind = [row for row in firsts if row not in ahead]
    (label, wins), *_ = Counter(row.label for row in ahead).most_common(1) or [("", 0)]
    if len(behind) > wins:
        return f"Nothing beats {against} in {info.noun} {_on(behind, models, subject)}"
    label = leader if any(row.label == leader for row in ahead) and leader is not None else label
    led = [row for row in ahead if row.label == label]
    return f"{label} {_gain(led, info, against)} {_on(led, models, subject)}"


def _on(rows: Sequence[RatioRow], models: Sequence[str], subject: Subject) -> str:
    return f"on {models[0]}" if len(models) == 1 else f"on {len(rows)} of {len(models)} {subject.plural}"


def _gain(rows: Sequence[RatioRow], info: MetricInfo, against: str) -> str:
    """Return the predicate of a configuration against the baseline: ``uses 14–18 % less energy than Torch``."""
    low, high = min(row.ratio for row in rows), max(row.ratio for row in rows)
    if rounds_to_equal(low) and rounds_to_equal(high):
        return f"{verb_of(info)} {difference(1.0, info)} as {against}"
    if high >= 2:
        ends = ordered([number(low), number(high)])
        return f"{verb_of(info)} {' to '.join(ends)} times the {info.compared} of {against}"
    ends = ordered([f"{abs(1 - ratio) * 100:.2g}" for ratio in sorted((low, high), key=lambda ratio: abs(1 - ratio))])
    span = f"{'–'.join(ends)}{THIN}% {info.word(low if high <= 1 else high)} {info.compared}"
    if low < 1 < high:
        span = f"{difference(low, info).replace(f' {info.compared}', '')} to {difference(high, info)}"
    article = "" if not info.takes_article else "an " if span.startswith(("8", "11", "18")) else "a "
    return f"{verb_of(info)} {article}{span} than {against}"
