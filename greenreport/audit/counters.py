"""Rules on energy counters: wraps, resets, running counters in place of energies, readings beyond a counter's range."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from greenreport.audit.effects import OtherValues, effect, severity_of, without
from greenreport.audit.findings import AuditFinding, Evidence, RuleId, Severity
from greenreport.audit.table import AuditedColumn, AuditedTable, Floats, Mask
from greenreport.audit.words import amount, names, rows_that
from greenreport.units import counted


@dataclass(frozen=True, slots=True)
class CounterRange:
    """How much energy a counter counts until it begins again at zero, in J.

    Attributes:
        fewest: how many rows must hold a wrap of it before it is believed; of units that are rarely met, more than one outlier.
    """

    joules: float
    words: str
    fewest: int = 1


#: 2^k of the units that counters have. RAPL counts 32 bits of 2^-n J; Linux gives the range of memory domains as 65,712.999613 J.
RANGES = (
    CounterRange(2.0**18, "2³² × 2⁻¹⁴ J, RAPL's 61 µJ"),
    CounterRange(262_143.328850, "2³² × 61 µJ as Linux rounds it"),
    CounterRange(2.0**16, "2³² × 2⁻¹⁶ J, RAPL's 15.3 µJ"),
    CounterRange(65_712.999613, "2³² × 15.3 µJ as Linux rounds it"),
    CounterRange(2.0**32 / 1e6, "2³² µJ"),
    CounterRange(2.0**31 / 1e6, "2³¹ µJ"),
    CounterRange(2.0**32 / 1e3, "2³² mJ"),
    CounterRange(2.0**17, "2³² × 2⁻¹⁵ J", fewest=3),
    CounterRange(2.0**19, "2³² × 2⁻¹³ J", fewest=3),
    CounterRange(2.0**20, "2³² × 2⁻¹² J", fewest=3),
    CounterRange(2.0**22, "2³² × 2⁻¹⁰ J", fewest=3),
    CounterRange(2.0**14, "2³² × 2⁻¹⁸ J", fewest=3),
)
#: A value this many times the scatter of its group from the median has not come there by chance …
_FAR = 20.0
#: … and this share of the median too, since the scatter of few rows may be tiny.
_FAR_SHARE = 0.5
#: What is left after undoing a wrap lies within so many scatters of the median, or this share of it.
_NEAR, _NEAR_SHARE = 5.0, 0.04
#: Counting upwards by chance: 1/10! is below one in a million; so is 1/3! in eight columns at once.
_RISING_ROWS, _RISING_COLUMNS = 10, 8
#: Energies that go along with times by this rank correlation are sorted.
_ALONG = 0.8


def counter_wraps(table: AuditedTable) -> list[AuditFinding] | None:
    """Find energies that differ from what their group needs by the range of a counter.

    A 32-bit counter begins again at zero after 2^k of its unit. A tool that does not see this reports end − start, which is e − W for
    the true energy e and the range W; one that takes the absolute value W − e; and one that adds W wrongly e + W. Such a value is tens
    of times what the other rows imply, and undoing the wrap puts it back among them. Threshold: 20 scatters and half the median away
    before, within 5 scatters or 4 % of the median after; an outlier by chance would have to fall on a range
    within that. Ranges of units that are rarely met must explain three rows.
    """
    energies = [c for c in table.of_unit("J") if c.present.any()]
    if not energies or not table.repeats:
        return None
    return [finding for column in energies if (finding := _wrapped(table, column)) is not None]


def _wrapped(table: AuditedTable, column: AuditedColumn) -> AuditFinding | None:
    best: tuple[int, CounterRange, Mask, Floats] | None = None
    for counter in RANGES:
        rows, undone = undo_wraps(table, column, counter.joules)
        if (count := int(np.count_nonzero(rows))) >= counter.fewest and (best is None or count > best[0]):
            best = (count, counter, rows, undone)
    if best is None:
        return None
    count, counter, rows, undone = best
    found = effect(table, column, [without(column, rows), OtherValues("with the wraps undone", undone)])
    evidence = [
        Evidence("rows", count),
        Evidence("counter range", counter.joules, "J"),
        Evidence("smallest wrapped value", float(column.values[rows].min()), "J"),
        Evidence("largest wrapped value", float(column.values[rows].max()), "J"),
    ]
    typical = table.typical(column).centre
    evidence.append(Evidence("median of the groups, smallest", float(typical[rows].min()), "J"))
    evidence.append(Evidence("median of the groups, largest", float(typical[rows].max()), "J"))
    power = ""
    if (duration := table.single("duration_s")) is not None and np.isfinite(duration.values[rows]).all():
        implied = column.values / np.where(duration.values > 0, duration.values, math.nan)
        evidence.append(Evidence("implied power, wrapped rows", float(np.nanmedian(implied[rows])), "W"))
        evidence.append(Evidence("implied power, other rows", float(np.nanmedian(implied[~rows])), "W"))
        power = f"; they imply {amount(evidence[-2].value, 'W', 3)}, the other rows {amount(evidence[-1].value, 'W', 3)}"
    sentence = (
        f"{rows_that(count, len(table), column.name, 'holds', 'hold')} a counter wrap: {amount(evidence[2].value, 'J')} to "
        f"{amount(evidence[3].value, 'J')} where their groups have {amount(evidence[4].value, 'J')} to {amount(evidence[5].value, 'J')}"
        f"{power}. The counter begins again after {counter.joules:,.6g} J ({counter.words}), and undoing that puts each row back into its group."
    )
    return AuditFinding(
        RuleId.COUNTER_WRAP, severity_of(found), (column.name,), table.lines(rows), tuple(evidence), sentence, found
    )  # fmt: skip


def undo_wraps(table: AuditedTable, column: AuditedColumn, counter_range_j: float) -> tuple[Mask, Floats]:
    """Return which rows hold a wrap of a counter, and all values with those wraps undone.

    Args:
        counter_range_j: what the counter counts until it begins again, in J.
    """
    values, typical = column.values, table.typical(column)
    far = np.abs(values - typical.centre) > np.maximum(_FAR * typical.scatter, _FAR_SHARE * np.abs(typical.centre))
    if not far.any():
        return far, values
    near = np.maximum(_NEAR * typical.scatter, _NEAR_SHARE * np.abs(typical.centre))
    rows = np.zeros(len(values), dtype=bool)
    undone = values.copy()
    for candidate in (values + counter_range_j, counter_range_j - values, values - counter_range_j):
        # Where the range is no larger than what the group varies by, anything could be a wrap.
        fits = ~rows & far & (np.abs(candidate - typical.centre) <= near) & (candidate > 0) & (counter_range_j > 4 * near)
        undone[fits] = candidate[fits]
        rows |= fits
    return rows, undone


def wrapped_rows(table: AuditedTable, column: AuditedColumn) -> Mask:
    """Return which rows of a column hold a wrap of any of `RANGES`; none where it is no energy."""
    rows = np.zeros(len(table), dtype=bool)
    for counter in RANGES if column.unit == "J" and table.repeats else ():
        found = undo_wraps(table, column, counter.joules)[0]
        rows |= found & (np.count_nonzero(found) >= counter.fewest)
    return rows


def running_counters(table: AuditedTable) -> list[AuditFinding] | None:
    """Find energy columns that only rise from row to row: the counter's readings, not the energy of a row.

    Comparing readings compares when rows were measured. Threshold: never falling over 10 rows, which happens by chance once in 3.6 million columns; or over
    3 rows in all energy columns at once, eight or more. Groups must have five rows each, and no time may rise along: a sweep in the order of its loads
    rises too, and so does a sorted table.
    """
    energies = [c for c in table.columns if _is_reading(table, c)]
    if not energies:
        return None
    named = [c for c in energies if c.key != "counter_j"]
    rising = [
        c for c in named if (np.diff(c.values) >= 0).all() and c.values[-1] > c.values[0] > 0 and not _sorted_by_time(table, c)
    ]
    enough = len(table) >= _RISING_ROWS or len(rising) == len(named) >= _RISING_COLUMNS
    return [_running(table, rising)] if rising and enough else []


def _is_reading(table: AuditedTable, column: AuditedColumn) -> bool:
    """Return whether a column of energies could be readings of a counter, in a table that is no sweep."""
    return (
        column.unit == "J"
        and bool(column.present.all())
        and len(table) >= max(3, 5 * len(table.groups) if len(table.groups) > 1 else 0)
    )


def _sorted_by_time(table: AuditedTable, column: AuditedColumn) -> bool:
    duration = table.single("duration_s")
    if duration is None or not duration.present.all() or np.ptp(duration.values) == 0 or len(table) < _RISING_ROWS:
        return False
    of_value = float(stats.spearmanr(duration.values, column.values).statistic)
    of_rise = float(stats.spearmanr(duration.values[1:], np.diff(column.values)).statistic)
    return of_value > max(_ALONG, of_rise)  # a counter rises by what a row used, so its rises go along with times


def _running(table: AuditedTable, columns: list[AuditedColumn]) -> AuditFinding:
    column = max(columns, key=lambda c: float(c.values[-1]))
    first, last = float(column.values[0]), float(column.values[-1])
    found = effect(table, column, [OtherValues("as differences between rows", np.diff(column.values, prepend=math.nan))])
    several = len(columns) > 1
    return AuditFinding(
        RuleId.RUNNING_COUNTER, severity_of(found), tuple(c.name for c in columns), (),
        (
            Evidence("columns", len(columns)), Evidence("rows", len(table)), Evidence("first", first, "J"), Evidence("last", last, "J"),
            Evidence("counted", last - first, "J"),
        ),
        f"{names([c.name for c in columns])} never {'fall' if several else 'falls'} over {counted(len(table), 'row')}, `{column.name}` from {first:,.1f} J to "
        f"{last:,.1f} J: {'they are running counters' if several else 'it is a running counter'}, and all rows together used {amount(last - first, 'J')}.",
        found,
    )  # fmt: skip


def counter_resets(table: AuditedTable) -> list[AuditFinding] | None:
    """Find running counters that fall.

    A counter that falls has wrapped or was set to zero between two readings; the energy in between is lost unless its range is known.
    Threshold: at least 20 readings of which nine in ten do not fall, so that it is a counter at all.
    """
    readings = [c for c in table.columns if _is_reading(table, c) and len(table) >= max(20, 5 * len(table.groups))]
    counters = [c for c in readings if c.key == "counter_j" or 0 < np.count_nonzero(np.diff(c.values) < 0) <= 0.1 * len(table)]
    if not readings:
        return None
    return [finding for column in counters for finding in _resets(table, column)]


def _resets(table: AuditedTable, column: AuditedColumn) -> Iterator[AuditFinding]:
    falls = np.append(False, np.diff(column.values) < 0)
    if not falls.any():
        return
    drop = float(-np.diff(column.values).min())
    wrapped = any(abs(drop - counter.joules) < 0.05 * counter.joules for counter in RANGES)
    why = "it begins again after its range" if wrapped else "it was set back"
    yield AuditFinding(
        RuleId.COUNTER_RESET, Severity.CHANGES_RESULT, (column.name,), table.lines(falls),
        (Evidence("falls", int(falls.sum())), Evidence("largest fall", drop, "J")),
        f"The running counter `{column.name}` falls {counted(int(falls.sum()), 'time')}, by up to {amount(drop, 'J')}: {why}. "
        "Differences across a fall are no energy.",
    )  # fmt: skip


def counter_ranges(table: AuditedTable) -> list[AuditFinding] | None:
    """Find readings of a running counter beyond what 32 bits of RAPL's unit can hold.

    RAPL's registers have 32 bits: 262,144 J of 61 µJ, 65,536 J of 15.3 µJ. A larger reading was put together by the tool, or comes from
    a counter with more bits; when and how it begins again is then the tool's own matter, and no range may be assumed.
    """
    running = {name for found in running_counters(table) or [] for name in found.columns}
    readings = [c for c in table.columns if (c.key == "counter_j" or c.name in running) and c.present.any()]
    if not readings:
        return None
    beyond = [c for c in readings if bool((c.present & (c.values > RANGES[0].joules)).any())]
    if not beyond:
        return []
    highest = max(float(np.nanmax(column.values)) for column in beyond)
    return [
        AuditFinding(
            RuleId.COUNTER_RANGE,
            Severity.NOTE,
            tuple(column.name for column in beyond),
            (),
            (Evidence("largest reading", highest, "J"), Evidence("32 bits of 61 µJ", RANGES[0].joules, "J")),
            f"{names([column.name for column in beyond])} reads up to {highest:,.0f} J, more than the {RANGES[0].joules:,.0f} J that a "
            "32-bit counter of 61 µJ holds: the tool keeps counters of its own, and wraps that it missed cannot be told from its readings.",
        )
    ]
