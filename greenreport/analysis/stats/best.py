"""The best group, and the groups that are statistically indistinguishable from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from greenreport.analysis.stats.results import GroupTest, PairVerdict


@dataclass(frozen=True, slots=True)
class BestSet:
    """The best group of a comparison and those indistinguishable from it.

    Attributes:
        best: group with the best median; None with a reason where nothing was tested.
        members: the best and every group that does not differ significantly from it, in the order of the comparison.
        practically_equal: groups that differ significantly, but by less than the smallest effect of interest.
    """

    best: str | None
    members: tuple[str, ...]
    practically_equal: tuple[str, ...] = ()
    reason: str | None = None


def best_set(test: GroupTest, better: Literal["lower", "higher"] = "lower") -> BestSet:
    """Return the best group by median and the set that is statistically indistinguishable from it."""
    sign = 1 if better == "lower" else -1
    tested = sorted(
        (sign * group.description.median, group.name)
        for group in test.groups
        if group.tested and group.description.median is not None
    )
    same = len(tested) > 1 and tested[0][0] == tested[-1][0]
    if test.test is None and not same:
        return BestSet(None, (), reason=test.omnibus.reason)
    best = tested[0][1]
    others = [name for _, name in tested[1:]]
    different = {name for name in others if test.pair(best, name).significant}
    equal = {name for name in different if test.pair(best, name).verdict is PairVerdict.NO_PRACTICAL_DIFFERENCE}
    names = [group.name for group in test.groups]
    members = {best, *others} - different
    return BestSet(best, tuple(n for n in names if n in members), tuple(n for n in names if n in equal))
