"""Rules on the amount of work: answers of different length, factors that set how much is done."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from greenreport.audit.effects import OtherValues, effect
from greenreport.audit.findings import AuditFinding, Evidence, ResultEffect, RuleId, Severity
from greenreport.audit.table import AuditedColumn, AuditedTable, Floats, LevelComparison
from greenreport.imports.results_table import Column, Role
from greenreport.units import number

#: Lengths differ if the means of two levels do by this factor, and by so many standard errors.
_LENGTH_FACTOR, _LENGTH_ERRORS = 1.05, 6.0
#: By this factor a ratio per token differs from one that is not before lengths decide the answer.
_LENGTH_GROSS = 1.1
#: A factor sets the work if more is used at its last level than at its first in all comparisons, in the median by this factor.
_WORK_FACTOR = 1.5


def output_lengths(table: AuditedTable) -> list[AuditFinding] | None:
    """Find compared levels whose answers have different lengths.

    Energy and time grow with every token, so the configuration that says less wins whatever it is. Threshold: mean lengths differ by 5 % and by six
    standard errors; the result changes where another level is best per token, or the ratio is another by a tenth. The comparison per output token is offered; it is not the same question, since the prompt is read once however long the answer is.
    """
    tokens = table.mean("output_tokens")
    used = next(
        (
            c
            for key in ("energy_j", "gpu_energy_j", "cpu_energy_j", "duration_s", "latency_s")
            if (c := table.mean(key)) is not None
        ),
        None,
    )
    comparisons = [c for c in table.comparisons if c.factor not in _asked_lengths(table)]
    if tokens is None or used is None or not comparisons:
        return None
    differing = [
        (ratio, comparison)
        for comparison in comparisons
        if (ratio := _length_ratio(comparison, tokens.values)) > _LENGTH_FACTOR
    ]
    if not differing:
        return []
    largest, where = max(differing, key=lambda pair: pair[0])
    with np.errstate(all="ignore"):
        per_token = np.where(tokens.values > 0, used.values / tokens.values, math.nan)
    impact = effect(table, used, [OtherValues("per output token", per_token)])
    within = f" within {where.within}" if where.within else ""
    severity = Severity.CHANGES_RESULT if impact is not None and _decides(impact) else Severity.DOUBTFUL
    return [AuditFinding(
        RuleId.OUTPUT_LENGTH, severity, (tokens.name, used.name), (),
        (
            Evidence("comparisons of unequal lengths", len(differing)), Evidence("comparisons", len(comparisons)),
            Evidence("largest ratio of mean lengths", largest),
        ),
        f"Answers differ in length in {len(differing):,} of {len(comparisons):,} comparisons, by up to a factor of {number(largest)} between levels of "
        f"{where.factor}{within}: `{used.name}` compares how much was said with how it was computed.", impact,
    )]  # fmt: skip


def _decides(impact: ResultEffect) -> bool:
    """Return whether another level is best per token, or the ratio of the levels another by more than a tenth."""
    first, second = impact.as_is, impact.instead[0]
    if first.best != second.best or first.ratio is None or second.ratio is None:
        return True
    return max(first.ratio, second.ratio) > _LENGTH_GROSS * min(first.ratio, second.ratio)


def _asked_lengths(table: AuditedTable) -> set[str]:
    return {column.name for column in table.factors if column.key == "output_tokens"}


def _length_ratio(comparison: LevelComparison, tokens: Floats) -> float:
    """Return by what factor mean lengths of the levels differ; 1 where noise explains it."""
    samples = [values[np.isfinite(values)] for _, rows in comparison.levels if len(values := tokens[rows])]
    samples = [sample for sample in samples if len(sample)]
    if len(samples) < 2:
        return 1.0
    means = np.array([sample.mean() for sample in samples])
    errors = np.array([sample.var(ddof=1) / len(sample) if len(sample) > 1 else 0.0 for sample in samples])
    low, high = int(means.argmin()), int(means.argmax())
    if means[low] <= 0 or means[high] - means[low] <= _LENGTH_ERRORS * math.sqrt(errors[low] + errors[high]):
        return 1.0
    return float(means[high] / means[low])


def unequal_work(table: AuditedTable) -> list[AuditFinding] | None:
    """Find factors whose numeric levels set how much work a row is, so that only rows of equal levels may be compared.

    An answer of 1,000 words takes more energy than one of 100 on any engine; pooled over lengths, the shortest wins. Threshold: energy, else time, is larger
    at the last level than at the first in every comparison, and by half in the median. This is a note, for the factor may also be one whose effect is the question.
    """
    used = next((c for key in ("energy_j", "gpu_energy_j", "duration_s") if (c := table.single(key)) is not None), None)
    numeric = [factor for factor in table.factors if not factor.within and _is_work(factor)]
    if used is None or not table.repeats:
        return None
    return [finding for factor in numeric for finding in _sets_work(table, used, factor)]


def _is_work(factor: Column) -> bool:
    return factor.role is Role.FACTOR or factor.key == "output_tokens"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _sets_work(table: AuditedTable, used: AuditedColumn, factor: Column) -> Iterator[AuditFinding]:
    ratios: list[float] = []
    for comparison in (c for c in table.comparisons if c.factor == factor.name):
        levels = sorted(((_number(level), rows) for level, rows in comparison.levels), key=lambda pair: pair[0])
        medians = [float(np.nanmedian(used.values[rows])) for _, rows in levels if used.present[rows].any()]
        if not all(math.isfinite(level) for level, _ in levels) or len(medians) < 2 or medians[0] <= 0:
            return
        ratios.append(medians[-1] / medians[0])
    if not ratios or np.median(ratios) < _WORK_FACTOR or np.mean(np.array(ratios) > 1) < 1:
        return
    yield AuditFinding(
        RuleId.UNEQUAL_WORK, Severity.NOTE, (factor.name, used.name), (),
        (
            Evidence("comparisons", len(ratios)), Evidence("last ÷ first level, median", float(np.median(ratios))),
            Evidence("last ÷ first level, largest", max(ratios)),
        ),
        f"`{used.name}` rises with `{factor.name}` in all {len(ratios):,} comparisons, by a factor of {number(float(np.median(ratios)))} in the median: if it sets "
        "how much work is done, only rows of equal levels may be compared.",
    )  # fmt: skip
