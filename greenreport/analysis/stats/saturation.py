"""Saturation: the load from which more load gains nothing, and the load from which a cost stays at its minimum.

Loads need not be powers of two: a gain is counted per doubling. From load a to load b > a it is
``(value(b) / value(a)) ** (1 / log2(b / a)) − 1``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from greenreport.analysis.stats.samples import FEWEST_RUNS, LEVEL, Floats, Interval, NotComputable, Sample
from greenreport.units import counted

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Saturation:
    """The smallest load from which no larger measured load gains `epsilon` or more per doubling.

    Attributes:
        load: None when the value still grows at the last load, or with fewer than two loads.
        ci: bootstrap percentiles over runs; its upper end is infinite when the sweep may end too early to tell.
        gains: gain per doubling to the next load, one for each load but the last.
    """

    load: float | None
    ci: Interval | NotComputable
    gains: tuple[float, ...]


def gain_per_doubling(value: float, larger: float, load: float, larger_load: float) -> float:
    """Return the relative gain per doubling of the load between two loads."""
    return float((larger / value) ** (1 / math.log2(larger_load / load)) - 1)


def saturation(loads: Sequence[float], samples: Sequence[Sample], epsilon: float, *, seed: int = 0) -> Saturation:
    """Find the saturation load of medians over runs.

    Args:
        loads: ascending, distinct, positive.
        samples: the values (throughput) at each load, one per run; None and values that are not positive are left out.
        epsilon: smallest gain per doubling that counts, as a share.
    """
    kept = [np.array([v for v in sample if v is not None and math.isfinite(v) and v > 0]) for sample in samples]
    pairs = [(load, values) for load, values in zip(loads, kept, strict=True) if len(values)]
    if len(pairs) < 2:
        return Saturation(None, NotComputable("fewer than two loads have values"), ())
    x = np.array([load for load, _ in pairs])
    medians = np.array([[np.median(values) for _, values in pairs]])
    place = int(_places(x, medians, epsilon)[0])
    gains = tuple(gain_per_doubling(medians[0][i], medians[0][i + 1], x[i], x[i + 1]) for i in range(len(x) - 1))
    load = None if place == len(x) - 1 else float(x[place])
    return Saturation(load, _interval(x, [values for _, values in pairs], epsilon, seed), gains)


def _places(x: Floats, medians: Floats, epsilon: float) -> Floats:
    """Return for each row of medians the index of the saturation load; the last index where there is none."""
    last = len(x) - 1
    result = np.full(len(medians), last)
    for i in range(last - 1, -1, -1):
        gains = (medians[:, i + 1 :] / medians[:, [i]]) ** (1 / np.log2(x[i + 1 :] / x[i])) - 1
        result[(gains < epsilon).all(axis=1)] = i
    return result


def _interval(x: Floats, samples: Sequence[Floats], epsilon: float, seed: int) -> Interval | NotComputable:
    fewest = min(len(values) for values in samples)
    if fewest < FEWEST_RUNS:
        return NotComputable(f"{counted(fewest, 'run')} at some load; an interval needs {FEWEST_RUNS}")
    random = np.random.default_rng(seed)
    drawn = [np.median(values[random.integers(0, len(values), (RESAMPLES, len(values)))], axis=1) for values in samples]
    ends = np.append(x[:-1], math.inf)[_places(x, np.stack(drawn, axis=1), epsilon)]
    tail = (1 - LEVEL) / 2
    # An end must be a load that was measured, so quantiles are not interpolated.
    low, high = np.quantile(ends, [tail, 1 - tail], method="inverted_cdf")
    return Interval(float(low), float(high), LEVEL, f"bootstrap percentiles over runs, {RESAMPLES} resamples")


def plateau(loads: Sequence[float], medians: Sequence[float], tolerance: float) -> tuple[float, float] | None:
    """Return the load of the least value, and the smallest load from which all values up to it are within `tolerance`.

    None without values.
    """
    if not medians:
        return None
    least = min(medians)
    best = loads[medians.index(least)]
    start = best
    for load, value in sorted(zip(loads, medians, strict=True), reverse=True):
        if load > best:
            continue
        if value > least * (1 + tolerance):
            break
        start = load
    return best, start
