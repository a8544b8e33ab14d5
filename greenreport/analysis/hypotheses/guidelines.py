"""Guidelines: the recommended configuration for each objective, with its ties, what it saves and what it costs in other metrics.

A recommendation is computed, never written: the configuration that leads on most models, with all that are statistically tied
with it, compared with the study's reference. Trade-offs ("the fastest is not the greenest") come from the same comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from greenreport.analysis.hypotheses.claims import Claim, compare
from greenreport.analysis.hypotheses.findings import ModelTest, compare_models
from greenreport.analysis.hypotheses.headline import with_labels
from greenreport.analysis.hypotheses.winners import Standing, standing
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import CellFidelity, NotRanked, losses, not_ranked, reference_of, unfaithful
from greenreport.catalog import METRICS
from greenreport.units import counted


class Confidence(StrEnum):
    """How much a recommendation rests on."""

    HIGH = "high"
    MODERATE = "moderate"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Goal:
    """What someone may want.

    Attributes:
        providers: only configurations with one of these execution providers.
        bounded: only configurations within the study's latency bound.
        of_gpu: whether only a study with a configuration on a GPU can inform it.
        of_quality: whether only a study that judges answers can.
    """

    id: str
    wish: str
    metric: str
    providers: tuple[str, ...] | None = None
    bounded: bool = False
    of_gpu: bool = False
    of_quality: bool = False


OBJECTIVES = (
    Goal("energy", "Least energy", "energy_j"),
    Goal("time", "Shortest execution time", "duration_s"),
    Goal("throughput", "Highest throughput", "throughput_tokens_per_s"),
    Goal("balance", "A balance of energy and time", "energy_delay_js"),
    Goal("energy-bounded", "Least energy under a latency bound", "energy_j", bounded=True),
    Goal("first-token", "Shortest wait for the first token", "ttft_s"),
    Goal("memory", "Least server memory", "ram_rss_peak_b"),
    Goal("gpu-memory", "Least GPU memory", "gpu_memory_used_b", of_gpu=True),
    Goal("energy-no-gpu", "Least energy without a GPU", "energy_j", ("cpu",)),
    Goal("time-per-right-answer", "Least time per right answer", "s_per_right_answer", of_quality=True),
    Goal("energy-per-right-answer", "Least energy per right answer", "j_per_right_answer", of_quality=True),
)
#: Objectives whose leaders a recommendation is compared with, to show what it costs in other metrics.
COSTS = ("energy", "time", "first-token", "memory", "gpu-memory")


@dataclass(frozen=True, slots=True)
class Guideline:
    """An objective with its answer.

    Attributes:
        standing: who leads on which model; None when there are no data, with the `reason`.
        costs: what the recommended configuration costs on other metrics against the leader there.
        confidence: how much the recommendation rests on; `limits`: the reasons that lower it.
    """

    objective: Goal
    standing: Standing | None
    reason: str | None
    tests: tuple[ModelTest, ...] = ()
    costs: tuple[Claim, ...] = ()
    confidence: Confidence | None = None
    limits: tuple[str, ...] = ()


#: Compares the configurations in (metric, providers, whether they must keep the study's latency bound).
Comparisons = Callable[[str, tuple[str, ...] | None, bool], tuple[ModelTest, ...]]


def guidelines(dataset: Dataset, fidelity: Sequence[CellFidelity]) -> tuple[Guideline, ...]:
    """Return a guideline for every objective that the study could inform; one without data says so."""

    @cache
    def comparisons(metric: str, providers: tuple[str, ...] | None, bounded: bool) -> tuple[ModelTest, ...]:
        bound = ("latency_p95_s", dataset.study.latency_bound_s or 0.0) if bounded else None
        return compare_models(dataset, metric, fidelity, providers=providers, bound=bound, ranked=True)

    result = []
    providers = {configuration.provider for configuration in dataset.configurations}
    for objective in OBJECTIVES:
        if objective.providers is not None and providers == set(objective.providers):
            continue  # the same as the objective without the condition
        if (objective.of_gpu and providers <= {"cpu", "npu"}) or (objective.bounded and dataset.study.latency_bound_s is None):
            continue
        if objective.of_quality and dataset.study.quality is None:
            continue
        result.append(_guideline(dataset, objective, comparisons, fidelity))
    return tuple(result)


def _guideline(dataset: Dataset, objective: Goal, comparisons: Comparisons, fidelity: Sequence[CellFidelity]) -> Guideline:
    tests = comparisons(objective.metric, objective.providers, objective.bounded)
    place = standing(dataset, objective.metric, tests, reference_of(dataset), not_ranked(fidelity))
    if place is None:
        if objective.bounded and dataset.has(objective.metric):
            return Guideline(objective, None, "fewer than two configurations stay within the bound", tests)
        return Guideline(objective, None, _why_none(dataset, objective.metric, tests), tests)
    limits = tuple(_limits(dataset, objective, place, fidelity))
    confidence = Confidence.HIGH if not limits else Confidence.MODERATE if len(limits) < 3 else Confidence.LOW
    return Guideline(
        objective,
        place,
        None,
        tests,
        tuple(_costs(dataset, objective, place, comparisons, not_ranked(fidelity))),
        confidence,
        limits,
    )


def _why_none(dataset: Dataset, metric: str, tests: Sequence[ModelTest]) -> str:
    """Return why nothing is recommended: why there are no values, or why those there are do not suffice."""
    missing = [cell.absence(metric) for cell in dataset.cells if not cell.values(metric)]
    few = [with_labels(test.test.omnibus.reason, dataset.labels) for test in tests if test.test.omnibus.reason]
    reasons = missing if len(missing) == len(dataset.cells) else few + missing
    return reasons[0] if reasons else "no cell"


def _costs(
    dataset: Dataset, objective: Goal, place: Standing, comparisons: Comparisons, unranked: NotRanked
) -> Iterator[Claim]:
    """Yield where the recommended configuration is worse than the leader of another objective, beyond its interval."""
    for other in OBJECTIVES:
        if other.metric == objective.metric or other.providers is not None or other.id not in COSTS:
            continue
        best = standing(dataset, other.metric, comparisons(other.metric, objective.providers, False), None, unranked)
        if best is None or best.leader.id == place.leader.id:
            continue
        claim = compare(dataset, other.metric, place.leader, best.leader, [w.model for w in best.winners])
        if claim is not None and claim.value > 1.005:
            yield claim


def _limits(dataset: Dataset, objective: Goal, place: Standing, fidelity: Sequence[CellFidelity]) -> Iterator[str]:
    runs = min((len(cell.ok) for cell in dataset.cells if cell.values(objective.metric)), default=0)
    if not place.unanimous:
        yield "the best configuration depends on the model"
    if runs < 10:
        yield f"{counted(runs, 'run')} per cell"
    if place.models == 1:
        yield "one model"
    if dataset.estimated and METRICS[objective.metric].of_energy:
        yield "energy is estimated, not measured"
    if unfaithful(fidelity):
        yield "some configurations are left out because their outputs differ"
    if losses(fidelity):
        yield "some configurations are left out because they lose too many right answers"
    if dataset.environment is not None and dataset.environment.virtualisation:
        yield "measured on a virtual machine"
