"""Tests of saturation and plateau on curves with a known answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from greenreport.analysis.stats import Interval, NotComputable, gain_per_doubling, plateau, saturation

#: OPT-1.3B on one H100: batch, tokens/s, J/token (raw data of arXiv 2503.08311).
BATCHES = (1, 8, 32, 96, 256, 640, 768)
TOKENS_PER_S = (381, 2400, 5734, 9033, 10810, 11298, 11050)
J_PER_TOKEN = (0.669, 0.104, 0.045, 0.032, 0.027, 0.027, 0.027)


def test_the_published_sweep_saturates_where_its_table_shows_it() -> None:
    """From batch 256 no larger batch gains 5 % per doubling; energy per token is at its least from there on."""
    found = saturation(BATCHES, [[v] for v in TOKENS_PER_S], 0.05)
    assert found.load == 256
    assert isinstance(found.ci, NotComputable)
    assert found.gains[-2] == pytest.approx(0.034, abs=0.001)
    assert plateau(BATCHES, J_PER_TOKEN, 0.05) == (256, 256)


@pytest.mark.parametrize("epsilon", [0.02, 0.05, 0.1, 0.2])
def test_a_declared_law_saturates_where_algebra_says(epsilon: float) -> None:
    """For b ÷ (t + b·s) a doubling gains t ÷ (t + 2·b·s): below ε from b = t·(1 ÷ ε − 1) ÷ (2·s)."""
    t, s = 1.0, 0.05
    loads = [2**k for k in range(12)]
    expected = next(b for b in loads if t / (t + 2 * b * s) < epsilon)
    assert saturation(loads, [[b / (t + b * s)] for b in loads], epsilon).load == expected


def test_gains_are_counted_per_doubling() -> None:
    """A factor of 8 in load is three doublings."""
    assert gain_per_doubling(100, 800, 1, 8) == pytest.approx(1.0)
    assert gain_per_doubling(100, 133.1, 1, 8) == pytest.approx(0.1)


def test_one_bad_level_is_no_saturation() -> None:
    """A dip between two loads does not end a curve that grows beyond it."""
    assert saturation([1, 2, 4, 8], [[100], [101], [180], [185]], 0.05).load == 4


def test_a_curve_that_still_grows_has_no_saturation() -> None:
    """At the last load nothing can be said."""
    assert saturation([1, 2, 4], [[1], [2], [4]], 0.05).load is None
    assert saturation([1], [[1]], 0.05).load is None
    assert saturation([1, 2, 4], [[], [], []], 0.05).load is None


def test_the_interval_covers_the_loads_that_resamples_choose() -> None:
    """Clear curves have one load as interval; noisy ones several; an end beyond the sweep is infinite."""
    random = np.random.default_rng(1)
    loads = [2**k for k in range(8)]
    clear = [[b / (1 + b * 0.2) * (1 + 0.001 * random.standard_normal()) for _ in range(5)] for b in loads]
    found = saturation(loads, clear, 0.05)
    assert isinstance(found.ci, Interval)
    assert found.ci.low == found.load == found.ci.high
    noisy = [[b / (1 + b * 0.2) * (1 + 0.05 * random.standard_normal()) for _ in range(5)] for b in loads]
    wide = saturation(loads, noisy, 0.05)
    assert isinstance(wide.ci, Interval)
    assert wide.ci.low < wide.ci.high
    grows = [[b * (1 + 0.001 * random.standard_normal()) for _ in range(5)] for b in loads]
    endless = saturation(loads, grows, 0.05)
    assert isinstance(endless.ci, Interval)
    assert math.isinf(endless.ci.high)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Over simulated sweeps of a declared law with 5 runs and 3 % noise, the true load lies inside in 90 % and more."""
    loads = [2**k for k in range(9)]
    truth = next(b for b in loads if 1 / (1 + 2 * b * 0.1) < 0.05)
    random = np.random.default_rng(3)
    inside = 0
    for seed in range(60):
        samples = [b / (1 + b * 0.1) * np.exp(0.03 * random.standard_normal(5)) for b in loads]
        ci = saturation(loads, [list(sample) for sample in samples], 0.05, seed=seed).ci
        assert isinstance(ci, Interval)
        inside += ci.low <= truth <= ci.high
    assert inside >= 54


def test_a_plateau_begins_where_all_that_follows_is_near_the_least() -> None:
    """A value near the least before a worse one is no part of the plateau; values after the least do not matter."""
    assert plateau([1, 2, 4, 8], [3.0, 1.04, 1.0, 2.0], 0.05) == (4, 2)
    assert plateau([1, 2, 4, 8], [1.02, 1.5, 1.0, 1.0], 0.05) == (4, 4)
    assert plateau([], [], 0.05) is None
