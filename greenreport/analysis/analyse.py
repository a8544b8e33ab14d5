"""The whole analysis of a dataset, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.analysis.answers import Answer, Text, answer_questions
from greenreport.analysis.badge import Badge, judge
from greenreport.analysis.claims import Claim
from greenreport.analysis.dataset import Dataset
from greenreport.analysis.fidelity import Fidelity, assess
from greenreport.analysis.findings import Finding, examine_hypotheses
from greenreport.analysis.guidelines import Guideline, guidelines


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a study found.

    Attributes:
        headline: the sentence that stands first on the study's page.
    """

    dataset: Dataset
    fidelity: tuple[Fidelity, ...]
    findings: tuple[Finding, ...]
    answers: tuple[Answer, ...]
    guidelines: tuple[Guideline, ...]
    badge: Badge
    headline: Text

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Every claim that is printed, once."""
        parts = [claim for answer in self.answers for claim in answer.claims]
        for guideline in self.guidelines:
            if guideline.standing is not None and guideline.standing.claim is not None:
                parts.append(guideline.standing.claim)
            parts += guideline.costs
        return tuple({claim.id: claim for claim in parts}.values())


def analyse(dataset: Dataset) -> Analysis:
    """Analyse a dataset: fidelity, hypotheses, answers, guidelines, validity."""
    fidelity = assess(dataset)
    findings = examine_hypotheses(dataset, fidelity)
    answers = answer_questions(dataset, findings)
    return Analysis(
        dataset,
        fidelity,
        findings,
        answers,
        guidelines(dataset, fidelity),
        judge(dataset, fidelity),
        _headline(dataset, answers),
    )


def _headline(dataset: Dataset, answers: tuple[Answer, ...]) -> Text:
    """Return the first answer that says something; before any run, what the study is about."""
    told = [answer.lead for answer in answers if any(a.standing is not None for a in answer.answers)]
    if told:
        return told[0]
    if answers and dataset.outcomes.total():
        return answers[0].lead
    return (f"{dataset.study.title}: no runs yet.",)
