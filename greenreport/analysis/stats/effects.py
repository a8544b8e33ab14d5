"""Effect sizes with intervals, and the words of published scales for their magnitude.

Intervals were chosen by simulation (docs/statistics-simulation.md): at 5 to 10 runs, bootstrap intervals of these effects miss
their level by far; the ones used here reach it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from greenreport.analysis.stats.mean_tests import Moments
from greenreport.analysis.stats.results import Effect
from greenreport.analysis.stats.samples import LEVEL, Floats, Indices, Interval, NotComputable, interval

_Z = float(special.ndtri((1 + LEVEL) / 2))
_HALVINGS = 45
#: Above this noncentrality the exact distribution is slow, and Patnaik's approximation agrees to 1e-6.
_LARGE_NONCENTRALITY = 1e4
_LARGEST_F = 1e12


@dataclass(frozen=True, slots=True)
class Scale:
    """Words for magnitudes: word k up to (excluding) limit k, the last word above."""

    limits: tuple[float, ...]
    words: tuple[str, ...]
    citation: str

    def effect(self, name: str, value: float, ci: Interval | NotComputable) -> Effect:
        """Return an effect with its word on this scale; the sign does not matter."""
        return Effect(name, value, ci, self.words[sum(abs(value) >= limit for limit in self.limits)], self.citation)


_FOUR = ("negligible", "small", "medium", "large")
#: Standardised mean difference: Cohen 1988, Statistical Power Analysis, 2nd ed., §2.2.
COHEN_D = Scale((0.2, 0.5, 0.8), _FOUR, "Cohen 1988")
#: Cliff's δ: Romano et al. 2006, AIR Forum ("Appropriate statistics for ordinal level data"), from Cohen's limits.
ROMANO = Scale((0.147, 0.33, 0.474), _FOUR, "Romano et al. 2006")
#: ω² as share of variance: Cohen 1988, §8.2 (f = 0.10, 0.25, 0.40).
COHEN_SHARE = Scale((0.0099, 0.0588, 0.1379), _FOUR, "Cohen 1988")
#: ε² of ranks: squares of the limits in Rea and Parker 1992, as used by Tomczak and Tomczak 2014, Trends Sport Sci. 21.
_SIX = ("negligible", "weak", "moderate", "relatively strong", "strong", "very strong")
REA_PARKER = Scale((0.01, 0.04, 0.16, 0.36, 0.64), _SIX, "Rea and Parker 1992")
#: Kendall's W read as a mean correlation: Cohen 1988, §3.2.
COHEN_R = Scale((0.1, 0.3, 0.5), _FOUR, "Cohen 1988")


def _noncentrality(statistic: float, df: tuple[float, float], probability: float) -> float:
    """Return the noncentrality at which the statistic is that quantile; 0 where even the central F is below it."""
    if special.fdtr(*df, statistic) <= probability:
        return 0.0

    def excess(noncentrality: float) -> float:
        total = df[0] + noncentrality
        if noncentrality <= _LARGE_NONCENTRALITY:
            return float(special.ncfdtr(*df, noncentrality, statistic)) - probability
        return float(special.fdtr(total**2 / (total + noncentrality), df[1], statistic * df[0] / total)) - probability

    high = df[0] * statistic + 10.0
    while excess(high) > 0:
        high *= 2
    return float(optimize.brentq(excess, 0.0, high))


def _share_bounds(statistic: float, df: tuple[float, float], weight: float) -> tuple[float, float]:
    """Return the bounds of noncentrality ÷ (noncentrality + weight) for an observed F."""
    low, high = (_noncentrality(statistic, df, (1 + sign * LEVEL) / 2) for sign in (1, -1))
    return low / (low + weight), high / (high + weight)


def _share(name: str, value: float, statistic: float, df: tuple[float, float], weight: float, scale: Scale) -> Effect:
    """Return a share of variance with its interval, widened to hold the value."""
    ci: Interval | NotComputable = NotComputable("no spread within the groups")
    if statistic < _LARGEST_F:
        low, high = _share_bounds(statistic, df, weight)
        ci = interval(min(value, low), max(value, high), "noncentral F")
    return scale.effect(name, value, ci)


def omega_squared(statistic: float, df: tuple[float, float], count: float) -> Effect:
    """Return ω² of Welch's F over `count` runs (Kirk 1996, Educ. Psychol. Meas. 56); 0 where it would be negative."""
    between = df[0] * (statistic - 1)
    return _share("ω²", max(0.0, between / (between + count)), statistic, df, count, COHEN_SHARE)


def epsilon_squared(share: float, df: tuple[float, float], count: float) -> Effect:
    """Return ε² = H ÷ (n − 1), the share of the variance of ranks; its interval treats the ranks as an ANOVA."""
    share = min(share, 1.0)
    statistic = share / df[0] / ((1 - share) / df[1]) if share < 1 else np.inf
    return _share("ε²", share, statistic, df, count, REA_PARKER)


def kendall_w(deviations: Floats) -> Effect:
    """Return Kendall's W of blocks × groups of ranks inside blocks, as deviations from the mean rank; some must vary.

    The interval is of the concordance of infinitely many blocks, which is the mean rank correlation of two blocks: jackknife
    over blocks of its Fisher z, widened to the interval of a noncentral F and to hold W. Where all blocks agree, it assumes
    that up to 1 − 0.025^(1/blocks) of further blocks swap two neighbours. With two groups W is the square of the share of
    wins minus the share of losses, and the interval is Wilson's.
    """
    count, k = deviations.shape
    sums, squares = deviations.sum(axis=0), (deviations**2).sum(axis=1)
    value = min(1.0, float((sums**2).sum() / count / squares.sum()))
    if k == 2:
        bounds = _wilson((np.sign(deviations[:, 0]).mean() + 1) / 2, count)
        lower, upper = (2 * float(bound) - 1 for bound in bounds)
        low, high, method = 0.0 if lower < 0 < upper else min(lower**2, upper**2), max(lower**2, upper**2), "Wilson"
    elif np.ptp(deviations, axis=0).max() == 0:
        rare = min(0.5, 1 - ((1 - LEVEL) / 2) ** (1 / count))
        low, high, method = 1 - 2 * rare * (1 - rare) * 12 / (k**3 - k), 1.0, "all blocks agree; binomial bound"
    else:
        df = k - 1.0, (count - 1.0) * (k - 1)
        jackknife = _concordance_bounds(sums, squares, deviations)
        parametric = _share_bounds(value / df[0] / ((1 - value) / df[1]), df, count * (k - 1.0))
        low, high = min(jackknife[0], parametric[0]), max(jackknife[1], parametric[1])
        method = "jackknife of Fisher's z, and noncentral F"
    return COHEN_R.effect("Kendall's W", value, interval(min(value, max(0.0, low)), max(value, high), method))


def _concordance_bounds(sums: Floats, squares: Floats, deviations: Floats) -> tuple[float, float]:
    count = deviations.shape[0]
    mean = (float((sums**2).sum() / squares.sum()) - 1) / (count - 1)
    without = (((sums - deviations) ** 2).sum(axis=1) / (squares.sum() - squares) - 1) / (count - 2)
    z, leave_one_out = (np.arctanh(np.clip(r, -0.999, 0.999)) for r in (np.asarray(mean), without))
    error = np.sqrt((count - 1) / count * ((leave_one_out - leave_one_out.mean()) ** 2).sum())
    reach = special.stdtrit(count - 1, (1 + LEVEL) / 2) * error
    return float(np.tanh(z - reach)), float(np.tanh(z + reach))


def _unbiased(df: Floats) -> Floats:
    """Return Hedges' factor Γ(df/2) ÷ (√(df/2) Γ((df − 1)/2))."""
    return np.asarray(np.exp(special.gammaln(df / 2) - 0.5 * np.log(df / 2) - special.gammaln((df - 1) / 2)))


def hedges(m: Moments, i: Indices, j: Indices) -> tuple[Effect | NotComputable, ...]:
    """Return Hedges' g* of pairs: mean difference ÷ root mean variance, corrected for small samples.

    The two variances are averaged, not pooled (Delacre et al. 2021, doi:10.31234/osf.io/tu6mp). The interval stabilises the
    variance of noncentral t with asinh; its degrees of freedom are those of Welch's t for small and those of the
    standardiser for large effects.
    """
    v_i, v_j = m.variances[i], m.variances[j]
    e_i, e_j = v_i / m.sizes[i], v_j / m.sizes[j]
    spread = (v_i + v_j) / 2
    d = (m.means[i] - m.means[j]) / np.sqrt(spread)
    error = (e_i + e_j) / spread
    df_spread = (v_i + v_j) ** 2 / (v_i**2 / (m.sizes[i] - 1) + v_j**2 / (m.sizes[j] - 1))
    df_t = (e_i + e_j) ** 2 / (e_i**2 / (m.sizes[i] - 1) + e_j**2 / (m.sizes[j] - 1))
    weight = error / (error + d * d / (2 * df_spread))
    df = 1 / (weight / df_t + (1 - weight) / df_spread)
    unit = np.sqrt(2 * df * error)
    centre, reach = np.arcsinh(_unbiased(df) * d / unit), _Z / np.sqrt(2 * df)
    value, low, high = _unbiased(df_spread) * d, unit * np.sinh(centre - reach), unit * np.sinh(centre + reach)
    return tuple(
        COHEN_D.effect("Hedges' g", g, interval(lower, upper, "asinh of noncentral t"))
        if np.isfinite(g)
        else NotComputable("neither group varies")
        for g, lower, upper in zip(value.tolist(), low.tolist(), high.tolist(), strict=True)
    )


def dominance(samples: Sequence[Floats], i: Indices, j: Indices) -> tuple[Floats, Floats]:
    """Return Cliff's δ of pairs of ascending samples, and its variance estimated from the runs.

    δ is P(a > b) − P(a < b) over all pairs of runs (Cliff 1993, Psychological Bulletin 114); its variance is that of the
    runs' shares of wins ÷ n, summed over the two samples.
    """
    sizes = np.array([x.size for x in samples])
    pooled, starts = np.concatenate(samples), np.concatenate(([0], np.cumsum(sizes)[:-1]))
    means, variances = np.empty((2, len(samples), len(samples)))
    for column, x in enumerate(samples):
        share = (np.searchsorted(x, pooled, "left") + np.searchsorted(x, pooled, "right")) / x.size - 1
        means[:, column] = np.add.reduceat(share, starts) / sizes
        deviations = share - np.repeat(means[:, column], sizes)
        variances[:, column] = np.add.reduceat(deviations**2, starts) / (sizes - 1) / sizes
    return means[i, j], variances[i, j] + variances[j, i]


def cliff(samples: Sequence[Floats], i: Indices, j: Indices) -> tuple[Effect, ...]:
    """Return Cliff's δ of pairs with Newcombe's interval (2006, Statistics in Medicine 25, method 5).

    Its variance holds for groups of one shape; where the variance estimated from the runs is larger (groups that spread
    differently), it is enlarged by their ratio.
    """
    delta, variance = dominance(samples, i, j)
    sizes = np.array([x.size for x in samples], dtype=np.float64)
    low, high = _newcombe((delta + 1) / 2, sizes[i], sizes[j], variance / 4)
    return _cliff_effects(delta, low, high, "Cliff's δ", "Newcombe, method 5, at least the observed variance")


def cliff_within(blocks: Floats, i: Indices, j: Indices) -> tuple[Effect, ...]:
    """Return Cliff's δ inside blocks: (blocks in which a > b − blocks in which a < b) ÷ blocks, with Wilson's interval."""
    delta = np.sign(blocks[:, i] - blocks[:, j]).mean(axis=0)
    low, high = _wilson((delta + 1) / 2, blocks.shape[0])
    return _cliff_effects(delta, low, high, "Cliff's δ within blocks", "Wilson")


def _wilson(share: Floats, count: int) -> tuple[Floats, Floats]:
    """Return the bounds of a share of `count` blocks (Wilson 1927, JASA 22)."""
    weight = _Z * _Z / count
    centre = (share + weight / 2) / (1 + weight)
    half = _Z / (1 + weight) * np.sqrt(share * (1 - share) / count + weight / (4 * count))
    return centre - half, centre + half


def _cliff_effects(delta: Floats, low: Floats, high: Floats, name: str, method: str) -> tuple[Effect, ...]:
    """Return effects from shares of wins, whose bounds lie on a scale from 0 to 1."""
    bounds = zip(delta.tolist(), np.minimum(2 * low - 1, delta).tolist(), np.maximum(2 * high - 1, delta).tolist(), strict=True)
    return tuple(ROMANO.effect(name, d, interval(lower, upper, method)) for d, lower, upper in bounds)


def _newcombe(share: Floats, n_a: Floats, n_b: Floats, observed: Floats) -> tuple[Floats, Floats]:
    """Solve |share − θ| = z · √variance(θ) on both sides of the share by bisection."""
    half = (n_a + n_b) / 2 - 1

    def variance(theta: Floats) -> Floats:
        return np.asarray(theta * (1 - theta) * (1 + half * ((1 - theta) / (2 - theta) + theta / (1 + theta))) / (n_a * n_b))

    at_share = variance(share)
    enlarged = _Z * _Z * np.where(observed > at_share, observed / at_share, 1.0)
    enlarged = np.where(at_share > 0, enlarged, _Z * _Z)
    far = np.stack((np.zeros_like(share), np.ones_like(share)))
    near = np.stack((share, share))
    for _ in range(_HALVINGS):
        middle = (far + near) / 2
        beyond = (share - middle) ** 2 > enlarged * variance(middle)
        far, near = np.where(beyond, middle, far), np.where(beyond, near, middle)
    return near[0], near[1]
