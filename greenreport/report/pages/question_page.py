"""The page of a research question: its answer, and each hypothesis with its figures and tests."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.analysis.hypotheses.answers import Answer, HypothesisAnswer
from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.analysis.hypotheses.findings import Finding
from greenreport.analysis.measure.uncertainty import RatioUncertainty, ratio_uncertainty
from greenreport.analysis.quality.problems import OVER_PROBLEMS
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure
from greenreport.report.figures.effect_sizes import significance_figure
from greenreport.report.figures.hypothesis_pairs import pairs_figure
from greenreport.report.figures.hypothesis_ratios import forest_figure
from greenreport.report.figures.hypothesis_runs import strip_figure
from greenreport.report.page import Page, study_page


@dataclass(frozen=True, slots=True)
class InstrumentNote:
    """What instruments add to the ratios of a hypothesis.

    Attributes:
        largest: over all pairs on all models.
        explained: pairs that differ by no more than their instruments alone may make them.
    """

    largest: RatioUncertainty
    explained: int


@dataclass(frozen=True, slots=True)
class QuestionContent:
    """The answer to a research question, and the figures of each of its hypotheses.

    Attributes:
        instruments: for each hypothesis; None where it is not known.
    """

    answer: Answer
    sections: tuple[tuple[HypothesisAnswer, tuple[Figure, ...]], ...]
    instruments: tuple[InstrumentNote | None, ...]


def question_page(study: StudyContext, answer: Answer) -> Page[QuestionContent]:
    """Return the page."""
    sections = []
    for part in answer.answers:
        drawn = (
            forest_figure(study, part.finding, study.reference),
            None if part.finding.metric.id in OVER_PROBLEMS else strip_figure(study, part.finding),  # runs are alike there
            significance_figure(study, part.finding),
            pairs_figure(study, part.finding),
        )
        sections.append((part, tuple(figure for figure in drawn if figure is not None)))
    figures = [figure for _, drawn in sections for figure in drawn]
    section, title, lead = f"rq/{answer.id.lower()}", f"{answer.id}: {answer.question}", plain(answer.lead)
    content, found_as = (
        QuestionContent(answer, tuple(sections), tuple(_instruments(study, part.finding) for part, _ in sections)),
        ("Question", study.dataset.study.title, lead),
    )
    return study_page(study, section, "question.html", title, content, figures, description=lead, found_as=found_as)


def _instruments(study: StudyContext, finding: Finding) -> InstrumentNote | None:
    cells = {(cell.model.id, cell.configuration.id): cell for cell in study.dataset.cells}
    found, explained = [], 0
    for item in finding.tests:
        for pair in item.test.pairs:
            first, second = (cells.get((item.model.id, name)) for name in (pair.a, pair.b))
            one = ratio_uncertainty(first, second, finding.metric.id) if first is not None and second is not None else None
            if one is not None:
                found.append(one)
                explained += pair.significant and pair.ratio.value is not None and one.explains(pair.ratio.value)
    return InstrumentNote(max(found, key=lambda one: one.expanded), explained) if found else None
