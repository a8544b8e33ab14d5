"""Figures of a tested hypothesis: ratios with intervals, every run, all pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from greenreport.analysis.hypotheses.findings import Finding, ModelTest
from greenreport.analysis.measure.dataset import label_of
from greenreport.analysis.stats import NotComputable, Pair, Ratio
from greenreport.catalog import MetricInfo
from greenreport.report import charts
from greenreport.report.charts import PairRow, RatioRow, RunRow
from greenreport.report.charts.axes import finite, log_ends
from greenreport.report.context import StudyContext
from greenreport.report.figure import Column, Figure, Table, make_table
from greenreport.report.figures.headings import ratios_heading, runs_heading
from greenreport.report.figures.words import boundary_text, metric_bands, ratio_text, runs_text, times
from greenreport.units import THIN, counted, declared_percent, number, p_value, quantity


def baseline_of(test: ModelTest, reference: str | None) -> str | None:
    """Return the group ratios are taken against: the reference where it was compared, else the first group."""
    names = [group.name for group in test.test.groups if group.tested]
    if reference in names:
        return reference
    return names[0] if names else None


def forest_figure(study: StudyContext, finding: Finding, reference: str | None) -> Figure | None:
    """F1 of a hypothesis: ratio to the baseline for each model and configuration."""
    info, labels = finding.metric, finding.labels
    rows: list[RatioRow] = []
    bases = set()
    for item in finding.tests:
        base = baseline_of(item, reference)
        for group in item.test.groups:
            if base is None or not group.tested or group.name == base:
                continue
            ratio = item.test.pair(group.name, base).ratio
            bases.add(base)
            if ratio.value is not None:
                rows.append(_ratio_row(study, item, group.name, ratio, group.description.n, labels))
    rows = by_estimate(rows)
    if not rows:
        return None
    against = labels[next(iter(bases))] if len(bases) == 1 else "each model's baseline"
    axis = f"{info.noun} relative to {against}"
    columns = [
        Column("model"),
        Column("configuration"),
        Column("ratio", "1", True),
        Column("low", "1", True),
        Column("high", "1", True),
        Column("runs", "", True),
    ]
    table = make_table(
        f"{info.label} relative to {against}, ratio of medians with 95{THIN}% interval",
        columns,
        [(r.model, r.label, r.ratio, r.low, r.high, r.n) for r in rows],
        [(r.model, r.label, times(r.ratio), number(r.low), number(r.high), str(r.n)) for r in rows],
    )
    lowest, highest = min(rows, key=lambda r: r.ratio), max(rows, key=lambda r: r.ratio)
    summary = (
        f"Relative to {against}, the smallest ratio is {times(lowest.ratio)} ({lowest.label} on {lowest.model}) and the largest "
        f"{times(highest.ratio)} ({highest.label} on {highest.model}). Left of 1 means {info.less} {info.noun}."
    )
    caption = (
        f"{info.label}, ratio of medians over {runs_text(row.n for row in rows)}; bars are 95{THIN}% intervals, the grey band is the range of no practical interest "
        f"(±{declared_percent(finding.hypothesis.smallest_effect)}). {boundary_text(finding)}"
    )
    spec = charts.forest(rows, study.looks, axis=axis, band=finding.hypothesis.smallest_effect, description=summary)
    title = ratios_heading(rows, info, against)
    return Figure(f"{_id(finding)}-ratios", title, caption.strip(), summary, spec, table, metric_bands(study, info.id))


def by_estimate(rows: Sequence[RatioRow]) -> list[RatioRow]:
    """Return rows model by model, the smallest ratio of each first."""
    models = list(dict.fromkeys(row.model for row in rows))
    return sorted(rows, key=lambda row: (models.index(row.model), row.ratio))


def _ratio_row(study: StudyContext, item: ModelTest, name: str, ratio: Ratio, n: int, labels: Mapping[str, str]) -> RatioRow:
    configuration = study.dataset.study.configuration(name)
    value = ratio.value or 1.0
    low, high = log_ends(value, ratio.ci)
    return RatioRow(
        item.model.label, name, labels[name], configuration.provider, value, low, high, n, ratio_text(ratio), times(value)
    )


def strip_figure(study: StudyContext, finding: Finding) -> Figure | None:
    """F2 of a hypothesis: every run of every compared configuration."""
    info = finding.metric
    rows = list(run_rows(study, info, (item.model.id for item in finding.tests), finding.hypothesis.providers))
    if not rows:
        return None
    values = [row.value for row in rows]
    log = min(values) > 0 and max(values) / min(values) > 20
    total = len(rows)
    shortest, longest = min(rows, key=lambda r: r.value), max(rows, key=lambda r: r.value)
    summary = (
        f"{counted(total, 'run')}; the smallest value is {shortest.note} ({shortest.label} on {shortest.model}), the largest {longest.note} "
        f"({longest.label} on {longest.model}). Boxes span the quartiles; the line inside is the median."
    )
    caption = (
        f"{info.label} of every valid run{' on a logarithmic axis' if log else ''}. {info.definition} {boundary_text(finding)}"
    )
    table = run_table(info, rows)
    spec = charts.strip(
        rows,
        study.looks,
        axis=f"{info.noun} ({info.unit})",
        log=log,
        description=summary,
    )
    title = runs_heading(rows, info)
    return Figure(f"{_id(finding)}-runs", title, caption.strip(), summary, spec, table, metric_bands(study, info.id))


def run_rows(
    study: StudyContext, info: MetricInfo, models: Iterable[str], providers: Sequence[str] | None = None
) -> Iterable[RunRow]:
    """Yield every valid run's value of a metric, where it can be drawn."""
    for model in models:
        for cell in study.dataset.cells:
            if cell.model.id != model or (providers is not None and cell.configuration.provider not in providers):
                continue
            for run in cell.ok:
                value = run.value(info.id)
                if finite(value):
                    label = label_of(cell.configuration)
                    yield RunRow(
                        cell.model.label,
                        cell.configuration.id,
                        label,
                        cell.configuration.provider,
                        run.repetition,
                        value,
                        quantity(value, info.unit),
                    )


def run_table(info: MetricInfo, rows: Sequence[RunRow]) -> Table:
    """Return the table of runs of a metric."""
    columns = [Column("model"), Column("configuration"), Column("repetition", "", True), Column(info.id, info.unit, True)]
    return make_table(
        f"{info.label} of every valid run",
        columns,
        [(r.model, r.label, r.repetition, r.value) for r in rows],
        [(r.model, r.label, str(r.repetition), r.note) for r in rows],
    )


def pairs_figure(study: StudyContext, finding: Finding) -> Figure | None:
    """F4 of a hypothesis: all pairs on every model."""
    rows: list[PairRow] = []
    labels = finding.labels
    plain: list[tuple[str | float | int | None, ...]] = []
    shown: list[tuple[str, ...]] = []
    significant = total = 0
    for item in finding.tests:
        names = [group.name for group in item.test.groups if group.tested]
        for i, a in enumerate(names):
            for j, b in enumerate(names):
                if i == j:
                    continue
                pair = item.test.pair(a, b)
                rows.append(_pair_row(item, pair, labels[a], labels[b], above=i < j))
                if i < j:
                    total += 1
                    significant += pair.significant
                    effect = pair.effect if not isinstance(pair.effect, NotComputable) else None
                    plain.append(
                        (
                            item.model.label,
                            labels[a],
                            labels[b],
                            pair.statistic,
                            pair.p,
                            pair.p_final,
                            None if effect is None else effect.value,
                            pair.ratio.value,
                            pair.verdict.value,
                        )
                    )
                    shown.append(
                        (
                            item.model.label,
                            labels[a],
                            labels[b],
                            f"{pair.symbol} = {number(pair.statistic)}" if pair.statistic is not None else "–",
                            p_value(pair.p),
                            p_value(pair.p_final),
                            "–" if effect is None else f"{effect.name} {number(effect.value, 2)}, {effect.magnitude}",
                            ratio_text(pair.ratio),
                            pair.verdict.value,
                        )
                    )
    if not rows:
        return None
    tests = sorted({item.test.posthoc for item in finding.tests if item.computable})
    columns = [
        Column("model"),
        Column("configuration a"),
        Column("configuration b"),
        Column("statistic", "", True),
        Column("p", "", True),
        Column("p adjusted", "", True),
        Column("effect size", "", True),
        Column("ratio of medians a ÷ b", "1", True),
        Column("in practice"),
    ]
    differ = f"{significant} of {counted(total, 'pair')} {'differs' if significant == 1 else 'differ'}"
    info = finding.metric
    summary = (
        f"{differ} significantly at α = {finding.hypothesis.alpha:g} after adjustment over the question's family. "
        "Above the diagonal stand adjusted p values, below it the ratio of medians, row to column."
    )
    caption = f"Pairwise comparisons of {info.noun}: {', '.join(tests)}; p adjusted with Holm over all models and pairs of the question."
    table = make_table(f"All pairs, {info.label.lower()}", columns, plain, shown)
    title = f"{differ} significantly in {info.noun}"
    spec = charts.pairs(rows, description=summary)
    return Figure(f"{_id(finding)}-pairs", title, caption, summary, spec, table, metric_bands(study, info.id))


def _pair_row(item: ModelTest, pair: Pair, a: str, b: str, *, above: bool) -> PairRow:
    p = pair.p_final
    if above:
        band = (
            "not significant"
            if p is None or not pair.significant
            else next((n for n, limit in _LIMITS if p < limit), "not significant")
        )
        text = "–" if p is None else p_value(p)
    else:
        band, text = "ratio", "–" if pair.ratio.value is None else times(pair.ratio.value)
    detail = f"{a} against {b} on {item.model.label}: ratio {ratio_text(pair.ratio)}, p {p_value(p)}, {pair.verdict.value}"
    return PairRow(item.model.label, a, b, band, text, detail)


_LIMITS = (("p < 0.001", 0.001), ("p < 0.01", 0.01), ("p < 0.05", 0.05))


def _id(finding: Finding) -> str:
    return finding.hypothesis.id.lower().replace(".", "-")
