"""Pareto sets, outlier rules, and the smallest detectable effect."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from greenreport.analysis.stats import NotComputable, detectable_effect, pareto, screen

# --- Pareto -----------------------------------------------------------------------------------------------------------

POINTS = {
    "cheap": ([1.0, 1.1, 0.9], [9.0, 9.1, 8.9]),
    "fast": ([9.0, 9.2, 8.8], [1.0, 1.2, 0.8]),
    "both": ([4.0, 4.1, 3.9], [4.0, 4.1, 3.9]),
    "worse": ([5.0, 5.1, 4.9], [5.0, 5.2, 4.8]),
}


def test_front_of_four() -> None:
    """Three points trade energy for time; the fourth is dominated by one of them, in every resample."""
    found = pareto(POINTS, ("lower", "lower"))
    assert found.front == ("cheap", "fast", "both")
    assert [point.probability for point in found.points] == [1.0, 1.0, 1.0, 0.0]
    assert found.points[3].dominated_by == ("both",)
    assert found.points[3].medians == (5.0, 5.0)


def test_directions_and_a_third_metric() -> None:
    """Where higher is better the front turns round, and a third metric can bring a point back."""
    assert pareto(POINTS, ("higher", "higher")).front == ("cheap", "fast", "worse")
    third = {name: (*values, [float(name != "worse")] * 3) for name, values in POINTS.items()}
    assert pareto(third, ("lower", "lower", "lower")).front == ("cheap", "fast", "both", "worse")


def test_equal_points_are_both_on_the_front() -> None:
    """A point does not dominate its equal."""
    assert pareto({"a": POINTS["both"], "b": POINTS["both"]}, ("lower", "lower")).front == ("a", "b")


def test_probability_of_a_close_call() -> None:
    """Two configurations with overlapping runs share the front; the probability does not depend on the other points."""
    random = np.random.default_rng(1)
    points = {name: (random.normal(mean, 1, 10).tolist(), [1.0] * 10) for name, mean in (("a", 10.0), ("b", 10.3))}
    found = {point.name: point.probability or 0.0 for point in pareto(points, ("lower", "lower"), seed=4).points}
    assert found["a"] + found["b"] == pytest.approx(1, abs=0.05)
    assert 0.05 < min(found.values()) < max(found.values()) < 0.95
    more = {"far": ([99.0] * 10, [99.0] * 10), **points}
    again = {point.name: point.probability for point in pareto(more, ("lower", "lower"), seed=4).points}
    assert again == {**found, "far": 0.0}


def test_points_without_runs() -> None:
    """A run counts when all metrics have it; without such runs a point is not placed, with one or two it has no probability."""
    found = pareto({"none": ([1.0, None], [None, 1.0]), "one": ([2.0], [2.0]), "three": POINTS["both"]}, ("lower", "lower"))
    none, one, three = found.points
    assert (none.on_front, none.reason) == (None, "no run has a value in every metric")
    assert (one.on_front, one.probability, one.reason) == (True, None, "1 run; a probability needs 3")
    assert (three.on_front, three.dominated_by) == (False, ("one",))
    assert pareto({}, ("lower", "lower")).points == ()


# --- outliers ---------------------------------------------------------------------------------------------------------


def test_no_policy_keeps_everything() -> None:
    """The default drops nothing that was measured."""
    assert screen([1.0, None, 1000.0]) == (1.0, 1000.0)


def test_tukey_fences() -> None:
    """Values beyond 1.5 interquartile ranges from the quartiles (here −1 and 7) are left out, those at them stay."""
    assert screen([1.0, 2.0, 3.0, 4.0, None, 100.0], "iqr") == (1.0, 2.0, 3.0, 4.0)
    assert screen([4.0, 0.0, 1.0, 2.0, 7.0], "iqr") == (4.0, 0.0, 1.0, 2.0, 7.0)


def test_median_absolute_deviation() -> None:
    """Values beyond three scaled deviations from the median are left out: of these six, beyond 2.5 ± 4.4478 · 1.5."""
    assert screen([-50.0, 1.0, 2.0, 3.0, 4.0, 5.0], "mad") == (1.0, 2.0, 3.0, 4.0, 5.0)


def test_rules_without_spread_drop_nothing() -> None:
    """Where most values are equal, no distance is an outlier."""
    assert screen([1.0, 1.0, 1.0, 9.0], "mad") == (1.0, 1.0, 1.0, 9.0)
    assert screen([1.0, 1.0, 1.0, 1.0, 9.0], "iqr") == (1.0, 1.0, 1.0, 1.0, 9.0)
    assert screen([None], "iqr") == ()


# --- power ------------------------------------------------------------------------------------------------------------


def simulated_power(n: int, cv: float, effect: float, test: str) -> float:
    """Return the share of 4000 log-normal studies in which the test is significant."""
    random, spread = np.random.default_rng(8), math.sqrt(math.log1p(cv**2))
    a, b = (np.exp(random.normal(shift, spread, (4000, n))) for shift in (0.0, math.log1p(effect)))
    if test == "welch":
        p = stats.ttest_ind(np.log(a), np.log(b), axis=1, equal_var=False).pvalue
    else:
        p = stats.mannwhitneyu(a, b, axis=1, method="exact").pvalue
    return float(np.mean(p < 0.05))


@pytest.mark.parametrize(
    ("cv", "n", "test"), [(0.03, 8, "welch"), (0.1, 67, "welch"), (0.03, 8, "kruskal"), (0.2, 11, "kruskal")]
)
def test_detectable_effects_are_detected(cv: float, n: int, test: str) -> None:
    """The detectable effect is significant in 80 % of simulated studies, give or take three points for the approximation."""
    effect = detectable_effect(cv, n, test=test)  # type: ignore[arg-type]
    assert isinstance(effect, float)
    assert simulated_power(n, cv, effect, test) == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize("comparisons", [1, 10])
@pytest.mark.parametrize("n", [3, 10])
def test_detectable_effect_solves_the_noncentral_t(n: int, comparisons: int) -> None:
    """At the returned effect, scipy's noncentral t has 80 % of its mass beyond the quantiles of alpha ÷ comparisons."""
    effect = detectable_effect(0.05, n, comparisons=comparisons, test="welch")
    assert isinstance(effect, float)
    shift = math.log1p(effect) / math.sqrt(math.log1p(0.05**2)) * math.sqrt(n / 2)
    bound = stats.t.ppf(1 - 0.025 / comparisons, 2 * n - 2)
    assert stats.nct.sf(bound, 2 * n - 2, shift) == pytest.approx(0.8, abs=1e-6)


def test_impossible_plans_say_why() -> None:
    """No spread, too few runs: reasons instead of numbers."""
    assert detectable_effect(0.0, 10) == NotComputable("needs a coefficient of variation above 0")
    assert detectable_effect(0.1, 2) == NotComputable("2 runs; a test needs 3")
    assert detectable_effect(0.1, 3, test="kruskal") == NotComputable("3 runs cannot be significant at this level")
