"""Properties every comparison has, whatever the runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenreport.analysis.stats import (
    Effect,
    GroupTest,
    Interval,
    best_set,
    compare,
    describe,
    geometric_mean_ratio,
    over_models,
    pareto,
    ratio_of_geometric_means,
    screen,
)
from greenreport.analysis.stats.compact_letters import compact_letters
from greenreport.analysis.stats.multiplicity import adjust

Groups = Mapping[str, list[float]]

anything = st.one_of(
    st.floats(), st.none(), st.sampled_from([0.0, 1.0, -1.0, 5e-324, 1e-300, 1e300, 1.7e308]), st.floats(9, 11)
)
samples = st.lists(anything, max_size=12)
tests = st.sampled_from(["blocked", "gated", "welch", "kruskal", "friedman", "permutation"])
corrections = st.sampled_from(["holm", "bonferroni", "none"])
#: Runs of a measurement: positive, some equal, moderately spread.
measured = st.dictionaries(
    st.sampled_from("abcde"),
    st.lists(st.integers(800, 1200).map(lambda x: x / 8), min_size=3, max_size=9),
    min_size=2,
    max_size=5,
)
p_values = st.lists(st.one_of(st.none(), st.just(math.nan), st.floats(0, 1)), max_size=20)

quick = settings(max_examples=100, deadline=None)


def same(found: float | None, wanted: float | None, rel: float) -> bool:
    """Return whether both are missing or both are close."""
    return (
        found is wanted is None if found is None or wanted is None else math.isclose(found, wanted, rel_tol=rel, abs_tol=1e-12)
    )


def holds(value: float | None, ci: object) -> bool:
    """Return whether an interval, where there is one, holds its estimate."""
    return value is None or not isinstance(ci, Interval) or ci.low <= value <= ci.high


@settings(max_examples=250, deadline=None)
@given(st.dictionaries(st.text(max_size=2), samples, max_size=5), tests, corrections)
def test_any_input_has_a_consistent_answer(groups: Mapping[str, list[float | None]], kind: str, correction: str) -> None:
    """No input raises; p values are ordered, intervals hold their estimates, letters agree with significance."""
    test = compare(groups, test=kind, correction=correction)  # type: ignore[arg-type]
    best_set(test, "higher")
    for found in (test, *over_models([test, test])):
        assert_consistent(found)
    for group in test.groups:
        assert holds(group.description.median, group.description.median_ci)
        assert holds(group.description.mean, group.description.mean_ci)


def assert_consistent(test: GroupTest) -> None:
    assert (test.test is None) == (test.omnibus.p is None)
    letters = {group.name: set(group.letters) for group in test.groups}
    for pair in test.pairs:
        assert pair.p is None or 0 <= pair.p <= (pair.p_adjusted or 0) <= 1 or pair.p == pair.p_adjusted == 0
        assert holds(pair.ratio.value, pair.ratio.ci)
        if isinstance(pair.effect, Effect):
            assert holds(pair.effect.value, pair.effect.ci)
        if letters[pair.a] and letters[pair.b]:
            assert bool(letters[pair.a] & letters[pair.b]) != pair.significant


@quick
@given(measured, tests, st.floats(1e-9, 1e9))
def test_units_do_not_matter(groups: Groups, kind: str, factor: float) -> None:
    """In another unit p values, effect sizes, ratios and letters are the same."""
    plain, other = (
        compare({name: [x * f for x in values] for name, values in groups.items()}, test=kind)  # type: ignore[arg-type]
        for f in (1.0, math.ldexp(1.0, round(math.log2(factor))))
    )
    assert same(plain.omnibus.p, other.omnibus.p, 1e-9)
    for mine, theirs in zip(plain.pairs, other.pairs, strict=True):
        assert same(mine.p, theirs.p, 1e-9)
        assert same(mine.ratio.value, theirs.ratio.value, 1e-12)
        assert (mine.verdict, mine.runs_needed) == (theirs.verdict, theirs.runs_needed)
    assert [group.letters for group in plain.groups] == [group.letters for group in other.groups]


@quick
@given(measured, tests)
def test_order_of_groups_does_not_matter(groups: Groups, kind: str) -> None:
    """With the groups in another order every pair says the same."""
    turned = {name: groups[name] for name in reversed(groups)}
    plain, other = compare(groups, test=kind), compare(turned, test=kind)  # type: ignore[arg-type]
    assert same(plain.omnibus.p, other.omnibus.p, 1e-9)
    for a, b in combinations(groups, 2):
        mine, theirs = plain.pair(a, b), other.pair(a, b)
        assert same(mine.p_adjusted, theirs.p_adjusted, 1e-7)
        assert same(mine.statistic, theirs.statistic, 1e-9)
        assert (mine.significant, mine.verdict) == (theirs.significant, theirs.verdict)
        if isinstance(mine.effect, Effect) and isinstance(theirs.effect, Effect):
            assert mine.effect.value == pytest.approx(theirs.effect.value, abs=1e-12)
    assert {g.name: g.letters for g in plain.groups} == {g.name: g.letters for g in other.groups}


@quick
@given(*(st.lists(st.floats(1e-3, 1e3), min_size=3, max_size=12),) * 2)
def test_ratios_are_symmetric(a: list[float], b: list[float]) -> None:
    """ratio(a, b) · ratio(b, a) = 1, for the bounds too; a sample against itself is 1 inside its interval."""
    forward, backward, own = ratio_of_geometric_means(a, b), ratio_of_geometric_means(b, a), ratio_of_geometric_means(a, a)
    assert forward.value is not None and backward.value is not None
    assert isinstance(forward.ci, Interval) and isinstance(backward.ci, Interval) and isinstance(own.ci, Interval)
    assert forward.value * backward.value == pytest.approx(1)
    assert forward.ci.low * backward.ci.high == pytest.approx(1)
    assert own.value == 1 and own.ci.low <= 1 <= own.ci.high


@quick
@given(p_values, corrections)
def test_adjustment_keeps_order(raw: list[float | None], method: str) -> None:
    """Adjusted p values are at least the raw ones, at most 1, in the same order; what is missing stays missing."""
    adjusted = adjust(raw, method)  # type: ignore[arg-type]
    assert [p is None for p in adjusted] == [p is None or math.isnan(p) for p in raw]
    pairs = sorted((p, q) for p, q in zip(raw, adjusted, strict=True) if p is not None and q is not None)
    assert all(p <= q <= 1 for p, q in pairs)
    assert [q for _, q in pairs] == sorted(q for _, q in pairs)


@quick
@given(st.integers(1, 9), st.sets(st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda pair: pair[0] < pair[1])))
def test_letters_say_exactly_what_differs(count: int, pairs: set[tuple[int, int]]) -> None:
    """Two groups share a letter exactly when their pair is not in the list of differences; everyone has a letter."""
    names = [str(k) for k in range(count)]
    different = {frozenset((str(a), str(b))) for a, b in pairs}
    letters = compact_letters(names, different)
    assert all(letters.values())
    for a, b in combinations(names, 2):
        assert bool(set(letters[a]) & set(letters[b])) == (frozenset((a, b)) not in different)


@quick
@given(st.lists(st.tuples(samples, samples), max_size=4), samples)
def test_the_rest_does_not_raise(
    models: list[tuple[list[float | None], list[float | None]]], values: list[float | None]
) -> None:
    """Aggregates, fronts and outlier rules take any numbers; no rule leaves out more than half of a sample."""
    found = geometric_mean_ratio(models)
    assert found.models == sum(ratio.value is not None for ratio in found.ratios)
    assert holds(found.value, found.over_runs)
    pareto({str(k): pair for k, pair in enumerate(models)}, ("lower", "higher"))
    assert describe(values).n + describe(values).dropped == len(values)
    for policy in ("none", "iqr", "mad"):
        kept = screen(values, policy)  # type: ignore[arg-type]
        present = [value for value in values if value is not None]
        assert len(present) // 2 <= len(kept) <= len(present)
