"""The groups that are statistically indistinguishable from the best one."""

from __future__ import annotations

from typing import Literal

from greenreport.analysis.stats.results import GroupTest


def best_set(test: GroupTest, better: Literal["lower", "higher"] = "lower") -> tuple[str, ...]:
    """Return the group with the best median and every group that does not differ significantly from it, as they were compared.

    Empty where nothing was tested, unless all medians are equal.
    """
    sign = 1 if better == "lower" else -1
    medians = {group.name: group.description.median for group in test.groups if group.tested}
    ranked = sorted((sign * median, name) for name, median in medians.items() if median is not None)
    same = len(ranked) > 1 and ranked[0][0] == ranked[-1][0]
    if test.test is None and not same:
        return ()
    best, *others = [name for _, name in ranked]
    members = {best, *(name for name in others if not test.pair(best, name).significant)}
    return tuple(group.name for group in test.groups if group.name in members)
