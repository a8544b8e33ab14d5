"""The page of a sweep: what batch, how many replicas, and what it costs per token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from greenreport.analysis.dataset import CellView, label_of
from greenreport.analysis.frontier import Frontier
from greenreport.analysis.series import FACTORS, Series, series_id
from greenreport.analysis.stats import Description, describe
from greenreport.record import Outcome
from greenreport.report.context import StudyContext
from greenreport.report.figures import by_model, curves_figure, front_figure
from greenreport.report.pages.contents import CellLink, ColdRow, FrontierContent, FrontierSection, SeriesSection
from greenreport.report.pages.sides import cell_link


def frontier_content(study: StudyContext, found: Frontier) -> FrontierContent:
    """Return the page's content: a section for each model and factor, the limits, cold starts."""
    sections = []
    for every in by_model(found.series).values():
        figures = (curves_figure(study, every), front_figure(study, every))
        parts = tuple(
            SeriesSection(series.label, found.sentences[series_id(series)], tuple(_cells(study, series))) for series in every
        )
        title = f"{every[0].model.label}: {FACTORS[every[0].factor]}"
        sections.append(FrontierSection(title, tuple(f for f in figures if f is not None), parts))
    headline = found.headline or (study.dataset.study.title,)
    return FrontierContent(headline, tuple(sections), tuple(_limits(found.series)), study.dataset.searches, tuple(_cold(study)))


def _cells(study: StudyContext, series: Series) -> Iterator[tuple[str, CellLink]]:
    """Yield every load of the series with what became of it, also those that did not work."""
    apart = {series.factor, "name"}
    base = series.base.model_dump(exclude=apart)
    for cell in study.dataset.cells:
        if cell.model.id == series.model.id and cell.configuration.model_dump(exclude=apart) == base:
            yield f"{getattr(cell.configuration, series.factor) or 0:g}", cell_link(cell)


def _limits(every: Sequence[Series]) -> Iterator[tuple[str, str, str, str]]:
    """Yield for each series the largest load that works on this machine, and why it is the largest."""
    for series in every:
        best = series.load_text(series.points[-1].load)
        if series.end is None:
            why = "the largest load of the sweep; no limit was met"
        else:
            words = {Outcome.OUT_OF_MEMORY: "memory ends", Outcome.TIMED_OUT: "the time limit ends"}
            why = f"{words[series.end.outcome]} at {series.load_text(series.end.load)}"
            best = "none" if series.end.last_good is None else series.load_text(series.end.last_good)
        yield series.model.label, series.label, best, why


def _cold(study: StudyContext) -> Iterator[ColdRow]:
    """Yield the cold start of every configuration that serves one prompt at a time, with what it is worth in requests."""
    for cell in study.dataset.cells:
        if cell.configuration.load or not cell.values("cold_start_s"):
            continue
        energy, request = _described(cell, "cold_start_energy_j"), _described(cell, "j_per_request")
        worth = None
        if energy is not None and request is not None and energy.median and request.median:
            worth = energy.median / request.median
        label = f"{cell.model.label}, {label_of(cell.configuration)}"
        yield ColdRow(label, describe(cell.values("cold_start_s")), energy, request, worth)


def _described(cell: CellView, metric: str) -> Description | None:
    values = cell.values(metric)
    return describe(values) if values else None
