"""Degenerate input is an answer with a reason."""

from __future__ import annotations

import math
from functools import partial

import pytest

from greenreport.analysis.stats import Effect, GroupTest, Interval, NotComputable, blocked_pair, compare, over_models

gated = partial(compare, test="gated")
GOOD = [10.0, 11.0, 12.5, 9.5, 10.7, 11.9]
BETTER = [5.0, 5.5, 6.1, 4.8, 5.2, 5.9]


def why(test: GroupTest) -> tuple[str | None, str, str | None]:
    return test.test, test.reason, test.omnibus.reason


def test_no_groups_and_one_group() -> None:
    """Fewer than two groups cannot be compared."""
    assert why(gated({}))[:2] == (None, "fewer than two groups have 3 runs")
    alone = gated({"a": GOOD})
    assert why(alone)[:2] == (None, "fewer than two groups have 3 runs")
    assert (alone.pairs, alone.omnibus.p, alone.omnibus.statistic) == ((), None, None)
    assert alone.group("a").normality.normal is True


def test_small_and_empty_groups_are_left_out() -> None:
    """Groups below three runs do not stop the others; the ratio of their common blocks is still given, without an interval."""
    test = gated({"a": GOOD, "empty": [], "b": BETTER, "two": [20.0, None, 21.0]})
    assert test.reason == "all 2 groups pass Shapiro–Wilk → Welch's t; left out: empty (0 runs), two (2 runs)"
    assert test.pair("a", "b").significant
    assert test.group("two").reason == "2 runs; a test needs 3"
    pair = test.pair("a", "two")
    assert (pair.p, pair.significant, pair.verdict.value) == (None, False, "inconclusive")
    assert pair.ratio.value == pytest.approx(math.sqrt(10.0 / 20.0 * 12.5 / 21.0))
    assert pair.ratio.ci == NotComputable("2 blocks hold both; an interval needs 3")
    assert test.pair("a", "empty").ratio.reason == "no block holds both"
    assert [group.letters for group in test.groups] == [("b",), (), ("a",), ()]


def test_constant_group() -> None:
    """A constant group has no Shapiro–Wilk, so auto goes to ranks; a forced Welch says what it would divide by."""
    groups = {"a": GOOD, "constant": [7.0] * 6, "b": BETTER}
    assert why(gated(groups)) == (
        "kruskal",
        "Shapiro–Wilk is not computable for constant (all values are equal) → Kruskal–Wallis",
        None,
    )
    forced = compare(groups, test="welch")
    assert why(forced) == (None, "forced by the study", "1 of 3 groups do not vary; Welch's test divides by their variance")
    assert not any(pair.significant for pair in forced.pairs)
    assert [group.letters for group in forced.groups] == [(), (), ()]


def test_one_constant_group_of_two() -> None:
    """With two groups Welch's t only needs one that varies."""
    pair = compare({"a": GOOD, "constant": [7.0] * 6}, test="welch").pairs[0]
    assert pair.df == pytest.approx(5)
    assert pair.significant and isinstance(pair.effect, Effect)


def test_all_values_equal() -> None:
    """The same value everywhere: nothing to test, and no practical difference, also where the value is 0."""
    for value in (42.0, 0.0):
        test = gated({"a": [value] * 5, "b": [value] * 5, "c": [value] * 5})
        assert why(test)[::2] == (None, "all values are equal")
        assert {pair.verdict.value for pair in test.pairs} == {"no practical difference"}
        assert test.homogeneity.reason == "the distances from the median do not vary"


def test_two_constants_that_differ() -> None:
    """Constants that differ are separated by ranks; the ratio is exact, the shares have no interval."""
    test = gated({"a": [1.0] * 8, "b": [2.0] * 8})
    pair = test.pairs[0]
    assert pair.significant and pair.verdict.value == "lower"
    assert isinstance(pair.ratio.ci, Interval)
    assert (pair.ratio.ci.low, pair.ratio.value, pair.ratio.ci.high) == (0.5, 0.5, 0.5)
    assert isinstance(test.omnibus.effect, Effect)
    assert (test.omnibus.effect.value, test.omnibus.effect.ci) == (1.0, NotComputable("no spread within the groups"))


def test_values_that_are_not_positive() -> None:
    """Without positive values there is no ratio, and differences are compared."""
    test = compare({"a": [-1.0, -2.0, -3.5, -4.0], "b": [1.0, 2.0, 3.0, 4.0]})
    pair = test.pairs[0]
    assert pair.ratio.reason == "some values are not positive: differences are compared"
    assert pair.difference is not None and pair.difference.value == pytest.approx(-5.125)
    assert (pair.verdict.value, pair.reversed().verdict.value) == ("lower", "higher")
    assert test.reason == "runs are compared within their blocks, by differences, since some values are not positive"
    assert blocked_pair([-1.0, 2.0, 3.0], [1.0, 2.0, 3.0]).ratio.reason == "some values are not positive"


def test_the_same_ratio_in_every_block() -> None:
    """Constants that differ leave no doubt; the interval is the ratio itself."""
    pair = compare({"a": [1.0] * 5, "b": [2.0] * 5}).pairs[0]
    assert (pair.p, pair.significant, pair.verdict.value) == (0.0, True, "lower")
    assert isinstance(pair.ratio.ci, Interval) and (pair.ratio.ci.low, pair.ratio.ci.high) == (0.5, 0.5)


def test_incomplete_blocks() -> None:
    """Fewer than three complete blocks, or blocks that do not vary, are no Friedman test."""
    holes = {"a": [1.0, 2.0, 3.0, None, None], "b": [None, 1.0, 2.0, 4.0, 6.0]}
    assert compare(holes, test="friedman").omnibus.reason == "2 runs complete in all groups; a test needs 3 complete blocks"
    flat = {"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0], "c": [1.0, 2.0, 3.0]}
    assert compare(flat, test="friedman").omnibus.reason == "no block varies between the groups"


def test_ties_in_blocks() -> None:
    """Blocks without a difference count for nothing, and a pair without any difference has p = 1."""
    test = compare({"a": [1.0, 2.0, 3.0, 4.0], "b": [1.0, 2.0, 3.0, 4.0], "c": [2.0, 3.0, 4.0, 9.0]}, test="friedman")
    assert (test.pair("a", "b").p, test.pair("a", "b").statistic) == (1.0, 0.0)
    assert test.omnibus.p == pytest.approx(math.exp(-4))  # χ² = 8 with 2 degrees of freedom


@pytest.mark.parametrize("factor", [1e-15, 1e-3, 3.6e6, 1e150])
def test_extreme_magnitudes(factor: float) -> None:
    """Very small and very large values give the p values of the same runs in another unit."""
    plain, extreme = (gated({"a": [x * f for x in GOOD], "b": [x * f for x in BETTER]}) for f in (1.0, factor))
    assert extreme.omnibus.p == pytest.approx(plain.omnibus.p, rel=1e-9)
    assert extreme.pairs[0].ratio.value == pytest.approx(plain.pairs[0].ratio.value)
    assert extreme.pairs[0].verdict is plain.pairs[0].verdict


@pytest.mark.parametrize("factor", [1e-300, 1e300])
def test_ends_of_the_number_range(factor: float) -> None:
    """Values whose squares cannot be represented keep their medians and have no test of means."""
    test = compare({"a": [x * factor for x in GOOD], "b": [x * factor for x in BETTER]}, test="welch")
    assert test.test is None and test.omnibus.reason is not None
    assert test.pairs[0].ratio.value == pytest.approx(gated({"a": GOOD, "b": BETTER}).pairs[0].ratio.value)


def test_more_runs_than_shapiro_takes() -> None:
    """Above 5000 runs Shapiro–Wilk is not used, and auto takes ranks."""
    test = gated({"a": [math.sin(k) + 3 for k in range(5001)], "b": GOOD})
    assert test.reason == "Shapiro–Wilk is not computable for a (Shapiro–Wilk is not accurate above 5000 runs) → Mann–Whitney"


def test_family_of_what_is_not_computable() -> None:
    """Comparisons without p values pass through a family and do not count as tests."""
    empty, good = compare({"a": [], "b": [1.0]}), compare({"a": GOOD, "b": BETTER})
    first, second = over_models([empty, good])
    assert (first.omnibus.p_family, first.pairs[0].significant) == (None, False)
    assert second.omnibus.p_family == good.omnibus.p
