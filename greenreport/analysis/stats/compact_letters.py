"""Compact letter display: groups that share a letter do not differ significantly."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from string import ascii_lowercase


def compact_letters(ordered: Sequence[str], different: AbstractSet[frozenset[str]]) -> dict[str, tuple[str, ...]]:
    """Return the letters of each group: two groups share one exactly when their pair is not in `different`.

    Every pair that does not differ is covered by a maximal set of groups that do not differ from each other, grown in the
    given order; ranked groups thus get the letters a reader expects ("a", "ab", "b"). The number of letters is at most the
    number of such pairs, and not always the smallest possible.
    """
    covered: set[frozenset[str]] = set()
    members: list[list[str]] = []
    for place, name in enumerate(ordered):
        open_to = [other for other in ordered[place + 1 :] if not {frozenset((name, other))} & (different | covered)]
        seeds = [[name, other] for other in open_to] or ([[name]] if not any(name in group for group in members) else [])
        for seed in seeds:
            if len(seed) == 2 and frozenset(seed) in covered:
                continue
            group = _grow(seed, ordered, different)
            covered |= {frozenset((a, b)) for a in group for b in group if a != b}
            members.append(group)
    letters = [
        f"{letter}{turn or ''}" for turn in range(len(members) // 26 + 1) for letter in ascii_lowercase
    ]  # …, z, a1, b1, …
    return {name: tuple(letter for letter, group in zip(letters, members, strict=False) if name in group) for name in ordered}


def _grow(seed: Sequence[str], ordered: Sequence[str], different: AbstractSet[frozenset[str]]) -> list[str]:
    """Add every group, in order, that does not differ from any member so far."""
    group = list(seed)
    for name in ordered:
        if name not in group and not any(frozenset((name, member)) in different for member in group):
            group.append(name)
    return group
