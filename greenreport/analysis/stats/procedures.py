"""The three procedures: an omnibus test, a test of every pair, and the effect sizes that belong to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from greenreport.analysis.stats import effects, ranks, welch
from greenreport.analysis.stats.results import Effect, Omnibus
from greenreport.analysis.stats.values import FEWEST_RUNS, Floats, Indices, NotComputable, number, runs

_TOO_SMALL = "the variances are too small to divide by"


@dataclass(frozen=True, slots=True)
class Row:
    """The test of one pair; `adjusted` where the test corrects itself for the number of pairs."""

    statistic: float | None
    df: float | None
    p: float | None
    adjusted: float | None
    effect: Effect | NotComputable


@dataclass(frozen=True, slots=True)
class Tested:
    """What a procedure found.

    Attributes:
        rows: in the order of the pairs of tested groups; empty where nothing is computable.
        smallest_p: the smallest raw p of a pair this many runs allow, where it is discrete.
    """

    omnibus: Omnibus
    posthoc: str
    symbol: str = ""
    rows: tuple[Row, ...] = ()
    smallest_p: float = 0.0


def _every_pair(count: int) -> tuple[Indices, Indices]:
    i, j = np.triu_indices(count, 1)
    return i, j


def _rows(found: welch.PairResults, sizes: Sequence[Effect | NotComputable]) -> tuple[Row, ...]:
    adjusted = found.p if found.adjusted is None else found.adjusted
    columns = (found.statistic.tolist(), found.df.tolist(), found.p.tolist(), adjusted.tolist(), sizes)
    return tuple(
        Row(number(t), number(df), number(p), None if found.adjusted is None else number(q), size)
        for t, df, p, q, size in zip(*columns, strict=True)
    )


def _fails(name: str, symbol: str, reason: str) -> Tested:
    return Tested(Omnibus(name, symbol, None, (), None, NotComputable(reason), reason), "none", symbol)


def _omnibus(name: str, symbol: str, statistic: float, df: tuple[float, ...], p: float, effect: Effect) -> Omnibus | None:
    """Return the omnibus test, or None when a figure of it is not finite."""
    return Omnibus(name, symbol, statistic, df, p, effect) if np.isfinite((statistic, *df, p, effect.value)).all() else None


def welch_test(samples: Sequence[Floats]) -> Tested:
    """Run Welch's ANOVA and Games–Howell; with two groups Welch's t."""
    m = welch.moments(samples)
    i, j = _every_pair(len(samples))
    constant = int((m.variances == 0).sum())
    name, symbol = ("Welch's t", "t") if len(samples) == 2 else ("Welch's ANOVA", "F")
    if constant == len(samples) or (constant and len(samples) > 2):
        return _fails(name, symbol, f"{constant} of {len(samples)} groups do not vary; Welch's test divides by their variance")
    sizes = effects.hedges(m, i, j)
    if len(samples) == 2:
        pair = welch.welch_t(m, i, j)
        t, df, p = float(pair.statistic[0]), float(pair.df[0]), float(pair.p[0])
        effect = effects.omega_squared(t * t, (1.0, df), float(m.sizes.sum()))
        omnibus = _omnibus(name, symbol, t, (df,), p, effect)
        return (
            Tested(omnibus, name, "t", _rows(pair, sizes)) if omnibus else _fails(name, symbol, "the variances are too small")
        )
    anova = welch.welch_anova(m)
    effect = effects.omega_squared(anova.statistic, anova.df, float(m.sizes.sum()))
    omnibus = _omnibus(name, symbol, anova.statistic, anova.df, anova.p, effect)
    if omnibus is None:
        return _fails(name, symbol, _TOO_SMALL)
    return Tested(omnibus, "Games–Howell", "t", _rows(welch.games_howell(m, i, j), sizes))


def kruskal_test(samples: Sequence[Floats]) -> Tested:
    """Run Kruskal–Wallis and Dunn; with two groups Mann–Whitney."""
    name, symbol = ("Mann–Whitney", "U") if len(samples) == 2 else ("Kruskal–Wallis", "H")
    pooled = np.concatenate(samples)
    if pooled.min() == pooled.max():
        return _fails(name, symbol, "all values are equal")
    i, j = _every_pair(len(samples))
    found, sizes = ranks.kruskal(samples), effects.cliff(samples, i, j)
    effect = effects.epsilon_squared(found.share, (found.df, found.residual_df), float(pooled.size))
    if len(samples) == 2:
        statistic, p = ranks.mann_whitney(samples[0], samples[1])
        pair = welch.PairResults(np.array([statistic]), np.array([np.nan]), np.array([p]))
        smallest = 2 / float(special.binom(pooled.size, samples[0].size))
        return Tested(Omnibus(name, symbol, statistic, (), p, effect), name, "U", _rows(pair, sizes), smallest)
    omnibus = Omnibus(name, symbol, found.statistic, (found.df,), found.p, effect)
    return Tested(omnibus, "Dunn", "z", _rows(ranks.dunn(samples, i, j), sizes))


def friedman_test(blocks: Floats) -> Tested:
    """Run Friedman and Wilcoxon's signed ranks on complete blocks × groups; with two groups Wilcoxon alone."""
    count, k = blocks.shape
    name, symbol = ("Wilcoxon signed-rank", "W") if k == 2 else ("Friedman", "χ²")
    if count < FEWEST_RUNS:
        return _fails(name, symbol, f"{runs(count)} complete in all groups; a test needs {FEWEST_RUNS} complete blocks")
    if (blocks.min(axis=1) == blocks.max(axis=1)).all():
        return _fails(name, symbol, "no block varies between the groups")
    i, j = _every_pair(k)
    (found, deviations), sizes = ranks.friedman(blocks), effects.cliff_within(blocks, i, j)
    effect = effects.kendall_w(deviations)
    pairs = ranks.signed_rank_pairs(blocks, i, j)
    if k == 2:
        omnibus = Omnibus(name, symbol, float(pairs.statistic[0]), (), float(pairs.p[0]), effect)
        return Tested(omnibus, name, "W", _rows(pairs, sizes), 0.5 ** (count - 1))
    omnibus = Omnibus(name, symbol, found.statistic, (found.df,), found.p, effect)
    return Tested(omnibus, "Wilcoxon signed-rank", "W", _rows(pairs, sizes), 0.5 ** (count - 1))
