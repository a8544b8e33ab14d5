"""The default analysis: a log-linear model with blocks, whose pairs have intervals and verdicts that cannot disagree.

    log y = configuration + block + error

Every block of a study runs each configuration once in random order, so what a block shares (temperature, other programs, the
day) cancels in the difference of two configurations within it. A pair is tested by Student's t of those differences, which
assumes nothing about the spread of the other configurations or about the size of the block effects. All pairs of one metric on
one model are one family: intervals have the simultaneous level by Bonferroni, and a pair differs when its interval leaves out
equality. A run that is missing drops out of its block, and the block out of the pairs of that configuration only. Values that
are not all positive are compared by their differences instead of ratios. Values that are read in steps are not trusted to vary by
less than rounding does, so that equal readings in a few blocks prove nothing.

Why this and not pooled or per-configuration variances: docs/decisions/0017-blocked-analysis.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import special, stats

from greenreport.analysis.stats.results import MeanDifference, Ratio
from greenreport.analysis.stats.samples import (
    FEWEST_RUNS,
    Floats,
    Interval,
    NotComputable,
    Sample,
    block_table,
    clean,
    interval,
)
from greenreport.analysis.stats.sequential import Interim
from greenreport.units import counted

NAME = "Student's t of log ratios within blocks"
NAME_OF_DIFFERENCES = "Student's t of differences within blocks"
#: Spreads of logarithms below this are rounding: the ratio is the same in every block.
ROUNDING = 1e-12
#: Ratios beyond this and its inverse are not given, so that every ratio can be turned round.
_SMALLEST = 1e-300
_RESAMPLES = 1999
#: Permutations whose statistics agree to this many digits are ties.
_DIGITS = 10
#: Up to this many blocks all ± signs of the differences are tried, beyond it as many at random.
_ALL_SIGNS = 11


@dataclass(frozen=True, slots=True)
class BlockedPair:
    """The comparison of one pair within blocks.

    Attributes:
        blocks: those in which both have a run.
        t, df, p: of Student's t, raw; None where it cannot be computed.
        ratio: geometric mean over blocks of a ÷ b.
        difference: mean over blocks of a − b, where the values are compared by differences.
    """

    blocks: int
    t: float | None
    df: float | None
    p: float | None
    ratio: Ratio
    difference: MeanDifference | None = None


def on_log_scale(groups: Mapping[str, Sample]) -> bool:
    """Whether groups are compared by ratios: every value is positive."""
    return all(value > 0 for values in groups.values() for value in values if value is not None and np.isfinite(value))


def smallest_step(groups: Iterable[Sample]) -> float:
    """Return the step in which values are read: their smallest difference within a group, where some values are equal.

    0 where all values of all groups differ, as those of a fine instrument do, and where no group varies.
    """
    samples = [clean(values)[0] for values in groups]
    pooled = np.concatenate(samples) if samples else np.empty(0)
    if np.unique(pooled).size == pooled.size:
        return 0.0
    gaps = [np.diff(sample) for sample in samples]
    return min((float(gap[gap > 0].min()) for gap in gaps if (gap > 0).any()), default=0.0)


def blocked_pair(
    a: Sample,
    b: Sample,
    *,
    alpha: float = 0.05,
    comparisons: int = 1,
    logs: bool = True,
    step: float = 0.0,
    interim: Interim | None = None,
) -> BlockedPair:
    """Compare two groups whose values stand in the order of their blocks.

    Args:
        alpha: level of the whole family; comparisons: pairs in it.
        logs: compare ratios, else differences.
        step: smallest difference that values show (`smallest_step`).
        interim: which look this is, where the data are looked at after each block; the t test and p stay raw.
    """
    level = alpha / max(1, comparisons)
    level = level if interim is None else interim.nominal(level)
    table = block_table([a, b])
    complete = table[np.isfinite(table).all(axis=1)]
    if not logs:
        return _differences(complete, level, 1 - alpha, _method(NAME_OF_DIFFERENCES, comparisons, interim), step)
    if not len(complete) or not (complete > 0).all():
        reason = "no block holds both" if not len(complete) else "some values are not positive"
        return BlockedPair(len(complete), None, None, None, Ratio(None, NotComputable(reason), reason))
    logarithms = np.log(complete)
    rounding = float(np.hypot(*(step / complete.mean(axis=0)))) / math.sqrt(12)
    mean, error, t, df, p = _student(logarithms[:, 0] - logarithms[:, 1], rounding, ROUNDING)
    value = float(np.exp(mean))
    if not _SMALLEST < value < 1 / _SMALLEST:
        reason = "the ratio is too large or too small to be represented"
        return BlockedPair(len(complete), None, None, None, Ratio(None, NotComputable(reason), reason))
    ci: Interval | NotComputable = _too_few(len(complete))
    if len(complete) >= FEWEST_RUNS:
        reach = _quantile(len(complete), level) * error
        low, high = float(np.exp(mean - reach)), float(np.exp(mean + reach))
        wide = NotComputable("the runs vary too much for an interval")
        ci = (
            Interval(low, high, 1 - alpha, _method(NAME, comparisons, interim))
            if _SMALLEST < low <= high < 1 / _SMALLEST
            else wide
        )
    return BlockedPair(len(complete), t, df, p, Ratio(value, ci, None, error, len(complete) - 1.0))


def _differences(complete: Floats, level: float, coverage: float, method: str, step: float) -> BlockedPair:
    mean, error, t, df, p = _student(complete[:, 0] - complete[:, 1], step / math.sqrt(6))
    ci: Interval | NotComputable = _too_few(len(complete))
    if len(complete) >= FEWEST_RUNS:
        reach = _quantile(len(complete), level) * error
        ci = interval(mean - reach, mean + reach, method, coverage)
    reason = "some values are not positive: differences are compared"
    difference = MeanDifference(mean, ci) if len(complete) else None
    return BlockedPair(len(complete), t, df, p, Ratio(None, NotComputable(reason), reason), difference)


def _student(
    differences: Floats, least: float, floor: float = 0.0
) -> tuple[float, float, float | None, float | None, float | None]:
    """Return mean, standard error, t, degrees of freedom and p; the last three None below three differences.

    Args:
        least: smallest standard deviation that is assumed.
        floor: below this, a deviation is an error of the arithmetic.
    """
    n = differences.size
    mean = float(differences.mean()) if n else 0.0
    if n < FEWEST_RUNS:
        return mean, np.nan, None, None, None
    error = max(float(differences.std(ddof=1)), least) / math.sqrt(n)
    if error <= floor * max(1.0, abs(mean)):  # the same in every block: no doubt is left
        same = abs(mean) <= floor
        return (0.0 if same else mean), 0.0, (0.0 if same else None), n - 1.0, float(same)
    t = mean / error
    if not np.isfinite(t):
        return mean, error, None, None, None
    return mean, error, t, n - 1.0, float(2 * special.stdtr(n - 1.0, -abs(t)))


def _quantile(blocks: int, level: float) -> float:
    return float(special.stdtrit(blocks - 1, 1 - level / 2))


def _too_few(blocks: int) -> NotComputable:
    return NotComputable(
        f"{counted(blocks, 'block')} {'holds' if blocks == 1 else 'hold'} both; an interval needs {FEWEST_RUNS}"
    )


def _method(name: str, comparisons: int, interim: Interim | None) -> str:
    over = (f"{comparisons} pairs (Bonferroni)" if comparisons > 1 else "", "all looks at the data" if interim else "")
    return f"{name}, simultaneous over {' and '.join(filter(None, over))}" if any(over) else name


def permutation_within_blocks(samples: Sequence[Sample], *, logs: bool) -> tuple[float, float | None, list[float | None]]:
    """Permute configurations within blocks; return the statistic and p of all together, and the raw p of each pair.

    Over all, the statistic is the variance of the configurations' means, over complete blocks; of a pair it is the mean
    difference, whose signs change at random. Few blocks allow few permutations: with n blocks p of a pair is at least 2¹⁻ⁿ.
    Random draws have a fixed seed.
    """
    table = np.log(block_table(samples)) if logs else block_table(samples)
    complete = table[np.isfinite(table).all(axis=1)]
    pairs = [_sign_flips(table[:, i] - table[:, j]) for i, j in combinations(range(table.shape[1]), 2)]
    if len(complete) < FEWEST_RUNS:
        return np.nan, None, pairs
    complete = _canonical(complete)
    if (complete.min(axis=1) == complete.max(axis=1)).all():
        return 0.0, 1.0, pairs
    result = stats.permutation_test(
        tuple(complete.T),
        lambda *columns, axis: np.round(np.var([column.mean(axis=axis) for column in columns], axis=0), _DIGITS),
        permutation_type="samples", vectorized=True, n_resamples=_RESAMPLES, alternative="greater", rng=np.random.default_rng(0), batch=200,
    )  # fmt: skip
    return float(result.statistic), float(result.pvalue), pairs


def _canonical(blocks: Floats) -> Floats:
    """Return blocks × groups without the blocks' means, in units of the spread, in an order that the values alone decide."""
    centred = blocks - blocks.mean(axis=1, keepdims=True)
    spread = centred.std()
    rounded = np.round(centred / spread if spread > 0 else centred, _DIGITS)
    rounded = rounded[:, np.lexsort(np.sort(rounded, axis=0))]
    return np.asarray(rounded[np.lexsort(rounded.T)])


def _sign_flips(differences: Floats) -> float | None:
    present = differences[np.isfinite(differences)]
    n = present.size
    if n < FEWEST_RUNS:
        return None
    if n <= _ALL_SIGNS:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    else:
        signs = np.random.default_rng(0).choice((-1, 1), size=(2**_ALL_SIGNS, n))
        signs[0] = 1
    sums = np.abs(signs @ present)
    return float((sums >= sums[0] * (1 - 1e-12)).mean())
