"""Descriptions and the intervals of median and mean."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats

from greenreport.analysis.stats import Description, Interval, NotComputable, describe
from greenreport.analysis.stats.describe import mean_interval, order_weights

TEN = [12.0, 15.0, 11.0, 19.0, 14.0, 13.0, 18.0, 16.0, 17.0, 20.0]


def bounds(ci: Interval | NotComputable) -> tuple[float, float]:
    assert isinstance(ci, Interval)
    return ci.low, ci.high


def test_known_sample() -> None:
    """Ten whole numbers have the summary one computes by hand."""
    found = describe(TEN)
    assert (found.n, found.dropped, found.minimum, found.maximum) == (10, 0, 11.0, 20.0)
    assert (found.q1, found.median, found.q3, found.mean) == (13.25, 15.5, 17.75, 15.5)
    assert found.sd == pytest.approx(math.sqrt(82.5 / 9))
    assert found.cv == pytest.approx(math.sqrt(82.5 / 9) / 15.5)


def test_missing_runs_are_counted() -> None:
    """None, NaN and infinite entries are left out, and the description says how many."""
    found = describe([None, 1.0, math.nan, 3.0, math.inf, 2.0, -math.inf])
    assert (found.n, found.dropped, found.median) == (3, 4, 2.0)


def test_no_values() -> None:
    """An empty sample has no figures, and a reason."""
    nothing = NotComputable("no values")
    assert describe([None]) == Description(0, 1, *(None,) * 8, median_ci=nothing, mean_ci=nothing, reason="no values")


def test_one_value() -> None:
    """One value has a location, but neither spread nor intervals."""
    found = describe([7.0])
    assert (found.median, found.sd, found.cv, found.reason) == (7.0, None, None, "one value has no spread")
    assert found.median_ci == NotComputable("an interval of the median needs 3 runs, here 1 run")
    assert found.mean_ci == NotComputable("an interval of the mean needs 2 runs, here 1 run")


def test_huge_values_do_not_overflow() -> None:
    """Values near the largest float have a mean; what cannot be represented is None."""
    found = describe([1.7e308, -1.7e308, 1.7e308])
    assert (found.median, found.sd) == (1.7e308, None)
    assert found.mean == pytest.approx(1.7e308 / 3)
    assert found.mean_ci == NotComputable("a bound is too large to be represented")


@pytest.mark.parametrize(
    ("n", "rank", "level"), [(5, 1, 0.9375), (6, 1, 0.95), (10, 2, 0.95), (30, 10, 0.95), (1000, 469, 0.95)]
)
def test_order_statistics(n: int, rank: int, level: float) -> None:
    """The outer rank is the innermost that still reaches the level; five values reach 93.75 % at most."""
    order = order_weights(n)
    assert (order.rank, order.level) == (rank, level)
    covered = [1 - 2 * stats.binom.cdf(r - 1, n, 0.5) for r in (rank, rank + 1)]
    assert covered[0] >= level - 1e-12 > covered[1]
    assert 0 <= order.weight <= 1


def test_interpolated_interval_of_ten() -> None:
    """For ten values the bounds lie between the 2nd and 3rd value from both ends, by Hettmansperger and Sheather's weight."""
    outer, inner = (1 - 2 * stats.binom.cdf(rank - 1, 10, 0.5) for rank in (2, 3))
    share = (outer - 0.95) / (outer - inner)
    weight = 8 * share / (2 + 6 * share)
    assert bounds(describe(TEN).median_ci) == pytest.approx((12 + weight, 19 - weight))


def test_interval_of_three() -> None:
    """Three values: median ± 1.34 × range, said in the method."""
    ci = describe([1.0, 2.0, 4.0]).median_ci
    assert bounds(ci) == pytest.approx((2 - 1.34 * 3, 2 + 1.34 * 3))
    assert getattr(ci, "method", "") == "median ± 1.34 × range, for near-normal data"


def test_mean_interval_of_symmetric_values_is_students() -> None:
    """Without skewness the interval is Student's t."""
    wanted = stats.t.interval(0.95, 9, loc=15.5, scale=stats.sem(TEN))
    assert bounds(describe(TEN).mean_ci) == pytest.approx(wanted, rel=1e-12)


def test_mean_interval_inverts_halls_transformation() -> None:
    """The bounds of a skewed sample are where Hall's transformed statistic reaches Student's quantile."""
    x = np.array([1.0, 1.1, 1.3, 1.9, 4.0, 2.2])
    skewness, quantile = stats.skew(x), stats.t.ppf(0.975, 5)

    def transformed(mean: float) -> float:
        s = (x.mean() - mean) / x.std(ddof=1)
        return float(math.sqrt(6) * (s + skewness * s**2 / 3 + skewness**2 * s**3 / 27 + skewness / 36))

    wanted = [optimize.brentq(lambda mean, q=q: transformed(mean) - q, -50, 50) for q in (quantile, -quantile)]
    assert bounds(mean_interval(np.sort(x))) == pytest.approx(tuple(wanted), rel=1e-9)


@pytest.mark.parametrize(("n", "sigma"), [(3, 0.02), (5, 0.02), (10, 0.3), (30, 0.5)])
def test_coverage(n: int, sigma: float) -> None:
    """On log-normal runs both intervals hold their parameter in 93 to 97 of 100 samples."""
    random = np.random.default_rng(5)
    found = [describe(x.tolist()) for x in np.exp(random.normal(0, sigma, (2500, n)))]
    medians, means = ([bounds(getattr(d, name)) for d in found] for name in ("median_ci", "mean_ci"))
    assert 0.93 <= np.mean([low <= 1 <= high for low, high in medians]) <= 0.97
    assert 0.93 <= np.mean([low <= math.exp(sigma**2 / 2) <= high for low, high in means]) <= 0.97
