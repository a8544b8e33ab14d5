"""What a study without runs can point to: studies of the same publication that have some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from greenreport.analysis.hypotheses.answers import plain
from greenreport.record import Outcome
from greenreport.report.context import StudyContext


@dataclass(frozen=True, slots=True)
class ElsewhereAnswer:
    """A question of the other study; `path`: its page in the site, `lead`: the sentence that stands first there."""

    question: str
    path: str
    lead: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A study of the same publication, in the words of its own pages; `root` is its folder in the site."""

    title: str
    root: str
    machine: str
    dates: str
    bands: tuple[str, ...]
    headline: str
    answers: tuple[ElsewhereAnswer, ...]


def measured_elsewhere(study: StudyContext, others: Sequence[StudyContext]) -> tuple[Elsewhere, ...]:
    """Return what studies with valid runs found that name a publication this study names; nothing once it has runs itself."""
    if study.dataset.outcomes.total():
        return ()
    named = {reference.reference for reference in study.dataset.references}
    near = [
        other
        for other in others
        if other.dataset.outcomes[Outcome.OK] and any(reference.reference in named for reference in other.dataset.references)
    ]
    return tuple(_told(other) for other in near)


def _told(other: StudyContext) -> Elsewhere:
    answers = tuple(
        ElsewhereAnswer(answer.question, f"{other.root}rq/{answer.id.lower()}/index.html", plain(answer.lead))
        for answer in other.analysis.answers
    )
    title = other.dataset.study.title
    return Elsewhere(title, other.root, other.machine, other.dates, other.bands, plain(other.analysis.headline), answers)
