"""The page of the history: how cells changed over the times and environments they were measured in."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.analysis.compare.history import Step, StepVerdict, StudyHistory
from greenreport.catalog import METRICS, MetricInfo
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure
from greenreport.report.figures.cell_history import cell_history_figure
from greenreport.report.page import Page, study_page
from greenreport.units import counted


@dataclass(frozen=True, slots=True)
class HistorySection:
    """One metric: its figure, and its steps."""

    metric: MetricInfo
    figure: Figure
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class HistoryContent:
    """The history of a study.

    Attributes:
        environments: whether environments of one study are compared; times: whether times are.
    """

    history: StudyHistory
    sections: tuple[HistorySection, ...]
    environments: bool
    times: bool


def history_page(study: StudyContext, history: StudyHistory) -> Page[HistoryContent]:
    """Return the page."""
    sections = tuple(
        HistorySection(
            METRICS[metric],
            cell_history_figure(study, history, metric),
            tuple(step for step in history.steps if step.metric == metric),
        )
        for metric in history.metrics
    )
    blocked = {course.blocked for course in history.courses}
    content = HistoryContent(history, sections, True in blocked, False in blocked)
    figures = [section.figure for section in sections]
    return study_page(study, "history", "history.html", "History", content, figures, description=headline(history))


def headline(history: StudyHistory) -> str:
    """Return what changed most, in one sentence; metrics that have a better direction first."""
    changes = sorted(history.changes, key=lambda step: (step.change is StepVerdict.DIFFERENT, -_size(step)))
    if not changes:
        return f"No change is shown in {counted(len(history.steps), 'step')}"
    lead = changes[0]
    answers = f", and {lead.answers()}" if lead.same_answers is not None else ""
    return f"{lead.course.label}: {lead.sentence()}{answers}"


def _size(step: Step) -> float:
    """Return how far a ratio is from 1, the same for a half and for the double."""
    ratio = step.ratio.value or 1.0
    return max(ratio, 1 / ratio)
