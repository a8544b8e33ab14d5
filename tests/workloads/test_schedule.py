"""Tests of batches and arrival times, against known truth."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from scipy import stats

from greenreport.workloads.schedule import arrivals_s, batches, sampling_seeds


def test_batches_repeat_the_list_and_end_with_the_rest() -> None:
    """Prompts come in order, the list again from its start; only the last batch may be smaller."""
    assert batches("abc", 7, 2) == (("a", "b"), ("c", "a"), ("b", "c"), ("a",))


def test_seeds_of_requests_differ_and_are_the_same_everywhere() -> None:
    """No two of 2,000 requests in 5 repetitions share one, and every server takes them; the first is known."""
    seeds = [seed for repetition in range(1, 6) for seed in sampling_seeds(2000, 7, repetition)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert sampling_seeds(1, 0, 1) == (int(hashlib.sha256(b"0/1/0").hexdigest()[:8], 16) // 2,)


def test_constant_arrivals_are_evenly_spaced() -> None:
    """Rate 4: a request every quarter of a second, from 0."""
    assert arrivals_s(4, 4.0, "constant", 0) == (0.0, 0.25, 0.5, 0.75)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_poisson_arrivals_have_independent_exponential_gaps(seed: int) -> None:
    """The gaps pass a Kolmogorov-Smirnov test against the exponential law and are not correlated."""
    gaps = np.diff(arrivals_s(5001, 20.0, "poisson", seed))
    assert stats.kstest(gaps, "expon", args=(0, 1 / 20.0)).pvalue > 0.001
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 4 / np.sqrt(len(gaps))


def test_the_same_seed_gives_the_same_times() -> None:
    """Times depend on the seed and nothing else."""
    assert arrivals_s(50, 3.0, "poisson", 7) == arrivals_s(50, 3.0, "poisson", 7)
    assert arrivals_s(50, 3.0, "poisson", 7) != arrivals_s(50, 3.0, "poisson", 8)


def test_a_queue_fed_by_these_arrivals_waits_as_the_theory_says() -> None:
    """M/D/1: the mean wait is ρ·D ÷ (2·(1 − ρ)); Lindley's recursion over many arrivals comes to it."""
    rate, service = 60.0, 0.01
    rho = rate * service
    means = []
    for seed in range(8):
        wait, total = 0.0, 0.0
        gaps = np.diff(arrivals_s(20_001, rate, "poisson", seed))
        for gap in gaps:
            total += wait
            wait = max(0.0, wait + service - gap)
        means.append(total / len(gaps))
    theory = rho * service / (2 * (1 - rho))
    error = np.std(means, ddof=1) / np.sqrt(len(means))
    assert abs(np.mean(means) - theory) < 4 * error
