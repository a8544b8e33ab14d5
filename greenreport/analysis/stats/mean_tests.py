"""Tests of means that allow unequal variances, for all pairs at once: Welch's t and Games–Howell.

scipy has both (``ttest_ind``, ``tukey_hsd(equal_var=False)``), one pair at a time and hundreds of times slower
(docs/decisions/0013-statistics-from-libraries.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from greenreport.analysis.stats.samples import Floats, Indices
from greenreport.analysis.stats.studentized_range import studentized_range_sf


@dataclass(frozen=True, slots=True)
class Moments:
    """Sizes, means and variances (n − 1) of k samples, each of shape (k,)."""

    sizes: Floats
    means: Floats
    variances: Floats


@dataclass(frozen=True, slots=True)
class PairStatistics:
    """Statistics of m pairs, each of shape (m,).

    Attributes:
        df: NaN for tests without degrees of freedom.
        p: raw; `adjusted` where the test itself allows for the number of pairs.
    """

    statistic: Floats
    df: Floats
    p: Floats
    adjusted: Floats | None = None


def moments(samples: Sequence[Floats]) -> Moments:
    """Return the moments of samples of at least two values."""
    return Moments(
        np.array([x.size for x in samples], dtype=np.float64),
        np.array([x.mean() for x in samples]),
        np.array([x.var(ddof=1) for x in samples]),
    )


def welch_df(m: Moments) -> tuple[float, float]:
    """Return the degrees of freedom of Welch's F (Welch 1951, Biometrika 38), which scipy does not return."""
    k, precision = m.sizes.size, m.sizes / m.variances
    spread = ((1 - precision / precision.sum()) ** 2 / (m.sizes - 1)).sum()
    return k - 1.0, float((k * k - 1) / (3 * spread))


def welch_t(m: Moments, i: Indices, j: Indices) -> PairStatistics:
    """Test the pairs (i, j) for equal means with Welch's t; NaN where both variances are 0."""
    errors = m.variances / m.sizes
    error = errors[i] + errors[j]
    df = 1 / ((errors[i] / error) ** 2 / (m.sizes[i] - 1) + (errors[j] / error) ** 2 / (m.sizes[j] - 1))
    t = (m.means[i] - m.means[j]) / np.sqrt(error)
    return PairStatistics(t, df, 2 * special.stdtr(df, -np.abs(t)))


def games_howell(m: Moments, i: Indices, j: Indices) -> PairStatistics:
    """Test the pairs with Welch's t and the studentized range of all k groups (Games and Howell 1976, J. Educ. Stat. 1)."""
    single = welch_t(m, i, j)
    adjusted = studentized_range_sf(np.abs(single.statistic) * np.sqrt(2), m.sizes.size, single.df)
    # The numerical error of the studentized range must not put an adjusted p below the raw one.
    return PairStatistics(single.statistic, single.df, single.p, np.maximum(adjusted, single.p))
