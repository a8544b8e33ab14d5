"""Test the assumptions: Shapiro–Wilk for each group, Levene (median-centred) across groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from greenreport.analysis.stats.results import Homogeneity, Normality
from greenreport.analysis.stats.values import FEWEST_RUNS, Floats, binary_exponent, runs, scaled

#: Above this size the p value of Shapiro–Wilk is not accurate.
MOST_RUNS = 5000


def normality(x: Floats, alpha: float) -> Normality:
    """Test one ascending sample for normality."""
    if x.size < FEWEST_RUNS:
        return Normality(None, None, None, f"Shapiro–Wilk needs {FEWEST_RUNS} runs, here {runs(x.size)}")
    if x.size > MOST_RUNS:
        return Normality(None, None, None, f"Shapiro–Wilk is not accurate above {MOST_RUNS} runs")
    if x[0] == x[-1]:
        return Normality(None, None, None, "all values are equal")
    from scipy.stats import shapiro

    y = scaled(x, binary_exponent(x))
    statistic, p = (float(part) for part in shapiro(y - y[y.size // 2]))
    return Normality(statistic, p, p >= alpha)


def homogeneity(samples: Sequence[Floats], alpha: float) -> Homogeneity:
    """Test whether the samples spread equally around their medians."""
    if len(samples) < 2:
        return Homogeneity(None, (), None, None, "fewer than two groups")
    distances = [np.abs(x - np.median(x)) for x in samples]
    sizes = np.array([x.size for x in samples])
    means = np.array([z.mean() for z in distances])
    total = int(sizes.sum())
    df = (len(samples) - 1.0, float(total - len(samples)))
    between = float((sizes * (means - (sizes * means).sum() / total) ** 2).sum())
    within = float(sum(((z - m) ** 2).sum() for z, m in zip(distances, means, strict=True)))
    if within == 0:
        return Homogeneity(None, df, None, None, "the distances from the median do not vary")
    statistic = between / df[0] / (within / df[1])
    p = float(special.fdtrc(*df, statistic))
    return Homogeneity(statistic, df, p, p >= alpha)
