"""What is derived from energy: carbon, water or cost of each cell, with two ranges around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

import altair as alt

from greenreport.analysis.footprint import Derived, FootprintAnalysis, FootprintRow, FootprintTable, Impact
from greenreport.analysis.stats import NotComputable
from greenreport.report.context import StudyContext
from greenreport.report.drawing.style import Looks
from greenreport.report.figure import Figure, make_table, measured
from greenreport.report.figures.axes import finite, label_axis, value_axis
from greenreport.report.figures.captions import metric_bands, runs_text
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
from greenreport.units import THIN, quantity

DERIVED = "derived, not measured"


@dataclass(frozen=True, slots=True)
class AmountRow(Derived):
    """An amount of a configuration on a model, printed with its range (`text`) and alone (`short`)."""

    model: str
    configuration: str
    label: str
    text: str
    short: str


def footprint_spec(rows: Sequence[AmountRow], styles: Looks, *, axis: str, unit: str, prefixed: bool) -> Specification:
    """Draw the central value, a thick bar for the interval of the energy, a thin one for the whole range.

    Args:
        unit: stands at the ticks; `prefixed`: whether with the prefix of its size.
    """
    sheet = Sheet(styles)
    labels, y = label_axis(rows)
    ends = [v for row in rows for v in (row.low, row.high)]
    x = value_axis(sheet, ends, axis, start=0, unit=unit if prefixed else "", suffix="" if prefixed else unit)
    base = alt.Chart()
    whole = base.mark_rule(strokeWidth=1.2).encode(x=x("low:Q"), x2=alt.X2("high:Q"), y=y, color=colour(styles))
    thick = base.mark_rule(strokeWidth=5, opacity=0.45)
    energy = thick.encode(x=x("energy_low:Q"), x2=alt.X2("energy_high:Q"), y=y, color=colour(styles))
    tooltip = [alt.Tooltip("label:N", title="configuration"), alt.Tooltip("text:N", title="derived")]
    point = points(base, styles, 90).encode(x=x("central:Q"), y=y, tooltip=tooltip)
    value = text_marks(base, align="left", dx=9).encode(x=x("high:Q"), y=y, text=alt.Text("short:N"))
    layers = layered(whole, energy, point, value, data=sheet.rows(rows), width=WIDTH - 200, height=ROW * len(labels))
    return sheet.by_model(layers, ordered([row.model for row in rows]), chrome=265)


def footprint_figures(study: StudyContext, footprint: FootprintAnalysis) -> tuple[Figure, ...]:
    """Return a figure for each of carbon, water and cost, for the first basis that has data."""
    drawable = tuple(row for row in footprint.tables[0].rows if all(finite(item.central) for item in row.amounts))
    if not drawable:
        return ()
    table = replace(footprint.tables[0], rows=drawable)
    return tuple(_figure(study, footprint, table, index) for index in range(len(footprint.impacts)))


def amount_text(item: Derived, kind: Impact) -> tuple[str, str]:
    """Print an amount, and its whole range."""
    return quantity(item.central, kind.unit), f"[{quantity(item.low, kind.unit)}, {quantity(item.high, kind.unit)}]"


def _figure(study: StudyContext, footprint: FootprintAnalysis, table: FootprintTable, index: int) -> Figure:
    kind = footprint.impacts[index]
    pairs = [(row, row.amounts[index]) for row in table.rows]
    least, most = min(pairs, key=lambda p: p[1].central), max(pairs, key=lambda p: p[1].central)
    per, where = table.basis.words, footprint.declared.location
    ends = [f"{quantity(item.central, kind.unit)} ({row.label} on {row.model.label})" for row, item in (least, most)]
    summary = (
        f"With the central factors declared for {where}, {per} come to between {ends[0]} and {ends[1]}. "
        "Each cell's range covers the low to high factors together with the interval of its energy."
    )
    without_interval = any(isinstance(row.kwh_ci, NotComputable) for row, _ in pairs)
    caption = (
        f"{kind.label} for {per} in {kind.unit}, derived from the median energy of {runs_text(row.n for row, _ in pairs)}; thick bars: 95{THIN}% interval of the energy "
        f"with central factors; thin bars: low to high factors as well, a range and not an interval."
        f"{' Where energy has no interval, its median stands for it.' if without_interval else ''} Boundary: {'; '.join(footprint.boundaries)}."
    )
    names = ("central", "low", "high", "low, energy only", "high, energy only")
    shown = make_table(
        f"{kind.label} for {per}",
        ["model", "configuration", *((name, kind.unit) for name in names), ("runs", "")],
        [
            [row.model.label, row.label, *(measured(amount, kind.unit) for amount in astuple(item)), row.n]
            for row, item in pairs
        ],
    )
    rows = [_amount_row(row, item, kind) for row, item in pairs]
    spec = footprint_spec(rows, study.looks, axis=f"{kind.noun} for {per}", unit=kind.unit, prefixed=kind.prefixed)
    title = f"{kind.label}: {per} come to {_reach(least, most, kind)}"
    bands = (DERIVED, *metric_bands(study, table.basis.metric))
    return Figure(f"footprint-{kind.id}", title, caption, summary, spec, shown, bands)


def _amount_row(row: FootprintRow, item: Derived, kind: Impact) -> AmountRow:
    amount, span = amount_text(item, kind)
    return AmountRow(
        item.central, item.low, item.high, item.energy_low, item.energy_high, row.model.label, row.configuration.id, row.label,
        f"{amount} {span} on {row.model.label}", amount,
    )  # fmt: skip


def _reach(least: tuple[FootprintRow, Derived], most: tuple[FootprintRow, Derived], kind: Impact) -> str:
    """Return from where to where the central amounts go, and what they depend on."""
    ends = [quantity(item.central, kind.unit) for _, item in (least, most)]
    if ends[0] == ends[1]:
        return ends[0]
    apart = {
        "the model": least[0].model.id != most[0].model.id,
        "the configuration": least[0].configuration.id != most[0].configuration.id,
    }
    factors = [name for name, differs in apart.items() if differs]
    return f"between {ends[0]} and {ends[1]}, depending on {' and '.join(factors)}"
