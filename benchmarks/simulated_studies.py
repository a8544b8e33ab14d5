"""Whole simulated studies under the blocked model: false claims, coverage and power for designs with known truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import log

import numpy as np
from scipy.signal import lfilter

from greenreport.analysis.stats import Interval, compare, over_models
from greenreport.analysis.stats.samples import Floats

CONFIGURATIONS = 4
RUNS = (3, 5, 10)
MODELS = (1, 3, 12)
EFFECT = 1.11
Noise = Callable[[np.random.Generator, tuple[int, int]], Floats]


def _autocorrelated(random: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Return errors of which each keeps 0.7 of the one before in its configuration, of standard deviation 0.02."""
    warm = random.normal(0, 0.02 * np.sqrt(1 - 0.7**2), (50 + shape[0], shape[1]))
    return np.asarray(lfilter([1], [1, -0.7], warm, axis=0)[50:])


def _sessions(random: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Return errors with an offset for each half of the blocks, as when a study is finished on another day."""
    half = np.repeat(random.normal(0, 0.1, 2), [shape[0] // 2, shape[0] - shape[0] // 2])
    return np.asarray(half[:, None] + random.normal(0, 0.02, shape))


#: Errors of log values in blocks × configurations; their expectation is the same for all configurations.
DESIGNS: dict[str, Noise] = {
    "log-normal, 2 %": lambda random, shape: random.normal(0, 0.02, shape),
    "log-normal, 50 %": lambda random, shape: random.normal(0, 0.5, shape),
    "heavy tails": lambda random, shape: 0.02 * random.standard_t(3, shape),
    "outliers": lambda random, shape: random.normal(0, 0.02, shape) + 0.2 * (random.random(shape) < 0.05),
    "spread 1:5": lambda random, shape: random.normal(0, 0.02, shape) * np.linspace(1, 5, shape[1]),
    "bimodal": lambda random, shape: random.normal(0, 0.01, shape) + 0.06 * (random.random(shape) < 0.5),
    "block effects": lambda random, shape: random.normal(0, 0.1, (shape[0], 1)) + random.normal(0, 0.02, shape),
    "session offsets": _sessions,
    "AR(1) 0.7 by configuration": _autocorrelated,
}


def studies(design: str, models: int, runs: int, count: int, shift: float = 0.0) -> Iterator[list[dict[str, list[float]]]]:
    """Yield studies: for each model the groups of four configurations; the second is shifted on the log scale."""
    random = np.random.default_rng([9, models, runs])
    for _ in range(count):
        tables = (DESIGNS[design](random, (runs, CONFIGURATIONS)) + [0, shift, 0, 0] for _ in range(models))  # noqa: RUF005
        yield [{f"g{place}": np.exp(column).tolist() for place, column in enumerate(table.T)} for table in tables]


def false_claims(design: str, models: int, count: int) -> Sequence[float]:
    """Return the share of studies with equal configurations that reject on any model, for each number of runs."""
    rates = []
    for runs in RUNS:
        tests = (over_models([compare(groups) for groups in study]) for study in studies(design, models, runs, count))
        rates.append(float(np.mean([any(test.rejected for test in study) for study in tests])))
    return rates


def coverage_and_power(design: str, count: int) -> Iterator[float]:
    """Yield, for each number of runs, the share of families whose intervals all hold the truth; then the share that finds 11 %."""
    found = []
    for runs in RUNS:
        held, seen = [], []
        for (groups,) in studies(design, 1, runs, count, log(EFFECT)):
            test = compare(groups)
            truths = [
                {("g0", "g1"): 1 / EFFECT, ("g1", "g2"): EFFECT, ("g1", "g3"): EFFECT}.get((p.a, p.b), 1.0) for p in test.pairs
            ]
            intervals = [pair.ratio.ci for pair in test.pairs]
            held.append(
                all(isinstance(ci, Interval) and ci.low <= t <= ci.high for ci, t in zip(intervals, truths, strict=True))
            )
            seen.append(test.pair("g0", "g1").significant)
        found.append(float(np.mean(seen)))
        yield float(np.mean(held))
    yield from found
