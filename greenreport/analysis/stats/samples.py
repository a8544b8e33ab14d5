"""Types every statistic takes and returns: samples of runs, intervals, and the reason where there is no number.

A sample is a sequence of runs in the metric's own unit; ``None``, NaN and infinite entries are missing runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Sample: TypeAlias = Sequence[float | None]
Floats: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.intp]

#: Nominal level of every interval.
LEVEL = 0.95
#: Runs a group needs to take part in a test.
FEWEST_RUNS = 3


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval in the unit of its estimate.

    Attributes:
        level: coverage the method aims at; where the sample is too small for 0.95, the coverage it can reach.
        method: name of the method, as printed on the page.
    """

    low: float
    high: float
    level: float
    method: str


@dataclass(frozen=True, slots=True)
class NotComputable:
    """Takes the place of a number that does not exist; `reason` is a clause ("fewer than 3 runs")."""

    reason: str


def reach(value: float, ci: Interval | NotComputable) -> tuple[float, float]:
    """Return the ends of an estimate's interval, or the estimate twice where it has none."""
    return (ci.low, ci.high) if isinstance(ci, Interval) else (value, value)


def clean(values: Sample) -> tuple[Floats, int]:
    """Return the finite values in ascending order, and the number of missing entries."""
    finite = np.array([value for value in values if value is not None and math.isfinite(value)], dtype=np.float64)
    finite.sort()
    return finite, len(values) - len(finite)


def block_table(samples: Sequence[Sample]) -> Floats:
    """Return samples, whose positions are blocks, as an array of blocks × samples; missing runs are NaN."""
    length = max((len(sample) for sample in samples), default=0)
    return np.array(list(zip_longest(*samples)), dtype=np.float64).reshape(length, len(samples))  # None becomes NaN


def complete_rows(samples: Sequence[Sample]) -> Floats:
    """Return the blocks in which every sample has a finite value, as an array of blocks × samples."""
    table = block_table(samples)
    complete: Floats = table[np.isfinite(table).all(axis=1)]
    return complete


def number(value: float) -> float | None:
    """Return a plain float, or None where the value is not finite."""
    return float(value) if math.isfinite(value) else None


def interval(low: float, high: float, method: str, level: float = LEVEL) -> Interval | NotComputable:
    """Return an interval, or the reason for having none where a bound is not finite."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return NotComputable("a bound is too large to be represented")
    return Interval(float(low), float(high), level, method)
