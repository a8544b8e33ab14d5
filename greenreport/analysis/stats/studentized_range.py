"""Survival function of the studentized range, fast enough for thousands of pairs.

The range of k standard normal values is tabulated once for each k; the average over the chi distribution of the standard
deviation is a trapezoidal sum over its logarithm, which converges exponentially. Differs from scipy's
``studentized_range.sf`` by less than 1e-7 for k = 2 … 50 and df = 2 … 1000 (tested at 1e-6), in a few microseconds a value.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import special
from scipy.interpolate import CubicSpline

from greenreport.analysis.stats.samples import Floats

_WIDEST = 40.0
_NODES = 288
#: Logarithm of the density at which the tails are cut, relative to its maximum.
_CUT = -34.0


@cache
def _log_range_sf(groups: int) -> CubicSpline[np.float64]:
    """Return the logarithm of P(range of k standard normals > w) as a function of w in 0 … 40."""
    w = np.concatenate((np.linspace(0, 12, 601), np.linspace(12, _WIDEST, 281)[1:]))
    z = np.linspace(-9, 50, 1181)
    density = groups * np.exp(-0.5 * z * z + (groups - 1) * special.log_ndtr(z)) / np.sqrt(2 * np.pi)
    # 1 − [Φ(z) − Φ(z−w)]ᵏ⁻¹ / Φ(z)ᵏ⁻¹ without cancellation
    ratio = np.minimum(np.exp(special.log_ndtr(z - w[1:, None]) - special.log_ndtr(z)), 1 - 2**-53)
    outside = -np.expm1((groups - 1) * np.log1p(-ratio))
    survival = (density * outside).sum(axis=1) * (z[1] - z[0])
    return CubicSpline(w, np.concatenate(([0.0], np.log(np.minimum(survival, 1.0)))))


def studentized_range_sf(q: npt.ArrayLike, groups: int, df: npt.ArrayLike) -> Floats:
    """Return P(range ÷ s > q) of `groups` normal values and an independent s with `df` degrees of freedom.

    Args:
        q: statistics, any shape, at least 0.
        groups: number of groups, 2 or more.
        df: degrees of freedom, 1 or more, of a shape that broadcasts with q.
    """
    q_column, df_column = (part[..., None] for part in np.broadcast_arrays(np.asarray(q, float), np.asarray(df, float)))
    # density of x = ln s, up to a constant: exp(df · (x − e²ˣ/2 + 1/2)), cut where it is e⁻³⁴
    depth = _CUT / df_column
    low = np.where(depth > -1, -np.sqrt(-depth) * 1.1, depth - 0.5)
    high = np.minimum(np.sqrt(-depth) * 1.1, 0.5 * np.log(3 - 2 * depth) + 0.3)
    x = low + (high - low) * np.linspace(0, 1, _NODES)
    density = np.exp(df_column * (x - 0.5 * np.expm1(2 * x)))
    width = q_column * np.exp(x)
    tail = np.exp(_log_range_sf(groups)(np.minimum(width, _WIDEST)))
    return np.asarray(np.clip((density * tail).sum(axis=-1) / density.sum(axis=-1), 0, 1))
