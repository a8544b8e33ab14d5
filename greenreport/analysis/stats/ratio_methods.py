"""The ratio of two configurations by every method that a study might have taken instead of its own.

Each gives an estimate with an interval for this one comparison. Where a method cannot give an interval with so few runs, its reason
takes the interval's place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from functools import cache

import numpy as np
import numpy.typing as npt

from greenreport.analysis.stats.blocked import blocked_pair, smallest_step
from greenreport.analysis.stats.describe import RANGE_FACTORS, median_bounds, order_weights
from greenreport.analysis.stats.ratios import ratio_of_geometric_means
from greenreport.analysis.stats.results import Ratio
from greenreport.analysis.stats.samples import (
    FEWEST_RUNS,
    LEVEL,
    Floats,
    Interval,
    NotComputable,
    Sample,
    clean,
    complete_rows,
)
from greenreport.units import counted

#: With fewer blocks, no change of signs has a probability below 5 %.
_FEWEST_PERMUTED = 6
#: With fewer runs, a bootstrapped median reaches from the smallest to the largest run and holds the true one far too rarely.
_FEWEST_RESAMPLED = 5
_RESAMPLES = 2000
#: Up to this many blocks all their subsets are taken, beyond it as many at random.
_ALL_SUBSETS = 11


class RatioMethod(StrEnum):
    """A test with the average it compares."""

    MEAN_WITHIN = "Student's t within blocks"
    MEDIAN_WITHIN = "order statistics within blocks"
    WELCH = "Welch's t of independent runs"
    BOOTSTRAP = "bootstrap of independent runs"
    PERMUTATION = "permutation within blocks"

    @property
    def test(self) -> str:
        """What is drawn: runs within their blocks, independent runs, or signs within blocks."""
        if self is RatioMethod.PERMUTATION:
            return "permutation"
        return "within blocks" if self in (RatioMethod.MEAN_WITHIN, RatioMethod.MEDIAN_WITHIN) else "independent runs"

    @property
    def average(self) -> str:
        """What is compared: means of logarithms, which are geometric means, or medians."""
        return "median" if self in (RatioMethod.MEDIAN_WITHIN, RatioMethod.BOOTSTRAP) else "mean"


def estimate(method: RatioMethod, a: Sample, b: Sample) -> Ratio:
    """Return a ÷ b by a method; the values of both stand in the order of their blocks."""
    return _METHODS[method](a, b)


def _mean_within(a: Sample, b: Sample) -> Ratio:
    return blocked_pair(a, b, step=smallest_step((a, b))).ratio


def _median_within(a: Sample, b: Sample) -> Ratio:
    """Return the median over blocks of the ratios within them, with the interval of a median (`describe`)."""
    logs = _log_ratios(a, b)
    if isinstance(logs, Ratio):
        return logs
    value = math.exp(float(np.median(logs)))
    if logs.size < FEWEST_RUNS:
        return Ratio(value, _too_few("an interval", logs.size, "block", FEWEST_RUNS))
    low, high = (math.exp(bound) for bound in median_bounds(logs))
    if logs.size in RANGE_FACTORS:
        return Ratio(value, Interval(low, high, LEVEL, "median ± a multiple of the range, for near-normal data"))
    return Ratio(value, Interval(low, high, order_weights(logs.size).level, "order statistics within blocks"))


def _bootstrap(a: Sample, b: Sample) -> Ratio:
    """Return the ratio of the medians of independent runs, with percentiles of a bootstrap (Efron 1979) whose seed is fixed."""
    samples = clean(a)[0], clean(b)[0]
    reason = _no_ratio(*samples)
    if reason:
        return Ratio(None, NotComputable(reason), reason)
    logs = [np.log(x) for x in samples]
    value, fewest = math.exp(float(np.median(logs[0]) - np.median(logs[1]))), min(x.size for x in samples)
    if fewest < _FEWEST_RESAMPLED:
        return Ratio(value, _too_few("a bootstrap", fewest, "run", _FEWEST_RESAMPLED))
    random = np.random.default_rng(0)
    first, second = (np.median(random.choice(x, size=(_RESAMPLES, x.size)), axis=1) for x in logs)
    low, high = np.exp(np.quantile(first - second, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)))
    return Ratio(value, Interval(float(low), float(high), LEVEL, f"percentiles of {_RESAMPLES} bootstrap samples"))


def _permutation(a: Sample, b: Sample) -> Ratio:
    """Return the geometric mean of the ratios within blocks; its interval holds what no change of signs rejects.

    The bounds are means of subsets of the blocks (typical values: Hartigan 1969, JASA 64).
    """
    logs = _log_ratios(a, b)
    if isinstance(logs, Ratio):
        return logs
    value = math.exp(float(logs.mean()))
    if logs.size < _FEWEST_PERMUTED:
        return Ratio(value, _too_few("a permutation", logs.size, "block", _FEWEST_PERMUTED))
    subsets = _subsets(logs.size)
    means = np.sort(subsets @ logs / subsets.sum(axis=1))
    intervals = means.size + 1
    outside = int((1 - LEVEL) / 2 * intervals)
    low, high = math.exp(means[outside - 1]), math.exp(means[-outside])
    return Ratio(value, Interval(low, high, 1 - 2 * outside / intervals, "sign changes within blocks"))


@cache
def _subsets(blocks: int) -> npt.NDArray[np.float64]:
    """Return membership of blocks in their non-empty subsets, as an array of subsets × blocks; at random where they are many."""
    if blocks <= _ALL_SUBSETS:
        return ((np.arange(1, 2**blocks)[:, None] >> np.arange(blocks)) & 1).astype(np.float64)
    drawn = np.random.default_rng(0).integers(0, 2, size=(2**_ALL_SUBSETS, blocks)).astype(np.float64)
    return drawn[drawn.any(axis=1)][: 2**_ALL_SUBSETS - 1]


def _log_ratios(a: Sample, b: Sample) -> Floats | Ratio:
    """Return the ascending logarithms of the ratios within blocks, or the ratio that does not exist."""
    complete = complete_rows((a, b))
    reason = "no block holds both" if not len(complete) else "some values are not positive" if (complete <= 0).any() else ""
    if reason:
        return Ratio(None, NotComputable(reason), reason)
    return np.asarray(np.sort(np.log(complete[:, 0]) - np.log(complete[:, 1])))


def _no_ratio(*samples: Floats) -> str:
    if not all(x.size for x in samples):
        return "a configuration has no runs"
    return "some values are not positive" if min(x[0] for x in samples) <= 0 else ""


def _too_few(what: str, present: int, noun: str, needed: int) -> NotComputable:
    return NotComputable(f"{what} needs {counted(needed, noun)}, here {present}")


_METHODS: dict[RatioMethod, Callable[[Sample, Sample], Ratio]] = {
    RatioMethod.MEAN_WITHIN: _mean_within,
    RatioMethod.MEDIAN_WITHIN: _median_within,
    RatioMethod.WELCH: ratio_of_geometric_means,
    RatioMethod.BOOTSTRAP: _bootstrap,
    RatioMethod.PERMUTATION: _permutation,
}
