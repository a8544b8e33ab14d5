"""Rules on runs as they follow each other: shifted phases, truncated runs, repetitions faster than the first, outliers."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from greenreport.audit.copies import copied_rows
from greenreport.audit.counters import wrapped_rows
from greenreport.audit.effects import effect, severity_of, without
from greenreport.audit.findings import AuditFinding, Evidence, RuleId, Severity
from greenreport.audit.table import AuditedColumn, AuditedTable, Floats, Mask
from greenreport.audit.words import amount, rows_of, rows_that
from greenreport.units import counted, number, percent

#: A deviation counts from so many scatters and this share of the median; two that cancel do so to this share.
_SHIFT_FAR, _SHIFT_SHARE, _SHIFT_CANCEL = 8.0, 0.5, 0.15
#: A run that took less than half of its group's time, in a group whose times scatter by less than this, was cut short …
_SHORT, _SHORT_SCATTER = 0.5, 0.1
#: … if what it used or made fell with it: by this share.
_FELL = 0.3
#: The first repetition is slower if this holds in the median, and so surely over the groups.
_FIRST_SHARE, _FIRST_P, _FIRST_GROUPS = 1.05, 1e-3, 5
#: An outlier lies so many scatters from the median of its group, and this factor, in groups of so many rows.
OUTLIER_SCATTERS, OUTLIER_FACTOR, OUTLIER_ROWS = 10.0, 1.5, 5


def shifted_phases(table: AuditedTable) -> list[AuditFinding] | None:
    """Find energy that was booked to the row before or after: a zero beside a double, −x beside +x.

    When a tool reads its counter late, one run gets the energy of two and its neighbour none. Their sum is right and both rows are wrong. Threshold: each
    lies 8 scatters and half the median away from its group, in opposite directions, and together they cancel to 15 %.
    """
    columns = [c for c in table.of_unit("J") if c.present.any()]
    if not columns or not table.repeats or len(table) < 2:
        return None
    found = []
    for column in columns:
        typical = table.typical(column)
        off = column.values - typical.centre
        far = np.abs(off) > np.maximum(_SHIFT_FAR * typical.scatter, _SHIFT_SHARE * np.abs(typical.centre))
        rows = np.zeros(len(table), dtype=bool)
        file_order = np.argsort(table.table.lines, kind="stable")
        for order in (file_order, *table.in_order):
            first, second = order[:-1], order[1:]
            cancel = np.abs(off[first] + off[second]) <= _SHIFT_CANCEL * np.abs(off[first])
            both = far[first] & far[second] & cancel
            rows[first[both]] = rows[second[both]] = True
        if rows.any():
            found.append(_shifted(table, column, off, rows))
    return found


def _shifted(table: AuditedTable, column: AuditedColumn, off: Floats, rows: Mask) -> AuditFinding:
    impact = effect(table, column, [without(column, rows)])
    largest = float(np.abs(off[rows]).max())
    return AuditFinding(
        RuleId.SHIFTED_PHASE, severity_of(impact), (column.name,), table.lines(rows),
        (Evidence("rows", int(rows.sum())), Evidence("largest shift", largest, column.unit)),
        f"{rows_of(int(rows.sum()), len(table))} of `{column.name}` come in neighbours of which one has too much and the other as much too little, up to "
        f"{amount(largest, column.unit)}: energy of one run was booked to the next.", impact,
    )  # fmt: skip


def truncated_runs(table: AuditedTable) -> list[AuditFinding] | None:
    """Find runs that ended early: less than half of their group's time, and less energy or output with it.

    What they measured is a part of the work, so that a mean with them is of unequal work. Threshold: half the median time where times scatter by less than
    10 %, with at least 30 % less energy or tokens; a faster run would have made the same output.
    """
    duration = table.single("duration_s")
    others = [
        c
        for key in ("energy_j", "output_tokens", "requests", "gpu_energy_j", "cpu_energy_j")
        if (c := table.single(key)) is not None
    ]
    if duration is None or not others or not table.repeats:
        return None
    typical = table.typical(duration)
    short = (duration.values < _SHORT * typical.centre) & (typical.scatter < _SHORT_SCATTER * typical.centre)
    fell = np.logical_or.reduce([c.values < (1 - _FELL) * table.typical(c).centre for c in others])
    rows = short & fell & (duration.values > 0)
    if not rows.any():
        return []
    main = others[0]
    impact = effect(table, main, [without(main, rows)])
    share = float(np.min(duration.values[rows] / typical.centre[rows]))
    return [AuditFinding(
        RuleId.TRUNCATED_RUN, severity_of(impact), (duration.name, main.name), table.lines(rows),
        (Evidence("rows", int(rows.sum())), Evidence("shortest, share of the group's median", share)),
        f"{rows_of(int(rows.sum()), len(table))} took less than half the time of their group, the shortest {percent(share)} of it, and used or made less "
        "with it: they were cut short.", impact,
    )]  # fmt: skip


def faster_repeats(table: AuditedTable) -> list[AuditFinding] | None:
    """Find that repetitions are faster than the first by more than the noise: a cache of prefixes, or no warm-up.

    A server that keeps the prompts of earlier repetitions computes less in later ones, and the mean is of neither. Threshold: the first is slower by 5 % in
    the median over at least five groups, and the signed-rank test over groups gives p < 0.001; or in every second group by ten scatters.
    """
    if not table.repeats:
        return None
    columns = [c for key in ("ttft_s", "latency_s", "duration_s") if (c := table.single(key)) is not None]
    groups = [rows for rows in table.in_order if len(rows) >= 4]
    if not columns or not groups:
        return None
    for column in columns:
        usable = [rows for rows in groups if np.isfinite(column.values[rows]).all() and (column.values[rows] > 0).all()]
        if not usable:
            continue
        logs = [np.log(column.values[rows]) for rows in usable]
        slower = np.array([values[0] - np.median(values[1:]) for values in logs])
        scatter = np.array([1.4826 * np.median(np.abs(values[1:] - np.median(values[1:]))) for values in logs])
        middle = float(np.median(slower))
        if middle <= math.log(_FIRST_SHARE):
            continue
        p = float(stats.wilcoxon(slower, alternative="greater").pvalue) if len(slower) >= _FIRST_GROUPS else 1.0
        sure = np.count_nonzero(slower > np.maximum(OUTLIER_SCATTERS * scatter, math.log(_FIRST_SHARE))) >= max(
            2, (len(slower) + 1) // 2
        )
        if p < _FIRST_P or sure:
            return [_faster(table, column, np.array([rows[0] for rows in usable]), middle, p)]
    return []


def _faster(
    table: AuditedTable, column: AuditedColumn, firsts: np.typing.NDArray[np.int64], middle: float, p: float
) -> AuditFinding:
    rows = np.zeros(len(table), dtype=bool)
    rows[firsts] = True
    return AuditFinding(
        RuleId.FASTER_REPEATS, Severity.DOUBTFUL, (column.name,), table.lines(rows),
        (Evidence("first ÷ later, median", math.exp(middle)), Evidence("groups", len(firsts)), Evidence("p", p)),
        f"The first repetition has {number(math.exp(middle))} times the `{column.name}` of the later ones, in the median of "
        f"{counted(len(firsts), 'group')}: later ones may be answered from a cache of prefixes, or the first was the warm-up.",
        effect(table, column, [without(column, rows)]),
    )  # fmt: skip


def outliers(table: AuditedTable) -> list[AuditFinding] | None:
    """Find values far from all others of their group, by a rule that is declared beforehand.

    An outlier is a question, not an error: a run that was disturbed, a channel that counted something else, or a heavy tail. Threshold: ten scatters
    (1.4826 × the median absolute deviation, of logarithms where all values are positive) and a factor of 1.5 from the median, in groups of five
    runs or more. Normal values lie there once in 10²² rows; those of few rows need the factor, since their scatter may be small by chance.
    """
    columns = [c for c in table.of_unit("J", "s", "W", "J/request", "J/token") if c.present.any()]
    if not columns or not table.repeats:
        return None
    found = []
    copies = copied_rows(table)
    for column in columns:
        rows = (
            _outlying(table, column)
            & ~copies
            & (np.abs(column.values - table.typical(column).centre) > OUTLIER_SCATTERS * table.step(column))
        )
        if rows.any() and (rows := rows & ~wrapped_rows(table, column)).any():
            found.append(_outlier(table, column, rows))
    return found


def _outlying(table: AuditedTable, column: AuditedColumn) -> Mask:
    rows = np.zeros(len(table), dtype=bool)
    for group in table.groups:
        values = column.values[group]
        values = np.where(values > 0, values, math.nan)
        if np.count_nonzero(np.isfinite(values)) < OUTLIER_ROWS:
            continue
        off = np.log(values) - np.nanmedian(np.log(values))
        scatter = 1.4826 * float(np.nanmedian(np.abs(off)))
        rows[group] = np.abs(off) > max(OUTLIER_SCATTERS * scatter, math.log(OUTLIER_FACTOR))
    return rows


def _outlier(table: AuditedTable, column: AuditedColumn, rows: Mask) -> AuditFinding:
    ratio = column.values / table.typical(column).centre
    worst = int(np.flatnonzero(rows)[np.argmax(np.abs(np.log(ratio[rows])))])
    return AuditFinding(
        RuleId.OUTLIER, Severity.DOUBTFUL, (column.name,), table.lines(rows),
        (
            Evidence("rows", int(rows.sum())), Evidence("most extreme", float(column.values[worst]), column.unit),
            Evidence("median of its group", float(table.typical(column).centre[worst]), column.unit), Evidence("ratio", float(ratio[worst])),
            Evidence("largest of the other rows", float(np.nanmax(np.where(rows, math.nan, column.values))), column.unit),
        ),
        f"{rows_that(int(rows.sum()), len(table), column.name, 'lies far from the rest of its group', 'lie far from the rest of their groups')}, the most extreme at {amount(float(column.values[worst]), column.unit)} "
        f"where the median of its group is {amount(float(table.typical(column).centre[worst]), column.unit)} (line {table.table.lines[worst]}).",
        effect(table, column, [without(column, rows)]),
    )  # fmt: skip
