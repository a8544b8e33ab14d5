"""Guidelines: for each objective the recommended configuration with its ties, what it saves and what it costs elsewhere.

A recommendation is computed, never written: the configuration that leads on most models, with all that are statistically tied
with it, compared with the study's reference. Trade-offs ("the fastest is not the greenest") are found by the same comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from greenreport.analysis.claims import Claim, compare
from greenreport.analysis.dataset import Dataset, label_of
from greenreport.analysis.fidelity import Fidelity, Verdict, reference_of
from greenreport.analysis.findings import ModelTest, compare_models
from greenreport.analysis.winners import Standing, standing
from greenreport.catalog import METRICS


@dataclass(frozen=True, slots=True)
class Objective:
    """What someone may want."""

    id: str
    wish: str
    metric: str
    providers: tuple[str, ...] | None = None


OBJECTIVES = (
    Objective("energy", "Least energy", "energy_j"),
    Objective("time", "Shortest execution time", "duration_s"),
    Objective("first-token", "Shortest wait for the first token", "ttft_s"),
    Objective("memory", "Least server memory", "ram_rss_peak_b"),
    Objective("gpu-memory", "Least GPU memory", "gpu_memory_used_b"),
    Objective("energy-no-gpu", "Least energy without a GPU", "energy_j", ("cpu",)),
)


@dataclass(frozen=True, slots=True)
class Guideline:
    """An objective with its answer.

    Attributes:
        standing: who leads on which model; None when there are no data, with the `reason`.
        costs: what the recommended configuration costs on other metrics against the leader there.
        confidence: high, moderate or low, with the reasons that lower it.
    """

    objective: Objective
    standing: Standing | None
    reason: str | None
    tests: tuple[ModelTest, ...] = ()
    costs: tuple[Claim, ...] = ()
    confidence: str = ""
    limits: tuple[str, ...] = ()


def guidelines(dataset: Dataset, fidelity: Sequence[Fidelity]) -> tuple[Guideline, ...]:
    """Return a guideline for every objective that the study could inform; one without data says so."""
    result = []
    providers = {configuration.provider for configuration in dataset.configurations}
    for objective in OBJECTIVES:
        if objective.providers is not None and providers == set(objective.providers):
            continue  # the same as the objective without the condition
        if objective.metric.startswith("gpu") and "cuda" not in providers:
            continue
        result.append(_guideline(dataset, objective, fidelity))
    return tuple(result)


def _guideline(dataset: Dataset, objective: Objective, fidelity: Sequence[Fidelity]) -> Guideline:
    tests = compare_models(dataset, objective.metric, fidelity, providers=objective.providers)
    place = standing(dataset, objective.metric, tests, reference_of(dataset.study, dataset))
    if place is None:
        reasons = [cell.absence(objective.metric) for cell in dataset.cells]
        return Guideline(objective, None, reasons[0] if reasons else "no cell", tests)
    limits = tuple(_limits(dataset, objective, place, fidelity))
    confidence = "high" if not limits else "moderate" if len(limits) < 3 else "low"
    return Guideline(objective, place, None, tests, tuple(_costs(dataset, objective, place, fidelity)), confidence, limits)


def _costs(dataset: Dataset, objective: Objective, place: Standing, fidelity: Sequence[Fidelity]) -> list[Claim]:
    """Return where the recommended configuration is worse than the leader of another objective, beyond its interval."""
    found = []
    for other in OBJECTIVES:
        if other.metric == objective.metric or other.providers is not None:
            continue
        tests = compare_models(dataset, other.metric, fidelity, providers=objective.providers)
        best = standing(dataset, other.metric, tests, None)
        if best is None or best.leader.id == place.leader.id:
            continue
        claim = compare(dataset, other.metric, place.leader, best.leader, [w.model for w in best.winners])
        if claim is not None and claim.value > 1.005:
            found.append(claim)
    return found


def _limits(dataset: Dataset, objective: Objective, place: Standing, fidelity: Sequence[Fidelity]) -> list[str]:
    limits = []
    runs = min((len(cell.ok) for cell in dataset.cells if cell.values(objective.metric)), default=0)
    if not place.unanimous:
        limits.append("the best configuration depends on the model")
    if runs < 10:
        limits.append(f"{runs} runs a cell")
    if place.models == 1:
        limits.append("one model")
    if dataset.estimated and METRICS[objective.metric].unit in ("J", "W"):
        limits.append("energy is estimated, not measured")
    if any(f.verdict is Verdict.UNFAITHFUL for f in fidelity):
        limits.append("some configurations are left out because their outputs differ")
    if dataset.environment is not None and dataset.environment.virtualisation:
        limits.append("measured on a virtual machine")
    return limits


def recommendation(guideline: Guideline) -> str:
    """Return the recommended configuration's label, or a dash."""
    return "–" if guideline.standing is None else label_of(guideline.standing.leader)
