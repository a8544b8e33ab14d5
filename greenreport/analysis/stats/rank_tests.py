"""Tests of pairs on ranks: Dunn, Mann–Whitney, and Wilcoxon's signed ranks.

Conventions are those of R: tie-corrected variances, exact p values below 50 runs without ties, a continuity correction
otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special, stats

from greenreport.analysis.stats.mean_tests import PairStatistics
from greenreport.analysis.stats.samples import Floats, Indices

#: From this size on the normal approximation replaces the exact distribution.
EXACT_BELOW = 50


def dunn(samples: Sequence[Floats], i: Indices, j: Indices) -> PairStatistics:
    """Test pairs on the ranks of all groups, unadjusted (Dunn 1964, Technometrics 6)."""
    from scikit_posthocs import posthoc_dunn  # takes two seconds, which only studies that need the test should pay

    p = posthoc_dunn([x.tolist() for x in samples]).to_numpy()[i, j]
    ranks = stats.rankdata(np.concatenate(samples))
    means = np.array([part.mean() for part in np.split(ranks, np.cumsum([x.size for x in samples])[:-1])])
    # The library returns no z, but its p is that of a normal z with the sign of the difference of mean ranks.
    return PairStatistics(np.sign(means[j] - means[i]) * special.ndtri(p / 2), np.full(p.shape, np.nan), p)


def mann_whitney(a: Floats, b: Floats) -> tuple[float, float]:
    """Return U (pairs in which a exceeds b, ties counting half) and the two-sided p; the values must not all be equal."""
    exact = _exact(np.concatenate((a, b)), max(a.size, b.size))
    result = stats.mannwhitneyu(a, b, method="exact" if exact else "asymptotic")
    return float(result.statistic), float(result.pvalue)


def wilcoxon(a: Floats, b: Floats) -> tuple[float, float]:
    """Return the signed-rank sum Σ sign(a − b)·rank and the two-sided p of blocks.

    Blocks in which both are equal are left out, and p is then approximate; it is 1 where all are.
    """
    difference = a - b
    unequal = difference[difference != 0]
    if not unequal.size:
        return 0.0, 1.0
    exact = unequal.size == a.size and _exact(np.abs(unequal), a.size)
    p = stats.wilcoxon(unequal, correction=True, method="exact" if exact else "approx").pvalue
    return float((np.sign(unequal) * stats.rankdata(np.abs(unequal))).sum()), float(p)


def _exact(values: Floats, largest: int) -> bool:
    return largest < EXACT_BELOW and np.unique(values).size == values.size


def signed_rank_pairs(blocks: Floats, i: Indices, j: Indices) -> PairStatistics:
    """Test the pairs of columns of blocks × groups with Wilcoxon's signed ranks, unadjusted."""
    statistic, p = np.array([wilcoxon(blocks[:, first], blocks[:, second]) for first, second in zip(i, j, strict=True)]).T
    return PairStatistics(statistic, np.full(p.shape, np.nan), p)
