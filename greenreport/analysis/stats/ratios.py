"""Ratios of two independent samples, and geometric means of ratios over models.

The ratio of two configurations on one model is that of the blocked model (`blocked_pair`). Over models, the effects are fixed
below `RANDOM_FROM` models, and random from there on (docs/decisions/0019-models-like-these.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from greenreport.analysis.stats.blocked import blocked_pair
from greenreport.analysis.stats.describe import mean_interval
from greenreport.analysis.stats.results import Ratio
from greenreport.analysis.stats.samples import FEWEST_RUNS, LEVEL, Floats, Interval, NotComputable, Sample, clean, interval
from greenreport.analysis.stats.sequential import Interim
from greenreport.units import counted

#: From this many models on, a mean speaks of models like these: fewer cannot show how models differ.
RANDOM_FROM = 6
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
        further_model: prediction interval of the ratio that one further model like these would show, measured as they were.
    """

    value: float | None
    models: int
    ratios: tuple[Ratio, ...]
    over_models: Interval | NotComputable
    over_runs: Interval | NotComputable
    further_model: Interval | NotComputable
    reason: str | None = None

    @property
    def random(self) -> bool:
        """Whether there are enough models to speak of models like these."""
        return self.models >= RANDOM_FROM

    @property
    def ci(self) -> Interval | NotComputable:
        """The interval that stands beside the value: for these models, or from `RANDOM_FROM` on for models like these.

        Models that happen to agree better than their runs do say nothing of models like them, so the second is never narrower than
        the first (Röver, Knapp and Friede 2015, BMC Medical Research Methodology 15).
        """
        if not self.random:
            return self.over_runs
        wide, narrow = self.over_models, self.over_runs
        if isinstance(wide, NotComputable) or isinstance(narrow, NotComputable):
            return wide
        return replace(wide, low=min(wide.low, narrow.low), high=max(wide.high, narrow.high))


@np.errstate(all="ignore")
def ratio_of_geometric_means(a: Sample, b: Sample, *, comparisons: int = 1) -> Ratio:
    """Return geometric mean of a ÷ geometric mean of b of two independent samples, with Welch's 95 % interval.

    Args:
        comparisons: how many of them the level is meant to hold for together (Bonferroni).
    """
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
    reach = float(special.stdtrit(df, 1 - (1 - LEVEL) / (2 * max(1, comparisons)))) * math.sqrt(total)
    method = f"Welch's t of the logarithms{f', simultaneous over {comparisons}' if comparisons > 1 else ''}"
    ci = interval(math.exp(size - reach), math.exp(size + reach), method)
    return Ratio(math.exp(size), ci, None, math.sqrt(total), df)


@np.errstate(all="ignore")
def geometric_mean_ratio(models: Sequence[tuple[Sample, Sample]], *, interim: Interim | None = None) -> GeometricMean:
    """Return the geometric mean over models of numerator ÷ denominator within blocks.

    Args:
        models: (numerator runs, denominator runs) of every model, each in the order of blocks; models without a ratio are left
            out and counted.
        interim: which look this is, where the data are looked at after each block.
    """
    return mean_of_ratios([blocked_pair(a, b, interim=interim).ratio for a, b in models], interim=interim)


@np.errstate(all="ignore")
def mean_of_ratios(ratios: Sequence[Ratio], *, interim: Interim | None = None) -> GeometricMean:
    """Return the geometric mean of the ratios of several models; models without a ratio are left out and counted.

    When a study ends depends on its runs and not on how models differ: `interim` is allowed for in the interval over runs.
    """
    alpha = 1 - LEVEL if interim is None else interim.nominal(1 - LEVEL)
    present = [ratio for ratio in ratios if ratio.value is not None]
    logs = np.array([math.log(ratio.value) for ratio in present if ratio.value is not None])
    if not logs.size:
        nothing = NotComputable("no model has a ratio")
        return GeometricMean(None, 0, tuple(ratios), nothing, nothing, nothing, nothing.reason)
    left_out = len(ratios) - logs.size
    reason = f"{left_out} of {len(ratios)} models have no ratio" if left_out else None
    over_models, further = _over_models(np.sort(logs)), _further_model(np.sort(logs))
    return GeometricMean(
        math.exp(logs.mean()), logs.size, tuple(ratios), over_models, _over_runs(present, logs, alpha), further, reason
    )


def _over_models(logs: Floats) -> Interval | NotComputable:
    if logs.size < FEWEST_RUNS:
        return NotComputable(f"an interval over models needs {FEWEST_RUNS} models, here {logs.size}")
    ci = mean_interval(logs) if logs.size >= _MANY_MODELS else _student(logs, 1 / logs.size, "Student's t")
    if isinstance(ci, NotComputable):
        return ci
    return interval(float(np.exp(ci.low)), float(np.exp(ci.high)), f"{ci.method} of log ratios over models")


def _further_model(logs: Floats) -> Interval | NotComputable:
    """Predict one more log ratio of a normal population: ``mean ± t · sd · √(1 + 1/k)`` (Hahn and Meeker 1991, chapter 4)."""
    if logs.size < FEWEST_RUNS:
        return NotComputable(f"a prediction for a further model needs {FEWEST_RUNS} models, here {logs.size}")
    ci = _student(logs, 1 + 1 / logs.size, "Student's t")
    if isinstance(ci, NotComputable):
        return ci
    return interval(float(np.exp(ci.low)), float(np.exp(ci.high)), "prediction by Student's t of log ratios over models")


def _student(logs: Floats, share: float, method: str) -> Interval | NotComputable:
    """Return mean ± t · sd · √share."""
    reach = float(special.stdtrit(logs.size - 1, (1 + LEVEL) / 2) * logs.std(ddof=1)) * math.sqrt(share)
    return interval(float(logs.mean()) - reach, float(logs.mean()) + reach, method)


def _over_runs(ratios: Sequence[Ratio], logs: Floats, alpha: float) -> Interval | NotComputable:
    """Combine the models' uncertainties, which are independent: errors with Satterthwaite's degrees of freedom, else intervals.

    Intervals without an error are combined by the distances to their ends (MOVER: Donner and Zou 2012, Stat. Methods Med. Res. 21).
    """
    centre = float(logs.mean())
    intervals = [ratio.ci for ratio in ratios if isinstance(ratio.ci, Interval)]
    if len(intervals) < len(ratios):
        reason = next(ratio.ci.reason for ratio in ratios if isinstance(ratio.ci, NotComputable))
        return NotComputable(f"a model has no interval: {reason}")
    estimated = [(ratio.error**2, ratio.df) for ratio in ratios if ratio.error is not None and ratio.df is not None]
    if len(estimated) == len(ratios):
        squares, freedom = np.array(estimated).T
        total = float(squares.sum())
        joint = total**2 / float((squares**2 / freedom).sum()) if total > 0 else 1.0
        reach = float(special.stdtrit(joint, 1 - alpha / 2)) * math.sqrt(total) / logs.size
        method = "standard errors of the models' log ratios, combined (Satterthwaite)"
        return interval(float(np.exp(centre - reach)), float(np.exp(centre + reach)), method)
    down = float(np.linalg.norm(logs - np.log([ci.low for ci in intervals]))) / logs.size
    up = float(np.linalg.norm(np.log([ci.high for ci in intervals]) - logs)) / logs.size
    return interval(
        float(np.exp(centre - down)),
        float(np.exp(centre + up)),
        "intervals of the models' ratios, combined (MOVER)",
        min(ci.level for ci in intervals),
    )
