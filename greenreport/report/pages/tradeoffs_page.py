"""The page of trade-offs: two objectives at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure
from greenreport.report.figures.tradeoffs import tradeoff_figure
from greenreport.report.page import Page, study_page


@dataclass(frozen=True, slots=True)
class TradeoffsContent:
    """Two metrics at once, a figure for each pair."""

    heading: str


def tradeoffs_page(study: StudyContext) -> Page[TradeoffsContent]:
    """Return the page."""
    figures = tuple(f for item in study.analysis.tradeoffs if (f := tradeoff_figure(study, item)) is not None)
    content = TradeoffsContent(tradeoffs_heading(figures))
    return study_page(study, "tradeoffs", "tradeoffs.html", "Trade-offs", content, figures)


def tradeoffs_heading(figures: Sequence[Figure]) -> str:
    """Return what the first pair of objectives showed."""
    return figures[0].finding if figures else "No two wishes can be set against each other yet"
