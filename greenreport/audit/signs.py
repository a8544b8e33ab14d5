"""Rules on values that a quantity cannot have, or has for too many rows: negative, zero, constant, stuck, assumed."""

from __future__ import annotations

import math

import numpy as np

from greenreport.audit.chance import tie_chance
from greenreport.audit.copies import copied_rows
from greenreport.audit.counters import wrapped_rows
from greenreport.audit.effects import OtherValues, effect, severity_of, without
from greenreport.audit.findings import AuditFinding, Evidence, RuleId, Severity
from greenreport.audit.table import AuditedColumn, AuditedTable, Mask
from greenreport.audit.words import amount, rows_that
from greenreport.catalog import CIRCUMSTANCES
from greenreport.units import counted

#: Units of quantities that are positive whenever something ran.
_POSITIVE = (
    "J",
    "s",
    "W",
    "B",
    "J/request",
    "J/token",
    "J/answer",
    "1/kJ",
    "1/J",
    "J·s",
    "tokens/s",
    "requests/s",
    "tokens",
    "requests",
    "%",
)
#: Units of quantities that may be zero, for nothing was used or waited for; keys likewise.
_MAY_BE_ZERO = ("%", "B", "requests", "tokens")
_MAY_BE_ANYTHING = frozenset({"lateness_s", "energy_net_j"})
_ZERO_KEYS = frozenset({"queue_s", "compile_s", "load_s", "goodput_requests_per_s"})
#: A value this share of the largest of its column is zero with a rounding error: 1.2 − 1.2 in binary.
_ROUNDING = 1e-12
#: A column with a larger share of zeros, or a median of fewer steps, is too coarse.
_COARSE_SHARE, _COARSE_STEPS = 0.2, 4
#: So many rows must agree before a column is called constant.
_CONSTANT_ROWS = 8
#: Rows in which a value is repeated by chance less often than this are stuck.
_STUCK_CHANCE = 1e-4
#: Energy ÷ time that varies by less than this is one number: no instrument reads power so steadily.
_ASSUMED = 1e-4


def zero_rows(column: AuditedColumn) -> Mask:
    """Return which rows are zero, up to an error of rounding."""
    largest = float(np.nanmax(np.abs(column.values))) if column.present.any() else 0.0
    return column.present & (np.abs(column.values) <= _ROUNDING * max(largest, 1e-300))


def negative_values(table: AuditedTable) -> list[AuditFinding] | None:
    """Find negative energies, times, powers, rates and sizes.

    None of them can be negative. A difference of two readings is negative where a counter was reset or wrapped, where readings were taken in the
    wrong order, or where the idle share that was subtracted exceeds the whole. Wraps are found by a rule of their own and not named again. There is
    no threshold but rounding: 1e-12 of the largest value. Net energy may be negative, and a client may be early.
    """
    columns = [c for c in table.of_unit(*_POSITIVE) if c.key not in _MAY_BE_ANYTHING]
    if not columns:
        return None
    found = []
    for column in columns:
        rows = column.present & (column.values < 0) & ~zero_rows(column) & ~wrapped_rows(table, column)
        if rows.any():
            found.append(_negative(table, column, rows))
    return found


def _negative(table: AuditedTable, column: AuditedColumn, rows: Mask) -> AuditFinding:
    values = np.sort(column.values[rows])
    shown = ", ".join(amount(value, column.unit, 3) for value in values[:8]) + (" …" if len(values) > 8 else "")
    found = effect(table, column, [without(column, rows)])
    return AuditFinding(
        RuleId.NEGATIVE, severity_of(found), (column.name,), table.lines(rows),
        (
            Evidence("rows", len(values)), Evidence("lowest", float(values[0]), column.unit),
            Evidence("highest of them", float(values[-1]), column.unit),
            Evidence("median of all rows", float(np.nanmedian(column.values)), column.unit),
        ),
        f"{rows_that(len(values), len(table), column.name, 'is', 'are')} negative: {shown}. No range of a counter explains them.",
        found,
    )  # fmt: skip


def zeros(table: AuditedTable) -> list[AuditFinding] | None:
    """Find zeros where something ran: energies, times, powers and rates.

    A zero is a reading that failed, or one too coarse for what was measured. Threshold: where more than a fifth of a column is zero, or its
    median is less than four of its steps, the instrument cannot resolve the quantity, and the whole column is doubtful; a few zeros among other values are invalid rows.
    """
    columns = [
        c for c in table.of_unit(*_POSITIVE) if c.unit not in _MAY_BE_ZERO and c.key not in _MAY_BE_ANYTHING | _ZERO_KEYS
    ]
    if not columns:
        return None
    found = []
    for column in columns:
        rows, present = zero_rows(column), int(np.count_nonzero(column.present))
        if not rows.any():
            continue
        share = np.count_nonzero(rows) / present
        coarse = share > _COARSE_SHARE or float(np.nanmedian(column.values)) < _COARSE_STEPS * table.step(column)
        impact = None if coarse else effect(table, column, [without(column, rows)])
        why = (
            "the instrument is too coarse for what it measures" if coarse else "readings that failed are no measurement of zero"
        )
        found.append(AuditFinding(
            RuleId.ZERO, severity_of(impact), (column.name,), table.lines(rows),
            (Evidence("rows", int(rows.sum())), Evidence("share of the rows", share)),
            f"{rows_that(int(rows.sum()), len(table), column.name, 'is', 'are')} zero: {why}.", impact,
        ))  # fmt: skip
    return found


def constant_columns(table: AuditedTable) -> list[AuditFinding] | None:
    """Find metrics that are the same in all rows though the rows differ.

    What does not vary between models and repetitions was read once, assumed, or says nothing: no comparison can be made by it. Threshold: at least
    eight rows in two groups; numbers of tokens and requests may be set, and nothing may have failed (0 %).
    """
    if len(table) < _CONSTANT_ROWS or len(table.groups) < 2 or not table.columns:
        return None
    found = []
    for column in (c for c in table.columns if c.key not in CIRCUMSTANCES):
        values = column.values[column.present]
        none_failed = column.unit == "%" and not values.any()
        if len(values) >= _CONSTANT_ROWS and np.ptp(values) == 0 and not none_failed:
            shown = float(values[0])
            found.append(AuditFinding(
                RuleId.CONSTANT, Severity.DOUBTFUL, (column.name,), (),
                (Evidence("value", shown, column.unit), Evidence("rows", len(values)), Evidence("groups", len(table.groups))),
                f"`{column.name}` is {column.column.values[column.present][0]:.10g} in all {len(values):,} rows of "
                f"{counted(len(table.groups), 'group')}: it was read once, assumed or cannot vary, and nothing can be compared by it.",
            ))  # fmt: skip
    return found


def stuck_channels(table: AuditedTable) -> list[AuditFinding] | None:
    """Find a continuous metric that repeats the same value in rows that follow each other, while others change.

    A channel that is read faster than it is renewed, or that has died, gives its last value again. Threshold: the repetition would happen by chance in
    less than one table in 10,000, from the step of the column and the scatter of its group; rows that are copies as a whole belong to another rule.
    """
    columns = [c for c in table.of_unit("J", "W", "s") if c.present.any()]
    if not columns or not table.repeats:
        return None
    copies = copied_rows(table)
    found = []
    for column in columns:
        again = np.zeros(len(table), dtype=bool)
        for rows in table.in_order:
            again[rows[1:]] |= np.diff(column.values[rows]) == 0
        again &= ~copies & ~zero_rows(column)
        if again.any() and (expected := tie_chance(table, column) * len(table)) < _STUCK_CHANCE:
            found.append(_stuck(table, column, again, expected))
    return found


def _stuck(table: AuditedTable, column: AuditedColumn, rows: Mask, expected: float) -> AuditFinding:
    impact = effect(table, column, [without(column, rows)])
    return AuditFinding(
        RuleId.STUCK, Severity.DOUBTFUL, (column.name,), table.lines(rows),
        (Evidence("rows", int(rows.sum())), Evidence("expected by chance", expected)),
        f"{rows_that(int(rows.sum()), len(table), column.name, 'repeats', 'repeat')} the value of the row before, to the last digit: the channel "
        "was not read anew.", impact,
    )  # fmt: skip


def assumed_powers(table: AuditedTable) -> list[AuditFinding] | None:
    """Find powers that are assumed: a power that never changes, or an energy that is time multiplied by one number.

    A tool that cannot measure multiplies time by a constant, such as a share of a thermal design power. The energies are then times in another
    unit, and say nothing about energy that the times do not. Threshold: energy ÷ time constant to one part in 10,000 over times that vary by 5 %.
    """
    duration = table.single("duration_s")
    powers = [c for c in table.columns if c.unit == "W" and c.column.statistic is None]
    if duration is None and not powers:
        return None
    found = [
        _assumed(table, c, float(c.values[c.present][0])) for c in powers if len(table) >= _CONSTANT_ROWS and _one_number(c)
    ]
    if duration is None or len(table) < _CONSTANT_ROWS:
        return found
    for column in table.of_unit("J"):
        rows = column.present & duration.present & (duration.values > 0)
        if np.count_nonzero(rows) < _CONSTANT_ROWS or np.ptp(duration.values[rows]) < 0.05 * np.median(duration.values[rows]):
            continue
        power = column.values[rows] / duration.values[rows]
        if (middle := float(np.median(power))) > 0 and np.ptp(power) <= _ASSUMED * middle:
            found.append(_assumed(table, column, middle))
    return found


def _one_number(column: AuditedColumn) -> bool:
    values = column.values[column.present]
    return len(values) >= _CONSTANT_ROWS and values[0] > 0 and np.ptp(values) <= _ASSUMED * values[0]


def _assumed(table: AuditedTable, column: AuditedColumn, power_w: float) -> AuditFinding:
    is_energy = column.unit == "J"
    nothing = OtherValues("measured energy", np.full(len(table), math.nan))
    return AuditFinding(
        RuleId.ASSUMED_POWER, Severity.CHANGES_RESULT if is_energy else Severity.DOUBTFUL, (column.name,), (),
        (Evidence("power", power_w, "W"), Evidence("rows", len(table))),
        f"`{column.name}` is {'time multiplied by' if is_energy else 'always'} {amount(power_w, 'W')}: a power that was assumed, not measured. "
        "Energies made of it are estimates, and rank like times.",
        effect(table, column, [nothing]) if is_energy else None,
    )  # fmt: skip
