"""Rules on copies: repetitions, blocks, columns and numbers that were measured once and stand in the table twice."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations

import numpy as np

from greenreport.audit.chance import joint_tie_chance
from greenreport.audit.effects import effect, severity_of, without
from greenreport.audit.findings import AuditFinding, Evidence, RuleId, Severity
from greenreport.audit.table import AuditedColumn, AuditedTable, Mask, Rows
from greenreport.audit.words import names, rows_of
from greenreport.imports.results_table import Role
from greenreport.units import counted, number

#: Copies whose number expected by chance is larger are not called copies.
_CHANCE = 1e-3
#: A column is a copy of another if no row differs by more than rounding to two digits …
_COPY_SHARE = 0.01
#: … in the median by less than this, since rounding goes both ways …
_COPY_MEDIAN = 3e-4
#: … while its values vary by this factor, over so many rows.
_COPY_RANGE, _COPY_ROWS = 1.5, 8
#: Times per token that are the same by definition where every answer is streamed token by token.
_PER_TOKEN = frozenset({"tbt_s", "tpot_s", "latency_per_output_token_s"})
#: A number with so many significant digits does not come twice by chance.
_TELLING_DIGITS = 9


def _marks(table: AuditedTable) -> Rows | None:
    """Return one number for each row that is equal for rows equal in all metrics; −1 for rows without any value."""
    columns = [c.values for c in table.columns if c.present.any()]
    if not columns:
        return None
    marks = np.zeros(len(table), dtype=np.int64)
    empty = np.ones(len(table), dtype=bool)
    for values in columns:
        codes = np.unique(values, return_inverse=True)[1]
        marks = np.unique(marks * (codes.max() + 1) + codes, return_inverse=True)[1]
        empty &= ~np.isfinite(values)
    return np.where(empty, -1, marks)


def _twins(table: AuditedTable) -> dict[int, list[int]]:
    """Return the rows of each set of equal ones, in the order of the file, where it has two or more."""
    marks = _marks(table)
    if marks is None:
        return {}
    order = np.lexsort((table.table.lines, marks))
    bounds = np.flatnonzero(np.diff(marks[order])) + 1
    return {
        int(marks[rows[0]]): [int(row) for row in rows]
        for rows in np.split(order, bounds)
        if len(rows) > 1 and marks[rows[0]] >= 0
    }


def _group_of(table: AuditedTable) -> Rows:
    groups = np.zeros(len(table), dtype=np.int64)
    for index, rows in enumerate(table.groups):
        groups[rows] = index
    return groups


def copied_rows(table: AuditedTable) -> Mask:
    """Return which rows are equal in all metrics to an earlier one of their group."""
    again, groups = np.zeros(len(table), dtype=bool), _group_of(table)
    for rows in _twins(table).values():
        seen: set[int] = set()
        for row in rows:
            again[row] = int(groups[row]) in seen
            seen.add(int(groups[row]))
    return again


def copied_repetitions(table: AuditedTable) -> list[AuditFinding] | None:
    """Find repetitions that equal an earlier one of their group in every metric.

    A continuous quantity measured twice does not agree to its last digit. Copied rows count an observation twice: p values become too small and
    intervals too narrow. Threshold: fewer than 0.001 such rows are expected by chance, from the steps and the scatter of the two columns that tell
    rows apart best.
    """
    return _copies(table, inside=True)


def copied_blocks(table: AuditedTable) -> list[AuditFinding] | None:
    """Find rows that equal a row of another group in every metric.

    What was measured for one configuration then stands for another, and the two are equal by construction. Threshold as for copied repetitions.
    """
    return _copies(table, inside=False)


def _copies(table: AuditedTable, *, inside: bool) -> list[AuditFinding] | None:
    if not table.columns or len(table) < 2:
        return None
    groups, twins = _group_of(table), _twins(table)
    rows = copied_rows(table) if inside else np.zeros(len(table), dtype=bool)
    if not inside:
        for equal in twins.values():
            home = groups[equal[0]]
            rows[[row for row in equal if groups[row] != home]] = True
    if not rows.any():
        return []
    keep = (~copied_rows(table)).astype(np.float64)
    sizes = np.array([len(group) for group in table.groups], dtype=np.float64)
    pairs = float((sizes * (sizes - 1) / 2).sum()) if inside else len(table) * (len(table) - 1) / 2
    expected = joint_tie_chance(table, keep) * pairs
    if expected > _CHANCE:
        return []
    main = next((c for c in table.columns if c.unit == "J"), table.columns[0])
    found = effect(table, main, [without(main, rows)])
    touched = sorted({int(groups[row]) for row in np.flatnonzero(rows)})
    pattern = _pattern(table, twins, groups) if inside else ""
    where = f"in {len(touched)} of {counted(len(table.groups), 'group')}"
    whose = "an earlier repetition" if inside else "a row of another group"
    evidence = (
        Evidence("rows", int(rows.sum())), Evidence("groups", len(touched)), Evidence("expected by chance", expected),
        Evidence("rows that are left", len(table) - int(rows.sum())),
    )  # fmt: skip
    return [
        AuditFinding(
            RuleId.COPIED_REPETITION if inside else RuleId.COPIED_BLOCK,
            severity_of(found),
            tuple(c.name for c in table.columns),
            table.lines(rows),
            evidence,
            f"{rows_of(int(rows.sum()), len(table))} equal {whose} in all {counted(len(table.columns), 'metric')}, {where}{pattern}. "
            f"By chance {number(expected, 2) if expected >= 0.01 else 'fewer than 0.01'} such rows would be expected.",
            found,
        )
    ]


def _pattern(table: AuditedTable, twins: dict[int, list[int]], groups: Rows) -> str:
    """Return the rule that copied repetitions follow, as a part of a sentence: ``: repetition r + 5 is repetition r``."""
    numbers = next((np.asarray(c.values, dtype=np.float64) for c in table.table.of(Role.REPETITION)), None)
    if numbers is None:
        return ""
    shifts = Counter(
        float(abs(numbers[later] - numbers[first]))
        for rows in twins.values()
        for first, later in combinations(rows[:50], 2)
        if groups[first] == groups[later]
    )
    shift, count = shifts.most_common(1)[0] if shifts else (math.nan, 0)
    return (
        f": repetition r + {shift:g} is repetition r"
        if count == sum(shifts.values()) and math.isfinite(shift) and shift
        else ""
    )


def copied_columns(table: AuditedTable) -> list[AuditFinding] | None:
    """Find columns that give the values of another, in another unit or with fewer digits.

    Two instruments that agree to the last digit are one instrument; agreement of such columns confirms nothing. Threshold: no row differs by more
    than 1 %, as two digits are rounded, nor the median by more than 0.03 %, over values that vary by half; instruments of this field differ by more.
    """
    columns = [c for c in table.of_unit("J", "s", "W") if np.count_nonzero(c.present) >= _COPY_ROWS]
    if len(columns) < 2:
        return None
    return [found for first, second in combinations(columns, 2) if (found := _same_quantity(first, second)) is not None]


def _same_quantity(first: AuditedColumn, second: AuditedColumn) -> AuditFinding | None:
    if len(np.unique(first.values)) < len(np.unique(second.values)):
        first, second = second, first
    both = first.present & second.present & (first.values > 0) & (second.values > 0)
    if first.unit != second.unit or np.count_nonzero(both) < _COPY_ROWS:
        return None
    ratio = first.values[both] / second.values[both]
    low, middle, high = float(ratio.min()), float(np.median(ratio)), float(ratio.max())
    varies = float(first.values[both].max() / first.values[both].min())
    if low < 1 - _COPY_SHARE or high > 1 + _COPY_SHARE or varies < _COPY_RANGE or abs(middle - 1) > _COPY_MEDIAN:
        return None
    most, fewest = (len(np.unique(column.values[both])) for column in (first, second))
    digits = f", `{second.name}` with fewer digits ({most:,} and {fewest:,} distinct values)" if fewest < most else ""
    least, largest = f"{low:.4f}", f"{high:.4f}"
    lies = f"is {least}" if least == largest else f"lies between {least} and {largest}"
    return AuditFinding(
        RuleId.COPIED_COLUMN, Severity.NOTE, (first.name, second.name), (),
        (
            Evidence("smallest ratio", low), Evidence("largest ratio", high), Evidence("rows", int(both.sum())),
            Evidence(f"distinct values of {first.name}", most), Evidence(f"distinct values of {second.name}", fewest),
        ),
        f"`{first.name}` ÷ `{second.name}` {lies} in all {int(both.sum()):,} rows, in the same unit: they are one "
        f"measurement{digits}. They do not confirm each other.",
    )  # fmt: skip


def copied_numbers(table: AuditedTable) -> list[AuditFinding] | None:
    """Find one number that stands in several metrics of a report, to its last digit.

    Different quantities do not have the same nine digits; a program wrote one into the place of another. Statistics of one metric may agree (its
    mean and its median over one request), and in rows that are runs or requests so may metrics: latency and duration of one request.
    """
    if len(table.columns) < 2 or table.table.row != "report":
        return None
    found: dict[tuple[str, ...], tuple[list[int], float]] = {}
    for row in range(min(len(table), 10_000)):
        holders: dict[float, list[AuditedColumn]] = {}
        for column in table.columns:
            value = float(column.column.values[row])
            if math.isfinite(value) and len(f"{abs(value):.15g}".replace(".", "").strip("0")) >= _TELLING_DIGITS:
                holders.setdefault(value, []).append(column)
        for value, same in holders.items():
            if len({column.key for column in same} - _PER_TOKEN) + any(column.key in _PER_TOKEN for column in same) > 1:
                found.setdefault(tuple(column.name for column in same), ([], value))[0].append(row)
    return [
        AuditFinding(
            RuleId.COPIED_NUMBER, Severity.DOUBTFUL, columns, table.lines(np.array(rows)),
            (Evidence("value", value), Evidence("rows", len(rows)), Evidence("columns", len(columns))),
            f"{names(columns)} hold the same number, {value:.10g}, in {counted(len(rows), 'row')}: different quantities do not agree to the last digit, "
            f"so at most one of them was measured.",
        )
        for columns, (rows, value) in found.items()
    ]  # fmt: skip
