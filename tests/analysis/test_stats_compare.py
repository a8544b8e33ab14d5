"""Comparisons: the choice of the test, the verdicts, the best set, and families of comparisons."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from scipy import stats

from greenreport.analysis.stats import (
    Effect,
    GroupTest,
    Interval,
    NotComputable,
    PairVerdict,
    best_set,
    compare,
    describe,
    over_models,
)

QUANTILES = np.array([-1.5, -1.0, -0.65, -0.4, -0.12, 0.12, 0.4, 0.65, 1.0, 1.5])  # ten runs that look normal
SKEWED = [1.0, 1.01, 1.02, 1.02, 1.03, 1.05, 1.08, 1.2, 1.9, 4.0]


gated = partial(compare, test="gated")


def normal(mean: float, sd: float = 1.0) -> list[float]:
    """Return ten runs with exactly this mean and a spread proportional to sd."""
    return (mean + sd * QUANTILES).tolist()


def verdict(test: GroupTest, a: str = "a", b: str = "b") -> tuple[str, int | None]:
    pair = test.pair(a, b)
    return pair.verdict.value, pair.runs_needed


# --- which test -------------------------------------------------------------------------------------------------------


def test_normal_groups_get_welch() -> None:
    """When every group passes Shapiro–Wilk the test is Welch's ANOVA with Games–Howell, and the reason says so."""
    test = gated({"a": normal(100), "b": normal(103), "c": normal(110)})
    assert (test.test, test.omnibus.name, test.posthoc) == ("welch", "Welch's ANOVA", "Games–Howell")
    assert test.reason == "all 3 groups pass Shapiro–Wilk → Welch's ANOVA"
    assert isinstance(test.omnibus.effect, Effect) and test.omnibus.effect.name == "ω²"


def test_one_skewed_group_is_enough_for_ranks() -> None:
    """When a group fails, the test is Kruskal–Wallis with Dunn–Holm; the decision compares p with alpha, not W with p."""
    groups = {"a": normal(100), "b": SKEWED, "c": normal(110)}
    test = gated(groups)
    assert (test.test, test.posthoc) == ("kruskal", "Dunn, Holm")
    assert test.reason == "1 of 3 groups fail Shapiro–Wilk (b) → Kruskal–Wallis"
    normality = test.group("b").normality
    assert normality.statistic is not None and normality.p is not None
    assert normality.normal is False and normality.p < 0.05 < normality.statistic
    assert gated(groups, alpha=normality.p / 2).test == "welch"


def test_two_groups() -> None:
    """Two groups get Welch's t or Mann–Whitney."""
    assert gated({"a": normal(1), "b": normal(2)}).omnibus.name == "Welch's t"
    skewed = gated({"a": SKEWED, "b": normal(2)})
    assert (skewed.omnibus.name, skewed.omnibus.symbol) == ("Mann–Whitney", "U")
    assert skewed.omnibus.p == skewed.pairs[0].p == skewed.pairs[0].p_adjusted


@pytest.mark.parametrize(
    ("kind", "name"), [("welch", "Welch's ANOVA"), ("kruskal", "Kruskal–Wallis"), ("friedman", "Friedman")]
)
def test_forced_tests_say_so(kind: str, name: str) -> None:
    """A test named in the study is used whatever the assumptions say."""
    test = compare({"a": SKEWED, "b": normal(2), "c": normal(3)}, test=kind)  # type: ignore[arg-type]
    assert (test.test, test.omnibus.name) == (kind, name)
    assert test.reason.startswith("forced by the study")


def test_many_small_groups_get_ranks() -> None:
    """With eight groups of five runs Welch's F rejects too often; auto takes Kruskal–Wallis and says why."""
    groups = {f"g{k}": [k + 0.0, k + 1.1, k + 1.9, k + 3.1, k + 4.0] for k in range(8)}
    assert gated(groups).reason == (
        "all 8 groups pass Shapiro–Wilk, but Welch's test is not reliable with 8 groups of 5 runs → Kruskal–Wallis"
    )
    del groups["g7"]
    few = "which keeps its level only approximately with 5 runs a group"
    assert gated(groups).reason == f"all 7 groups pass Shapiro–Wilk → Welch's ANOVA, {few}"


def test_few_runs_are_said_to_keep_the_level_approximately() -> None:
    """Below ten runs a group and above two groups; never for two, where Welch's t keeps it."""
    names = "abc"
    for n, said in ((5, True), (9, True), (10, False)):
        values = stats.norm.ppf((np.arange(n) + 0.5) / n)
        groups = {name: (100 + 2 * k + values).tolist() for k, name in enumerate(names)}
        assert ("approximately" in gated(groups).reason) is said
        del groups["c"]
        assert "approximately" not in gated(groups).reason


def test_incomplete_blocks_are_left_out() -> None:
    """Friedman uses the blocks complete in every group, and says how many there are."""
    a, b, c = normal(100), normal(101), normal(102)
    holes = {"a": [*a[:9], None], "b": [math.nan, *b[1:]], "c": c}
    test = compare(holes, test="friedman")
    assert test.reason == "forced by the study"
    assert test.omnibus.statistic == compare({"a": a[1:9], "b": b[1:9], "c": c[1:9]}, test="friedman").omnibus.statistic


def test_powerless_design_is_announced() -> None:
    """Three runs of two groups cannot be significant with Mann–Whitney, and the reason says it before anyone asks."""
    test = compare({"a": [1.0, 2.0, 3.0], "b": [11.0, 12.0, 13.0]}, test="kruskal")
    assert test.powerless == "so few runs cannot be significant: the smallest possible p is 0.1"


def test_same_bytes_twice_and_in_any_order_of_runs() -> None:
    """Two calls give the same text, and tests that know no blocks give it for shuffled runs too."""
    groups = {"a": normal(100), "b": SKEWED, "c": normal(3)}
    shuffled = {name: list(reversed(values)) for name, values in groups.items()}
    assert repr(compare(groups)) == repr(compare(groups))
    assert repr(gated(groups).omnibus) == repr(gated(shuffled).omnibus)


# --- verdicts ---------------------------------------------------------------------------------------------------------


def shaken(mean: float, sd: float = 1.0, seed: int = 0, n: int = 10) -> list[float]:
    """Return runs with exactly this mean and standard deviation, in an order of their own."""
    noise = np.random.default_rng(seed).permutation(np.resize(QUANTILES, n))
    return (mean + sd * (noise - noise.mean()) / noise.std(ddof=1)).tolist()


def test_clear_difference() -> None:
    """A sure difference of a third is `lower`, and `higher` said of the other."""
    test = compare({"a": shaken(100), "b": shaken(150, seed=1)})
    pair = test.pair("a", "b")
    assert pair.significant and verdict(test) == ("lower", None) and verdict(test, "b", "a") == ("higher", None)
    assert pair.ratio.value == pytest.approx(100 / 150, rel=1e-3)
    assert pair.reason == "the whole interval lies beyond ±5 %"


def test_equivalence_needs_the_whole_interval() -> None:
    """Equal groups are `no practical difference` only when the interval lies within ± 5 %."""
    assert verdict(compare({"a": shaken(100), "b": shaken(100, seed=1)})) == ("no practical difference", None)
    assert verdict(compare({"a": shaken(100, 10), "b": shaken(100, 10, seed=1)}))[0] == "inconclusive"
    assert verdict(compare({"a": shaken(100), "b": shaken(100, seed=1)}, smallest_effect=0.001))[0] == "inconclusive"


def test_significant_but_negligible() -> None:
    """A sure difference of 2 % is no practical difference."""
    pair = compare({"a": shaken(100, 0.5), "b": shaken(102, 0.5, seed=1)}).pair("a", "b")
    assert pair.significant and pair.verdict is PairVerdict.NO_PRACTICAL_DIFFERENCE
    assert pair.reason == "the interval lies within ±5 %"


def test_noise_floor() -> None:
    """A sure difference of 8 % means nothing on a machine whose identical configurations differ by up to 10 %."""
    groups = {"a": shaken(100), "b": shaken(108, seed=1)}
    assert verdict(compare(groups)) == ("lower", None)
    assert verdict(compare(groups, noise_floor=0.1)) == ("no practical difference", None)
    reason = compare(groups, noise_floor=0.1).pairs[0].reason
    assert reason == "the interval lies within ±10 %, the machine's noise floor"


@pytest.mark.parametrize(("mean", "sd", "decision"), [(108, 12, "lower"), (102, 5, "no practical difference")])
def test_advised_runs_decide(mean: float, sd: float, decision: str) -> None:
    """With the advised number of runs an inconclusive pair is decided in about four of five simulated studies."""
    first, second = shaken(100, sd, 3), shaken(mean, sd, 4)
    name, needed = verdict(compare({"a": first, "b": second}))
    assert name == "inconclusive" and needed is not None
    logs = np.log(first) - np.log(second)
    random = np.random.default_rng(3)
    studies = np.exp(random.normal(logs.mean(), logs.std(ddof=1), (300, needed)))
    decided = [verdict(compare({"a": x.tolist(), "b": [1.0] * needed}))[0] == decision for x in studies]
    assert 0.7 <= np.mean(decided) <= 0.95


def test_magnitudes() -> None:
    """Words come from the cited scales: Cohen for g, Romano for δ."""
    groups = {"a": normal(100), "b": normal(100.5)}
    g, d = (compare(groups, test=kind).pairs[0].effect for kind in ("welch", "kruskal"))  # type: ignore[arg-type]
    assert isinstance(g, Effect) and isinstance(d, Effect)
    assert (g.name, g.magnitude, g.scale) == ("Hedges' g", "medium", "Cohen 1988")
    assert (d.name, d.value, d.magnitude, d.scale) == ("Cliff's δ", pytest.approx(-0.26), "small", "Romano et al. 2006")


@pytest.mark.parametrize(("b", "enlarged"), [([1.02, 1.3, 2.0, 3.0, 5.0], True), ([1.04, 1.15, 3.0, 4.5, 6.0], False)])
def test_newcombe_interval_solves_its_equation(b: list[float], enlarged: bool) -> None:
    """The bounds of δ are one normal quantile of Newcombe's variance away, enlarged where the runs show a larger one."""
    a = SKEWED[:7]
    effect = compare({"a": a, "b": b}, test="kruskal").pairs[0].effect
    assert isinstance(effect, Effect) and isinstance(effect.ci, Interval)
    wins = np.sign(np.subtract.outer(a, b)) / 2
    observed = np.var(wins.mean(axis=1), ddof=1) / 7 + np.var(wins.mean(axis=0), ddof=1) / 5

    def variance(theta: float) -> float:
        return theta * (1 - theta) * (1 + 5 * (1 - theta) / (2 - theta) + 5 * theta / (1 + theta)) / 35

    share = wins.mean() + 0.5
    factor = max(1.0, observed / variance(share))
    assert (factor > 1) == enlarged
    for bound in (effect.ci.low, effect.ci.high):
        theta = (bound + 1) / 2
        assert (share - theta) ** 2 == pytest.approx(1.959964**2 * factor * variance(theta), rel=1e-6)


# --- best set and families --------------------------------------------------------------------------------------------


def test_best_set() -> None:
    """The best group and those it cannot be told from, for both directions; a sure 2 % apart is not among them."""
    test = gated({"c": normal(130), "a": normal(100, 0.5), "b": normal(100.1, 0.5), "d": normal(102, 0.5)})
    assert best_set(test, "lower") == ("a", "b")
    assert best_set(test, "higher") == ("c",)


def test_the_best_is_found_by_fewer_comparisons_than_all_pairs_need() -> None:
    """Of ten configurations, one is better by an amount that 45 pairs leave open and nine one-sided comparisons do not."""
    groups = {f"g{n}": shaken(100, 1, seed=n) for n in range(9)} | {"best": shaken(98, 1, seed=11)}
    test = compare(groups)
    assert any(not test.pair("best", name).significant for name in groups if name != "best")
    assert best_set(test, "lower") == ("best",)
    assert "best" not in best_set(test, "higher")


def test_the_true_best_is_thrown_out_in_at_most_five_of_a_hundred_studies() -> None:
    """Five equal configurations, the first with the widest spread: it is among the best in 95 of 100 studies or more."""
    random = np.random.default_rng(7)
    spreads = np.array([0.05, 0.03, 0.02, 0.01, 0.01])
    kept = []
    for logs in random.normal(0, spreads, (100, 6, 5)):
        groups = {str(n): np.exp(column).tolist() for n, column in enumerate(logs.T)}
        kept.append("0" in best_set(compare(groups), "lower"))
    assert np.mean(kept) >= 0.9


def test_best_set_without_a_test() -> None:
    """Nothing tested, nothing best; but identical groups are all best."""
    untested = gated({"a": [1.0], "b": [2.0]})
    assert untested.reason == "fewer than two groups have 3 runs; left out: a (1 run), b (1 run)"
    assert best_set(untested) == ()
    assert best_set(gated({"a": [5.0] * 4, "b": [5.0] * 4})) == ("a", "b")


def test_omnibus_tests_are_adjusted_over_models() -> None:
    """Of ten models of which one seems to differ, Holm asks of it ten times as much."""
    near = compare({"a": shaken(100, 3), "b": shaken(104, 3, seed=1)})
    family = over_models([near, *[compare({"a": shaken(100, 3), "b": shaken(100, 3, seed=2)})] * 9])
    assert near.omnibus.p is not None and near.rejected and not family[0].rejected
    assert family[0].omnibus.p_family == pytest.approx(10 * near.omnibus.p)
    assert over_models([near]) == (near,)


def test_groups_and_pairs_by_name() -> None:
    """Groups and pairs are found by name, pairs in both directions; unknown names are errors."""
    test = gated({"a": normal(100), "b": normal(120)})
    assert test.group("a").description == describe(normal(100))
    forward, backward = test.pair("a", "b"), test.pair("b", "a")
    assert isinstance(forward.effect, Effect) and isinstance(backward.effect, Effect)
    assert backward.effect.value == -forward.effect.value
    assert backward.statistic == -(forward.statistic or math.nan)
    again = backward.reversed()
    assert (again.a, again.verdict, again.effect, again.statistic) == ("a", forward.verdict, forward.effect, forward.statistic)
    for missing in (("a", "x"), ("x", "b")):
        with pytest.raises(KeyError):
            test.pair(*missing)


def test_reversed_u_counts_the_other_wins() -> None:
    """U of (a, b) and U of (b, a) sum to the number of pairs of runs."""
    test = compare({"a": SKEWED, "b": normal(2)[:8]}, test="kruskal")
    assert (test.pair("a", "b").statistic or 0) + (test.pair("b", "a").statistic or 0) == 80
    assert not isinstance(test.pair("b", "a").effect, NotComputable)
