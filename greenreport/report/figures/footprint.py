"""Figures of what is derived from energy: carbon, water, cost."""

from __future__ import annotations

from dataclasses import replace

from greenreport.analysis.footprint import Derived, FootprintAnalysis, FootprintRow, FootprintTable, Impact
from greenreport.analysis.stats import NotComputable
from greenreport.report import charts
from greenreport.report.charts import AmountRow
from greenreport.report.charts.axes import finite
from greenreport.report.context import StudyContext
from greenreport.report.figure import Column, Figure, make_table
from greenreport.report.figures.words import metric_bands, runs_text
from greenreport.units import THIN, quantity

DERIVED = "derived, not measured"


def footprint_figures(study: StudyContext, found: FootprintAnalysis) -> tuple[Figure, ...]:
    """Return a figure for each of carbon, water and cost, for the first basis that has data."""
    table = found.tables[0]
    drawable = [row for row in table.rows if all(finite(item.central) for item in row.amounts)]
    return tuple(
        _figure(study, found, replace(table, rows=tuple(drawable)), index) for index in range(len(found.impacts)) if drawable
    )


def amount_words(item: Derived, kind: Impact) -> tuple[str, str]:
    """Print an amount, and its whole range."""
    return quantity(item.central, kind.unit), f"[{quantity(item.low, kind.unit)}, {quantity(item.high, kind.unit)}]"


def _figure(study: StudyContext, found: FootprintAnalysis, table: FootprintTable, index: int) -> Figure:
    kind = found.impacts[index]
    pairs = [(row, row.amounts[index]) for row in table.rows]
    rows = [
        AmountRow(
            row.model.label,
            row.configuration.id,
            row.label,
            item.central,
            item.low,
            item.high,
            item.energy_low,
            item.energy_high,
            f"{' '.join(amount_words(item, kind))} on {row.model.label}",
            quantity(item.central, kind.unit),
        )
        for row, item in pairs
    ]
    least, most = min(pairs, key=lambda p: p[1].central), max(pairs, key=lambda p: p[1].central)
    per, where = table.basis.words, found.declared.location
    ends = [f"{quantity(item.central, kind.unit)} ({row.label} on {row.model.label})" for row, item in (least, most)]
    summary = (
        f"With the central factors declared for {where}, {per} come to between {ends[0]} and {ends[1]}. "
        "Each cell's range covers the low to high factors together with the interval of its energy."
    )
    runs = runs_text(row.n for row, _ in pairs)
    unknown = any(isinstance(row.kwh_ci, NotComputable) for row, _ in pairs)
    caption = (
        f"{kind.label} for {per} in {kind.unit}, derived from the median energy of {runs}; thick bars: 95{THIN}% interval of the energy "
        f"with central factors; thin bars: low to high factors as well, a range and not an interval."
        f"{' Where energy has no interval, its median stands for it.' if unknown else ''} Boundary: {'; '.join(found.boundaries)}."
    )
    columns = [
        Column("model"),
        Column("configuration"),
        Column("central", kind.unit, True),
        Column("low", kind.unit, True),
        Column("high", kind.unit, True),
        Column("low, energy only", kind.unit, True),
        Column("high, energy only", kind.unit, True),
        Column("runs", "", True),
    ]
    numbers = [(r.central, r.low, r.high, r.energy_low, r.energy_high) for r in rows]
    shown = make_table(
        f"{kind.label} for {per}",
        columns,
        [(r.model, r.label, *n, row.n) for r, n, (row, _) in zip(rows, numbers, pairs, strict=True)],
        [
            (r.model, r.label, *(quantity(v, kind.unit) for v in n), str(row.n))
            for r, n, (row, _) in zip(rows, numbers, pairs, strict=True)
        ],
    )
    spec = charts.amounts(
        rows, study.looks, axis=f"{kind.noun} for {per}", unit=kind.unit, prefixed=kind.prefixed, description=summary
    )
    title = f"{kind.label}: {per} come to {_reach(least, most, kind)}"
    bands = (DERIVED, *metric_bands(study, table.basis.metric))
    return Figure(f"footprint-{kind.id}", title, caption, summary, spec, shown, bands)


def _reach(least: tuple[FootprintRow, Derived], most: tuple[FootprintRow, Derived], kind: Impact) -> str:
    """Return from where to where the central amounts go, and what they depend on."""
    ends = [quantity(item.central, kind.unit) for _, item in (least, most)]
    if ends[0] == ends[1]:
        return ends[0]
    factors = [
        name
        for name, apart in (
            ("the model", least[0].model.id != most[0].model.id),
            ("the configuration", least[0].configuration.id != most[0].configuration.id),
        )
        if apart
    ]
    return f"between {ends[0]} and {ends[1]}, depending on {' and '.join(factors)}"
