"""Description of one sample: location, spread, and intervals of median and mean that keep their level at 5, 10 and 30 runs.

Median: order statistics, interpolated between two of them to reach 95 % (Hettmansperger and Sheather 1986, Statistics &
Probability Letters 4). Five runs reach 93.75 %; with three or four, a multiple of the range that reaches 95 % for normal data.
Mean: Student's t of Hall's skewness transformation (Hall 1992, JRSS B 54), which is Student's interval for symmetric samples.
docs/statistics-simulation.md has the measured coverage, also of the alternatives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special

from greenreport.analysis.stats.samples import (
    FEWEST_RUNS,
    LEVEL,
    Floats,
    Interval,
    NotComputable,
    Sample,
    clean,
    interval,
    number,
)
from greenreport.units import counted

#: Half-widths in units of the range that contain a normal median with probability 0.95.
RANGE_FACTORS = {3: 1.34, 4: 0.745}


@dataclass(frozen=True, slots=True)
class Description:
    """Summary of one sample, in the metric's unit.

    Attributes:
        n: finite values; `dropped`: missing ones (None, NaN, infinite).
        q1, q3: quartiles, linear interpolation (type 7).
        sd: with n − 1; None below two values. `cv`: sd ÷ |mean|; None when the mean is 0.
        reason: why fields are None, else None.
    """

    n: int
    dropped: int
    minimum: float | None
    q1: float | None
    median: float | None
    q3: float | None
    maximum: float | None
    mean: float | None
    sd: float | None
    cv: float | None
    median_ci: Interval | NotComputable
    mean_ci: Interval | NotComputable
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class OrderWeights:
    """The interval of a median from order statistics: ``weight · x[rank] + (1 − weight) · x[rank + 1]`` from both ends.

    Attributes:
        rank: 1-based rank of the outer order statistic.
        level: probability that the interval holds the median.
    """

    rank: int
    weight: float
    level: float


@np.errstate(all="ignore")
def describe(values: Sample) -> Description:
    """Describe the finite values of a sample; never raises on numbers."""
    x, dropped = clean(values)
    if not x.size:
        nothing = NotComputable("no values")
        return Description(0, dropped, *(None,) * 8, median_ci=nothing, mean_ci=nothing, reason="no values")
    q1, median, q3 = np.quantile(x, (0.25, 0.5, 0.75))
    mean = float(x.mean())
    sd = float(x.std(ddof=1)) if x.size > 1 else math.nan
    cv = number(sd / abs(mean)) if mean else None
    quantiles = float(x[0]), number(q1), number(median), number(q3), float(x[-1])
    reason = "one value has no spread" if x.size == 1 else None
    return Description(x.size, dropped, *quantiles, number(mean), number(sd), cv, _median_interval(x), mean_interval(x), reason)


@cache
def order_weights(n: int, level: float = LEVEL) -> OrderWeights:
    """Return which order statistics of n values hold the median with the given probability.

    Below six values 95 % is out of reach: the smallest and the largest value are returned, with the level they have.
    """

    def coverage(rank: int) -> float:
        return 1 - 2 * float(special.bdtr(rank - 1, n, 0.5))

    if coverage(1) <= level:
        return OrderWeights(1, 1.0, coverage(1))
    rank = max(1, math.floor(n / 2 - math.sqrt(n)) - 1)
    while coverage(rank + 1) >= level:
        rank += 1
    share = (coverage(rank) - level) / (coverage(rank) - coverage(rank + 1))
    return OrderWeights(rank, 1 - (n - rank) * share / (rank + (n - 2 * rank) * share), level)


def median_bounds(x: Floats) -> tuple[float, float]:
    """Return the bounds of the median of an ascending sample of at least three values."""
    if x.size in RANGE_FACTORS:
        half = RANGE_FACTORS[x.size] * float(x[-1] - x[0])
        return float(np.median(x)) - half, float(np.median(x)) + half
    order = order_weights(x.size)
    outer, inner, weight = order.rank - 1, min(order.rank, x.size - 1), order.weight
    low = weight * x[outer] + (1 - weight) * x[inner]
    high = weight * x[-1 - outer] + (1 - weight) * x[-1 - inner]
    return float(low), float(high)


def _median_interval(x: Floats) -> Interval | NotComputable:
    if x.size < FEWEST_RUNS:
        return NotComputable(f"an interval of the median needs {FEWEST_RUNS} runs, here {counted(x.size, 'run')}")
    low, high = median_bounds(x)
    if x.size in RANGE_FACTORS:
        return interval(low, high, f"median ± {RANGE_FACTORS[x.size]:g} × range, for near-normal data")
    order = order_weights(x.size)
    name = "order statistics" if order.weight == 1 else "order statistics, interpolated (Hettmansperger–Sheather)"
    return interval(low, high, name, order.level)


def mean_interval(x: Floats) -> Interval | NotComputable:
    """Return the 95 % interval of the mean."""
    n = x.size
    if n < 2:
        return NotComputable("an interval of the mean needs 2 runs, here 1 run")
    mean, sd = float(x.mean()), float(x.std(ddof=1))
    if sd == 0:
        return interval(mean, mean, "all values equal")
    skewness = float(((x - mean) ** 3).mean() / x.std() ** 3)
    reach = float(special.stdtrit(n - 1, (1 + LEVEL) / 2)) / math.sqrt(n)

    def inverse(bound: float) -> float:
        """Invert ``t + g t²/3 + g² t³/27 + g/(6n) = bound`` for t = (mean − expectation) ÷ sd; g is the skewness."""
        if abs(skewness) < 1e-6:
            return bound
        return float(3 / skewness * (np.cbrt(1 + skewness * (bound - skewness / (6 * n))) - 1))

    return interval(mean - sd * inverse(reach), mean - sd * inverse(-reach), "Student's t, skewness-corrected (Hall)")
