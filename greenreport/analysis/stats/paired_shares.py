"""Shares of right answers over problems: one share, two shares on the same problems, and the chance of a right answer among k.

Where each problem is answered once, or always alike, it is right or wrong: Wilson's interval (1927), Newcombe's interval of a paired
difference (1998, Statistics in Medicine 17, method 10) and McNemar's exact test. Where answers to a problem vary, its share of right
ones takes their place: problems are drawn again, and signs of the differences are flipped. The problems are what is taken as random.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from greenreport.analysis.stats.samples import LEVEL, Floats, Interval, NotComputable, interval

RESAMPLES = 2000
#: Flips of signs that are drawn where the test has no closed form.
FLIPS = 9999
MCNEMAR = "McNemar's exact test over problems"
SIGN_FLIPS = "sign flips over problems"


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """The shares of right answers of two configurations on the same problems.

    Attributes:
        problems: those both answered.
        only_first, only_second: problems on which one does better than the other.
        value: first − second, as a share, with its interval over problems.
        p: of the test that both are right equally often, two-sided and raw; `test`: its name.
        counts: whether each problem is right or wrong with both, so that numbers of problems say it all.
    """

    problems: int
    only_first: int
    only_second: int
    value: float
    ci: Interval | NotComputable
    p: float
    test: str
    counts: bool


def binary(shares: Floats) -> bool:
    """Whether every problem is either right or wrong."""
    return bool(np.isin(shares, (0.0, 1.0)).all())


def share_of_right(shares: Floats, seed: int = 0) -> tuple[float, Interval | NotComputable]:
    """Return the mean share over problems, 0 to 1, with its interval over problems."""
    value = float(shares.mean())
    if binary(shares):
        ci = stats.binomtest(round(float(shares.sum())), shares.size).proportion_ci(LEVEL, method="wilson")
        return value, Interval(float(ci.low), float(ci.high), LEVEL, "Wilson over problems")
    return value, _bootstrap(shares, LEVEL, seed)


def paired_difference(first: Floats, second: Floats, level: float = LEVEL, seed: int = 0) -> PairedDifference:
    """Compare two configurations by their shares of right answers to each problem, in the same order of problems."""
    difference = first - second
    better, worse = int((difference > 0).sum()), int((difference < 0).sum())
    value = float(difference.mean())
    if binary(first) and binary(second):
        p = float(stats.binomtest(better, better + worse).pvalue) if better + worse else 1.0
        return PairedDifference(first.size, better, worse, value, _newcombe(first, second, level), p, MCNEMAR, counts=True)
    return PairedDifference(
        first.size,
        better,
        worse,
        value,
        _bootstrap(difference, level, seed),
        _sign_flips(difference, seed),
        SIGN_FLIPS,
        counts=False,
    )


def _newcombe(first: Floats, second: Floats, level: float) -> Interval | NotComputable:
    """Return Newcombe's interval of the difference of two paired shares, made of Wilson's intervals of both."""
    n = first.size
    both, a_only, b_only = (float((x * y).sum()) for x, y in ((first, second), (first, 1 - second), (1 - first, second)))
    neither = n - both - a_only - b_only
    a, b = both + a_only, both + b_only
    margins = a * (n - a) * b * (n - b)
    surplus = both * neither - a_only * b_only
    corrected = max(surplus - n / 2, 0.0) if surplus > 0 else surplus
    phi = corrected / math.sqrt(margins) if margins else 0.0
    ends = [stats.binomtest(round(x), n).proportion_ci(level, method="wilson") for x in (a, b)]
    down_a, up_a, down_b, up_b = a / n - ends[0].low, ends[0].high - a / n, b / n - ends[1].low, ends[1].high - b / n
    low, high = (math.sqrt(max(0.0, x * x - 2 * phi * x * y + y * y)) for x, y in ((down_a, up_b), (up_a, down_b)))
    return interval((a - b) / n - low, (a - b) / n + high, "Newcombe, paired over problems", level)


def _bootstrap(values: Floats, level: float, seed: int) -> Interval | NotComputable:
    if values.size < 2:
        return NotComputable("one problem says nothing about others")
    means = resampled_counts(values.size, seed) @ values / values.size
    low, high = np.quantile(means, ((1 - level) / 2, (1 + level) / 2))
    return interval(float(low), float(high), "bootstrap over problems", level)


def _sign_flips(difference: Floats, seed: int) -> float:
    apart = difference[difference != 0]
    if not apart.size:
        return 1.0
    signs = np.random.default_rng([seed, apart.size]).choice((-1.0, 1.0), (FLIPS, apart.size))
    extreme = int((np.abs(signs @ apart) >= abs(float(apart.sum())) - 1e-9).sum())
    return (extreme + 1) / (FLIPS + 1)


def resampled_counts(size: int, seed: int) -> Floats:
    """Return how often each of some things is drawn in each resample: an array of resamples × things."""
    random = np.random.default_rng([seed, size])
    return np.asarray(random.multinomial(size, np.full(size, 1 / size), RESAMPLES), dtype=np.float64)


def pass_at_k(answers: Floats, right: Floats, k: int) -> float | None:
    """Return the chance that at least one of k answers is right, the mean over problems of 1 − C(n − c, k) ÷ C(n, k) (Chen et al. 2021).

    Args:
        answers, right: n and c of each problem.

    Returns:
        None where a problem has fewer than k answers.
    """
    if not answers.size or answers.min() < k:
        return None
    missed = [math.prod(max(0.0, n - c - i) / (n - i) for i in range(k)) for n, c in zip(answers, right, strict=True)]
    return 1 - math.fsum(missed) / len(missed)
