"""Published findings beside ours: replicated, the same direction only, or not, as `compare.prediction` judges.

Only ratios and directions are compared, never joules or seconds of two machines. A published range, or the ratio of two printed
figures, stands beside our geometric mean over the same size category.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from greenreport.analysis.compare.prediction import Judgement, ReplicationOutcome, judge
from greenreport.analysis.hypotheses.claims import Claim, compare
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import CellFidelity, NotRanked, not_ranked
from greenreport.analysis.stats import Interval
from greenreport.analysis.sweep.directions import FEWEST_LOADS
from greenreport.analysis.sweep.frontier import FrontierAnalysis
from greenreport.analysis.sweep.series import Series, series_id
from greenreport.study import Comparison, Configuration, Model, ReferenceStudy
from greenreport.study.published_results import Category, SweepFinding
from greenreport.units import counted

ALL: Category = "all"


@dataclass(frozen=True, slots=True)
class Replication:
    """A published finding with ours.

    Attributes:
        category: size category both are about; "all" for all models of the publication.
        original: smallest and largest published ratio; equal where one ratio was computed from printed figures.
        ours: the same comparison in this study; None where it cannot be made.
        smallest_effect: relative difference of no practical interest.
    """

    comparison: Comparison
    category: Category
    original: tuple[float, float]
    ours: Claim | None
    smallest_effect: float
    judgement: Judgement

    @property
    def outcome(self) -> ReplicationOutcome:
        """What became of the finding."""
        return self.judgement.outcome

    @property
    def why(self) -> str:
        """What decided the outcome, as a clause."""
        return self.judgement.why


@dataclass(frozen=True, slots=True)
class SweepReplication:
    """A published finding about growing load, and whether it holds here.

    Attributes:
        ours: the comparisons that decided.
        why: what decided the outcome, as a sentence.
    """

    finding: SweepFinding
    ours: tuple[Claim, ...]
    outcome: ReplicationOutcome
    why: str


@dataclass(frozen=True, slots=True)
class ReplicationReport:
    """All findings of one publication."""

    reference: ReferenceStudy
    replications: tuple[Replication, ...]
    sweeps: tuple[SweepReplication, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Number of findings by outcome, in the order of `ReplicationOutcome`."""
        outcomes = [*(r.outcome for r in self.replications), *(r.outcome for r in self.sweeps)]
        return {outcome.value: outcomes.count(outcome) for outcome in ReplicationOutcome}


def replicate(
    dataset: Dataset, fidelity: Sequence[CellFidelity], swept: FrontierAnalysis | None = None
) -> tuple[ReplicationReport, ...]:
    """Compare the study with every publication it names.

    Args:
        swept: the frontier of the study, where it sweeps a load.
    """
    unfaithful = not_ranked(fidelity)
    return tuple(
        ReplicationReport(
            reference,
            tuple(r for c in reference.comparisons for r in _findings(dataset, reference, c, unfaithful)),
            tuple(_sweep(finding, swept) for finding in reference.sweeps),
        )
        for reference in dataset.references
    )


def _sweep(finding: SweepFinding, swept: FrontierAnalysis | None) -> SweepReplication:
    if finding.shows == "machine":
        why = "it is about the machine it was measured on, so no other machine can confirm it"
        return SweepReplication(finding, (), ReplicationOutcome.NOT_TESTABLE, why)
    about = [series for series in (swept.series if swept else ()) if series.model.id in finding.models]
    if finding.shows == "saturates":
        return _saturates(finding, [s for s in about if s.base.replicas == 1 and len(s.points) >= FEWEST_LOADS])
    gains = [gain for series in about for gain in (swept.replicas if swept else {}).get(series_id(series), ())]
    claims = [g.throughput if finding.shows == "replicas_gain" else g.latency for g in gains]
    return _replicas(finding, tuple(claim for claim in claims if claim is not None))


def _saturates(finding: SweepFinding, series: Sequence[Series]) -> SweepReplication:
    if not series:
        return SweepReplication(finding, (), ReplicationOutcome.NOT_TESTABLE, "this study has no sweep of one of these models")
    sentences = []
    for item in series:
        last = item.load_text(item.points[-1].load)
        where = item.saturation.load
        end = f"still grows at {last}, the largest load measured" if where is None else f"saturates at {item.load_text(where)}"
        sentences.append(f"{item.model.label}: throughput {end}")
    saturated = [item.saturation.load is not None for item in series]
    outcome = ReplicationOutcome.REPLICATED if all(saturated) else ReplicationOutcome.NOT_REPLICATED
    return SweepReplication(finding, (), outcome, "; ".join(sentences))


def _replicas(finding: SweepFinding, claims: tuple[Claim, ...]) -> SweepReplication:
    """Judge by the intervals: some loads clearly as published and none clearly the other way."""
    if not claims:
        why = "this study has no replicas of one of these models beside a single server"
        return SweepReplication(finding, (), ReplicationOutcome.NOT_TESTABLE, why)
    bounds = [(claim.ci.low, claim.ci.high) for claim in claims if isinstance(claim.ci, Interval)]
    if not bounds:
        return SweepReplication(finding, claims, ReplicationOutcome.NOT_TESTABLE, "single runs have no interval to judge by")
    above, below = sum(low > 1 for low, _ in bounds), sum(high < 1 for _, high in bounds)
    more = finding.shows == "replicas_gain"
    alike, against = (above, below) if more else (below, above)
    direction = ("higher", "lower") if more else ("shorter", "longer")
    loads = counted(len(bounds), "load")
    outcome = ReplicationOutcome.REPLICATED if alike and not against else ReplicationOutcome.NOT_REPLICATED
    why = f"clearly {direction[0]} at {alike} of {loads}, clearly {direction[1]} at {against}"
    return SweepReplication(finding, claims, outcome, why)


def _findings(
    dataset: Dataset, reference: ReferenceStudy, comparison: Comparison, unfaithful: NotRanked
) -> Iterator[Replication]:
    if comparison.ratio is not None:
        yield _finding(dataset, comparison, ALL, comparison.ratio, dataset.models, unfaithful)
        return
    printed = sorted({p.size_category for p in reference.values} - {ALL}, key=str)
    groups = {category: [m for m in dataset.models if str(m.size_category) == str(category)] for category in printed}
    if all(groups.values()):
        groups[ALL] = [*dataset.models]
    ends = comparison.numerator, comparison.denominator
    for category, models in groups.items():
        top, bottom = (reference.printed(end, comparison.metric, category) for end in ends)
        if models and top is not None and bottom is not None:
            yield _finding(dataset, comparison, category, (top / bottom, top / bottom), models, unfaithful)


def _finding(
    dataset: Dataset,
    comparison: Comparison,
    category: Category,
    original: tuple[float, float],
    models: Sequence[Model],
    unfaithful: NotRanked,
) -> Replication:
    effect = dataset.study.smallest_effect(comparison.metric)
    top, bottom = (dataset.plainest(end.engine, end.provider) for end in (comparison.numerator, comparison.denominator))
    if top is None or bottom is None:
        missing = comparison.numerator if top is None else comparison.denominator
        ours, why = None, f"this study has no configuration {missing.engine} on {missing.provider}"
    else:
        usable = [m for m in models if {(m.id, top.id), (m.id, bottom.id)}.isdisjoint(unfaithful)]
        ours = compare(dataset, comparison.metric, top, bottom, usable)
        why = "" if ours is not None else _absence(dataset, comparison.metric, (top, bottom), models)
    if ours is None:
        judgement = Judgement(ReplicationOutcome.NOT_TESTABLE, None, None, None, why)
    else:
        judgement = judge(ours, original, effect, comparison.interval)
    return Replication(comparison, category, original, ours, effect, judgement)


def _absence(dataset: Dataset, metric: str, pair: tuple[Configuration, Configuration], models: Sequence[Model]) -> str:
    for configuration in pair:
        for model in models:
            cell = dataset.cell(model.id, configuration.id)
            if cell is not None and not cell.values(metric):
                return cell.absence(metric)
    return "no model has values of both configurations with one boundary"
