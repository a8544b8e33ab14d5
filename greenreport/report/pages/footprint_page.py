"""The page of what is derived from energy: declared factors, carbon, water, cost, and the data for factors of the reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from greenreport.analysis.footprint import FootprintAnalysis, FootprintTable
from greenreport.report.context import StudyContext
from greenreport.report.figure import embedded_json
from greenreport.report.figures.footprint import amount_text, footprint_figures
from greenreport.report.page import Page, study_page
from greenreport.study import Factor


@dataclass(frozen=True, slots=True)
class FactorRow:
    """A declared factor as it is printed; `id` names its three inputs."""

    id: str
    label: str
    unit: str
    low: str
    central: str
    high: str
    source: str
    date: str
    declared: Factor


@dataclass(frozen=True, slots=True)
class AmountCells:
    """A row of the table of amounts.

    Attributes:
        wh, low_wh, high_wh: measured energy with its interval.
        amounts: derived, in the order of the kinds, each as central value and range.
    """

    model: str
    configuration: str
    n: int
    wh: float
    low_wh: float | None
    high_wh: float | None
    estimated: bool
    faithful: bool
    amounts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FootprintContent:
    """What is derived from declared factors.

    Attributes:
        tables: each basis with its printed rows.
        data_json: what the page needs to compute with other factors, safe inside a script element.
    """

    analysis: FootprintAnalysis
    factors: tuple[FactorRow, ...]
    tables: tuple[tuple[FootprintTable, tuple[AmountCells, ...]], ...]
    data_json: str


def footprint_page(study: StudyContext, footprint: FootprintAnalysis) -> Page[FootprintContent]:
    """Return the page."""
    factors = tuple(_factors(footprint))
    content = FootprintContent(
        analysis=footprint,
        factors=factors,
        tables=tuple((table, tuple(_cells(footprint, table))) for table in footprint.tables),
        data_json=embedded_json(_data(footprint, factors)),
    )
    return study_page(study, "footprint", "footprint.html", "Footprint", content, footprint_figures(study, footprint))


def _factors(footprint: FootprintAnalysis) -> list[FactorRow]:
    units = {"carbon": "gCO₂e/kWh", "water": "L/kWh"}
    rows = [_factor(kind.id, kind.label, units.get(kind.id, f"{kind.unit}/kWh"), kind.factor) for kind in footprint.impacts]
    pue = footprint.declared.pue
    return [*rows, *([] if pue is None else [_factor("pue", "Power usage effectiveness", "1", pue)])]


def _factor(name: str, label: str, unit: str, factor: Factor) -> FactorRow:
    low, central, high = (f"{value:g}" for value in (factor.low, factor.central, factor.high))
    return FactorRow(name, label, unit, low, central, high, factor.source, factor.date, factor)


def _cells(footprint: FootprintAnalysis, table: FootprintTable) -> list[AmountCells]:
    cells = []
    for row in table.rows:
        low, high = row.bounds
        texts = tuple(amount_text(item, kind) for item, kind in zip(row.amounts, footprint.impacts, strict=True))
        bounds = (None if low is None else low * 1e3, None if high is None else high * 1e3)
        cells.append(
            AmountCells(
                row.model.label, row.label, row.n, row.kwh * 1e3, bounds[0], bounds[1], row.estimated, row.faithful, texts
            )
        )
    return cells


def _data(footprint: FootprintAnalysis, factors: tuple[FactorRow, ...]) -> dict[str, Any]:
    """Return factors and energies in full digits; the page's script multiplies them as `analysis.footprint` does."""
    return {
        "factors": {f.id: [f.declared.low, f.declared.central, f.declared.high] for f in factors},
        "kinds": [{"id": kind.id, "unit": kind.unit, "prefixed": kind.prefixed} for kind in footprint.impacts],
        "tables": [[[row.kwh, *row.reach] for row in table.rows] for table in footprint.tables],
    }
