"""The page of a research question: its answer, and each hypothesis with its figures and tests."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.analysis.hypotheses.answers import Answer, HypothesisAnswer
from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure
from greenreport.report.figures.effect_sizes import significance_figure
from greenreport.report.figures.hypothesis_pairs import pairs_figure
from greenreport.report.figures.hypothesis_ratios import forest_figure
from greenreport.report.figures.hypothesis_runs import strip_figure
from greenreport.report.page import Page, study_page


@dataclass(frozen=True, slots=True)
class QuestionContent:
    """The answer to a research question, and the figures of each of its hypotheses."""

    answer: Answer
    sections: tuple[tuple[HypothesisAnswer, tuple[Figure, ...]], ...]


def question_page(study: StudyContext, answer: Answer) -> Page[QuestionContent]:
    """Return the page."""
    sections = []
    for part in answer.answers:
        drawn = (
            forest_figure(study, part.finding, study.reference),
            strip_figure(study, part.finding),
            significance_figure(study, part.finding),
            pairs_figure(study, part.finding),
        )
        sections.append((part, tuple(figure for figure in drawn if figure is not None)))
    figures = [figure for _, drawn in sections for figure in drawn]
    section, title, lead = f"rq/{answer.id.lower()}", f"{answer.id}: {answer.question}", plain(answer.lead)
    content, found_as = QuestionContent(answer, tuple(sections)), ("Question", study.dataset.study.title, lead)
    return study_page(study, section, "question.html", title, content, figures, description=lead, found_as=found_as)
