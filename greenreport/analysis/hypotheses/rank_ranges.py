"""The place of a configuration among those compared on a model, with the places that the tests leave open.

The place is that of its median. Of the others, those that are significantly better stand before it and those that are significantly
worse behind it, whatever the medians say; all places between are possible with these runs. The first place is left to those that may
be the best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from greenreport.analysis.hypotheses.findings import ModelTest
from greenreport.analysis.measure.fidelity import NotRanked
from greenreport.analysis.stats import GroupTest, best_set
from greenreport.analysis.stats.best import among
from greenreport.catalog import MetricInfo


@dataclass(frozen=True, slots=True)
class Place:
    """A place, from 1, the best (of a metric without a better direction: the lowest).

    Attributes:
        first, last: the best and the worst place that the tests leave possible.
        of: number of configurations compared.
    """

    place: int
    first: int
    last: int
    of: int

    def __str__(self) -> str:
        """Return the place, in brackets those that are possible: ``2 of 4``, ``1 (1–2) of 4``."""
        possible = "" if self.first == self.last else f" ({self.first}–{self.last})"
        return f"{self.place}{possible} of {self.of}"


def places_of(item: ModelTest, info: MetricInfo, unranked: NotRanked = MappingProxyType({})) -> dict[str, Place]:
    """Return the place of each configuration on a model among those that are ranked; none where fewer than two were compared."""
    test = among(item.test, {g.name for g in item.test.groups if (item.model.id, g.name) not in unranked})
    sign = -1 if info.direction == "higher" else 1
    values = {g.name: sign * value for g in test.groups if g.tested and (value := g.description.median) is not None}
    best = best_set(test, info.direction) if len(values) > 1 else ()
    return {name: _place(test, values, name, best) for name in values} if len(values) > 1 else {}


def _place(test: GroupTest, values: Mapping[str, float], configuration: str, best: Sequence[str]) -> Place:
    """Return the place of a configuration; of the values, the smallest is the best."""
    own = values[configuration]
    others = [(name, value - own) for name, value in values.items() if name != configuration]
    apart = [by for name, by in others if test.between(configuration, name).significant]
    first, last = 1 + sum(by < 0 for by in apart), len(values) - sum(by > 0 for by in apart)
    if best and configuration not in best:
        first = max(first, 2)
    elif best == (configuration,):
        last = 1
    return Place(1 + sum(by < 0 for _, by in others), first, last, len(values))
