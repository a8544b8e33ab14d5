"""How often values agree by chance: from the step of a column and the scatter within its groups."""

from __future__ import annotations

import math

import numpy as np

from greenreport.audit.table import AuditedColumn, AuditedTable, Floats, step

#: Two normal values with scatter σ agree when rounded to steps δ with probability δ ÷ (2√π σ).
_NORMAL = 2 * math.sqrt(math.pi)
#: Two columns whose values go together by more than this (squared correlation) count as one.
_TOGETHER = 0.95


def tie_chance(table: AuditedTable, column: AuditedColumn, keep: Floats | None = None) -> float:
    """Return the probability that two rows of one group have the same value, the mean over groups.

    The larger of what rounding implies for normal values, and of how often rows do agree that are no copies as a whole.

    Args:
        keep: for each row, 1 where it is to be looked at and 0 where it is a copy; when absent, only rounding counts.
    """
    values = column.values if keep is None else np.where(keep > 0, column.values, math.nan)
    implied, agreeing, pairs, groups = 0.0, 0, 0, 0
    for rows in table.groups:
        inside = values[rows][np.isfinite(values[rows])]
        if len(inside) < 2:
            continue
        written = np.asarray(column.column.values[rows][np.isfinite(values[rows])], dtype=np.float64)
        scatter = float(np.std(written))
        implied += min(1.0, step(written) / (_NORMAL * scatter)) if scatter > 0 else 1.0
        groups += 1
        counts = np.unique(inside, return_counts=True)[1].astype(np.float64)
        agreeing += int((counts * (counts - 1) / 2).sum())
        pairs += len(inside) * (len(inside) - 1) // 2
    if not groups:
        return 1.0
    return max(implied / groups, agreeing / pairs if keep is not None else 0.0)


def joint_tie_chance(table: AuditedTable, keep: Floats) -> float:
    """Return the probability that two rows of one group agree in all metrics, from the two that tell rows apart best.

    Two columns that go together count as one, so that a column in two units is not two proofs.
    """
    chances = sorted(((tie_chance(table, c, keep), index) for index, c in enumerate(table.columns)), key=lambda pair: pair[0])
    if not chances:
        return 1.0
    first, best = chances[0]
    others = [
        chance / math.sqrt(1 - together)
        for chance, index in chances[1:]
        if (together := _together(table, table.columns[best], table.columns[index])) < _TOGETHER
    ]
    return first * min([1.0, *others])


def _together(table: AuditedTable, first: AuditedColumn, second: AuditedColumn) -> float:
    """Return the squared correlation of two columns within groups."""
    a, b = (c.values - table.typical(c).centre for c in (first, second))
    both = np.isfinite(a) & np.isfinite(b)
    if np.count_nonzero(both) < 4 or np.ptp(a[both]) == 0 or np.ptp(b[both]) == 0:
        return 1.0
    return float(np.corrcoef(a[both], b[both])[0, 1]) ** 2
