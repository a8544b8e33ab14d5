"""Tests of the assumptions: Shapiro–Wilk for each group, Levene (median-centred) across groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from greenreport.analysis.stats.results import Homogeneity, Normality
from greenreport.analysis.stats.samples import FEWEST_RUNS, Floats
from greenreport.units import counted

#: Above this size the p value of Shapiro–Wilk is not accurate.
MOST_RUNS = 5000
#: scipy's Shapiro–Wilk treats a narrower range as zero.
_SMALLEST_RANGE = 1e-19


def normality(x: Floats, alpha: float) -> Normality:
    """Test one ascending sample for normality."""
    if x.size < FEWEST_RUNS:
        return Normality(None, None, None, f"Shapiro–Wilk needs {FEWEST_RUNS} runs, here {counted(x.size, 'run')}")
    if x.size > MOST_RUNS:
        return Normality(None, None, None, f"Shapiro–Wilk is not accurate above {MOST_RUNS} runs")
    if x[-1] - x[0] < _SMALLEST_RANGE:
        return Normality(None, None, None, "all values are equal")
    if not np.isfinite(x[-1] - x[0]):
        return Normality(None, None, None, "the values are too far apart")
    statistic, p = (float(part) for part in stats.shapiro(x))
    return Normality(statistic, p, p >= alpha)


def homogeneity(samples: Sequence[Floats], alpha: float) -> Homogeneity:
    """Test whether the samples spread equally around their medians."""
    if len(samples) < 2:
        return Homogeneity(None, (), None, None, "fewer than two groups")
    df = (len(samples) - 1.0, float(sum(x.size for x in samples) - len(samples)))
    statistic, p = (float(part) for part in stats.levene(*samples, center="median"))
    if not np.isfinite(statistic):
        return Homogeneity(None, df, None, None, "the distances from the median do not vary")
    return Homogeneity(statistic, df, p, p >= alpha)
