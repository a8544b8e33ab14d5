"""The page of a research question: its answer, and each hypothesis with its figures and tests."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.analysis.hypotheses.answers import Answer, HypothesisAnswer
from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.analysis.hypotheses.findings import Finding
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure
from greenreport.report.figures.effect_sizes import significance_figure
from greenreport.report.figures.hypothesis_pairs import pairs_figure
from greenreport.report.figures.hypothesis_ratios import forest_figure
from greenreport.report.figures.hypothesis_runs import strip_figure
from greenreport.report.page import Page, study_page, study_section
from greenreport.report.search import entry


@dataclass(frozen=True, slots=True)
class HypothesisSection:
    """A hypothesis on the page of its question."""

    answer: HypothesisAnswer
    finding: Finding
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class QuestionContent:
    """The page of a research question."""

    answer: Answer
    sections: tuple[HypothesisSection, ...]


def question_page(study: StudyContext, answer: Answer, reference: str | None) -> Page[QuestionContent]:
    """Return the page; ratios refer to the configuration with the id `reference`."""
    sections = []
    for part in answer.answers:
        drawn = (
            forest_figure(study, part.finding, reference),
            strip_figure(study, part.finding),
            significance_figure(study, part.finding),
            pairs_figure(study, part.finding),
        )
        sections.append(HypothesisSection(part, part.finding, tuple(figure for figure in drawn if figure is not None)))
    section, title, lead = f"rq/{answer.id.lower()}", f"{answer.id}: {answer.question}", plain(answer.lead)
    found_as = entry(title, "Question", study.dataset.study.title, f"{study_section(study, section)}index.html", lead)
    figures = [figure for part in sections for figure in part.figures]
    content = QuestionContent(answer, tuple(sections))
    return study_page(study, section, "question.html", title, content, figures, description=lead, entries=(found_as,))
