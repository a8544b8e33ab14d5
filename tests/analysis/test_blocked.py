"""The blocked model: what blocks share cancels, intervals and verdicts agree, and levels hold where the truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from greenreport.analysis.stats import Interval, PairVerdict, blocked_pair, compare, with_robustness

CUT = [597.0, 602.0, 605.0, 611.0, 617.0], [553.0, 555.0, 557.0, 560.0, 562.0]


def test_a_pair_is_students_t_within_blocks() -> None:
    """Statistic, p and interval are scipy's, with Bonferroni's level over the family."""
    a, b = [1.0, 1.1, 1.3, 1.2], [2.0, 2.3, 2.5, 2.2]
    logs = np.log(a) - np.log(b)
    expected = stats.ttest_1samp(logs, 0)
    pair = blocked_pair(a, b, comparisons=6)
    assert (pair.blocks, pair.t, pair.p) == (4, pytest.approx(expected.statistic), pytest.approx(expected.pvalue))
    low, high = np.exp(expected.confidence_interval(1 - 0.05 / 6))
    assert isinstance(pair.ratio.ci, Interval)
    assert (pair.ratio.ci.low, pair.ratio.ci.high) == pytest.approx((low, high))
    assert pair.ratio.value == pytest.approx(math.exp(logs.mean()))


def test_what_a_block_shares_cancels() -> None:
    """Blocks that differ by a factor of two change nothing in ratio, interval and p."""
    quiet = [100.0, 101.0, 99.5, 100.2, 100.9], [108.0, 109.5, 107.0, 108.8, 108.1]
    warm = [2.0, 1.0, 1.5, 0.7, 1.1]
    groups = [[x * factor for x, factor in zip(runs, warm, strict=True)] for runs in quiet]
    plain, shifted = (compare({"a": a, "b": b}).pairs[0] for a, b in (quiet, groups))
    assert shifted.p == pytest.approx(plain.p) and shifted.verdict is plain.verdict is PairVerdict.LOWER
    beside = with_robustness(compare({"a": groups[0], "b": groups[1]}), {"a": groups[0], "b": groups[1]}).robustness
    assert [item.only_here for item in beside] == [1, 1, 1]  # no test that ignores blocks finds it, nor 5 permuted blocks


def test_a_missing_run_drops_out_of_its_block_only() -> None:
    """Pairs without the group that failed keep all their blocks."""
    a, b = [1.0, 1.1, 1.2, 1.3], [2.0, 2.1, 2.5, 2.6]
    groups = {"a": a, "b": b, "c": [3.0, None, 3.2, 3.1]}
    test = compare(groups)
    assert [pair.df for pair in test.pairs] == [3.0, 2.0, 2.0]
    assert test.pair("a", "b").ratio == compare({"a": a, "b": b}, comparisons=3).pairs[0].ratio


def test_separated_neighbours_are_told_apart() -> None:
    """597–617 J against 553–562 J differ, among four configurations that are all apart."""
    groups = {
        "torch": CUT[0],
        "script": CUT[1],
        "onnx": [400.0, 402.0, 399.0, 405.0, 401.0],
        "vino": [300.0, 299.0, 304.0, 301.0, 303.0],
    }
    assert compare(groups).pair("torch", "script").verdict is PairVerdict.HIGHER
    assert not compare(groups, test="kruskal").pair("torch", "script").significant


def test_intervals_and_verdicts_agree() -> None:
    """A pair differs when its interval leaves out equality, and is never inconclusive then."""
    random = np.random.default_rng(4)
    for _ in range(200):
        n, k = int(random.integers(3, 9)), int(random.integers(2, 6))
        groups = {f"g{i}": np.exp(random.normal(0.03 * i, 0.03, n)).tolist() for i in range(k)}
        test = compare(groups)
        assert test.rejected == any(pair.significant for pair in test.pairs)
        for pair in test.pairs:
            assert isinstance(pair.ratio.ci, Interval)
            apart = not pair.ratio.ci.low <= 1 <= pair.ratio.ci.high
            assert pair.significant == apart
            assert not (apart and pair.verdict is PairVerdict.INCONCLUSIVE)


FURTHER_LEVELS = [
    (2, 3, "1:5"), (4, 3, "equal"), (4, 5, "equal"), (4, 5, "1:5"), (4, 10, "1:5"), (17, 3, "equal"), (17, 3, "1:5"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("groups", "runs", "spread"),
    [
        (2, 3, "equal"), (4, 3, "1:5"), (4, 10, "equal"), *(pytest.param(*case, marks=pytest.mark.acceptance) for case in FURTHER_LEVELS),
    ],
)  # fmt: skip
def test_level(groups: int, runs: int, spread: str) -> None:
    """Equal configurations are called different in at most 6 of 100 studies, also where their spreads differ."""
    random = np.random.default_rng(8)
    scale = np.linspace(1, 5, groups) if spread == "1:5" else np.ones(groups)
    studies, rejected = 400 if groups < 17 else 120, 0
    for _ in range(studies):
        table = random.normal(0, 0.05, (runs, 1)) + random.normal(0, 0.02, (runs, groups)) * scale
        rejected += compare({f"g{i}": np.exp(column).tolist() for i, column in enumerate(table.T)}).rejected
    assert rejected / studies <= 0.06 + 2 * math.sqrt(0.05 * 0.95 / studies)


def test_power_at_five_runs() -> None:
    """A difference of 11 % at a standard deviation of 1 % is found in at least 95 of 100 studies, among four configurations."""
    random = np.random.default_rng(9)
    seen = 0
    for _ in range(300):
        table = random.normal((0, math.log(1.11), 0, 0), 0.01, (5, 4))
        seen += compare({f"g{i}": np.exp(column).tolist() for i, column in enumerate(table.T)}).pair("g0", "g1").significant
    assert seen / 300 >= 0.95


def test_equal_readings_of_a_coarse_instrument_prove_nothing() -> None:
    """Three blocks read in steps of 1 show the same difference by chance; only where no group varies at all is it certain."""
    random, rejected = np.random.default_rng(2), 0
    for _ in range(200):
        table = np.round(random.normal(100, 2, (3, 10)))
        rejected += compare({f"g{i}": column.tolist() for i, column in enumerate(table.T)}).rejected
    assert rejected / 200 <= 0.1
    coarse = compare({"a": [100.0, 101.0, 99.0], "b": [101.0, 102.0, 100.0], "c": [300.0, 300.0, 301.0]})
    assert not coarse.pair("a", "b").significant and coarse.pair("a", "c").significant
    assert compare({"a": [100.0] * 3, "b": [101.0] * 3}).pairs[0].significant


def test_permutation_is_exact_within_blocks() -> None:
    """With five blocks 32 patterns of signs exist, so p of a pair is at least 1/16."""
    test = compare({"a": CUT[0], "b": CUT[1]}, test="permutation")
    assert test.pairs[0].p == 2 / 32
    assert test.powerless == "so few runs cannot be significant: the smallest possible p is 0.062"
