"""How large the differences of a hypothesis are, and how far chance is from explaining them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import altair as alt

from greenreport.analysis.hypotheses.findings import Finding, ModelTest
from greenreport.analysis.stats import NotComputable, Pair, PairVerdict
from greenreport.report.context import StudyContext
from greenreport.report.drawing.style import Looks
from greenreport.report.figure import Figure, TableCell, make_table
from greenreport.report.figures.axes import finite, positive, value_axis
from greenreport.report.figures.captions import metric_bands, ratio_text, times
from greenreport.report.figures.specification import WIDTH, Sheet, Specification, drawn, layered
from greenreport.units import counted, declared_percent, number, p_value

SMALLEST_P = 1e-12  # p values below are drawn at this one; no reader tells them apart
VERDICTS = {
    PairVerdict.LOWER: "difference",
    PairVerdict.HIGHER: "difference",
    PairVerdict.NO_PRACTICAL_DIFFERENCE: "no practical difference",
    PairVerdict.INCONCLUSIVE: "inconclusive",
}
SHAPES = {"difference": "circle", "no practical difference": "square", "inconclusive": "diamond"}
HEIGHT = 260
ROW_BYTES = 190


#: What the tooltip of a pair tells: fields of its row, with their names.
TOLD = (("other_label", "configuration"), ("label", "against"), ("model", "model"), ("detail", "ratio"), ("verdict", "verdict"))


@dataclass(frozen=True, slots=True)
class EffectRow:
    """A pair of configurations on one model: how much larger the one median is, and how far chance is from explaining it.

    Attributes:
        configuration: the one with the smaller median; `other`: the one with the larger.
        strength: −log10 of the adjusted p value, cut off where it no longer matters.
    """

    model: str
    configuration: str
    label: str
    other: str
    other_label: str
    ratio: float
    strength: float
    verdict: str
    detail: str


def effect_sizes_spec(rows: Sequence[EffectRow], styles: Looks, *, axis: str, band: float, alpha: float) -> Specification:
    """F6: each pair, to the right larger, upwards less explained by chance; the range of no practical interest is shaded.

    The effect size is the ratio, on which the smallest effect of interest is declared and which all tests share.
    """
    sheet = Sheet(styles)
    top = max(2.2, max(row.strength for row in rows) * 1.06)
    x = value_axis(sheet, [1.0, 1 + band, *(row.ratio for row in rows)], axis, first="log", start=1, suffix="×")
    step = 1 if top <= 6 else math.ceil(top / 6)
    text = "datum.value == 0 ? '1' : datum.value > 3.5 ? '1e-' + datum.value : format(pow(10, -datum.value), '~g')"
    ticks = alt.Axis(values=list(range(0, int(top) + 1, step)), labelExpr=text, grid=True)
    y = alt.Y("strength:Q", title="p", scale=alt.Scale(domain=[0, top], nice=False), axis=ticks)
    frame = alt.Chart(sheet.rows([{"from": 1.0, "to": 1 + band, "level": -math.log10(alpha)}]))
    zone = frame.mark_rect(opacity=0.07, color="currentColor").encode(x=x("from:Q"), x2=alt.X2("to:Q"))
    level = frame.mark_rule(strokeDash=[3, 3], opacity=0.7).encode(y=alt.Y("level:Q", scale=alt.Scale(domain=[0, top])))
    shape = alt.Shape(
        "verdict:N", scale=alt.Scale(domain=list(SHAPES), range=list(SHAPES.values())), legend=alt.Legend(title=None, offset=26)
    )
    pairs = alt.Chart(sheet.rows(rows))
    different = pairs.transform_filter("datum.verdict == 'difference'")
    inside = different.mark_circle(size=80, opacity=0.35, color="var(--blue)").encode(x=x("ratio:Q"), y=y)
    point = pairs.mark_point(size=80, strokeWidth=1.8, opacity=1, color="var(--blue)").encode(
        x=x("ratio:Q"), y=y, shape=shape, tooltip=[alt.Tooltip(f"{field}:N", title=title) for field, title in TOLD]
    )
    chart = layered(zone, level, inside, point, width=WIDTH, height=HEIGHT)
    return sheet.finish(chart, chrome=75)


def significance_figure(study: StudyContext, finding: Finding) -> Figure | None:
    """F6 of a hypothesis: every pair of configurations on every model, by size and by p value."""
    pairs = [(item, pair, p) for item in finding.tests for pair, p in _pairs(item)]
    if not pairs:
        return None
    info, rule = finding.metric, finding.hypothesis
    rows = [_row(finding, item, pair, p) for item, pair, p in pairs]
    large = [(pair, row.ratio > 1 + rule.smallest_effect) for (_, pair, _), row in zip(pairs, rows, strict=True)]
    both = sum(pair.significant and beyond for pair, beyond in large)
    small = sum(pair.significant and not beyond for pair, beyond in large)
    undecided = sum(not pair.significant and beyond for pair, beyond in large)
    limit = declared_percent(rule.smallest_effect)
    number_of_pairs, differ = counted(len(rows), "pair"), "differs" if both == 1 else "differ"
    title = f"{both} of {number_of_pairs} {differ} significantly in {info.noun}, and by more than {limit}"
    largest = max(rows, key=lambda row: row.ratio)
    summary = (
        f"Of {number_of_pairs}, {both} {differ} significantly by more than {limit}, {small} significantly by less, and {undecided} by more without being "
        f"significant at α = {rule.alpha:g}. The largest ratio is {times(largest.ratio)} ({largest.other_label} against {largest.label} on {largest.model})."
    )
    cut = f" p values below {SMALLEST_P:g} are drawn there." if min(p for _, _, p in pairs) < SMALLEST_P else ""
    caption = (
        f"Ratio of {info.noun}, larger ÷ smaller, against p adjusted over all pairs on the model; one mark for each pair and model. Shaded: the range of "
        f"no practical interest ({limit}); dashed: α = {rule.alpha:g}.{cut}"
    )
    table = make_table(
        f"Size and significance of all pairs, {info.label.lower()}",
        [
            "model", "smaller", "larger", ("ratio, larger ÷ smaller", "1"), ("p adjusted", ""),
            ("standardised effect size", ""), "in practice",
        ],
        [
            [
                row.model, row.label, row.other_label, TableCell(row.ratio, times(row.ratio)), TableCell(p, p_value(p)),
                _standardised(pair), row.verdict,
            ]
            for row, (_, pair, p) in zip(rows, pairs, strict=True)
        ],
    )  # fmt: skip
    axis, figure_id = f"{info.noun}, larger ÷ smaller", f"{rule.id.lower().replace('.', '-')}-effects"
    shown, left_out = drawn(rows, ROW_BYTES)
    spec = effect_sizes_spec(shown, study.looks, axis=axis, band=rule.smallest_effect, alpha=rule.alpha)
    return Figure(figure_id, title, caption + left_out, summary, spec, table, metric_bands(study, info.id))


def _pairs(item: ModelTest) -> Iterator[tuple[Pair, float]]:
    """Yield the pairs that have both a ratio and a p value, and that p; each pair is said of the configuration with the smaller median."""
    for pair in item.test.pairs:
        ratio, p = pair.ratio.value, pair.p_adjusted
        if positive(ratio) and finite(p):
            yield (pair if ratio <= 1 else pair.reversed()), p


def _standardised(pair: Pair) -> TableCell | None:
    if isinstance(pair.effect, NotComputable):
        return None
    size = abs(pair.effect.value)
    return TableCell(size, f"|{pair.effect.name}| = {number(size, 2)}, {pair.effect.magnitude}")


def _row(finding: Finding, item: ModelTest, pair: Pair, p: float) -> EffectRow:
    strength = -math.log10(max(SMALLEST_P, min(1.0, p)))
    verdict = VERDICTS[pair.verdict]
    first, second = finding.labels[pair.a], finding.labels[pair.b]
    detail = f"{ratio_text(pair.ratio.inverse())}, p {p_value(p)}"
    ratio = 1 / (pair.ratio.value or 1.0)
    return EffectRow(item.model.label, pair.a, first, pair.b, second, ratio, max(0.0, strength), verdict, detail)
