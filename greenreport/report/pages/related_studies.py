"""Studies of the same publication that have runs, shown on the first page of a study that has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.record import Outcome
from greenreport.report.context import StudyContext
from greenreport.report.page import study_section


@dataclass(frozen=True, slots=True)
class RelatedAnswer:
    """A question of the other study; `path`: its page in the site, `lead`: the sentence that stands first there."""

    question: str
    path: str
    lead: str


@dataclass(frozen=True, slots=True)
class RelatedStudy:
    """A study of the same publication, in the words of its own pages; `root` is its folder in the site."""

    title: str
    root: str
    machine: str
    dates: str
    bands: tuple[str, ...]
    headline: str
    answers: tuple[RelatedAnswer, ...]


def related_studies(study: StudyContext, others: Sequence[StudyContext]) -> tuple[RelatedStudy, ...]:
    """Return the studies with valid runs that name a publication this study names; none once it has runs itself."""
    if study.dataset.outcomes.total():
        return ()
    publications = {reference.reference for reference in study.dataset.references}
    return tuple(
        _related(other)
        for other in others
        if other.dataset.outcomes[Outcome.OK]
        and any(reference.reference in publications for reference in other.dataset.references)
    )


def _related(other: StudyContext) -> RelatedStudy:
    return RelatedStudy(
        title=other.dataset.study.title,
        root=other.root,
        machine=other.machine,
        dates=other.dates,
        bands=other.bands,
        headline=plain(other.analysis.headline),
        answers=tuple(
            RelatedAnswer(answer.question, f"{study_section(other, f'rq/{answer.id.lower()}')}index.html", plain(answer.lead))
            for answer in other.analysis.answers
        ),
    )
