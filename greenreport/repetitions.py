"""Which machine each repetition of a study comes from, where several machines of equal hardware share the work.

A repetition is a block: its cells are compared with each other. It is done when one machine holds all its cells, and it is taken from
exactly one, so that no contrast compares machines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from greenreport.plan import Plan, completeness, current
from greenreport.pooling import pool_of
from greenreport.record import SETTLED, Environment, IndexRow

#: The rows of one repetition on one machine, by the key of the cell.
Block = dict[str, IndexRow]


def pools(plan: Plan, environments: Iterable[Environment]) -> dict[str, frozenset[str]]:
    """Return, for the key of each environment, the keys of those whose repetitions are pooled with its own, itself among them."""
    together: defaultdict[str, set[str]] = defaultdict(set)
    of = {environment.key: pool_of(environment, plan.places) for environment in environments}
    for key, pool in of.items():
        together[pool].add(key)
    return {key: frozenset(together[pool]) for key, pool in of.items()}


def blocks(plan: Plan, index: Iterable[IndexRow]) -> dict[str, dict[int, Block]]:
    """Return, for each environment, the runs that count in it, by repetition."""
    result: dict[str, dict[int, Block]] = {}
    for environment, rows in current(plan, index).items():
        result[environment] = defaultdict(dict)
        for (key, repetition), row in rows.items():
            result[environment][repetition][key] = row
    return result


def whole(plan: Plan, block: Block) -> bool:
    """Return whether a machine holds every cell of a repetition, each with an outcome that stands."""
    return all(cell.key in block and block[cell.key].outcome in SETTLED for cell in plan.cells)


def done(plan: Plan, index: Iterable[IndexRow], pool: frozenset[str]) -> frozenset[int]:
    """Return the repetitions that one of the environments of a pool holds whole."""
    held = blocks(plan, index)
    return frozenset(number for key in pool for number, block in held.get(key, {}).items() if whole(plan, block))


def pooled(
    plan: Plan, index: Sequence[IndexRow], environments: Iterable[Environment], here: str, *, partial: bool = True
) -> tuple[IndexRow, ...]:
    """Return the index as it is seen from an environment: each repetition belongs to it or to one environment of its pool.

    Of several that have the same share of a repetition, the environment itself is taken.

    Args:
        here: key of the environment.
        partial: also take a repetition that no environment holds whole, from the one with most of it; otherwise it stays with its own.
    """
    members = pools(plan, environments).get(here, frozenset({here}))
    if len(members) < 2:
        return tuple(index)
    held = blocks(plan, index)
    fingerprints = {cell.fingerprint for cell in plan.cells}
    lent: set[str] = set()
    hidden: set[str] = set()
    for number in {number for key in members for number in held.get(key, {})}:
        shares = {key: held.get(key, {}).get(number, {}) for key in members}
        best = max(members, key=lambda key, shares=shares: (*_share(plan, shares[key]), key == here, key))  # type: ignore[misc]
        if best == here or not (partial or whole(plan, shares[best])):
            continue
        taken = {row.run_id for row in shares[best].values()}
        lent |= taken
        hidden |= {
            row.run_id
            for row in index
            if row.fingerprint in fingerprints and row.repetition == number and row.counts_in(here) and row.run_id not in taken
        }
    return tuple(
        replace(row, agreeing=row.agreeing | {here}) if row.run_id in lent else row for row in index if row.run_id not in hidden
    )


def counted(
    plan: Plan, index: Sequence[IndexRow], environments: Iterable[Environment]
) -> dict[str, dict[tuple[str, int], IndexRow]]:
    """Return, for each environment, the record that counts for each (cell key, repetition), also of machines like it (see `pooled`)."""
    known = tuple(environments)
    return {key: current(plan, pooled(plan, index, known, key)).get(key, {}) for key in current(plan, index)}


def _share(plan: Plan, block: Block) -> tuple[bool, int, int]:
    return whole(plan, block), *completeness({(key, 0): row for key, row in block.items()})
