"""Tests of the detector of quantised latencies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from greenreport.validity import quantum


@settings(max_examples=60)
@example(0.5, [1, 3, 5] * 10, 0)
@example(0.5, [2, 5, 8] * 10, 0)
@example(0.5, [1, 4, 8] * 10, 0)
@given(
    st.floats(0.01, 2.0),
    st.lists(st.integers(1, 8), min_size=24, max_size=80).filter(lambda k: len(set(k)) > 2),
    st.integers(0, 10**6),
)
def test_latencies_on_multiples_of_a_period_are_found(period: float, multiples: list[int], seed: int) -> None:
    """Whatever the period and the mix of multiples, with 1 % of jitter."""
    multiples = [*multiples, *sorted(set(multiples)) * 3]  # no multiple occurs only once or twice
    jitter = np.random.default_rng(seed).normal(0, 0.01 * period, len(multiples))
    found = quantum(np.array(multiples) * period + jitter)
    greatest = np.gcd.reduce(multiples)
    assert found is not None
    assert found.period == pytest.approx(period * greatest, rel=0.02)


@pytest.mark.parametrize("spread", [0.02, 0.2, 1.0])
def test_ordinary_latencies_are_not_quantised(spread: float) -> None:
    """Log-normal, uniform and bimodal latencies hardly ever look quantised."""
    generator = np.random.default_rng(3)
    found = 0
    for _ in range(200):
        found += quantum(generator.lognormal(0, spread, 60)) is not None
        found += quantum(generator.uniform(1, 1 + spread, 60)) is not None
        two = np.where(generator.random(60) < 0.5, 1.0, 1.0 + 0.37 * spread)
        found += quantum(two + generator.normal(0, 0.01 * spread, 60)) is not None
    assert found <= 6


def test_equal_latencies_have_no_period() -> None:
    """One value repeated is a constant; too few values say nothing."""
    assert quantum([0.577] * 50) is None
    assert quantum([0.577, 1.154, 1.731]) is None
    assert quantum([]) is None
    assert quantum([float("nan")] * 30) is None


def test_the_time_between_tokens_is_no_fault() -> None:
    """Answers of different lengths end on multiples of the time between tokens."""
    lengths = [4, 8, 12, 16] * 8
    values = [0.02 * length for length in lengths]
    assert quantum(values) is not None
    assert quantum(values, natural=0.02) is None
