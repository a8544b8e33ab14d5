"""Simulate the methods of two decisions where the truth is known: intervals of means over models, and comparisons with the best.

Prints the tables of docs/decisions/0019-models-like-these.md and 0020-comparisons-with-the-best.md. The methods that were not taken stand only here.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy import stats

from greenreport.analysis.stats.samples import Floats

Random = np.random.Generator
#: (models, runs), spread of the models' effects, whether the spread of runs differs from model to model (1 to 10 %).
MEANS = [
    ((6, 3), 0.0, False), ((6, 3), 0.0, True), ((6, 3), 0.03, True), ((6, 5), 0.03, False),
    ((6, 5), 0.3, True), ((12, 3), 0.0, True), ((12, 5), 0.03, True), ((12, 5), 0.3, False),
]  # fmt: skip
#: Configurations, blocks.
FIELDS = [(4, 3), (4, 5), (4, 10), (17, 3), (17, 5), (17, 10)]
BETTER = 3.0  # standard deviations by which the best is better, where it is


def _spreads(random: Random, shape: tuple[int, ...], unequal: bool) -> Floats:
    return np.exp(random.uniform(np.log(0.01), np.log(0.1), shape)) if unequal else np.full(shape, 0.03)


def _weighted(y: Floats, v: Floats, between: Floats) -> tuple[Floats, Floats]:
    """Return the mean weighted by precision and its standard error after Hartung and Knapp."""
    weights = 1 / (v + between[:, None])
    mean = (weights * y).sum(axis=1) / weights.sum(axis=1)
    q = (weights * (y - mean[:, None]) ** 2).sum(axis=1) / (y.shape[1] - 1)
    return mean, np.sqrt(q / weights.sum(axis=1))


def _dersimonian_laird(y: Floats, v: Floats) -> Floats:
    weights = 1 / v
    total, mean = weights.sum(axis=1), (weights * y).sum(axis=1) / weights.sum(axis=1)
    q = (weights * (y - mean[:, None]) ** 2).sum(axis=1)
    return np.asarray(np.maximum(0, (q - y.shape[1] + 1) / (total - (weights**2).sum(axis=1) / total)))


def _reml(y: Floats, v: Floats) -> Floats:
    """Return the variance between models by restricted maximum likelihood, iterated from DerSimonian and Laird's."""
    between = _dersimonian_laird(y, v)
    for _ in range(60):
        weights = 1 / (v + between[:, None])
        total = weights.sum(axis=1)
        mean = (weights * y).sum(axis=1) / total
        update = (weights**2 * ((y - mean[:, None]) ** 2 - v)).sum(axis=1) / (weights**2).sum(axis=1) + 1 / total
        between = np.maximum(0, update)
    return np.asarray(between)


def means(studies: int, models: int, runs: int, between: float, unequal: bool) -> list[float]:
    """Return the coverage of six intervals; the true mean is 0.

    t over models, DerSimonian–Laird and REML with Hartung and Knapp's error, the interval for these models only; predictions of a further
    model by t, and by Higgins et al. (2009).
    """
    random = np.random.default_rng([models, runs, round(100 * between), unequal])
    effects, spreads = random.normal(0, between, (studies, models)), _spreads(random, (studies, models), unequal)
    ratios = effects[..., None] + spreads[..., None] * random.normal(size=(studies, models, runs))
    y, v = ratios.mean(axis=2), ratios.var(axis=2, ddof=1) / runs
    quantile = stats.t.ppf(0.975, models - 1)
    mean, sd = y.mean(axis=1), y.std(axis=1, ddof=1)
    covered = [np.abs(mean) <= quantile * sd / np.sqrt(models)]
    between_reml = _reml(y, v)
    for variance in (_dersimonian_laird(y, v), between_reml):
        weighted, error = _weighted(y, v, variance)
        covered.append(np.abs(weighted) <= quantile * error)
    total = v.sum(axis=1)
    freedom = total**2 / (v**2 / (runs - 1)).sum(axis=1)
    covered.append(np.abs(mean) <= stats.t.ppf(0.975, freedom) * np.sqrt(total) / models)
    further = random.normal(0, between, studies) + _spreads(random, (studies,), unequal) / np.sqrt(runs) * random.normal(
        size=studies
    )
    covered.append(np.abs(further - mean) <= quantile * sd * np.sqrt(1 + 1 / models))
    covered.append(np.abs(further - weighted) <= stats.t.ppf(0.975, models - 2) * np.sqrt(between_reml + error**2))
    return [float(held.mean()) for held in covered]


def ties(studies: int, configurations: int, blocks: int, widest: float, better: float) -> list[tuple[float, float]]:
    """Return how often the true best, the first, is thrown out, and how many are tied with the best, by three methods.

    All pairs with Bonferroni; comparisons with the best by t within blocks; the same with one spread for all (Dunnett).

    Args:
        widest: spread of the best; that of the others falls to 1. better: standard deviations by which it is better than all others.
    """
    random, count = np.random.default_rng([configurations, blocks, round(widest)]), configurations
    spreads = np.linspace(widest, 1, count)
    shift = np.r_[0.0, np.full(count - 1, better * spreads.mean())]
    y = random.normal(size=(studies, blocks, 1)) + spreads * random.normal(size=(studies, blocks, count)) + shift
    apart = y[:, :, :, None] - y[:, :, None, :]
    mean, error = apart.mean(axis=1), apart.std(axis=1, ddof=1) / np.sqrt(blocks)
    t = np.divide(mean, error, out=np.zeros_like(mean), where=error > 0)
    worse = stats.t.sf(t, blocks - 1)
    leader = np.median(y, axis=1).argmin(axis=1)
    to_leader = np.take_along_axis(worse, leader[:, None, None], axis=2)[:, :, 0]
    by_pairs = 2 * np.minimum(to_leader, 1 - to_leader) * count * (count - 1) / 2 < 0.05
    by_pairs[np.arange(studies), leader] = False
    by_best = (worse * (count - 1) < 0.05).any(axis=2)
    rest = y - y.mean(axis=1, keepdims=True) - y.mean(axis=2, keepdims=True) + y.mean(axis=(1, 2), keepdims=True)
    freedom = (blocks - 1) * (count - 1)
    pooled = np.sqrt((rest**2).sum(axis=(1, 2)) / freedom)
    normal, scale = random.normal(size=(100_000, count)), np.sqrt(random.chisquare(freedom, 100_000) / freedom)
    critical = np.quantile((normal[:, [0]] - normal[:, 1:]).max(axis=1) / np.sqrt(2) / scale, 0.95)
    by_dunnett = (mean / (pooled[:, None, None] * np.sqrt(2 / blocks)) > critical).any(axis=2)
    return [(float(out[:, 0].mean()), float((~out).sum(axis=1).mean())) for out in (by_pairs, by_best, by_dunnett)]


def main(*, small: bool = False) -> None:
    """Print both tables."""
    studies = 100 if small else 20_000
    for (models, runs), between, unequal in MEANS:
        shares = " | ".join(f"{100 * share:.1f}" for share in means(studies, models, runs, between, unequal))
        name = f"{100 * between:g} %" if between else "none"
        print(f"| {models}, {runs} | {name} | {'1 to 10 %' if unequal else 'equal'} | {shares} |")
    for (configurations, blocks), widest in product(FIELDS, (1.0, 5.0)):
        equal, apart = (ties(studies // 5, configurations, blocks, widest, better) for better in (0.0, BETTER))
        cells = " | ".join(f"{100 * out:.1f}; {tied:.1f}" for (out, _), (_, tied) in zip(equal, apart, strict=True))
        print(f"| {configurations}, {blocks} | {'equal' if widest == 1 else 'the best has the widest of 1:5'} | {cells} |")
