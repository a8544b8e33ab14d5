"""Tests of means that allow unequal variances: Welch's t and ANOVA, and Games–Howell for all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from greenreport.analysis.stats.studentized import studentized_range_sf
from greenreport.analysis.stats.values import Floats, Indices


@dataclass(frozen=True, slots=True)
class Moments:
    """Sizes, means and variances (n − 1) of k samples, each of shape (k,)."""

    sizes: Floats
    means: Floats
    variances: Floats


@dataclass(frozen=True, slots=True)
class AnovaResult:
    """F, its degrees of freedom, and p."""

    statistic: float
    df: tuple[float, float]
    p: float


@dataclass(frozen=True, slots=True)
class PairResults:
    """Statistics of m pairs, each of shape (m,); df is NaN for tests without; `adjusted` where the test adjusts itself."""

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


def welch_anova(m: Moments) -> AnovaResult:
    """Test equal means of k groups of positive variance (Welch 1951, Biometrika 38)."""
    k = m.sizes.size
    precision = m.sizes / m.variances
    total = precision.sum()
    weights = precision / total
    between = total * (weights * (m.means - (weights * m.means).sum()) ** 2).sum() / (k - 1)
    spread = ((1 - weights) ** 2 / (m.sizes - 1)).sum()
    statistic = float(between / (1 + 2 * (k - 2) / (k * k - 1) * spread))
    df = (k - 1.0, float((k * k - 1) / (3 * spread)))
    return AnovaResult(statistic, df, float(special.fdtrc(*df, statistic)))


def welch_t(m: Moments, i: Indices, j: Indices) -> PairResults:
    """Test equal means of the pairs (i, j) with Welch's t; NaN where both variances are 0."""
    errors = m.variances / m.sizes
    error = errors[i] + errors[j]
    shares = errors[i] / error, errors[j] / error
    df = 1 / (shares[0] ** 2 / (m.sizes[i] - 1) + shares[1] ** 2 / (m.sizes[j] - 1))
    t = (m.means[i] - m.means[j]) / np.sqrt(error)
    return PairResults(t, df, 2 * special.stdtr(df, -np.abs(t)))


def games_howell(m: Moments, i: Indices, j: Indices) -> PairResults:
    """Test all pairs with Welch's t and the studentized range of k groups (Games and Howell 1976, J. Educ. Stat. 1)."""
    single = welch_t(m, i, j)
    adjusted = studentized_range_sf(np.abs(single.statistic) * np.sqrt(2), m.sizes.size, single.df)
    return PairResults(single.statistic, single.df, single.p, np.maximum(adjusted, single.p))
