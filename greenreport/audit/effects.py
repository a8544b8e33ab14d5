"""What a defect does to the answer: comparisons of the levels of a factor, with the values of the file and with others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from greenreport.audit.findings import GroupComparison, ResultAnswer, ResultEffect, Severity, answer_changes
from greenreport.audit.table import AuditedColumn, AuditedTable, Floats, LevelComparison, Mask

#: p values are computed for so many comparisons, those with the most affected rows first.
_TESTED = 60


@dataclass(frozen=True, slots=True, eq=False)
class OtherValues:
    """Values in place of those of the file: NaN for rows that are left out.

    Attributes:
        basis: what they are, as a phrase ("without the 29 rows").
    """

    basis: str
    values: Floats


def without(column: AuditedColumn, rows: Mask) -> OtherValues:
    """Return the values of a column without some rows."""
    count = int(np.count_nonzero(rows))
    return OtherValues(
        f"without the {count:,} rows" if count > 1 else "without this row", np.where(rows, math.nan, column.values)
    )


def effect(table: AuditedTable, column: AuditedColumn, others: Sequence[OtherValues]) -> ResultEffect | None:
    """Return the comparison that other values change most, or None where the table has no value to compare.

    The levels of one factor are compared where all others are equal. Means are compared by their ratio; the test is Welch's for two levels
    and that of Kruskal and Wallis for more, where each has two rows, and rows are runs: requests of one run are no independent observations.

    Args:
        others: values for the same rows, the first being the ones to believe.
    """
    touched = ~_same(column.values, others[0].values)
    affected = [c for c in table.comparisons if any(touched[rows].any() for _, rows in c.levels)]
    affected.sort(key=lambda c: -sum(int(np.count_nonzero(touched[rows])) for _, rows in c.levels))
    found: list[ResultEffect] = []
    for index, comparison in enumerate(affected):
        tested = table.repeats and index < _TESTED
        as_is = _answer("as the file has it", column.values, column, comparison, tested=tested)
        instead = tuple(_answer(other.basis, other.values, column, comparison, tested=tested) for other in others)
        test = None if as_is.p is None else _test(comparison)
        found.append(
            ResultEffect(column.name, column.unit, comparison.factor, comparison.within, test, as_is, instead, 0, len(affected))
        )
    if not found:
        return _of_means(column, others)
    changed = sum(answer_changes(item.as_is, item.instead[0]) for item in found)
    most = max(found, key=_change)
    return ResultEffect(
        most.column, most.unit, most.factor, most.within, most.test, most.as_is, most.instead, changed, most.comparisons
    )


def severity_of(found: ResultEffect | None) -> Severity:
    """Return how much a certain defect matters: it changes the result where some comparison comes out otherwise."""
    return Severity.CHANGES_RESULT if found is not None and (found.changed or found.material) else Severity.DOUBTFUL


def _same(first: Floats, second: Floats) -> Mask:
    return np.equal(first, second) | (np.isnan(first) & np.isnan(second))


def _test(comparison: LevelComparison) -> GroupComparison:
    return GroupComparison.WELCH if len(comparison.levels) == 2 else GroupComparison.KRUSKAL


def _answer(basis: str, values: Floats, column: AuditedColumn, comparison: LevelComparison, *, tested: bool) -> ResultAnswer:
    samples = [(level, values[rows][np.isfinite(values[rows])]) for level, rows in comparison.levels]
    samples = [(level, sample) for level, sample in samples if len(sample)]
    rows = sum(len(sample) for _, sample in samples)
    mean = float(np.concatenate([sample for _, sample in samples]).mean()) if samples else math.nan
    if len(samples) < 2:
        return ResultAnswer(basis, "", "", None, mean, None, rows)
    means = [(float(sample.mean()), level) for level, sample in samples]
    (low, lowest), (high, highest) = min(means), max(means)
    best, worst = (lowest, highest) if column.lower_is_better else (highest, lowest)
    ratio = high / low if low > 0 and math.isfinite(high / low) else None
    p = _p([sample for _, sample in samples], _test(comparison)) if tested else None
    return ResultAnswer(basis, best, worst, ratio, mean, p, rows)


def _p(samples: Sequence[Floats], test: GroupComparison) -> float | None:
    if min(map(len, samples)) < 2 or len(samples) < 2 or np.ptp(np.concatenate(samples)) == 0:
        return None
    if test is GroupComparison.WELCH:
        variances = [float(np.var(sample, ddof=1)) / len(sample) for sample in samples]
        if sum(variances) <= 0:
            return None
        with np.errstate(all="ignore"):
            p = stats.ttest_ind_from_stats(
                samples[0].mean(), samples[0].std(ddof=1), len(samples[0]), samples[1].mean(), samples[1].std(ddof=1),
                len(samples[1]), equal_var=False,
            ).pvalue  # fmt: skip
    else:
        p = stats.kruskal(*samples).pvalue
    return float(p) if math.isfinite(p) else None


def _change(found: ResultEffect) -> tuple[bool, float, float]:
    """Return how much an answer changes: whether it does, by how much its ratio, by how many orders of magnitude its p value."""
    first, second = found.as_is, found.instead[0]
    ratio = p = 0.0
    if first.ratio and second.ratio:
        ratio = abs(math.log(second.ratio / first.ratio))
    if first.p is not None and second.p is not None:
        p = abs(math.log10(max(second.p, 1e-300) / max(first.p, 1e-300)))
    return answer_changes(first, second), round(ratio, 9), round(p, 9)


def _of_means(column: AuditedColumn, others: Sequence[OtherValues]) -> ResultEffect | None:
    def mean(basis: str, values: Floats) -> ResultAnswer:
        present = values[np.isfinite(values)]
        return ResultAnswer(basis, "", "", None, float(present.mean()) if len(present) else math.nan, None, len(present))

    if not column.present.any():
        return None
    as_is = mean("as the file has it", column.values)
    instead = tuple(mean(other.basis, other.values) for other in others)
    found = ResultEffect(column.name, column.unit, "", "", None, as_is, instead, 0, 1)
    return ResultEffect(column.name, column.unit, "", "", None, as_is, instead, int(found.material), 1)
