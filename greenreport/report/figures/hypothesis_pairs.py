"""All pairs of the configurations that a hypothesis compares: p values and ratios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import altair as alt

from greenreport.analysis.hypotheses.findings import Finding, ModelTest
from greenreport.analysis.stats import NotComputable, Pair
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure, TableCell, TableEntry, make_table
from greenreport.report.figures.axes import LINES, narrowest_columns
from greenreport.report.figures.captions import metric_bands, ratio_text, times
from greenreport.report.figures.specification import WIDTH, Sheet, Specification, drawn, layered, ordered, ordinal, text_marks
from greenreport.units import counted, number, p_value

NOT_SIGNIFICANT = "not significant"
LIMITS = (("p < 0.001", 0.001), ("p < 0.01", 0.01), ("p < 0.05", 0.05))
BANDS = (*(name for name, _ in LIMITS), NOT_SIGNIFICANT, "ratio")

ROW_BYTES = 165


@dataclass(frozen=True, slots=True)
class PairRow:
    """A pair of configurations on one model: what its square prints, adjusted p or ratio, and all of it in words."""

    model: str
    row: str
    column: str
    band: str
    text: str
    ratio: str
    p: str
    verdict: str


def pairs_spec(rows: Sequence[PairRow]) -> Specification:
    """F4: pairwise matrix: adjusted p above the diagonal in four ordered bands, the ratio below it."""
    sheet = Sheet()
    names = ordered([row.row for row in rows])
    position = {"sort": names, "scale": alt.Scale(domain=names, paddingInner=0.06)}
    heads = alt.Axis(orient="bottom", labelAngle=0, labelExpr=LINES, domain=False, ticks=False)
    x, y = alt.X("column:N", title=None, axis=heads, **position), alt.Y("row:N", title=None, **position)
    shade = alt.FillOpacity("band:O", scale=ordinal(BANDS, [0.42, 0.28, 0.15, 0.0, 0.0]), legend=None)
    base = alt.Chart()
    named = (
        ("row", "configuration"),
        ("column", "against"),
        ("model", "model"),
        ("ratio", "ratio"),
        ("p", "p"),
        ("verdict", "in practice"),
    )
    square = base.mark_rect(fill="var(--blue)", stroke="currentColor", strokeOpacity=0.18).encode(
        x=x, y=y, fillOpacity=shade, tooltip=[alt.Tooltip(f"{field}:N", title=title) for field, title in named]
    )
    text = text_marks(base).encode(x=x, y=y, text=alt.Text("text:N"))
    size = max(300, min(WIDTH - 120, 104 * len(names)))
    layers = layered(square, text, data=sheet.rows(rows), width=size, height=30 * len(names))
    return sheet.by_model(layers, ordered([row.model for row in rows]), chrome=190, narrowest=narrowest_columns(names))


def pairs_figure(study: StudyContext, finding: Finding) -> Figure | None:
    """F4 of a hypothesis: all pairs on every model."""
    labels, info = finding.labels, finding.metric
    rows: list[PairRow] = []
    pairs: list[tuple[ModelTest, Pair]] = []
    for item in finding.tests:
        names = [group.name for group in item.test.groups if group.tested]
        for (i, a), (j, b) in permutations(enumerate(names), 2):
            pair = item.test.pair(a, b)
            rows.append(_pair_row(item, pair, labels[a], labels[b], above=i < j))
            if i < j:
                pairs.append((item, pair))
    if not rows:
        return None
    significant = sum(pair.significant for _, pair in pairs)
    tests = sorted({item.test.posthoc for item in finding.tests if item.computable})
    differ = f"{significant} of {counted(len(pairs), 'pair')} {'differs' if significant == 1 else 'differ'}"
    summary = (
        f"{differ} significantly at α = {finding.hypothesis.alpha:g} over all pairs on a model together. "
        "Above the diagonal stand adjusted p values, below it the ratio, row to column."
    )
    caption = f"Pairwise comparisons of {info.noun}: {', '.join(tests)}; p adjusted over all pairs on a model."
    table = make_table(
        f"All pairs, {info.label.lower()}",
        [
            "model", "configuration a", "configuration b", ("statistic", ""), ("p", ""), ("p adjusted", ""), ("effect size", ""),
            ("ratio a ÷ b", "1"), "in practice",
        ],
        [[item.model.label, labels[pair.a], labels[pair.b], *_pair_cells(pair)] for item, pair in pairs],
    )  # fmt: skip
    figure_id = f"{finding.hypothesis.id.lower().replace('.', '-')}-pairs"
    title = f"{differ} significantly in {info.noun}"
    shown, left_out = drawn(rows, ROW_BYTES)
    return Figure(figure_id, title, caption + left_out, summary, pairs_spec(shown), table, metric_bands(study, info.id))


def _pair_cells(pair: Pair) -> list[TableEntry]:
    """Return the entries of a pair in the table, from its statistic on."""
    effect = None if isinstance(pair.effect, NotComputable) else pair.effect
    return [
        None if pair.statistic is None else TableCell(pair.statistic, f"{pair.symbol} = {number(pair.statistic)}"),
        TableCell(pair.p, p_value(pair.p)),
        TableCell(pair.p_adjusted, p_value(pair.p_adjusted)),
        None if effect is None else TableCell(effect.value, f"{effect.name} {number(effect.value, 2)}, {effect.magnitude}"),
        TableCell(pair.ratio.value, ratio_text(pair.ratio)),
        pair.verdict.value,
    ]


def _pair_row(item: ModelTest, pair: Pair, a: str, b: str, *, above: bool) -> PairRow:
    p = pair.p_adjusted
    if not above:
        band, text = "ratio", "–" if pair.ratio.value is None else times(pair.ratio.value)
    elif p is None:
        band, text = NOT_SIGNIFICANT, "–"
    else:
        below = (name for name, limit in LIMITS if pair.significant and p < limit)
        band, text = next(below, NOT_SIGNIFICANT), p_value(p)
    return PairRow(item.model.label, a, b, band, text, ratio_text(pair.ratio), p_value(p), pair.verdict.value)
