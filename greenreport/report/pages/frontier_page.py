"""The page of a sweep: what batch, how many replicas, and what it costs per token."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.analysis.hypotheses.claim_text import Text
from greenreport.analysis.sweep.capacity import Fit
from greenreport.analysis.sweep.directions import load_of
from greenreport.analysis.sweep.frontier import FrontierAnalysis
from greenreport.analysis.sweep.series import Series, series_id
from greenreport.catalog import CURVE_FACTORS
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure
from greenreport.report.figures.saturation_curves import by_model_and_factor, curves_figure
from greenreport.report.figures.throughput_frontier import front_figure
from greenreport.report.page import Page, study_page
from greenreport.report.pages.cell_link import CellLink, cell_link


@dataclass(frozen=True, slots=True)
class SeriesSection:
    """One series of a sweep: its findings, and its cells in the order of their loads."""

    label: str
    texts: tuple[Text, ...]
    cells: tuple[tuple[str, CellLink], ...]


@dataclass(frozen=True, slots=True)
class FrontierSection:
    """The series of one model and one load factor; `lead`: the headline of a further model, once."""

    title: str
    lead: Text | None
    figures: tuple[Figure, ...]
    series: tuple[SeriesSection, ...]


@dataclass(frozen=True, slots=True)
class FrontierContent:
    """What more load and more replicas gain.

    Attributes:
        fits: how large a load fits; device: on what; left_out: whether some load was left out by design.
        cold: whether the page of the matrix tells cold starts.
    """

    headline: Text
    sections: tuple[FrontierSection, ...]
    fits: tuple[Fit, ...]
    device: str
    left_out: bool
    cold: bool


def frontier_page(study: StudyContext, frontier: FrontierAnalysis) -> Page[FrontierContent]:
    """Return the page: a section for each model and factor, and how large a load fits."""
    leads = dict(list(frontier.headlines.items())[1:])  # the first stands on top
    sections = []
    for every in by_model_and_factor(frontier.series).values():
        drawn = (curves_figure(study, every), front_figure(study, every))
        series = tuple(SeriesSection(s.label, frontier.sentences[series_id(s)], _cells(s)) for s in every)
        title = f"{every[0].model.label} over {CURVE_FACTORS[every[0].factor].noun}"
        lead = leads.pop(every[0].model.id, None)
        sections.append(FrontierSection(title, lead, tuple(figure for figure in drawn if figure is not None), series))
    content = FrontierContent(
        headline=frontier.headline or (study.dataset.study.title,),
        sections=tuple(sections),
        fits=frontier.fits,
        device=study.machine,
        left_out=any(fit.left_out for fit in frontier.fits),
        cold=study.dataset.has("cold_start_s"),
    )
    figures = [figure for section in sections for figure in section.figures]
    return study_page(study, "frontier", "frontier.html", "Throughput frontier", content, figures)


def _cells(series: Series) -> tuple[tuple[str, CellLink], ...]:
    """Return every load of the series with what became of it, also those that did not work."""
    return tuple((f"{load_of(cell.configuration, series.factor):g}", cell_link(cell)) for cell in series.cells)
