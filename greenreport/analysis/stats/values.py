"""The values every statistic takes and gives back: samples of runs, intervals, and reasons why there is no number.

A sample is a sequence of runs in the metric's own unit; ``None``, NaN and infinite entries are missing runs. Arithmetic is done
on samples divided by a power of two, which changes no digit and keeps squares of 1e300 and 1e-300 representable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
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
        level: coverage the method aims at; where the sample is too small for 0.95, what it can reach.
        method: name of the method, for the page.
    """

    low: float
    high: float
    level: float
    method: str


@dataclass(frozen=True, slots=True)
class NotComputable:
    """Stands where a number would stand, with the reason as a clause ("fewer than 3 runs")."""

    reason: str


def reach(value: float, ci: Interval | NotComputable) -> tuple[float, float]:
    """Return the ends of the interval of an estimate; the estimate twice where it has none."""
    return (ci.low, ci.high) if isinstance(ci, Interval) else (value, value)


def clean(values: Sample) -> tuple[Floats, int]:
    """Return the finite values in ascending order, and how many entries were missing."""
    finite = np.array([value for value in values if value is not None and math.isfinite(value)], dtype=np.float64)
    finite.sort()
    return finite, len(values) - len(finite)


def binary_exponent(values: Floats) -> int:
    """Return the power of two that brings the largest magnitude below 1; 0 for no values and for zeros."""
    return math.frexp(float(np.abs(values).max()))[1] if values.size else 0


def scaled(values: Floats, exponent: int) -> Floats:
    """Divide by 2 to the exponent; exact except for values that get too small to be represented."""
    return np.asarray(np.ldexp(values, -exponent), dtype=np.float64)


def number(value: float, exponent: int = 0) -> float | None:
    """Multiply by 2 to the exponent and return a plain float, or None when the result is not finite."""
    if exponent:
        with np.errstate(all="ignore"):
            value = np.ldexp(value, exponent)
    return float(value) if math.isfinite(value) else None


def interval(low: float, high: float, method: str, exponent: int = 0, level: float = LEVEL) -> Interval | NotComputable:
    """Return the interval scaled by 2 to the exponent; a bound that is not finite has no interval."""
    bounds = number(low, exponent), number(high, exponent)
    if bounds[0] is None or bounds[1] is None:
        return NotComputable("a bound is too large to be represented")
    return Interval(bounds[0], bounds[1], level, method)


def runs(count: int) -> str:
    """Print a number of runs."""
    return f"{count} run" if count == 1 else f"{count} runs"
