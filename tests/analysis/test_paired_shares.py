"""Tests of shares over problems against published figures, closed forms, and simulations where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from greenreport.analysis.stats import Interval, NotComputable
from greenreport.analysis.stats.paired_shares import MCNEMAR, paired_difference, pass_at_k, share_of_right
from greenreport.analysis.stats.samples import Floats


def table(both: int, first: int, second: int, neither: int) -> tuple[Floats, Floats]:
    """Return right and wrong answers of two configurations with these counts."""
    counts = (both, first, second, neither)
    return np.repeat([1.0, 1.0, 0.0, 0.0], counts), np.repeat([1.0, 0.0, 1.0, 0.0], counts)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((36, 12, 2, 0), 0.0569, 0.3404), ((53, 0, 0, 1), -0.0729, 0.0729), ((24, 14, 0, 12), 0.1446, 0.3992)],
)
def test_the_interval_of_a_paired_difference_is_newcombes(counts: tuple[int, int, int, int], low: float, high: float) -> None:
    """Method 10 of Newcombe (1998): the first case is his own, with 0.0569 to 0.3404."""
    found = paired_difference(*table(*counts))
    assert isinstance(found.ci, Interval)
    assert (found.ci.low, found.ci.high) == pytest.approx((low, high), abs=5e-5)


def test_mcnemar_is_the_exact_binomial_test_of_the_problems_that_differ() -> None:
    """12 against 2 discordant problems: twice the binomial tail; no discordant problem leaves p at 1."""
    found = paired_difference(*table(36, 12, 2, 0))
    assert (found.only_first, found.only_second, found.test) == (12, 2, MCNEMAR)
    assert found.p == pytest.approx(2 * stats.binom.cdf(2, 14, 0.5))
    assert paired_difference(*table(5, 0, 0, 5)).p == 1


def test_signs_are_flipped_where_answers_vary() -> None:
    """Shares between 0 and 1 have no McNemar; on right-or-wrong differences both tests would say the same."""
    first, second = table(10, 12, 2, 10)
    exact = paired_difference(first, second).p
    varying = paired_difference(np.append(first, 0.5), np.append(second, 0.5))
    assert varying.test == "sign flips over problems"
    assert varying.p == pytest.approx(exact, abs=0.01)
    assert paired_difference(np.array([0.5, 0.2]), np.array([0.5, 0.2])).p == 1


def test_one_share_has_wilsons_interval_and_a_bootstrap_where_answers_vary() -> None:
    """22 of 60 after Wilson; the bootstrap of varying shares lies around their mean; one problem has no interval."""
    value, ci = share_of_right(np.repeat([1.0, 0.0], [22, 38]))
    assert value == pytest.approx(22 / 60)
    assert isinstance(ci, Interval)
    wilson = stats.binomtest(22, 60).proportion_ci(method="wilson")
    assert (ci.low, ci.high) == pytest.approx((wilson.low, wilson.high))
    value, ci = share_of_right(np.tile([0.2, 0.4, 0.6], 20))
    assert isinstance(ci, Interval)
    assert ci.low < value < ci.high
    assert ci.high - ci.low == pytest.approx(2 * 1.96 * np.std([0.2, 0.4, 0.6]) / np.sqrt(60), rel=0.1)
    assert isinstance(share_of_right(np.array([0.5]))[1], NotComputable)


def test_pass_at_k_is_chens_estimator() -> None:
    """With 5 answers of which 1 is right, 2 of them hold it with probability 0.4; fewer than k answers have no pass@k."""
    assert pass_at_k(np.array([5.0]), np.array([1.0]), 2) == pytest.approx(0.4)
    assert pass_at_k(np.array([5.0, 5.0]), np.array([5.0, 0.0]), 3) == pytest.approx(0.5)
    assert pass_at_k(np.array([5.0, 1.0]), np.array([1.0, 1.0]), 2) is None


@pytest.mark.parametrize("problems", [48, 160])
def test_intervals_over_problems_hold_the_truth(problems: int) -> None:
    """In 1000 made-up studies, at least 93 % of the intervals of share and difference hold the true values."""
    random = np.random.default_rng(4)
    hit = {"share": 0, "difference": 0}
    for _ in range(1000):
        easy = random.random(problems) < 0.35
        first, second = (np.where(easy, random.random(problems) < p, random.random(problems) < 0.1) * 1.0 for p in (0.9, 0.7))
        truth = 0.35 * 0.9 + 0.65 * 0.1, 0.35 * 0.2
        share, difference = share_of_right(first)[1], paired_difference(first, second).ci
        assert isinstance(share, Interval) and isinstance(difference, Interval)
        hit["share"] += share.low <= truth[0] <= share.high
        hit["difference"] += difference.low <= truth[1] <= difference.high
    assert min(hit.values()) >= 930
