"""Outlier rules: set runs aside as the study declares; by default none. Results are shown with and without."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import numpy as np

from greenreport.analysis.stats.samples import Sample, clean

Policy: TypeAlias = Literal["none", "iqr", "mad"]

#: Fences at 1.5 interquartile ranges from the quartiles: Tukey 1977, Exploratory Data Analysis.
TUKEY_FENCE = 1.5
#: Limit in standard deviations estimated as 1.4826 · MAD: Leys et al. 2013, J. Exp. Soc. Psychol. 49 ("very conservative").
MAD_LIMIT = 3.0
_MAD_TO_SD = 1.4826


@np.errstate(all="ignore")
def screen(values: Sample, policy: Policy = "none") -> tuple[float, ...]:
    """Return the runs of one group that an outlier rule keeps, in their order; all where most values are equal."""
    x, _ = clean(values)
    present = tuple(value for value in values if value is not None)
    if policy == "none" or not x.size:
        return present
    q1, median, q3 = np.quantile(x, (0.25, 0.5, 0.75))
    if policy == "iqr":
        low, high, reach = q1, q3, TUKEY_FENCE * (q3 - q1)
    else:
        low, high, reach = median, median, MAD_LIMIT * _MAD_TO_SD * np.median(np.abs(x - median))
    if reach == 0:
        return present
    # A limit that overflowed is not a number, and no value is beyond it. Infinite values are missing runs, not outliers.
    return tuple(v for v in present if math.isinf(v) or not (v < low - reach or v > high + reach))
