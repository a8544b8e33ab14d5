"""Ratios of medians with intervals, and their geometric mean over models.

The interval of a ratio combines the order-statistic intervals of the two medians on a logarithmic scale (MOVER: Donner and
Zou 2012, Statistical Methods in Medical Research 21), with Satterthwaite's degrees of freedom, so that two equally uncertain
medians do not get an interval that is too wide. ratio(a, b) · ratio(b, a) = 1, for the bounds too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from greenreport.analysis.stats.describe import mean_interval, median_bounds
from greenreport.analysis.stats.results import Ratio
from greenreport.analysis.stats.samples import (
    FEWEST_RUNS,
    LEVEL,
    Floats,
    Indices,
    Interval,
    NotComputable,
    Sample,
    clean,
    interval,
)
from greenreport.units import counted

METHOD = "order statistics of both medians, combined on a log scale (MOVER)"
METHOD_PAIRED = "order statistics of both medians, combined on a log scale with their correlation (MOVER)"

#: Ratios beyond this and its inverse are not given, so that every ratio can be turned round.
_SMALLEST = 1e-300


@dataclass(frozen=True, slots=True)
class Arms:
    """Logarithms of k medians and the lengths of their intervals to both sides, each of shape (k,); NaN where undefined."""

    sizes: Floats
    medians: Floats
    centre: Floats
    down: Floats
    up: Floats


@dataclass(frozen=True, slots=True)
class GeometricMean:
    """Geometric mean of the ratios of several models, each model counting once.

    Attributes:
        ratios: the ratio of every model, in the order given; `models`: how many entered the mean.
        over_models: interval for models like these: Student's t, skewness-corrected, of the log ratios. It contains the
            uncertainty of the runs, which is part of the spread of the ratios.
        over_runs: interval for exactly these models: only the runs are taken as random.
    """

    value: float | None
    models: int
    ratios: tuple[Ratio, ...]
    over_models: Interval | NotComputable
    over_runs: Interval | NotComputable
    reason: str | None = None


def arms(samples: Sequence[Floats]) -> Arms:
    """Return the arms of ascending samples; undefined where runs are too few or the values it rests on not positive."""
    medians, centre, down, up = np.array([_arms(x) for x in samples], dtype=np.float64).reshape(-1, 4).T
    return Arms(np.array([x.size for x in samples], dtype=np.float64), medians, centre, down, up)


def _arms(x: Floats) -> tuple[float, float, float, float]:
    median = float(np.median(x)) if x.size else math.nan
    if not median > 0:
        return median, math.nan, math.nan, math.nan
    centre = math.log(median)
    if x.size < FEWEST_RUNS:
        return median, centre, math.nan, math.nan
    low, high = median_bounds(np.log(x))
    down, up = np.maximum(0.0, (centre - low, high - centre)).tolist()  # NaN stays NaN
    return median, centre, down, up


def log_bounds(a: Arms, i: Indices, j: Indices, correlation: Floats | None = None) -> tuple[Floats, Floats]:
    """Return the logarithms of the bounds of median i ÷ median j for pairs of shape (m,)."""
    d = a.centre[i] - a.centre[j]
    df = a.sizes[i] - 1, a.sizes[j] - 1
    if correlation is not None:
        below = np.sqrt(a.down[i] ** 2 + a.up[j] ** 2 - 2 * correlation * a.down[i] * a.up[j])
        above = np.sqrt(a.up[i] ** 2 + a.down[j] ** 2 - 2 * correlation * a.up[i] * a.down[j])
        return d - below, d + above
    return d - _combine(a.down[i], a.up[j], *df), d + _combine(a.up[i], a.down[j], *df)


def _combine(first: Floats, second: Floats, df_first: Floats, df_second: Floats) -> Floats:
    """Return the half-width of a difference from the half-widths of its two parts."""
    total = first**2 + second**2
    df = total**2 / (first**4 / df_first + second**4 / df_second)
    probability = (1 + LEVEL) / 2
    quantile = special.stdtrit(np.where(total > 0, df, 1.0), probability)
    shares = first / special.stdtrit(df_first, probability), second / special.stdtrit(df_second, probability)
    return np.asarray(np.where(total > 0, quantile * np.hypot(*shares), total))


def median_correlation(blocks: Floats, i: Indices, j: Indices) -> Floats:
    """Return the correlation of the medians of two columns of blocks × groups (Bonett and Price 2020, JEBS 45)."""
    count = blocks.shape[0]
    below = blocks < np.median(blocks, axis=0)
    share = ((below[:, i] & below[:, j]).sum(axis=0) + 0.25) / (count + (count % 2 == 0))
    return np.asarray(np.clip(4 * share - 1, -1, 1))


def pair_ratios(
    samples: Sequence[Floats], names: Sequence[str], i: Indices, j: Indices, blocks: Floats | None = None
) -> tuple[Ratio, ...]:
    """Return the ratios of medians of pairs of ascending samples; of the columns of complete blocks where there are any."""
    # Divided by a power of two, which changes no ratio, values have logarithms near 0, which keep more digits.
    exponent = math.frexp(max((float(x[-1]) for x in samples if x.size), default=0.0))[1]
    a = arms([np.ldexp(x, -exponent) for x in samples])
    correlation = None if blocks is None else median_correlation(blocks, i, j)
    low, high = (np.exp(bound).tolist() for bound in log_bounds(a, i, j, correlation))
    reasons = [_why_undefined(x, median, name) for x, median, name in zip(samples, a.medians, names, strict=True)]
    ratios = []
    for place, (first, second) in enumerate(zip(i.tolist(), j.tolist(), strict=True)):
        undefined = reasons[first] or reasons[second]
        value = float(a.medians[first] / a.medians[second]) if undefined is None else math.nan
        if undefined is not None or not _SMALLEST < value < 1 / _SMALLEST:
            reason = undefined or "the ratio is too large or too small to be represented"
            ratios.append(Ratio(None, NotComputable(reason), reason))
            continue
        few = next((k for k in (first, second) if samples[k].size < FEWEST_RUNS), None)
        ci: Interval | NotComputable
        if few is not None:
            ci = NotComputable(f"{names[few]} has {counted(samples[few].size, 'run')}, an interval needs {FEWEST_RUNS}")
        elif not _SMALLEST < low[place] <= high[place] < 1 / _SMALLEST:
            ci = NotComputable("some values are not positive, or too far apart")
        else:
            ci = Interval(min(low[place], value), max(high[place], value), LEVEL, METHOD if blocks is None else METHOD_PAIRED)
        ratios.append(Ratio(value, ci))
    return tuple(ratios)


def _why_undefined(x: Floats, median: float, name: str) -> str | None:
    if not x.size:
        return f"{name} has no runs"
    return None if median > 0 else f"the median of {name} is not positive"


@np.errstate(all="ignore")
def ratio_of_medians(a: Sample, b: Sample) -> Ratio:
    """Return median of a ÷ median of b of two independent samples in the same unit, with its 95 % interval."""
    return pair_ratios([clean(a)[0], clean(b)[0]], ("a", "b"), np.array([0]), np.array([1]))[0]


@np.errstate(all="ignore")
def geometric_mean_ratio(models: Sequence[tuple[Sample, Sample]]) -> GeometricMean:
    """Return the geometric mean over models of median of numerator runs ÷ median of denominator runs.

    Args:
        models: (numerator runs, denominator runs) of every model; models without a ratio are left out and counted.
    """
    ratios = tuple(ratio_of_medians(a, b) for a, b in models)
    logs = np.array([math.log(ratio.value) for ratio in ratios if ratio.value is not None])
    if not logs.size:
        nothing = NotComputable("no model has a ratio")
        return GeometricMean(None, 0, ratios, nothing, nothing, nothing.reason)
    left_out = len(ratios) - logs.size
    reason = f"{left_out} of {len(ratios)} models have no ratio" if left_out else None
    over_models, over_runs = _over_models(np.sort(logs)), _over_runs(ratios, models, logs)
    return GeometricMean(math.exp(logs.mean()), logs.size, ratios, over_models, over_runs, reason)


def _over_models(logs: Floats) -> Interval | NotComputable:
    if logs.size < FEWEST_RUNS:
        return NotComputable(f"an interval over models needs {FEWEST_RUNS} models, here {logs.size}")
    ci = mean_interval(logs)
    if isinstance(ci, NotComputable):
        return ci
    return interval(float(np.exp(ci.low)), float(np.exp(ci.high)), f"{ci.method} of log ratios over models")


def _over_runs(ratios: Sequence[Ratio], models: Sequence[tuple[Sample, Sample]], logs: Floats) -> Interval | NotComputable:
    """Combine the intervals of independent log ratios as `_combine` does for two."""
    down, up, df = [], [], []
    for ratio, (a, b) in zip(ratios, models, strict=True):
        if ratio.value is None:
            continue
        if isinstance(ratio.ci, NotComputable):
            return NotComputable(f"a model has no interval: {ratio.ci.reason}")
        down.append(math.log(ratio.value / ratio.ci.low))
        up.append(math.log(ratio.ci.high / ratio.value))
        df.append(float(clean(a)[0].size + clean(b)[0].size - 2))
    below, above = (_combine_many(np.array(side), np.array(df)) / logs.size for side in (down, up))
    centre = float(logs.mean())
    method = "intervals of the models' ratios, combined on a log scale (MOVER)"
    return interval(float(np.exp(centre - below)), float(np.exp(centre + above)), method)


def _combine_many(parts: Floats, df: Floats) -> float:
    total = float((parts**2).sum())
    if total == 0:
        return 0.0
    joint = total**2 / float((parts**4 / df).sum())
    probability = (1 + LEVEL) / 2
    return float(special.stdtrit(joint, probability) * np.sqrt(((parts / special.stdtrit(df, probability)) ** 2).sum()))
