"""The whole analysis of a dataset, as one value."""

from __future__ import annotations

from dataclasses import dataclass, replace

from greenreport.analysis.advice import advice
from greenreport.analysis.compare.replication import ReplicationReport, replicate
from greenreport.analysis.footprint import FootprintAnalysis, derive
from greenreport.analysis.hypotheses.aggregates import Aggregate, aggregates
from greenreport.analysis.hypotheses.answers import Answer, HypothesisAnswer, answer_questions
from greenreport.analysis.hypotheses.claim_text import Text
from greenreport.analysis.hypotheses.claims import Claim, once
from greenreport.analysis.hypotheses.declared_guidelines import Declared, check_declared
from greenreport.analysis.hypotheses.findings import Finding, examine_hypotheses
from greenreport.analysis.hypotheses.guidelines import Guideline, guidelines
from greenreport.analysis.hypotheses.headline import with_cost
from greenreport.analysis.hypotheses.multiverse import Multiverse, multiverses
from greenreport.analysis.hypotheses.savings import savings
from greenreport.analysis.hypotheses.stopping import StoppingLook, look
from greenreport.analysis.hypotheses.tradeoffs import Tradeoff, tradeoffs
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import CellFidelity, assess
from greenreport.analysis.measure.run_order import OrderEffects, order_effects
from greenreport.analysis.measure.settling import Settling, settling
from greenreport.analysis.measure.validity_badge import Badge, judge
from greenreport.analysis.quality.judgement import StudyQuality, study_quality, with_losses
from greenreport.analysis.quality.problems import OVER_PROBLEMS
from greenreport.analysis.sweep.frontier import FrontierAnalysis, frontier
from greenreport.record import Outcome

AGGREGATED = ("energy_j", "duration_s", "j_per_output_token")


@dataclass(frozen=True, slots=True)
class Analysis:
    """All results of a study.

    Attributes:
        frontier: the gains of more load and more replicas; None where no load is swept.
        unscreened: the findings over all valid runs, where an outlier rule sets some aside; else empty.
        footprint: amounts derived from the declared factors; None where the study declares none.
        stopping: what ended the repetitions, or that they go on; None where their number was fixed.
        savings: what each cell saves against the reference in energy per request.
        multiverses: the claims of headline and answers, each analysed in every other way.
        headline: the sentence that stands first on the study's page; `advice`: what to do, below it; empty where nothing can be said.
        order: what the order of the runs does to each tested metric.
        settling: whether the windows of each cell began too early.
        quality: whether the answers are right; None where the study does not judge them, or none is judged yet.
    """

    dataset: Dataset
    fidelity: tuple[CellFidelity, ...]
    findings: tuple[Finding, ...]
    answers: tuple[Answer, ...]
    guidelines: tuple[Guideline, ...]
    badge: Badge
    aggregates: tuple[Aggregate, ...]
    tradeoffs: tuple[Tradeoff, ...]
    replications: tuple[ReplicationReport, ...]
    declared: tuple[Declared, ...]
    unscreened: tuple[Finding, ...]
    frontier: FrontierAnalysis | None
    footprint: FootprintAnalysis | None
    stopping: StoppingLook | None
    savings: tuple[Claim, ...]
    multiverses: tuple[Multiverse, ...]
    headline: Text
    advice: Text
    order: tuple[OrderEffects, ...]
    settling: tuple[Settling, ...]
    quality: StudyQuality | None = None

    @property
    def leading(self) -> HypothesisAnswer | None:
        """What the headline, the first figure and the drawing in the index are about: the first answer with a comparison, else the first."""
        every = [part for answer in self.answers for part in answer.answers]
        return _leading(self.answers) or (every[0] if every else None)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Every claim that is printed, once."""
        parts = [claim for answer in self.answers for claim in answer.claims]
        standings = (part.standing for answer in self.answers for part in answer.answers)
        parts += [place.claim for place in standings if place is not None and place.claim is not None]
        for guideline in self.guidelines:
            if guideline.standing is not None and guideline.standing.claim is not None:
                parts.append(guideline.standing.claim)
            parts += guideline.costs
        parts += [row.claim for item in self.aggregates for row in item.rows if row.claim is not None]
        parts += [item.claim for item in self.declared if item.claim is not None]
        parts += [r.ours for report in self.replications for r in report.replications if r.ours is not None]
        parts += [claim for report in self.replications for r in report.sweeps for claim in r.ours]
        parts += self.frontier.claims if self.frontier is not None else ()
        parts += self.savings
        parts += [replace(part, brief=False) for part in self.headline if isinstance(part, Claim)]
        return once(parts)


def analyse(dataset: Dataset) -> Analysis:
    """Analyse a dataset: fidelity, hypotheses, answers, guidelines, validity."""
    quality = study_quality(dataset)
    fidelity = with_losses(assess(dataset), quality)
    findings = examine_hypotheses(dataset, fidelity)
    answers = answer_questions(dataset, findings, fidelity)
    swept = frontier(dataset, fidelity)
    headline = _headline(dataset, answers, swept)
    recommended, badge = guidelines(dataset, fidelity), judge(dataset, fidelity)
    leading = _leading(answers)
    every_run = replace(dataset, cells=tuple(replace(cell, outliers="none") for cell in dataset.cells))
    return Analysis(
        dataset,
        fidelity,
        findings,
        answers,
        recommended,
        badge,
        tuple(a for metric in AGGREGATED if dataset.has(metric) for a in aggregates(dataset, metric, fidelity)),
        tradeoffs(dataset, fidelity),
        replicate(dataset, fidelity, swept),
        check_declared(dataset, fidelity),
        () if dataset.study.outliers == "none" else examine_hypotheses(every_run, fidelity),
        swept,
        derive(dataset, fidelity),
        look(dataset, fidelity),
        savings(dataset, fidelity),
        multiverses(dataset, _leading_claims(headline, answers)),
        with_cost(headline, dataset, None if leading is None else leading.standing),
        advice(
            dataset,
            badge,
            recommended,
            leading,
            None if swept is None or swept.headline is None else next(iter(swept.told.values())),
        ),
        order_effects(dataset),
        settling(dataset),
        quality,
    )


def _leading(answers: tuple[Answer, ...]) -> HypothesisAnswer | None:
    """Return the first answer with a comparison."""
    return next((part for answer in answers for part in answer.answers if part.standing is not None), None)


def _leading_claims(headline: Text, answers: tuple[Answer, ...]) -> tuple[Claim, ...]:
    """Return the claims that a reader meets first: those of the headline, and the first one of every answer.

    Those over problems are not among them: other analyses of the runs say nothing about them.
    """
    leads = [next((part for part in answer.lead if isinstance(part, Claim)), None) for answer in answers]
    claims = [replace(part, brief=False) for part in (*headline, *leads) if isinstance(part, Claim)]
    return once([claim for claim in claims if claim.metric not in OVER_PROBLEMS])


def _headline(dataset: Dataset, answers: tuple[Answer, ...], swept: FrontierAnalysis | None) -> Text:
    """Return the headline of the sweep, else the first answer with a comparison; before any run, the title of the study."""
    if swept is not None and swept.headline is not None:
        return swept.headline
    leading = _leading(answers)
    if leading is not None:
        return leading.headline
    if answers and dataset.outcomes.total():
        return answers[0].lead
    if dataset.outcomes[Outcome.OK]:
        return (f"{dataset.study.title}: measured, but the study asks no question.",)
    return (f"{dataset.study.title}: no {'valid ' if dataset.outcomes.total() else ''}runs yet.",)
