"""The multiverse of a claim as a specification curve: every way to analyse it, by its ratio, above what each way chose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import altair as alt

from greenreport.analysis.hypotheses.claims import Claim
from greenreport.analysis.hypotheses.multiverse import AnalysedSo, Idle, Multiverse
from greenreport.analysis.stats import RatioMethod
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure, TableCell, make_table
from greenreport.report.figures.axes import log_domain, log_ticks
from greenreport.report.figures.captions import metric_bands, times
from greenreport.report.figures.specification import WIDTH, Sheet, Specification, either, layered, ordered
from greenreport.units import THIN, counted, number

HEIGHT = 170
ROW_HEIGHT = 19
NARROWEST_WAY = 9  # pixels of a column
IDLE = {Idle.GROSS: "idle power included", Idle.NET: "idle power taken out"}
OUTLIERS = {"none": "all runs", "iqr": "none beyond 1.5 IQR", "mad": "none beyond 3 MAD"}
VALID = "valid runs only"
OWN, OTHER = "own", "other"
SHAPES = {OWN: "diamond", OTHER: "circle"}


@dataclass(frozen=True, slots=True)
class WayRow:
    """One way to analyse a claim, at its place in the order of the ratios."""

    place: int
    ratio: float
    low: float
    high: float
    kind: str
    filled: str
    detail: str


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """A choice in the column of a way: taken or not."""

    place: int
    choice: str
    taken: str
    detail: str


def specification_curve_spec(ways: Sequence[WayRow], choices: Sequence[ChoiceRow], lines: Sequence[str]) -> Specification:
    """F17: ratios with intervals in their order, and below each the choices it was made with.

    Args:
        lines: the choices from top to bottom; a blank one stands between two groups.
    """
    sheet = Sheet()
    domain = log_domain([1.0, *(end for way in ways for end in (way.low, way.high))], 1.03)
    across = alt.Scale(domain=[0.3, len(ways) + 0.7], nice=False, zero=False)
    x = alt.X("place:Q", title=None, scale=across, axis=None)
    ticks = log_ticks(domain)
    near = len(ticks) < 3  # so close to each other that a logarithmic axis is a linear one
    kind = {"type": "linear", "zero": False} if near else {"type": "log"}  # Vega-Lite warns of a zero on a logarithmic scale
    scale = alt.Scale(**kind, domain=domain, nice=False)
    places = {"tickCount": 4} if near else {"values": ticks}
    axis = alt.Axis(labelExpr="format(datum.value, '~g') + ' ×'", labelOverlap=True, grid=True, **places)

    def y(field: str) -> alt.Y:
        return alt.Y(field, title=None, scale=scale, axis=axis)

    detail = [alt.Tooltip("detail:N", title="analysis")]
    own, hues = f"datum.kind === {OWN!r}", ("var(--vermilion)", "var(--blue)")
    filled = either(alt.FillOpacityValue, "datum.filled === 'yes'", 1, 0)
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=list(SHAPES), range=list(SHAPES.values())), legend=None)
    base = alt.Chart(sheet.rows(ways))
    one = alt.Chart(sheet.rows([{"one": 1.0}])).mark_rule(strokeDash=[3, 3], opacity=0.7).encode(y=y("one:Q"))
    interval = base.mark_rule(strokeWidth=1.5, opacity=0.7).encode(
        x=x, y=y("low:Q"), y2=alt.Y2("high:Q"), color=either(alt.ColorValue, own, *hues)
    )
    point = base.mark_point(size=55, strokeWidth=1.8, opacity=1).encode(
        x=x,
        y=y("ratio:Q"),
        stroke=either(alt.StrokeValue, own, *hues),
        fill=either(alt.FillValue, own, *hues),
        fillOpacity=filled,
        shape=shape,
        tooltip=detail,
    )
    curve = layered(one, interval, point, width=WIDTH, height=HEIGHT)
    rows = alt.Y(
        "choice:N", title=None, sort=list(lines), scale=alt.Scale(domain=list(lines)), axis=alt.Axis(domain=False, ticks=False)
    )
    dots = either(alt.OpacityValue, "datum.taken === 'yes'", 1, 0.16)
    matrix = (
        alt.Chart(sheet.rows(choices))
        .mark_circle(size=38, color="currentColor")
        .encode(x=x, y=rows, opacity=dots, tooltip=detail)
        .properties(width=WIDTH, height=ROW_HEIGHT * len(lines))
    )
    return sheet.finish(alt.vconcat(curve, matrix, spacing=12), chrome=200, plot="vconcat", narrowest=NARROWEST_WAY * len(ways))


def specification_curve(study: StudyContext, item: Multiverse) -> Figure:
    """F17 of a claim."""
    groups = [group for group in _groups(item) if len(ordered(group)) > 1]
    blank = (" " * (place + 1) for place in range(len(groups)))
    lines = [line for group, gap in zip(groups, blank, strict=True) for line in (gap, *_in_order(group))][1:]
    ways = [_way_row(place, way) for place, way in enumerate(item.ways, start=1)]
    choices = [
        ChoiceRow(row.place, line, "yes" if line in taken else "no", row.detail)
        for row, taken in zip(ways, zip(*groups, strict=True), strict=True)
        for line in lines
        if line.strip()
    ]
    claim, low, high = item.claim, item.ways[0], item.ways[-1]
    summary = f"{sentence(item)}. The smallest ratio is {times(low.value)} ({_words(low)}), the largest {times(high.value)} ({_words(high)})."
    caption = (
        f"{claim.info.label} of {claim.numerator} relative to {claim.denominator}, {_where(claim)}. Each column is one analysis of the same runs: above, its "
        f"ratio with an interval for this comparison alone ({_levels(item.ways)}); below, what was chosen. Filled: the interval "
        f"leaves out equality, the dashed line. Diamond: the study's own analysis."
    )
    table = make_table(
        f"Every analysis of {claim.info.noun}, {claim.numerator} relative to {claim.denominator}",
        ["test", "average", "runs", "outliers", "idle power", ("ratio", "1"), ("low", "1"), ("high", "1"), ("level", ""), "the study's own"],
        [
            [
                way.choices.method.value, way.choices.method.average, _admitted(way), OUTLIERS[way.choices.outliers],
                "–" if way.choices.idle is None else way.choices.idle.value, TableCell(way.value, times(way.value)),
                TableCell(way.ci.low, number(way.ci.low)), TableCell(way.ci.high, number(way.ci.high)),
                TableCell(way.ci.level, f"{number(way.ci.level * 100)}{THIN}%"), "yes" if way.declared else "no",
            ]
            for way in item.ways
        ],
    )  # fmt: skip
    spec = specification_curve_spec(ways, choices, lines)
    figure_id = f"multiverse-{claim.id}".replace(".", "-").replace("/", "--").replace("_", "-")
    return Figure(figure_id, sentence(item), caption, summary, spec, table, metric_bands(study, claim.metric))


def sentence(item: Multiverse) -> str:
    """Say in how many analyses the claim keeps its direction, in how many clearly, and between what its ratio lies."""
    claim = item.claim
    word = claim.info.less if claim.value < 1 else claim.info.more
    does = f"uses {word}" if claim.info.less == "less" else f"has a {word}"
    ends = [times(way.value) for way in (item.ways[0], item.ways[-1])]
    reach = ends[0] if ends[0] == ends[1] else f"between {ends[0]} and {ends[1]}"
    clearly = "clearly in all of them" if item.certain == item.agreeing else f"clearly in {item.certain}"
    return (
        f"In {item.agreeing} of {counted(len(item.ways), 'analysis', 'analyses')}, {claim.numerator} {does} {claim.info.noun} than {claim.denominator}, "
        f"{clearly}; the ratio is {reach}"
    )


def _where(claim: Claim) -> str:
    return f"on {claim.scope[0]}" if len(claim.scope) == 1 else f"geometric mean over {counted(len(claim.scope), 'model')}"


def _groups(item: Multiverse) -> Iterator[list[str]]:
    """Yield, for each kind of choice, what every way took."""
    yield [way.choices.method.test for way in item.ways]
    yield [way.choices.method.average for way in item.ways]
    yield [OUTLIERS[way.choices.outliers] for way in item.ways]
    yield [_admitted(way) for way in item.ways]
    yield ["" if way.choices.idle is None else IDLE[way.choices.idle] for way in item.ways]


def _in_order(taken: Sequence[str]) -> list[str]:
    """Return the distinct choices of a group in the order of their kind; reasons for which runs are excluded stand last."""
    tests, averages = ([getattr(method, part) for method in RatioMethod] for part in ("test", "average"))
    order = [*tests, *averages, *OUTLIERS.values(), VALID, *IDLE.values()]
    return sorted(ordered(taken), key=lambda choice: order.index(choice) if choice in order else len(order))


def _admitted(way: AnalysedSo) -> str:
    code = way.choices.admitted
    return VALID if code is None else f"with {code.value.replace('_', ' ')}"


def _words(way: AnalysedSo) -> str:
    """Return a way in words."""
    idle = [] if way.choices.idle is None else [IDLE[way.choices.idle]]
    return ", ".join([way.choices.method.value, OUTLIERS[way.choices.outliers], _admitted(way), *idle])


def _levels(ways: Iterable[AnalysedSo]) -> str:
    """Return the levels of the intervals: few runs allow no 95 % by order statistics."""
    levels = sorted({round(100 * way.ci.level, 1) for way in ways})
    return (
        f"95{THIN}%"
        if levels == [95.0]
        else f"{levels[0]:g} to {levels[-1]:g}{THIN}%, as few runs allow"
        if levels[0] < 95
        else f"at least 95{THIN}%"
    )


def _way_row(place: int, way: AnalysedSo) -> WayRow:
    clear = not way.ci.low <= 1 <= way.ci.high
    detail = f"{times(way.value)} [{number(way.ci.low)}, {number(way.ci.high)}]: {_words(way)}"
    kind = OWN if way.declared else OTHER
    return WayRow(place, way.value, way.ci.low, way.ci.high, kind, "yes" if clear else "no", detail)
