"""The place of a configuration among those compared on a model, with the places that the tests leave open.

The place is that of its median. Of the others, those that are significantly better stand before it and those that are significantly
worse behind it, whatever the medians say; all places between are possible with these runs. The first place is left to those that may
be the best.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from greenreport.analysis.hypotheses.findings import ModelTest
from greenreport.analysis.measure.fidelity import NotRanked
from greenreport.analysis.stats import best_set
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


def place_of(item: ModelTest, configuration: str, info: MetricInfo, unranked: NotRanked = MappingProxyType({})) -> Place | None:
    """Return the place of a configuration on a model among those that are ranked; None where it was not compared with another."""
    test = among(item.test, {g.name for g in item.test.groups if (item.model.id, g.name) not in unranked})
    values = {g.name: value for g in test.groups if g.tested and (value := g.description.median) is not None}
    own = values.get(configuration)
    if own is None or len(values) < 2:
        return None
    sign = -1 if info.direction == "higher" else 1
    others = [(name, sign * (value - own)) for name, value in values.items() if name != configuration]
    apart = [(name, by) for name, by in others if test.pair(configuration, name).significant]
    first, last = 1 + sum(by < 0 for _, by in apart), len(values) - sum(by > 0 for _, by in apart)
    best = best_set(test, info.direction)
    if best and configuration not in best:
        first = max(first, 2)
    elif best == (configuration,):
        last = 1
    return Place(1 + sum(by < 0 for _, by in others), first, last, len(values))
