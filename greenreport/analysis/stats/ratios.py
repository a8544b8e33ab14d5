"""Ratios of two independent samples, and geometric means of ratios over models.

The ratio of two configurations on one model is that of the blocked model (`blocked_pair`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from greenreport.analysis.stats.blocked import blocked_pair
from greenreport.analysis.stats.describe import mean_interval
from greenreport.analysis.stats.results import Ratio
from greenreport.analysis.stats.samples import FEWEST_RUNS, LEVEL, Floats, Interval, NotComputable, Sample, clean, interval
from greenreport.units import counted

#: From this many models on, the interval over models allows for skewness; with fewer, skewness cannot be estimated.
_MANY_MODELS = 10


@dataclass(frozen=True, slots=True)
class GeometricMean:
    """Geometric mean of the ratios of several models, each model counting once.

    Attributes:
        ratios: the ratio of every model, in the order given; `models`: how many entered the mean.
        over_models: interval for models like these: Student's t of the log ratios, from ten models on corrected for skewness. It
            contains the uncertainty of the runs, which is part of the spread of the ratios.
        over_runs: interval for exactly these models: only the runs are taken as random.
    """

    value: float | None
    models: int
    ratios: tuple[Ratio, ...]
    over_models: Interval | NotComputable
    over_runs: Interval | NotComputable
    reason: str | None = None


@np.errstate(all="ignore")
def ratio_of_geometric_means(a: Sample, b: Sample) -> Ratio:
    """Return geometric mean of a ÷ geometric mean of b of two independent samples, with Welch's 95 % interval."""
    samples = clean(a)[0], clean(b)[0]
    for name, x in zip("ab", samples, strict=True):
        if not x.size or x[0] <= 0:
            reason = f"{name} has no runs" if not x.size else f"{name} has values that are not positive"
            return Ratio(None, NotComputable(reason), reason)
    first, second = (np.log(x) for x in samples)
    size = float(first.mean() - second.mean())
    fewest = min(first.size, second.size)
    if fewest < FEWEST_RUNS:
        return Ratio(math.exp(size), NotComputable(f"{counted(fewest, 'run')}; an interval needs {FEWEST_RUNS}"))
    parts = np.array([x.var(ddof=1) / x.size for x in (first, second)])
    total = float(parts.sum())
    df = total**2 / float((parts**2 / (first.size - 1, second.size - 1)).sum()) if total > 0 else 1.0
    reach = float(special.stdtrit(df, (1 + LEVEL) / 2)) * math.sqrt(total)
    ci = interval(math.exp(size - reach), math.exp(size + reach), "Welch's t of the logarithms")
    return Ratio(math.exp(size), ci, None, math.sqrt(total))


@np.errstate(all="ignore")
def geometric_mean_ratio(models: Sequence[tuple[Sample, Sample]]) -> GeometricMean:
    """Return the geometric mean over models of numerator ÷ denominator within blocks.

    Args:
        models: (numerator runs, denominator runs) of every model, each in the order of blocks; models without a ratio are left
            out and counted.
    """
    ratios = tuple(blocked_pair(a, b).ratio for a, b in models)
    logs = np.array([math.log(ratio.value) for ratio in ratios if ratio.value is not None])
    if not logs.size:
        nothing = NotComputable("no model has a ratio")
        return GeometricMean(None, 0, ratios, nothing, nothing, nothing.reason)
    left_out = len(ratios) - logs.size
    reason = f"{left_out} of {len(ratios)} models have no ratio" if left_out else None
    over_models, over_runs = _over_models(np.sort(logs)), _over_runs(ratios, models, float(logs.mean()))
    return GeometricMean(math.exp(logs.mean()), logs.size, ratios, over_models, over_runs, reason)


def _over_models(logs: Floats) -> Interval | NotComputable:
    if logs.size < FEWEST_RUNS:
        return NotComputable(f"an interval over models needs {FEWEST_RUNS} models, here {logs.size}")
    if logs.size >= _MANY_MODELS:
        ci = mean_interval(logs)
    else:
        reach = float(special.stdtrit(logs.size - 1, (1 + LEVEL) / 2) * logs.std(ddof=1)) / math.sqrt(logs.size)
        ci = interval(float(logs.mean()) - reach, float(logs.mean()) + reach, "Student's t")
    if isinstance(ci, NotComputable):
        return ci
    return interval(float(np.exp(ci.low)), float(np.exp(ci.high)), f"{ci.method} of log ratios over models")


def _over_runs(ratios: Sequence[Ratio], models: Sequence[tuple[Sample, Sample]], centre: float) -> Interval | NotComputable:
    """Combine independent standard errors of the models, with Satterthwaite's degrees of freedom."""
    errors, df = [], []
    for ratio, (a, b) in zip(ratios, models, strict=True):
        if ratio.value is None:
            continue
        if isinstance(ratio.ci, NotComputable) or ratio.error is None:
            return NotComputable(f"a model has no interval: {ratio.ci.reason if isinstance(ratio.ci, NotComputable) else ''}")
        errors.append(ratio.error)
        df.append(sum(x is not None and y is not None for x, y in zip(a, b, strict=False)) - 1.0)
    squares, freedom = np.square(errors), np.array(df)
    total = float(squares.sum())
    joint = total**2 / float((squares**2 / freedom).sum()) if total > 0 else 1.0
    reach = float(special.stdtrit(joint, (1 + LEVEL) / 2)) * math.sqrt(total) / len(errors)
    method = "standard errors of the models' log ratios, combined (Satterthwaite)"
    return interval(math.exp(centre - reach), math.exp(centre + reach), method)
