"""The figure of a hypothesis that sets the size of differences against their p values."""

from __future__ import annotations

import math
from collections.abc import Iterator

from greenreport.analysis.hypotheses.findings import Finding, ModelTest
from greenreport.analysis.stats import NotComputable, Pair, PairVerdict
from greenreport.report import charts
from greenreport.report.charts import EffectRow
from greenreport.report.context import StudyContext
from greenreport.report.figure import Column, Figure, make_table
from greenreport.report.figures.words import metric_bands, ratio_text, times
from greenreport.units import counted, declared_percent, number, p_value

SMALLEST_P = 1e-12  # p values below are drawn at this one; no reader tells them apart
WORDS = {
    PairVerdict.LOWER: "difference",
    PairVerdict.HIGHER: "difference",
    PairVerdict.NO_PRACTICAL_DIFFERENCE: "no practical difference",
    PairVerdict.INCONCLUSIVE: "inconclusive",
}


def significance_figure(study: StudyContext, finding: Finding) -> Figure | None:
    """F6 of a hypothesis: every pair of configurations on every model, by size and by p value."""
    found = [(item, pair) for item in finding.tests for pair in _pairs(item)]
    if not found:
        return None
    info, rule = finding.metric, finding.hypothesis
    rows = [_row(finding, item, pair) for item, pair in found]
    large = [(pair, row.ratio > 1 + rule.smallest_effect) for (_, pair), row in zip(found, rows, strict=True)]
    both = sum(pair.significant and beyond for pair, beyond in large)
    small = sum(pair.significant and not beyond for pair, beyond in large)
    open_ = sum(not pair.significant and beyond for pair, beyond in large)
    limit = declared_percent(rule.smallest_effect)
    finding_text = f"{both} of {counted(len(rows), 'pair')} {'differs' if both == 1 else 'differ'} in {info.noun} by more than {limit} and beyond chance"
    summary = (
        f"Of {counted(len(rows), 'pair')}, {both} {'differs' if both == 1 else 'differ'} significantly by more than {limit}, {small} significantly by less, and {open_} by more without being "
        f"significant at α = {rule.alpha:g}. The largest ratio is {_largest(rows)}."
    )
    smallest = min(p for _, pair in found if (p := _p(pair)) is not None)
    cut = f" p values below {SMALLEST_P:g} are drawn there." if smallest < SMALLEST_P else ""
    caption = (
        f"Ratio of medians of {info.noun}, larger ÷ smaller, against p adjusted over the question's family; one mark for each pair and model. Shaded: the range of "
        f"no practical interest ({limit}); dashed: α = {rule.alpha:g}.{cut}"
    )
    columns = [
        Column("model"),
        Column("smaller"),
        Column("larger"),
        Column("ratio of medians, larger ÷ smaller", "1", True),
        Column("p adjusted", "", True),
        Column("standardised effect size", "", True),
        Column("in practice"),
    ]
    plain, shown = [], []
    for row, (_, pair) in zip(rows, found, strict=True):
        effect = None if isinstance(pair.effect, NotComputable) else pair.effect
        size = None if effect is None else abs(effect.value)
        plain.append((row.model, row.label, row.other_label, row.ratio, _p(pair), size, row.verdict))
        words = "–" if effect is None else f"|{effect.name}| = {number(abs(effect.value), 2)}, {effect.magnitude}"
        shown.append((row.model, row.label, row.other_label, times(row.ratio), p_value(_p(pair)), words, row.verdict))
    table = make_table(f"Size and significance of all pairs, {info.label.lower()}", columns, plain, shown)
    spec = charts.significance(
        rows,
        study.looks,
        axis=f"{info.noun}, larger ÷ smaller",
        band=rule.smallest_effect,
        alpha=rule.alpha,
        description=summary,
    )
    name = rule.id.lower().replace(".", "-")
    return Figure(f"{name}-effects", finding_text, caption, summary, spec, table, metric_bands(study, info.id))


def _pairs(item: ModelTest) -> Iterator[Pair]:
    """Yield the pairs that have both a ratio and a p value, each said of the configuration with the smaller median."""
    for pair in item.test.pairs:
        ratio = pair.ratio.value
        if ratio is not None and ratio > 0 and _p(pair) is not None:
            yield pair if ratio <= 1 else pair.reversed()


def _p(pair: Pair) -> float | None:
    p = pair.p_final
    return p if p is not None and math.isfinite(p) else None


def _row(finding: Finding, item: ModelTest, pair: Pair) -> EffectRow:
    p = _p(pair)
    strength = -math.log10(max(SMALLEST_P, min(1.0, 1.0 if p is None else p)))
    verdict = WORDS[pair.verdict]
    first, second = finding.labels[pair.a], finding.labels[pair.b]
    detail = f"{second} against {first} on {item.model.label}: {ratio_text(pair.ratio.inverse())}, p {p_value(p)}; {verdict}"
    ratio = 1 / (pair.ratio.value or 1.0)
    return EffectRow(item.model.label, pair.a, first, pair.b, second, ratio, max(0.0, strength), verdict, detail)


def _largest(rows: list[EffectRow]) -> str:
    row = max(rows, key=lambda r: r.ratio)
    return f"{times(row.ratio)} ({row.other_label} against {row.label} on {row.model})"
