"""Who is best: for each model the leading configuration and those statistically tied with it, and the counts over models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from greenreport.analysis.hypotheses.claims import Claim, compare
from greenreport.analysis.hypotheses.findings import ModelTest
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.stats import GroupTest, Interval, best_set
from greenreport.catalog import METRICS, Better
from greenreport.study import Configuration, Model


@dataclass(frozen=True, slots=True)
class Winner:
    """The best of one model.

    Attributes:
        leader: configuration with the best median; ties: all that are statistically indistinguishable from the best, with it.
        unresolved: ties whose ratio to the leader has an interval without 1: the runs lie apart, but are too few for the test.
    """

    model: Model
    leader: str
    ties: tuple[str, ...]
    unresolved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """The best over all models of a comparison.

    Attributes:
        winners: one for each model with at least two compared configurations.
        wins: leader counts, best first; shared: how often a configuration is among the statistically best.
        leader: configuration with the most wins; of several, the one that is better on average.
        against: the reference the leader is compared with, or the runner-up where the leader is the reference.
        claim: leader against `against` over all models with both.
    """

    metric: str
    winners: tuple[Winner, ...]
    wins: tuple[tuple[str, int], ...]
    shared: tuple[tuple[str, int], ...]
    leader: Configuration
    against: Configuration | None
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
    def models(self) -> int:
        """Number of models compared."""
        return len(self.winners)


def standing(dataset: Dataset, metric: str, tests: Sequence[ModelTest], reference: str | None) -> Standing | None:
    """Return who is best in a metric over the models of a finding; None where nothing can be compared."""
    better = METRICS[metric].better
    direction: Literal["lower", "higher"] = "higher" if better is Better.HIGHER else "lower"
    winners = []
    for item in tests:
        groups = [group for group in item.test.groups if group.tested and group.description.median is not None]
        if len(groups) < 2:
            continue
        order = sorted(groups, key=lambda g: g.description.median or 0.0, reverse=direction == "higher")
        best = best_set(item.test, direction)
        leading, ties = order[0].name, best.members or (order[0].name,)
        winners.append(
            Winner(item.model, leading, ties, tuple(n for n in ties if n != leading and _apart(item.test, leading, n)))
        )
    if not winners:
        return None
    leaders = Counter(winner.leader for winner in winners)
    shared = Counter(name for winner in winners for name in winner.ties)
    models = [winner.model for winner in winners]
    ranked = sorted(leaders, key=lambda name: (-leaders[name], -shared[name], _average(dataset, metric, name, models, better)))
    leader = dataset.study.configuration(ranked[0])
    against = _opponent(dataset, metric, leader, reference, models, better)
    claim = None if against is None else compare(dataset, metric, leader, against, models)
    return Standing(
        metric,
        tuple(winners),
        tuple((name, leaders[name]) for name in ranked),
        tuple(shared.most_common()),
        leader,
        against,
        claim,
        dataset.labels,
    )


def _apart(test: GroupTest, leader: str, other: str) -> bool:
    """Whether the interval of the ratio of two groups leaves out equality."""
    ci = test.pair(leader, other).ratio.ci
    return isinstance(ci, Interval) and not ci.low <= 1 <= ci.high


def _average(dataset: Dataset, metric: str, name: str, models: Sequence[Model], better: Better) -> float:
    """Return the mean ratio to all other configurations, smaller is better; decides between equal numbers of wins."""
    configuration = dataset.study.configuration(name)
    claims = [
        claim.value
        for other in dataset.configurations
        if other.id != name and (claim := compare(dataset, metric, configuration, other, models)) is not None
    ]
    mean = sum(claims) / len(claims) if claims else 1.0
    return -mean if better is Better.HIGHER else mean


def _opponent(
    dataset: Dataset, metric: str, leader: Configuration, reference: str | None, models: Sequence[Model], better: Better
) -> Configuration | None:
    if reference is not None and reference != leader.id:
        chosen = dataset.study.configuration(reference)
        if compare(dataset, metric, leader, chosen, models) is not None:
            return chosen
    rivals = [c for c in dataset.configurations if c.id != leader.id]
    rated = [(claim.value, c) for c in rivals if (claim := compare(dataset, metric, leader, c, models)) is not None]
    if not rated:
        return None
    pick = min if better is Better.HIGHER else max
    return pick(rated, key=lambda pair: pair[0])[1]
