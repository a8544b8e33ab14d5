"""The page of a research question: its answer, and each hypothesis with its figures and tests."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.analysis.hypotheses.answers import Answer, HypothesisAnswer
from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.analysis.measure.uncertainty import RatioUncertainty, largest_ratio_uncertainty
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure
from greenreport.report.figures.effect_sizes import significance_figure
from greenreport.report.figures.hypothesis_pairs import pairs_figure
from greenreport.report.figures.hypothesis_ratios import forest_figure
from greenreport.report.figures.hypothesis_runs import strip_figure
from greenreport.report.page import Page, study_page


@dataclass(frozen=True, slots=True)
class QuestionContent:
    """The answer to a research question, and the figures of each of its hypotheses.

    Attributes:
        instruments: for each hypothesis, the largest uncertainty that instruments add to one of its ratios; None where it is not known.
    """

    answer: Answer
    sections: tuple[tuple[HypothesisAnswer, tuple[Figure, ...]], ...]
    instruments: tuple[RatioUncertainty | None, ...]


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
    content, found_as = (
        QuestionContent(answer, tuple(sections), tuple(_instruments(study, part) for part, _ in sections)),
        ("Question", study.dataset.study.title, lead),
    )
    return study_page(study, section, "question.html", title, content, figures, description=lead, found_as=found_as)


def _instruments(study: StudyContext, part: HypothesisAnswer) -> RatioUncertainty | None:
    finding, cells = part.finding, study.dataset.cells
    families = (
        [c for c in cells if c.model.id == test.model.id and c.configuration.id in finding.labels] for test in finding.tests
    )
    return largest_ratio_uncertainty(families, finding.metric.id)
