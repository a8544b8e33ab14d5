"""Ratios of independent samples, and geometric means of ratios over models."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from greenreport.analysis.stats import (
    Interval,
    NotComputable,
    Ratio,
    geometric_mean_ratio,
    mean_of_ratios,
    ratio_of_geometric_means,
)

A = [90.0, 95.0, 100.0, 104.0, 111.0]
B = [190.0, 198.0, 200.0, 210.0, 230.0]


def bounds(ci: Interval | NotComputable) -> tuple[float, float]:
    assert isinstance(ci, Interval)
    return ci.low, ci.high


def test_independent_samples_have_welchs_interval() -> None:
    """The ratio of geometric means, with the interval of Welch's t of the logarithms."""
    ratio = ratio_of_geometric_means(A, [*B, 240.0, 250.0])
    assert ratio.value == pytest.approx(stats.gmean(A) / stats.gmean([*B, 240.0, 250.0]))
    expected = stats.ttest_ind(np.log(A), np.log([*B, 240.0, 250.0]), equal_var=False).confidence_interval(0.95)
    assert bounds(ratio.ci) == pytest.approx((math.exp(expected.low), math.exp(expected.high)))
    assert ratio_of_geometric_means(A, []).reason == "b has no runs"
    assert ratio_of_geometric_means([0.0, 1.0, 2.0], A).reason == "a has values that are not positive"
    assert bounds(ratio_of_geometric_means([2.0] * 3, [4.0] * 3).ci) == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize(
    ("sizes", "spread"), [((3, 3), 0.02), ((5, 5), 0.02), ((5, 30), 0.1), ((10, 10), 0.5), ((30, 30), 0.5)]
)
def test_coverage(sizes: tuple[int, int], spread: float) -> None:
    """On log-normal runs the interval holds the true ratio in 93.5 to 97.5 of 100 pairs of samples."""
    random = np.random.default_rng(11)
    pairs = [(np.exp(random.normal(0, spread, sizes[0])), np.exp(random.normal(0, spread, sizes[1]))) for _ in range(2000)]
    intervals = [bounds(ratio_of_geometric_means(a.tolist(), b.tolist()).ci) for a, b in pairs]
    assert 0.935 <= np.mean([low <= 1 <= high for low, high in intervals]) <= 0.975


def test_geometric_mean_of_three_models() -> None:
    """Ratios 1/2, 1/4 and 1/8 have the geometric mean 1/4; the interval over models is Student's on the log scale."""
    models = [([1.0] * 5, [2.0] * 5), ([1.0] * 5, [4.0] * 5), ([1.0] * 5, [8.0] * 5)]
    found = geometric_mean_ratio(models)
    assert (found.value, found.models, found.reason) == (pytest.approx(0.25), 3, None)
    reach = stats.t.ppf(0.975, 2) * math.log(2) / math.sqrt(3)
    assert bounds(found.over_models) == pytest.approx((0.25 * math.exp(-reach), 0.25 * math.exp(reach)))
    assert bounds(found.over_runs) == pytest.approx((0.25, 0.25))


def test_geometric_mean_over_runs() -> None:
    """With these models fixed, two equal models have an interval 1/√2 as wide as one, and a little less for more freedom."""
    one, two = (geometric_mean_ratio([(A, B)] * count) for count in (1, 2))
    assert one.value == two.value == pytest.approx(stats.gmean(A) / stats.gmean(B))
    assert bounds(one.over_runs) == pytest.approx(bounds(one.ratios[0].ci))
    narrower = math.log(bounds(two.over_runs)[1] / (two.value or 1)) / math.log(bounds(one.over_runs)[1] / (one.value or 1))
    assert narrower == pytest.approx(stats.t.ppf(0.975, 8) / stats.t.ppf(0.975, 4) / math.sqrt(2))
    assert two.over_models == NotComputable("an interval over models needs 3 models, here 2")


def test_three_models_have_students_interval() -> None:
    """With few models skewness cannot be estimated: ratios of 0.715, 0.491 and 0.542 give 0.355 to 0.933."""
    models = [([ratio] * 5, [1.0] * 5) for ratio in (0.715, 0.491, 0.542)]
    assert bounds(geometric_mean_ratio(models).over_models) == pytest.approx((0.355, 0.933), abs=0.002)


def test_from_six_models_on_the_mean_speaks_of_models_like_these() -> None:
    """Five: the interval of the runs. Six: that over models, and never narrower than that of the runs."""
    ratios = (0.5, 0.6, 0.7, 0.8, 0.9, 0.65)
    apart = [([r * a for a in A], A) for r in ratios]
    five, six = geometric_mean_ratio(apart[:5]), geometric_mean_ratio(apart)
    assert (five.random, five.ci) == (False, five.over_runs)
    assert (six.random, six.ci) == (True, six.over_models)
    logs = np.log(ratios)
    reach = stats.t.ppf(0.975, 5) * logs.std(ddof=1) * math.sqrt(1 + 1 / 6)
    assert bounds(six.further_model) == pytest.approx((math.exp(logs.mean() - reach), math.exp(logs.mean() + reach)))
    alike = geometric_mean_ratio([(A, B)] * 6)
    assert bounds(alike.over_models)[0] > bounds(alike.ci)[0] == pytest.approx(bounds(alike.over_runs)[0])
    two = geometric_mean_ratio([(A, B)] * 2)
    assert two.further_model == NotComputable("a prediction for a further model needs 3 models, here 2")


def test_ratios_without_errors_are_combined_by_their_ends() -> None:
    """MOVER: the distances to the ends add as squares; with errors, Satterthwaite."""
    ci = Interval(0.4, 0.7, 0.95, "order statistics")
    found = mean_of_ratios([Ratio(0.5, ci), Ratio(0.5, ci)])
    assert bounds(found.over_runs) == pytest.approx((0.5 * 0.8 ** (1 / math.sqrt(2)), 0.5 * 1.4 ** (1 / math.sqrt(2))))
    welch = ratio_of_geometric_means(A, B)
    assert bounds(mean_of_ratios([welch]).over_runs) == pytest.approx(bounds(welch.ci))


def test_models_without_a_ratio_are_counted() -> None:
    """A model without runs or with values that are not positive is left out, and the reason counts it."""
    found = geometric_mean_ratio([(A, B), ([], B), (A, [0.0, 0.0, 0.0])])
    assert (found.models, found.reason) == (1, "2 of 3 models have no ratio")
    nothing = geometric_mean_ratio([])
    assert (nothing.value, nothing.over_runs) == (None, NotComputable("no model has a ratio"))


@pytest.mark.parametrize(("between", "models"), [(0.0, 12), (0.3, 12), (0.3, 4)])
def test_coverage_over_models(between: float, models: int) -> None:
    """The interval over models holds the mean effect of all possible models, whether models differ or not; the prediction, a further model."""
    random = np.random.default_rng(2)
    held, predicted = [], []
    for _ in range(600):
        effects = random.normal(0, between, models + 1)
        data = [(np.exp(e + random.normal(0, 0.03, 5)).tolist(), np.exp(random.normal(0, 0.03, 5)).tolist()) for e in effects]
        found, further = geometric_mean_ratio(data[:-1]), geometric_mean_ratio(data[-1:]).value or 0.0
        for ci, truth, results in ((found.over_models, 1.0, held), (found.further_model, further, predicted)):
            low, high = bounds(ci)
            results.append(low <= truth <= high)
    assert 0.92 <= np.mean(held) <= 0.98
    assert 0.92 <= np.mean(predicted) <= 0.98
