"""Detect values that sit on multiples of one period.

A meter polled inside the request path, a timer or a sleep rounds every latency up to multiples of its period; the values then
say more about the period than about the engine. The published study this tool generalises had it: 0.577 s, on every request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST_VALUES = 12
#: Values of one multiple lie closer together than this share of the whole spread.
CLUSTER = 1 / 25
#: Root mean square distance to the nearest multiple, as a share of the period; by chance it is 0.29.
SHARPNESS = 0.06
#: With two multiples only, the period is their difference and fits by construction: both must then be whole multiples of it.
SHARPNESS_OF_TWO = 0.02
HIGHEST_MULTIPLE = 40
#: The smallest step between multiples that occur may be several periods: 1, 3, 5 or 2, 5, 8.
PARTS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Quantum:
    """A period that values sit on.

    Attributes:
        period: in the unit of the values.
        multiples: the multiples that occur.
    """

    period: float
    multiples: tuple[int, ...]


def quantum(values: Sequence[float], natural: float | None = None) -> Quantum | None:
    """Return the period that values sit on, or None.

    Values that are all alike have no period that could be told from a constant: two different multiples must occur.

    Args:
        natural: a period that belongs to the work itself, such as the time between tokens; it is no fault.
    """
    x = np.sort(np.asarray(values, dtype=np.float64))
    if len(x) < FEWEST_VALUES or not np.isfinite(x).all() or x[0] <= 0 or x[-1] == x[0]:
        return None
    centres = _centres(x)
    if centres is None:
        return None
    step = float(np.diff(centres).min())
    fitting = next((quantum for part in PARTS if (quantum := _fitting(x, step / part)) is not None), None)
    if fitting is not None and natural is not None and natural > 0:
        periods = fitting.period / natural
        return None if abs(periods - round(periods)) < SHARPNESS else fitting
    return fitting


def _fitting(x: NDArray[np.float64], period: float) -> Quantum | None:
    """Return the period near a guess if the values sit on its multiples."""
    for _ in range(2):  # least squares
        k = np.maximum(np.round(x / period), 1.0)
        period = float((x * k).sum() / (k * k).sum())
    nearest = np.round(x / period)
    sharpness = float(np.sqrt(np.mean((x / period - nearest) ** 2)))
    multiples = tuple(int(k) for k in np.unique(nearest))
    limit = SHARPNESS_OF_TWO if len(multiples) == 2 else SHARPNESS
    if len(multiples) < 2 or multiples[0] < 1 or multiples[-1] > HIGHEST_MULTIPLE or sharpness > limit:
        return None
    return Quantum(period, multiples)


def _centres(x: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the means of clusters of values, None when the values are spread out or a cluster has one member."""
    edges = np.flatnonzero(np.diff(x) > CLUSTER * (x[-1] - x[0])) + 1
    clusters = np.split(x, edges)
    if len(clusters) < 2 or len(clusters) > len(x) / 3 or sum(len(c) == 1 for c in clusters) > len(clusters) / 2:
        return None
    return np.array([cluster.mean() for cluster in clusters])
