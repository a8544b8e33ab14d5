"""Rules of arithmetic: parts and wholes, identities between metrics, the order of percentiles, slips of the unit."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from greenreport.audit.counters import wrapped_rows
from greenreport.audit.effects import OtherValues, effect, severity_of, without
from greenreport.audit.findings import AuditFinding, Evidence, RuleId, Severity
from greenreport.audit.table import AuditedColumn, AuditedTable, Floats, Mask
from greenreport.audit.words import amount, names, rows_of, rows_that
from greenreport.units import number

#: A part may exceed its whole by so much: rounding, and two instruments read at slightly different times.
_PART_TOLERANCE = 0.02
#: Wholes, each with its parts; parts that lie side by side are summed.
_WHOLES = (
    ("energy_j", ("cpu_energy_j", "gpu_energy_j", "dram_energy_j")),
    ("machine_energy_j", ("cpu_energy_j", "gpu_energy_j", "dram_energy_j")),
    ("energy_j", ("prefill_energy_j", "decode_energy_j")),
    ("energy_j", ("energy_net_j",)),
    ("latency_s", ("ttft_s",)),
    ("throughput_requests_per_s", ("goodput_requests_per_s",)),
)
#: Shares of a whole, in percent; the use of several cores or processes may be more than that of one.
_SHARES = frozenset(
    {
        "solved_pct",
        "served_well_pct",
        "cpu_usage_pct",
        "ram_usage_pct",
        "gpu_usage_pct",
        "gpu_memory_utilization_pct",
        "gpu_memory_used_pct",
    }
)
#: Products that must agree with a metric.
_IDENTITIES = (
    ("energy_j", ("power_mean_w", "duration_s")),
    ("energy_j", ("j_per_request", "requests")),
    ("energy_j", ("j_per_output_token", "output_tokens")),
    ("output_tokens", ("throughput_tokens_per_s", "duration_s")),
    ("requests", ("throughput_requests_per_s", "duration_s")),
    ("energy_delay_js", ("energy_j", "duration_s")),
)
#: A product may differ from its metric by so much in the median, since mean power and energy are read over slightly different times …
_MEDIAN_TOLERANCE = 0.05
#: … and a row from the median of all by so much, or so many scatters.
_ROW_TOLERANCE, _ROW_SCATTERS = 0.10, 10.0
#: An identity that fails by this factor is no matter of two clocks.
_GROSS = 1.5
#: Percentiles in order; an average lies between the smallest and the largest.
_ORDER = ("min", "p0.1", "p1", "p5", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "p99.9", "max")
#: Factors by which a value in another unit is off.
_THOUSANDS = tuple(10.0**k for k in (3, 6, 9))
_HOURS = tuple(3.6 * 10.0**k for k in range(7))
#: A slip must fall this close to a factor (in decades), or within so many scatters of the group.
_SLIP_NEAR, _SLIP_SCATTERS = 0.03, 4.0
#: Groups that scatter by more (in decades) hide a factor of ten.
_SLIP_SCATTER = 0.15


def parts_above_wholes(table: AuditedTable) -> list[AuditFinding] | None:
    """Find parts that are larger than the whole they belong to: GPU energy above energy, first token after the last.

    The whole is then not what its name says, and a comparison by it leaves the part out. Threshold: 2 %, which two instruments read at slightly
    different times may differ by.
    """
    found: list[AuditFinding] = []
    applied = False
    for whole_key, part_keys in _WHOLES:
        whole = table.single(whole_key)
        parts = [column for key in part_keys if (column := table.single(key)) is not None]
        if whole is None or not parts:
            continue
        applied = True
        summed = np.sum([np.nan_to_num(column.values) for column in parts], axis=0)
        rows = whole.present & (summed > whole.values * (1 + _PART_TOLERANCE)) & (whole.values > 0)
        if rows.any():
            found.append(_part_above(table, whole, parts, summed, rows))
    shares = [c for c in table.of_unit("%") if c.present.any() and c.key in _SHARES]
    found += [_above_hundred(table, column) for column in shares if bool((column.present & (column.values > 100.5)).any())]
    return found if applied or shares else None


def _part_above(
    table: AuditedTable, whole: AuditedColumn, parts: list[AuditedColumn], summed: Floats, rows: Mask
) -> AuditFinding:
    found = effect(table, whole, [OtherValues("by the sum of the parts", np.where(whole.present, summed, math.nan))])
    each = [c for c in parts if (c.values[rows] > whole.values[rows] * (1 + _PART_TOLERANCE)).any()]
    ratio = float(np.median(summed[rows] / whole.values[rows]))
    subject = names([c.name for c in each or parts]) + (" exceeds" if len(each or parts) == 1 else " exceed")
    return AuditFinding(
        RuleId.PART_ABOVE_WHOLE, severity_of(found), (whole.name, *(c.name for c in parts)), table.lines(rows),
        (
            Evidence("rows", int(rows.sum())), Evidence("parts ÷ whole, median", ratio),
            Evidence("whole, median", float(np.median(whole.values[rows])), whole.unit),
            Evidence("parts, median", float(np.median(summed[rows])), whole.unit),
        ),
        f"{subject} `{whole.name}` in {rows_of(int(rows.sum()), len(table))}, the parts together by a factor of {number(ratio)} in the median: "
        f"`{whole.name}` is no total.",
        found,
    )  # fmt: skip


def _above_hundred(table: AuditedTable, column: AuditedColumn) -> AuditFinding:
    rows = column.present & (column.values > 100.5)
    return AuditFinding(
        RuleId.PART_ABOVE_WHOLE, Severity.DOUBTFUL, (column.name,), table.lines(rows),
        (Evidence("rows", int(rows.sum())), Evidence("largest", float(column.values[rows].max()), "%")),
        f"{rows_that(int(rows.sum()), len(table), column.name, 'is', 'are')} above 100 %, up to {amount(float(column.values[rows].max()), '%')}.",
    )  # fmt: skip


def broken_identities(table: AuditedTable) -> list[AuditFinding] | None:
    """Find metrics that disagree with what they are made of: power × time ≠ energy, tokens ÷ time ≠ throughput.

    One of the numbers then covers another window, another set of requests or another device. Threshold for the column: 5 % in the median; for single rows
    10 % and ten scatters from that median. By a factor of 1.5 or more it cannot be two clocks, and by less it is doubtful.
    """
    found: list[AuditFinding] = []
    applied = False
    for whole_key, factor_keys in _IDENTITIES:
        whole, factors = table.single(whole_key), [c for key in factor_keys if (c := table.single(key)) is not None]
        if whole is None or len(factors) != len(factor_keys):
            continue
        applied = True
        product = np.prod([column.values for column in factors], axis=0)
        both = np.isfinite(product) & whole.present & (product > 0) & (whole.values > 0)
        if both.any():
            found += _broken(table, whole, factors, np.where(both, product, math.nan))
    return found if applied else None


def _broken(table: AuditedTable, whole: AuditedColumn, factors: list[AuditedColumn], product: Floats) -> Iterator[AuditFinding]:
    off = np.log(product / whole.values)
    middle = float(np.nanmedian(off))
    scatter = 1.4826 * float(np.nanmedian(np.abs(off - middle)))
    words = " × ".join(f"`{column.name}`" for column in factors)
    columns = (whole.name, *(column.name for column in factors))
    instead = effect(table, whole, [OtherValues(f"by {' × '.join(c.name for c in factors)}", product)])
    if abs(middle) > math.log1p(_MEDIAN_TOLERANCE):
        gross = abs(middle) > math.log(_GROSS)
        yield AuditFinding(
            RuleId.IDENTITY, severity_of(instead) if gross else Severity.DOUBTFUL, columns, (),
            (Evidence("product ÷ value, median", math.exp(middle)), Evidence("rows", int(np.isfinite(off).sum()))),
            f"{words} is {number(math.exp(middle))} times `{whole.name}` in the median: they do not belong to the same window or devices.", instead,
        )  # fmt: skip
    rows = np.abs(off - middle) > max(math.log1p(_ROW_TOLERANCE), _ROW_SCATTERS * scatter)
    if rows.any():
        left_out = effect(table, whole, [without(whole, rows)])
        worst = float(np.exp(off[rows][np.argmax(np.abs(off[rows] - middle))]))
        yield AuditFinding(
            RuleId.IDENTITY, severity_of(left_out), columns, table.lines(rows),
            (Evidence("rows", int(rows.sum())), Evidence("product ÷ value, median", math.exp(middle)), Evidence("product ÷ value, worst row", worst)),
            f"In {rows_of(int(rows.sum()), len(table))}, {words} disagrees with `{whole.name}`, at worst by a factor of {number(worst)}, while the "
            f"other rows agree.", left_out,
        )  # fmt: skip


def percentile_orders(table: AuditedTable) -> list[AuditFinding] | None:
    """Find percentiles in the wrong order, and means that lie outside the range from the smallest to the largest value.

    A 90th percentile below the median is no percentile of the same requests. There is no threshold but rounding, 1e-6 of the value.
    """
    stems = dict.fromkeys(c.key for c in table.columns if c.column.statistic is not None)
    stems |= dict.fromkeys(key for key in ("latency_s", "ttft_s", "tbt_s") if len(table.statistics(key)) > 1)
    if not stems:
        return None
    return [finding for key in stems for finding in _disordered(table, key)]


def _disordered(table: AuditedTable, key: str) -> Iterator[AuditFinding]:
    known = table.statistics(key)
    ordered = [known[name] for name in _ORDER if name in known]
    pairs = list(itertools.pairwise(ordered))
    if (mean := known.get("mean")) is not None:
        pairs += [(known["min"], mean)] if "min" in known else []
        pairs += [(mean, known["max"])] if "max" in known else []
    for lower, upper in pairs:
        rows = lower.values > upper.values + 1e-6 * np.abs(upper.values)
        if rows.any():
            first = int(np.flatnonzero(rows)[0])
            found = effect(table, upper, [without(upper, rows)])
            yield AuditFinding(
                RuleId.PERCENTILE_ORDER, Severity.CHANGES_RESULT, (lower.name, upper.name), table.lines(rows),
                (
                    Evidence("rows", int(rows.sum())), Evidence("lower, first such row", float(lower.values[first]), lower.unit),
                    Evidence("upper, first such row", float(upper.values[first]), upper.unit),
                ),
                f"`{lower.name}` lies above `{upper.name}` in {rows_of(int(rows.sum()), len(table))}: {amount(float(lower.values[first]), lower.unit)} and "
                f"{amount(float(upper.values[first]), upper.unit)} in the first of them.", found,
            )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Slip:
    factor: float
    rows: Mask


def unit_slips(table: AuditedTable) -> list[AuditFinding] | None:
    """Find values that are off from their group by the ratio of two units: 10³ (ms and s, mJ and J) or 3.6·10ⁿ (Wh and J).

    Rows written by another program, or after a change of it, come in another unit. Threshold: within 7 % or four scatters of the factor, in groups that
    scatter by less than 40 %. Factors below 100 must be met by two rows, since an outlier may meet one by chance.
    """
    columns = [c for c in table.of_unit("J", "s", "W", "B", "tokens/s", "requests/s") if c.present.any()]
    if not columns or not table.repeats:
        return None
    found = []
    for column in columns:
        slips = list(_slips(table, column))
        if slips and (most := max(slips, key=lambda slip: int(slip.rows.sum()))):
            found.append(_slip_finding(table, column, most))
    return found


def _slips(table: AuditedTable, column: AuditedColumn) -> Iterator[_Slip]:
    logs = np.log10(np.where((column.values > 0) & ~wrapped_rows(table, column), column.values, math.nan))
    typical = table.typical_values(logs)
    near = np.maximum(_SLIP_NEAR, _SLIP_SCATTERS * typical.scatter)
    off = np.where(typical.scatter < _SLIP_SCATTER, logs - typical.centre, math.nan)
    if not (np.abs(off) > math.log10(_HOURS[0]) - near).any():
        return
    for factor in (*_THOUSANDS, *_HOURS):
        for power in (factor, 1 / factor):
            rows = (np.abs(off - math.log10(power)) < near) & (abs(math.log10(power)) > 3 * near)
            if np.count_nonzero(rows) >= (1 if factor >= 100 else 2):
                yield _Slip(power, rows)


def _slip_finding(table: AuditedTable, column: AuditedColumn, slip: _Slip) -> AuditFinding:
    corrected = OtherValues("in the unit of the other rows", np.where(slip.rows, column.values / slip.factor, column.values))
    found = effect(table, column, [corrected, without(column, slip.rows)])
    count = int(slip.rows.sum())
    return AuditFinding(
        RuleId.UNIT_SLIP, severity_of(found), (column.name,), table.lines(slip.rows),
        (Evidence("rows", count), Evidence("factor", slip.factor)),
        f"{rows_that(count, len(table), column.name, 'is', 'are')} {slip.factor:,.6g} times their group, the ratio of two units: they were written in another.",
        found,
    )  # fmt: skip
