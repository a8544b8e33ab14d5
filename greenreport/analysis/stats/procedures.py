"""Procedures: an omnibus test, a test of every pair, and the effect sizes that belong to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special, stats

from greenreport.analysis.stats import effects, mean_tests, rank_tests
from greenreport.analysis.stats.blocked import NAME, BlockedPair, permutation_within_blocks
from greenreport.analysis.stats.results import Effect, Omnibus
from greenreport.analysis.stats.samples import FEWEST_RUNS, Floats, NotComputable, Sample, number
from greenreport.analysis.stats.sequential import Interim, over_looks
from greenreport.units import counted


@dataclass(frozen=True, slots=True)
class PairTest:
    """The test of one pair; `adjusted` where the test itself allows for the number of pairs."""

    statistic: float | None
    df: float | None
    p: float | None
    adjusted: float | None
    effect: Effect | NotComputable


@dataclass(frozen=True, slots=True)
class ProcedureResult:
    """The result of a procedure.

    Attributes:
        posthoc: name of the test of the pairs; `symbol` of its statistic.
        pairs: in the order of the pairs of tested groups; empty where nothing is computable.
        smallest_p: the smallest raw p of a pair that this many runs allow, where it is discrete.
    """

    omnibus: Omnibus
    posthoc: str
    symbol: str = ""
    pairs: tuple[PairTest, ...] = ()
    smallest_p: float = 0.0


def not_tested(name: str, symbol: str, reason: str) -> ProcedureResult:
    """Return the result of a procedure that is not computable."""
    return ProcedureResult(Omnibus(name, symbol, None, (), None, NotComputable(reason), reason), "none", symbol)


def at_look(result: ProcedureResult, interim: Interim | None) -> ProcedureResult:
    """Return a result whose p values allow for all looks at the data; those of pairs that are adjusted later stay raw."""
    if interim is None:
        return result
    pairs = tuple(replace(pair, adjusted=over_looks(pair.adjusted, interim)) for pair in result.pairs)
    omnibus = replace(result.omnibus, p=over_looks(result.omnibus.p, interim))
    return replace(result, omnibus=omnibus, pairs=pairs, smallest_p=interim.overall(result.smallest_p))


def blocked_test(
    within: Sequence[BlockedPair], samples: Sequence[Floats], comparisons: int, interim: Interim | None
) -> ProcedureResult:
    """Test all pairs within blocks; together they differ when one pair does, after Bonferroni over `comparisons` pairs.

    Args:
        within: all pairs of the samples.
        interim: the look at which they are compared, None where it is the only one.
    """
    name, symbol = "blocked log-linear model", "max |t|"
    hedges = effects.hedges(mean_tests.moments(samples), *np.triu_indices(len(samples), 1))
    overall = [over_looks(pair.p, interim) for pair in within]
    adjusted = [None if p is None else min(1.0, comparisons * p) for p in overall]
    present = [p for p in adjusted if p is not None]
    if not present:
        return not_tested(name, symbol, f"no pair of configurations shares {FEWEST_RUNS} blocks")
    largest = max((abs(pair.t) for pair in within if pair.t is not None), default=None)
    pairs = tuple(PairTest(w.t, w.df, w.p, p, effect) for w, p, effect in zip(within, adjusted, hedges, strict=True))
    reason = "the ratios of the pairs say how large the differences are"
    omnibus = Omnibus(name, symbol, largest, (), min(present), NotComputable(reason))
    return ProcedureResult(omnibus, NAME, "t", pairs)


def permutation_test(groups: Sequence[Sample], samples: Sequence[Floats], *, logs: bool) -> ProcedureResult:
    """Permute configurations within blocks; `groups`: runs in the order of their blocks, `samples`: the same ascending."""
    statistic, p, of_pairs = permutation_within_blocks(groups, logs=logs)
    name, symbol, count = "Permutation within blocks", "variance of means", min(x.size for x in samples)
    if p is None:
        return not_tested(name, symbol, f"fewer than {FEWEST_RUNS} blocks are complete")
    hedges = effects.hedges(mean_tests.moments(samples), *np.triu_indices(len(samples), 1))
    pairs = tuple(PairTest(None, None, p_pair, None, effect) for p_pair, effect in zip(of_pairs, hedges, strict=True))
    effect = NotComputable("the ratios of the pairs say how large the differences are")
    omnibus = Omnibus(name, symbol, number(statistic), (), p, effect)
    return ProcedureResult(omnibus, "sign changes within blocks", "", pairs, 0.5 ** (count - 1))


def welch_test(samples: Sequence[Floats]) -> ProcedureResult:
    """Run Welch's ANOVA and Games–Howell; with two groups Welch's t."""
    m, (i, j) = mean_tests.moments(samples), np.triu_indices(len(samples), 1)
    two = len(samples) == 2
    name, symbol = ("Welch's t", "t") if two else ("Welch's ANOVA", "F")
    constant = int((m.variances == 0).sum())
    if constant == len(samples) or (constant and not two):
        reason = f"{constant} of {len(samples)} groups do not vary; Welch's test divides by their variance"
        return not_tested(name, symbol, reason)
    if two:
        pairs, posthoc = mean_tests.welch_t(m, i, j), name
        statistic, df, p = (float(column[0]) for column in (pairs.statistic, pairs.df, pairs.p))
        f, f_df = statistic**2, (1.0, df)
    else:
        pairs, posthoc = mean_tests.games_howell(m, i, j), "Games–Howell"
        statistic, p = (float(part) for part in stats.f_oneway(*samples, equal_var=False))
        f, f_df = statistic, mean_tests.welch_df(m)
    if not np.isfinite((f, *f_df, p)).all():
        return not_tested(name, symbol, "the variances are too small or too large")
    effect = effects.omega_squared(f, f_df, float(m.sizes.sum()))
    omnibus = Omnibus(name, symbol, statistic, f_df[1:] if two else f_df, p, effect)
    return ProcedureResult(omnibus, posthoc, "t", _pair_tests(pairs, effects.hedges(m, i, j)))


def kruskal_test(samples: Sequence[Floats]) -> ProcedureResult:
    """Run Kruskal–Wallis and Dunn; with two groups Mann–Whitney."""
    name, symbol = ("Mann–Whitney", "U") if len(samples) == 2 else ("Kruskal–Wallis", "H")
    pooled, groups = np.concatenate(samples), len(samples)
    if pooled.min() == pooled.max():
        return not_tested(name, symbol, "all values are equal")
    i, j = np.triu_indices(groups, 1)
    h, p = (float(part) for part in stats.kruskal(*samples))
    h = max(0.0, h)  # rounding can make it negative where all mean ranks are equal
    effect = effects.epsilon_squared(h / (pooled.size - 1), (groups - 1.0, float(pooled.size - groups)), float(pooled.size))
    sizes = effects.cliff(samples, i, j)
    if groups > 2:
        omnibus = Omnibus(name, symbol, h, (groups - 1.0,), p, effect)
        return ProcedureResult(omnibus, "Dunn", "z", _pair_tests(rank_tests.dunn(samples, i, j), sizes))
    u, p = rank_tests.mann_whitney(samples[0], samples[1])
    pair = PairTest(u, None, p, None, sizes[0])
    smallest = 2 / float(special.binom(pooled.size, samples[0].size))
    return ProcedureResult(Omnibus(name, symbol, u, (), p, effect), name, "U", (pair,), smallest)


def friedman_test(blocks: Floats) -> ProcedureResult:
    """Run Friedman and Wilcoxon's signed ranks on complete blocks × groups; with two groups Wilcoxon alone."""
    count, groups = blocks.shape
    posthoc = "Wilcoxon signed-rank"
    name, symbol = (posthoc, "W") if groups == 2 else ("Friedman", "χ²")
    if count < FEWEST_RUNS:
        reason = f"{counted(count, 'run')} complete in all groups; a test needs {FEWEST_RUNS} complete blocks"
        return not_tested(name, symbol, reason)
    if (blocks.min(axis=1) == blocks.max(axis=1)).all():
        return not_tested(name, symbol, "no block varies between the groups")
    i, j = np.triu_indices(groups, 1)
    effect = effects.kendall_w(stats.rankdata(blocks, axis=1) - (groups + 1) / 2)
    pairs = _pair_tests(rank_tests.signed_rank_pairs(blocks, i, j), effects.cliff_within(blocks, i, j))
    omnibus = Omnibus(name, symbol, pairs[0].statistic, (), pairs[0].p, effect)
    if groups > 2:
        statistic, p = (float(part) for part in stats.friedmanchisquare(*blocks.T))
        omnibus = replace(omnibus, statistic=statistic, df=(groups - 1.0,), p=p)
    return ProcedureResult(omnibus, posthoc, "W", pairs, 0.5 ** (count - 1))


def _pair_tests(pairs: mean_tests.PairStatistics, sizes: Sequence[Effect | NotComputable]) -> tuple[PairTest, ...]:
    adjusted = np.full(pairs.p.shape, np.nan) if pairs.adjusted is None else pairs.adjusted
    return tuple(
        PairTest(number(statistic), number(df), number(p), number(q), effect)
        for statistic, df, p, q, effect in zip(pairs.statistic, pairs.df, pairs.p, adjusted, sizes, strict=True)
    )
