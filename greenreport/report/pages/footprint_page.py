"""The page of what is derived from energy: declared factors, carbon, water, cost, and the data for factors of the reader."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.analysis.footprint import FootprintAnalysis
from greenreport.report.context import StudyContext
from greenreport.report.drawing.inline_json import embedded_json
from greenreport.report.figures.footprint import footprint_figures
from greenreport.report.page import Page, study_page
from greenreport.study import Factor

#: Units of factors that are not those of their impact per kWh.
UNITS = {"carbon": "gCO₂e/kWh", "water": "L/kWh"}


@dataclass(frozen=True, slots=True)
class FootprintContent:
    """What is derived from declared factors.

    Attributes:
        factors: (name of the inputs, label, unit, what is declared).
        data_json: what the page needs to compute with other factors, safe inside a script element.
    """

    factors: tuple[tuple[str, str, str, Factor], ...]
    data_json: str


def footprint_page(study: StudyContext, footprint: FootprintAnalysis) -> Page[FootprintContent]:
    """Return the page; its script multiplies energies by factors, both in full digits, as `analysis.footprint` does."""
    factors = [(kind.id, kind.label, UNITS.get(kind.id, f"{kind.unit}/kWh"), kind.factor) for kind in footprint.impacts]
    if footprint.declared.pue is not None:
        factors.append(("pue", "Power usage effectiveness", "1", footprint.declared.pue))
    data = {
        "factors": {name: [factor.low, factor.central, factor.high] for name, _, _, factor in factors},
        "kinds": [{"id": kind.id, "unit": kind.unit, "prefixed": kind.prefixed} for kind in footprint.impacts],
        "tables": [[[row.kwh, *row.reach] for row in table.rows] for table in footprint.tables],
    }
    content, figures = FootprintContent(tuple(factors), embedded_json(data)), footprint_figures(study, footprint)
    return study_page(study, "footprint", "footprint.html", "Footprint", content, figures)
