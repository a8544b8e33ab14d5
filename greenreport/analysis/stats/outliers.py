"""Outlier rules: set runs aside as the study declares; by default none. Results are shown with and without."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from greenreport.analysis.stats.samples import Sample, clean, number

Policy: TypeAlias = Literal["none", "iqr", "mad"]

#: Fences at 1.5 interquartile ranges from the quartiles: Tukey 1977, Exploratory Data Analysis.
TUKEY_FENCE = 1.5
#: Limit in standard deviations estimated as 1.4826 · MAD: Leys et al. 2013, J. Exp. Soc. Psychol. 49 ("very conservative").
MAD_LIMIT = 3.0
_MAD_TO_SD = 1.4826


@dataclass(frozen=True, slots=True)
class Screened:
    """A sample after an outlier rule, in the unit of the sample.

    Attributes:
        kept: the sample with None in place of every dropped run, so that positions (blocks) stay.
        dropped: positions of the runs set aside; missing runs are not among them.
        low, high: the limits; None where the rule sets none.
        reason: why the rule was not applied, else None.
    """

    policy: Policy
    kept: tuple[float | None, ...]
    dropped: tuple[int, ...]
    low: float | None = None
    high: float | None = None
    reason: str | None = None


def screen(values: Sample, policy: Policy = "none") -> Screened:
    """Apply an outlier rule to one group."""
    unscreened = Screened(policy, tuple(values), ())
    x, _ = clean(values)
    if policy == "none":
        return unscreened
    if not x.size:
        return replace(unscreened, reason="no values")
    with np.errstate(all="ignore"):
        q1, median, q3 = (float(q) for q in np.quantile(x, (0.25, 0.5, 0.75)))
        if policy == "iqr":
            reach, origin = TUKEY_FENCE * (q3 - q1), (q1, q3)
        else:
            reach, origin = MAD_LIMIT * _MAD_TO_SD * float(np.median(np.abs(x - median))), (median, median)
        low, high = number(origin[0] - reach), number(origin[1] + reach)
    if reach == 0:
        equal = {"mad": "more than half of the values are equal", "iqr": "the quartiles are equal"}
        return replace(unscreened, reason=equal[policy])
    if low is None or high is None:
        return replace(unscreened, reason="the limits are too large to be represented")
    outside = {
        place for place, value in enumerate(values) if value is not None and math.isfinite(value) and not low <= value <= high
    }
    kept = tuple(None if place in outside else value for place, value in enumerate(values))
    return Screened(policy, kept, tuple(sorted(outside)), low, high)
