"""Who is best: for each model the leading configuration and those statistically tied with it, and the counts over models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from greenreport.analysis.hypotheses.claims import Claim, compare
from greenreport.analysis.hypotheses.findings import ModelTest
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import NotRanked
from greenreport.analysis.stats import best_set
from greenreport.analysis.stats.best import among
from greenreport.catalog import METRICS, MetricInfo
from greenreport.study import Configuration, Model


@dataclass(frozen=True, slots=True)
class Winner:
    """The best of one model.

    Attributes:
        leader: configuration with the best median; ties: all that may be the best (`stats.best`), with it.
        compared: all that were compared.
    """

    model: Model
    leader: str
    ties: tuple[str, ...]
    compared: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """The best over all models of a comparison.

    Attributes:
        winners: one for each model with at least two compared configurations.
        wins: leader counts, best first; shared: how often a configuration is among the statistically best.
        leader: configuration with the most wins; of several, the one that is better on average.
        claim: leader against the reference, or against the runner-up where it is the reference, over all models with both.
    """

    metric: str
    winners: tuple[Winner, ...]
    wins: tuple[tuple[str, int], ...]
    shared: tuple[tuple[str, int], ...]
    leader: Configuration
    claim: Claim | None
    labels: Mapping[str, str]

    @property
    def unanimous(self) -> bool:
        """Whether one configuration leads on every model."""
        return len(self.wins) == 1

    @property
    def never_beaten(self) -> bool:
        """Whether the leader is best or statistically tied with the best on every model."""
        return all(self.leader.id in winner.ties for winner in self.winners)

    @property
    def tied(self) -> bool:
        """Whether another configuration may be the best on some model, although the leader has the best median on all."""
        return any(len(winner.ties) > 1 for winner in self.winners)

    @property
    def compared(self) -> frozenset[str]:
        """Ids of all configurations that were compared."""
        return frozenset(name for winner in self.winners for name in winner.compared)

    @property
    def models(self) -> int:
        """Number of models compared."""
        return len(self.winners)


def standing(
    dataset: Dataset, metric: str, tests: Sequence[ModelTest], reference: str | None, unranked: NotRanked = MappingProxyType({})
) -> Standing | None:
    """Return who is best in a metric over the models of a finding; None where nothing can be compared.

    Args:
        unranked: cells that were compared and are not ranked.
    """
    info = METRICS[metric]
    winners = []
    for item in tests:
        test = among(item.test, {group.name for group in item.test.groups if (item.model.id, group.name) not in unranked})
        groups = [group for group in test.groups if group.tested and group.description.median is not None]
        if len(groups) < 2:
            continue
        pick = max if info.direction == "higher" else min
        leading = pick(groups, key=lambda g: g.description.median or 0.0).name
        ties = best_set(test, info.direction) or (leading,)
        winners.append(Winner(item.model, leading, ties, tuple(group.name for group in groups)))
    if not winners:
        return None
    leaders = Counter(winner.leader for winner in winners)
    shared = Counter(name for winner in winners for name in winner.ties)
    models = [winner.model for winner in winners]
    counts = {name: (-leaders[name], -shared[name]) for name in leaders}
    equal = {
        name: _average(dataset, info, name, models, unranked) for name, n in counts.items() if [*counts.values()].count(n) > 1
    }
    ranked = sorted(leaders, key=lambda name: (counts[name], equal.get(name, 0.0)))
    leader = dataset.study.configuration(ranked[0])
    claim = _claim(dataset, info, leader, reference, models, unranked)
    wins = tuple((name, leaders[name]) for name in ranked)
    return Standing(metric, tuple(winners), wins, tuple(shared.most_common()), leader, claim, dataset.labels)


def _rivals(
    dataset: Dataset, metric: str, configuration: Configuration, models: Sequence[Model], unranked: NotRanked
) -> list[Claim]:
    """Return the claims against every other configuration, on the models on which that is ranked."""
    claims = (
        compare(dataset, metric, configuration, c, [model for model in models if (model.id, c.id) not in unranked])
        for c in dataset.configurations
        if c.id != configuration.id
    )
    return [claim for claim in claims if claim is not None]


def _average(dataset: Dataset, info: MetricInfo, name: str, models: Sequence[Model], unranked: NotRanked) -> float:
    """Return the mean ratio to all other configurations, smaller is better; decides between equal numbers of wins."""
    claims = _rivals(dataset, info.id, dataset.study.configuration(name), models, unranked)
    mean = sum(claim.value for claim in claims) / len(claims) if claims else 1.0
    return -mean if info.direction == "higher" else mean


def _claim(
    dataset: Dataset,
    info: MetricInfo,
    leader: Configuration,
    reference: str | None,
    models: Sequence[Model],
    unranked: NotRanked,
) -> Claim | None:
    """Return the claim of the leader against the reference, or against the runner-up where the leader is the reference."""
    if reference is not None and reference != leader.id:
        claim = compare(dataset, info.id, leader, dataset.study.configuration(reference), models)
        if claim is not None:
            return claim
    pick = min if info.direction == "higher" else max
    return pick(_rivals(dataset, info.id, leader, models, unranked), key=lambda claim: claim.value, default=None)
