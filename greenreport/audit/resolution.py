"""Rules on resolution: fewer distinct values than a measurement can have, times that come in steps of a clock."""

from __future__ import annotations

import numpy as np

from greenreport.audit.copies import copied_rows
from greenreport.audit.findings import AuditFinding, Evidence, RuleId, Severity
from greenreport.audit.table import AuditedColumn, AuditedTable, Mask
from greenreport.audit.words import amount
from greenreport.imports.results_table import GROUPING

#: From so many rows on, the number of distinct values says something; fewer than this share of them are few.
_ROWS, _FEW = 40, 0.5
#: From this share of pairs that agree on, the step hides differences within groups.
_TIED = 0.25
#: Steps of clocks and timers, in s, the coarsest first; 1/64 s is the timer of Windows.
_CLOCKS = (1.0, 0.5, 0.1, 0.05, 0.02, 1 / 64, 0.01, 0.005, 0.004, 0.002, 0.001)
#: A step matters from this share of the median on.
_STEP_SHARE = 0.02
#: Times are on the steps of a clock up to this share of a step.
_ON_STEP = 1e-4


def few_distinct_values(table: AuditedTable) -> list[AuditFinding] | None:
    """Find continuous metrics with far fewer distinct values than rows, in the whole table or in the rows of one level.

    Energies and times do not repeat to the last digit: the values were rounded, or the instrument counts in large steps. Differences below a step are not
    measured, and tests that rank values meet ties. Threshold: fewer distinct values than half the rows, of 40 or more. It is doubtful where two
    rows of one group agree in a quarter of cases, and a note otherwise.
    """
    columns = [c for c in table.of_unit("J", "s", "W") if np.count_nonzero(c.present) >= _ROWS]
    if not columns:
        return None
    copies = copied_rows(table)
    return [found for column in columns if (found := _few(table, column, column.present & ~copies)) is not None]


def _few(table: AuditedTable, column: AuditedColumn, rows: Mask) -> AuditFinding | None:
    """Return the level whose rows have the fewest distinct values for their number, if they are few."""
    subsets = [("", rows)]
    for factor in (c for c in table.table.columns if c.role in GROUPING):
        levels = np.unique(factor.values)
        if 1 < len(levels) <= 20:
            subsets += [(f"{factor.name} {level}", rows & (factor.values == level)) for level in levels]
    counted = [
        (len(np.unique(column.values[inside])) / number, number, words, inside)
        for words, inside in subsets
        if (number := int(inside.sum())) >= _ROWS
    ]
    few = [item for item in counted if item[0] < _FEW]
    if not few or np.ptp(column.values[rows]) == 0:
        return None
    _, number, words, inside = min(few, key=lambda item: item[0])
    distinct = len(np.unique(column.values[inside]))
    tied = _tied(table, column, inside)
    return AuditFinding(
        RuleId.FEW_DISTINCT, Severity.DOUBTFUL if tied >= _TIED else Severity.NOTE, (column.name,), (),
        (Evidence("distinct values", distinct), Evidence("rows", number), Evidence("share of pairs in groups that are equal", tied)),
        f"`{column.name}` has {distinct:,} distinct values in {number:,} rows{f' of {words}' if words else ''}: it was rounded, or counts in large steps; two "
        f"rows of one group agree to the last digit in {tied:.0%} of cases, so smaller differences were not measured.",
    )  # fmt: skip


def _tied(table: AuditedTable, column: AuditedColumn, inside: Mask) -> float:
    agreeing, pairs = 0.0, 0.0
    for rows in table.groups:
        values = column.values[rows[inside[rows]]]
        counts = np.unique(values, return_counts=True)[1].astype(np.float64)
        agreeing += float((counts * (counts - 1) / 2).sum())
        pairs += len(values) * (len(values) - 1) / 2
    return agreeing / pairs if pairs else 0.0


def coarse_clocks(table: AuditedTable) -> list[AuditFinding] | None:
    """Find times that are all multiples of a coarse step: 10 ms, 1/64 s, whole seconds.

    They were taken with a timer or rounded; a difference of less than a step is none, and percentiles jump from step to step. Threshold: all
    of 20 or more values, at least three different ones, are multiples of a step that is more than 2 % of their median.
    """
    columns = [
        c
        for c in table.columns
        if c.unit == "s" and np.count_nonzero(c.present) >= 20 and c.key not in ("started_s", "ended_s")
    ]
    if not columns:
        return None
    found = []
    for column in columns:
        values = column.values[column.present]
        middle = float(np.median(values))
        for clock in _CLOCKS:
            ticks = values / clock
            on_grid = np.abs(ticks - np.round(ticks)) < _ON_STEP
            if on_grid.all() and clock > _STEP_SHARE * middle > 0 and len(np.unique(np.round(ticks))) >= 3:
                found.append(AuditFinding(
                    RuleId.COARSE_CLOCK, Severity.DOUBTFUL, (column.name,), (),
                    (Evidence("step", clock, "s"), Evidence("median", middle, "s"), Evidence("rows", len(values))),
                    f"All {len(values):,} values of `{column.name}` are multiples of {amount(clock, 's')}, with a median of {amount(middle, 's')}: differences "
                    "below one step were not measured.",
                ))  # fmt: skip
                break
    return found
