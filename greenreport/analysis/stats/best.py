"""The groups that may be the best: Hsu's multiple comparisons with the best (Hsu 1984, Annals of Statistics 12).

Whether a group is the best is a smaller question than how all pairs differ: it is answered by k − 1 one-sided comparisons of a group
with each of the others instead of k (k − 1) / 2 two-sided ones. A group is not the best when one of the others is better than it by
Student's t within blocks at α / (k − 1). Whichever group is the best, it is thrown out with a probability of at most α, whatever the
spreads; Dunnett's distribution is sharper, and needs equal ones (docs/decisions/0020-comparisons-with-the-best.md).
"""

from __future__ import annotations

import math
from collections.abc import Set
from dataclasses import replace
from typing import Literal

from greenreport.analysis.stats.results import GroupTest, Pair
from greenreport.analysis.stats.sequential import over_looks


def best_set(test: GroupTest, better: Literal["lower", "higher"] = "lower") -> tuple[str, ...]:
    """Return the group with the best median and every group that may be the best, as they were compared.

    With a test other than the blocked model, these are all that do not differ significantly from the best median. Empty where nothing
    was tested, unless all medians are equal.
    """
    sign = 1 if better == "lower" else -1
    medians = {group.name: group.description.median for group in test.groups if group.tested}
    ranked = sorted((sign * median, name) for name, median in medians.items() if median is not None)
    same = len(ranked) > 1 and ranked[0][0] == ranked[-1][0]
    if test.test is None and not same:
        return ()
    best, *others = [name for _, name in ranked]
    if test.test == "blocked":
        beaten = {name for pair in test.pairs if (name := _beaten(pair, test, sign)) is not None}
    else:
        beaten = {name for name in others if test.between(best, name).significant}
    return tuple(
        group.name for group in test.groups if group.name == best or (group.name in medians and group.name not in beaten)
    )


def among(test: GroupTest, names: Set[str]) -> GroupTest:
    """Return a comparison with some of its groups alone; each of their pairs stays as it was compared among all."""
    if all(group.name in names for group in test.groups):
        return test
    groups = tuple(group for group in test.groups if group.name in names)
    return replace(test, groups=groups, pairs=tuple(pair for pair in test.pairs if pair.a in names and pair.b in names))


def _beaten(pair: Pair, test: GroupTest, sign: int) -> str | None:
    """Return which group of a pair the other one keeps from being the best; None where neither does."""
    size = pair.difference.value if pair.difference is not None else math.log(pair.ratio.value) if pair.ratio.value else 0.0
    rivals = (math.sqrt(1 + 8 * max(1, test.comparisons)) - 1) / 2  # k − 1 of the family's k (k − 1) / 2 pairs
    p = over_looks(pair.p, test.interim)
    if p is None or size == 0 or p / 2 * rivals >= test.alpha:
        return None
    return pair.a if sign * size > 0 else pair.b
