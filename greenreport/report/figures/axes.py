"""Axes of values and of names: linear or logarithmic, units with one prefix, and which values have a place on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

import altair as alt

from greenreport.analysis.measure.configuration_labels import JOINT
from greenreport.analysis.stats import Interval, NotComputable, reach
from greenreport.report.drawing.svg_text import width
from greenreport.report.figure import COLUMN
from greenreport.report.figures.specification import Sheet, ordered

Kind = Literal["linear", "log"]
WIDE = 20  # values that span more than this factor are shown on a logarithmic axis first
PREFIXES = ((1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"))
#: Units that take prefixes; of seconds only those below 1.
PREFIXED = frozenset({"J", "W", "J/request", "J/answer", "J/token"})
FINE_STEPS = [1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 7, 8, 9]
LINES = "split(replace(datum.value, regexp('\u00a0·\u00a0', 'g'), ' · '), ' · ')"  # engine over provider over load
#: Room for a value with its unit; a wider table scrolls.
NARROWEST_COLUMN = 80
DOT = " · "  # between the parts of a label
#: Pixels beside the cells of a matrix for names: as many as models need, and the most there are for configurations.
BESIDE, MOST_BESIDE = 170, 320
#: Size of the letters of headings, pixels between two of them, and between a name and the cells beside it.
HEAD_SIZE, HEAD_GAP, NAME_GAP = 12, 6, 10


def finite(value: float | None) -> TypeGuard[float]:
    """Whether a value has a place on an axis."""
    return value is not None and math.isfinite(value)


def positive(value: float | None) -> TypeGuard[float]:
    """Whether a value has a logarithm, and a quotient with another such value."""
    return finite(value) and value > 0


def far_apart(values: Sequence[float]) -> bool:
    """Whether values are positive and span so wide a range that a logarithmic axis shows them better."""
    return min(values) > 0 and max(values) / min(values) > WIDE


def log_ends(value: float, ci: Interval | NotComputable) -> tuple[float, float]:
    """Return the ends of an interval on a logarithmic axis; the estimate in place of an end that is missing or has no logarithm."""
    low, high = reach(value, ci)
    return low if positive(low) else value, high if positive(high) else value


def value_axis(
    sheet: Sheet,
    values: Sequence[float],
    title: str,
    *,
    first: Kind | None = None,
    start: float | None = None,
    unit: str = "",
    suffix: str = "",
) -> Callable[[str], alt.X]:
    """Return a function that gives the axis for a field; the page switches between both kinds where both are possible.

    Args:
        first: the kind shown first; by the span of the values when absent.
        start: where the axis begins; a logarithmic one only where that is above 0.
        unit: stands behind every tick, with the prefix of its size ("40 ms"); `suffix`: the same without prefix ("2 ×").
    """
    values = [value for value in values if finite(value)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    domain = log_domain(values)
    if start:
        domain[0] = start
    ticks = log_ticks(domain) if low > 0 else []
    labels: dict[str, Any] = {"format": "~s", "labelOverlap": "greedy"}
    if unit or suffix:
        expression = prefixed(unit) if unit else f"format(datum.value, '~g') + ' {suffix}'"
        labels = {"labelExpr": expression, "labelSeparation": 8, "labelOverlap": "greedy"}
    pad = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
    linear = alt.Scale(domain=[low - pad if start is None else start, high + pad], nice=False, zero=False)
    kinds: dict[Kind, dict[str, Any]] = {"linear": {"title": title, "scale": linear, "axis": alt.Axis(tickCount=6, **labels)}}
    if len(ticks) > 1:
        scale = alt.Scale(type="log", domain=domain, nice=False)
        kinds["log"] = {"title": f"{title}, log scale", "scale": scale, "axis": alt.Axis(values=ticks, **labels)}
    span: Kind = "log" if low > 0 and high / low > WIDE else "linear"
    shown: Kind = (first or span) if (first or span) in kinds else "linear"
    for other in kinds.keys() - {shown}:
        sheet.offer(other, "x", kinds[other])
    return lambda field: alt.X(field, **kinds[shown])


def prefixed(unit: str) -> str:
    """Return the expression of tick labels with the prefix of their size: 40m becomes 40 ms."""
    return f"replace(format(datum.value, '~s'), regexp('([a-zµ]?)$', 'i'), ' $1') + '{unit}'"


def axis_unit(unit: str, values: Iterable[float]) -> tuple[float, str]:
    """Return by what the values of an axis are divided, and their unit then: (0.001, ``ms``) where the largest is 0.04 s.

    All ticks of an axis share the prefix, which stands in its title, so that no tick reads “600m”.
    """
    largest = max((abs(value) for value in values), default=0.0)
    if unit not in PREFIXED and unit != "s":
        return 1.0, unit
    usable = [pair for pair in PREFIXES if unit != "s" or pair[0] <= 1]
    factor, prefix = next((pair for pair in usable if largest >= pair[0]), usable[-1] if largest else (1.0, ""))
    return factor, f"{prefix}{unit}"


def log_domain(values: Sequence[float], pad: float = 1.12) -> list[float]:
    """Return a domain for a logarithmic scale with a little room on both sides; values without a logarithm have no place in it."""
    with_logarithm = [value for value in values if positive(value)]
    return [min(with_logarithm, default=0.5) / pad, max(with_logarithm, default=2.0) * pad]


def log_ticks(domain: Sequence[float]) -> list[float]:
    """Return round tick values of a logarithmic scale: 1, 2, 5 per decade, finer when the domain is short."""
    low, high = domain
    steps = [1.0, 2, 5] if high / low > 8 else [1, 1.5, 2, 3, 4, 5, 7] if high / low > 3 else FINE_STEPS
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [float(f"{step * 10.0**decade:.6g}") for decade in decades for step in steps]
    return [tick for tick in ticks if low <= tick <= high]


def moved_apart(places: Sequence[float], step: float, end: float) -> list[float]:
    """Return ascending places moved on, and back again from the end, until neighbours are a step apart."""
    moved = list(places)
    for index in range(1, len(moved)):
        moved[index] = max(moved[index], moved[index - 1] + step)
    if moved and moved[-1] > end:
        moved[-1] = end
        for index in reversed(range(len(moved) - 1)):
            moved[index] = min(moved[index], moved[index + 1] - step)
    return moved


def label_axis(rows: Sequence[Any]) -> tuple[list[str], alt.Y]:
    """Return the labels of rows in order, and the vertical axis that shows them."""
    labels = ordered([row.label for row in rows])
    return labels, alt.Y("label:N", title=None, sort=labels, scale=alt.Scale(domain=labels))


def narrowest_columns(labels: Sequence[str], least: int = NARROWEST_COLUMN) -> int:
    """Return the narrowest width of columns below these headings, in which none lies on its neighbour."""
    lines = [line for label in labels for line in label.replace(JOINT, DOT).split(DOT)]
    widest = max((width(line, HEAD_SIZE) for line in lines), default=0.0)
    return len(labels) * max(least, math.ceil(widest) + HEAD_GAP)


@dataclass(frozen=True, slots=True)
class CellAxes:
    """The axes of a matrix of cells.

    Attributes:
        columns, rows: the names above and beside the cells, in order.
        beside: pixels that the names of the rows take.
    """

    columns: list[str]
    rows: list[str]
    x: alt.X
    y: alt.Y
    beside: int


def cell_axes(cells: Sequence[Any], *, gap: float, row_gap: float) -> CellAxes:
    """Return the axes of a matrix: configurations above and models beside the cells.

    Where the configurations need more than the page has, as those of a sweep do, and there are fewer models, the models stand above.

    Args:
        gap, row_gap: between two columns and two rows, as a share of a cell.
    """
    named = {field: ordered([getattr(cell, field) for cell in cells]) for field in ("label", "model")}
    above, beside = "label", "model"
    if len(named["model"]) < len(named["label"]) and narrowest_columns(named["label"]) + BESIDE > COLUMN:
        above, beside = beside, above
    columns, rows = named[above], named[beside]
    lines = max((name.count("·") + 1 for name in columns), default=1)  # all of a heading stands above the cells
    heads = alt.Axis(orient="top", labelAngle=0, labelExpr=LINES, labelPadding=14 * lines - 8, domain=False, ticks=False)
    x = alt.X(f"{above}:N", title=None, sort=columns, axis=heads, scale=alt.Scale(domain=columns, paddingInner=gap))
    widest = max((width(name, HEAD_SIZE) for name in rows), default=0.0)
    room = min(MOST_BESIDE, max(BESIDE, math.ceil(widest) + NAME_GAP))
    names = alt.Axis(labelLimit=room - NAME_GAP // 2)
    y = alt.Y(f"{beside}:N", title=None, sort=rows, axis=names, scale=alt.Scale(domain=rows, paddingInner=row_gap))
    return CellAxes(columns, rows, x, y, room)
