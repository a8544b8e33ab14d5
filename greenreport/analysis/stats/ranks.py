"""Tests on ranks: Kruskal–Wallis with Dunn, Mann–Whitney, Friedman with Wilcoxon's signed ranks.

Conventions are those of R: midranks, tie-corrected variances, exact p values below 50 runs without ties, a continuity
correction otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special

from greenreport.analysis.stats.values import Floats, Indices
from greenreport.analysis.stats.welch import PairResults

#: From this size on the normal approximation replaces the exact distribution.
EXACT_BELOW = 50


@dataclass(frozen=True, slots=True)
class RankTest:
    """An omnibus rank test.

    Attributes:
        share: share of the variance of ranks that lies between groups: ε² or Kendall's W.
        residual_df: degrees of freedom within the groups, for the interval of `share`.
    """

    statistic: float
    df: float
    p: float
    share: float
    residual_df: float


def midranks(x: Floats) -> Floats:
    """Return the ranks 1 … n of the values; equal values share their mean rank."""
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], dtype=np.float64)


def tie_sum(x: Floats) -> float:
    """Return Σ (t³ − t) over the groups of equal values."""
    counts = np.unique(x, return_counts=True)[1].astype(np.float64)
    return float((counts**3 - counts).sum())


def _mean_ranks(samples: Sequence[Floats]) -> tuple[Floats, Floats, float, float]:
    """Return sizes and mean ranks of the groups, the number of values and the tie-corrected variance of one rank."""
    sizes = np.array([x.size for x in samples])
    pooled = np.concatenate(samples)
    n = pooled.size
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    means = np.add.reduceat(midranks(pooled), starts) / sizes
    variance = (n * (n + 1) - tie_sum(pooled) / (n - 1)) / 12
    return sizes.astype(np.float64), means, float(n), variance


def kruskal(samples: Sequence[Floats]) -> RankTest:
    """Test equal distributions of k groups (Kruskal and Wallis 1952, JASA 47); the values must not all be equal."""
    sizes, means, n, variance = _mean_ranks(samples)
    k = sizes.size
    statistic = float((sizes * (means - (n + 1) / 2) ** 2).sum() / variance)
    return RankTest(statistic, k - 1.0, float(special.chdtrc(k - 1, statistic)), statistic / (n - 1), n - k)


def dunn(samples: Sequence[Floats], i: Indices, j: Indices) -> PairResults:
    """Test pairs on the ranks of all groups, unadjusted (Dunn 1964, Technometrics 6)."""
    sizes, means, _, variance = _mean_ranks(samples)
    z = (means[i] - means[j]) / np.sqrt(variance * (1 / sizes[i] + 1 / sizes[j]))
    return PairResults(z, np.full(z.shape, np.nan), 2 * special.ndtr(-np.abs(z)))


@cache
def _rank_sum_counts(first: int, second: int) -> Floats:
    """Return the probability of 0, 1, … wins of U under the null hypothesis; accurate in the lower half."""
    counts = np.zeros(first * second + 1)
    counts[0] = 1.0
    for step in range(1, first + 1):  # Gaussian binomial: times 1 − q^(second+step), divided by 1 − q^step
        product = counts.copy()
        product[second + step :] -= counts[: counts.size - second - step]
        for start in range(step):
            product[start::step] = np.cumsum(product[start::step])
        counts = product
    return counts / special.binom(first + second, first)


@cache
def _signed_rank_counts(n: int) -> Floats:
    """Return the probability of 0, 1, … as sum of positive ranks under the null hypothesis."""
    counts = np.ones(1)
    for rank in range(1, n + 1):
        longer = np.zeros(counts.size + rank)
        longer[: counts.size] += counts
        longer[rank:] += counts
        counts = longer / 2
    return counts


def _two_sided(distribution: Floats, statistic: float) -> float:
    """Double the lower tail of a symmetric distribution over 0 … size − 1."""
    lower = round(min(statistic, distribution.size - 1 - statistic))
    return min(1.0, 2 * float(distribution[: lower + 1].sum()))


def mann_whitney(a: Floats, b: Floats) -> tuple[float, float]:
    """Return U (pairs in which a exceeds b, ties count half) and the two-sided p; the values must not all be equal."""
    n_a, n_b = a.size, b.size
    pooled = np.concatenate((a, b))
    statistic = float(midranks(pooled)[:n_a].sum()) - n_a * (n_a + 1) / 2
    ties, n = tie_sum(pooled), n_a + n_b
    if ties == 0 and max(n_a, n_b) < EXACT_BELOW:
        return statistic, _two_sided(_rank_sum_counts(min(n_a, n_b), max(n_a, n_b)), statistic)
    sd = np.sqrt(n_a * n_b / 12 * (n + 1 - ties / (n * (n - 1))))
    distance = max(0.0, abs(statistic - n_a * n_b / 2) - 0.5)
    return statistic, float(min(1.0, 2 * special.ndtr(-distance / sd)))


def wilcoxon(a: Floats, b: Floats) -> tuple[float, float]:
    """Return the signed-rank sum Σ sign(a − b)·rank and the two-sided p of blocks; equal blocks are left out (p 1 if all)."""
    difference = a - b
    difference = difference[difference != 0]
    n = difference.size
    if n == 0:
        return 0.0, 1.0
    ranks = midranks(np.abs(difference))
    signed, total = float((np.sign(difference) * ranks).sum()), n * (n + 1) / 2
    ties = tie_sum(np.abs(difference))
    if ties == 0 and n == a.size and n < EXACT_BELOW:
        return signed, _two_sided(_signed_rank_counts(n), (total + signed) / 2)
    sd = np.sqrt(n * (n + 1) * (2 * n + 1) / 24 - ties / 48)
    distance = max(0.0, abs(signed) / 2 - 0.5)
    return signed, float(min(1.0, 2 * special.ndtr(-distance / sd)))


def signed_rank_pairs(blocks: Floats, i: Indices, j: Indices) -> PairResults:
    """Test the pairs of columns of blocks × groups with Wilcoxon's signed ranks, unadjusted."""
    found = np.array([wilcoxon(blocks[:, first], blocks[:, second]) for first, second in zip(i, j, strict=True)])
    return PairResults(found[:, 0], np.full(len(found), np.nan), found[:, 1])


def friedman(blocks: Floats) -> tuple[RankTest, Floats]:
    """Test the columns of blocks × groups, ranked inside blocks (Friedman 1937, JASA 32); some block must vary.

    Returns also the ranks inside blocks as deviations from the mean rank.
    """
    count, k = blocks.shape
    deviations = np.array([midranks(row) for row in blocks]) - (k + 1) / 2
    share = float((deviations.sum(axis=0) ** 2).sum() / count / (deviations**2).sum())
    statistic = share * count * (k - 1)
    return RankTest(statistic, k - 1.0, float(special.chdtrc(k - 1, statistic)), share, (count - 1.0) * (k - 1)), deviations
