"""The page of a sweep: what batch, how many replicas, and what it costs per token."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.analysis.hypotheses.claim_text import Text
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.sweep.directions import load_of
from greenreport.analysis.sweep.frontier import FrontierAnalysis
from greenreport.analysis.sweep.series import series_id
from greenreport.catalog import CURVE_FACTORS
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure
from greenreport.report.figures.saturation_curves import by_model_and_factor, curves_figure
from greenreport.report.figures.throughput_frontier import front_figure
from greenreport.report.page import Page, study_page


@dataclass(frozen=True, slots=True)
class SeriesSection:
    """One series of a sweep: its findings, and every load with its cell, also those that did not work."""

    label: str
    texts: tuple[Text, ...]
    cells: tuple[tuple[str, CellView], ...]


@dataclass(frozen=True, slots=True)
class FrontierSection:
    """The series of one model and one load factor; `lead`: the headline of a further model, once."""

    title: str
    lead: Text | None
    figures: tuple[Figure, ...]
    series: tuple[SeriesSection, ...]


def frontier_page(study: StudyContext, frontier: FrontierAnalysis) -> Page[tuple[FrontierSection, ...]]:
    """Return the page: a section for each model and factor; how large a load fits stands in the analysis."""
    leads = dict(list(frontier.headlines.items())[1:])  # the first stands on top
    sections = []
    for every in by_model_and_factor(frontier.series).values():
        first, series = every[0], []
        for item in every:
            cells = tuple((f"{load_of(cell.configuration, item.factor):g}", cell) for cell in item.cells)
            series.append(SeriesSection(item.label, frontier.sentences[series_id(item)], cells))
        drawn = tuple(f for f in (curves_figure(study, every), front_figure(study, every)) if f is not None)
        title = f"{first.model.label} over {CURVE_FACTORS[first.factor].noun}"
        sections.append(FrontierSection(title, leads.pop(first.model.id, None), drawn, tuple(series)))
    figures = [figure for section in sections for figure in section.figures]
    return study_page(study, "frontier", "frontier.html", "Throughput frontier", tuple(sections), figures)
