"""Levels for looking at the data after each block, and p values that hold at whichever look a study ends.

    after b of B blocks, α · b ⁄ B is spent

A look may err with the part of α that was not spent before it (Lan and DeMets 1983, Biometrika 70; this function: Kim and DeMets
1987, Biometrika 74, ρ = 1). The nominal level of a look follows from the joint distribution of the t values of all looks. For
normal differences that is known exactly: without a difference, t after n blocks says all that t values before it say about the next
one (Hall, Wijsman and Ghosh 1965, Ann. Math. Statist. 36), so they form a Markov chain. In terms of c = t ⁄ √(n − 1 + t²), the
cosine of the angle between the differences and the diagonal,

    c' = (√n · c · cos φ + sin φ) ⁄ √(n + 1),    √n · tan φ ~ t with n degrees of freedom, independent of c,

which is integrated numerically over |c| as Armitage, McPherson and Rowe (1969, J. R. Stat. Soc. A 132) did for z. Intervals at nominal
levels are repeated confidence intervals (Jennison and Turnbull 1989, J. R. Stat. Soc. B 51): all of them, over all looks, hold
together, so an interval holds whatever made a study end. Why these: docs/decisions/0018-sequential-stopping.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special

from greenreport.analysis.stats.samples import Floats

#: Largest |z| of the grid, and its step in standard deviations of what one block changes.
_FAR, _STEP = 7.0, 0.25
#: Levels between which nominal levels are interpolated.
_LEVELS = np.geomspace(1e-9, 1.0, 73)


@dataclass(frozen=True, slots=True)
class Interim:
    """One of the looks that are taken after each block.

    Attributes:
        first, last: blocks after which the data are looked at first and last.
        blocks: blocks at this look; fewer than `first` are looked at as if they were as many.
    """

    first: int
    last: int
    blocks: int

    @property
    def spent(self) -> float:
        """Share of α that is spent up to this look."""
        return min(max(self.blocks, self.first), self.last) / self.last

    def nominal(self, level: float) -> float:
        """Return the level at which this look tests so that all looks together err with `level`."""
        return float(np.exp(np.interp(math.log(level), np.log(_LEVELS), self._row())))

    def overall(self, p: float) -> float:
        """Return the p value over all looks: the smallest level at which a raw p of this look is significant."""
        row = self._row()
        if p <= 0 or p < math.exp(row[0]):
            return p * float(_LEVELS[0]) / math.exp(row[0])
        return float(np.exp(np.interp(math.log(p), row, np.log(_LEVELS))))

    def _row(self) -> Floats:
        place = min(max(self.blocks, self.first), self.last) - self.first
        return np.asarray(_logarithms(self.first, self.last)[place])


def over_looks(p: float | None, interim: Interim | None) -> float | None:
    """Return a p value that allows for all looks at the data."""
    return p if p is None or interim is None else interim.overall(p)


@cache
def _logarithms(first: int, last: int) -> Floats:
    """Return the logarithms of nominal levels, of looks × `_LEVELS`."""
    nominal, share, mass = [], first / last, np.empty(0)
    for blocks in range(first, last + 1):
        tails = 2 * special.ndtr(-_grid(blocks))
        beyond = np.tile(tails, (_LEVELS.size, 1)) if blocks == first else mass @ _exceeding(blocks - 1)
        target = share * _LEVELS
        logarithms = np.log(np.maximum(beyond[:, ::-1], 1e-300)), np.log(tails[::-1])
        nominal.append([np.interp(np.log(t), row, logarithms[1]) for t, row in zip(target, logarithms[0], strict=True)])
        still = np.column_stack(
            [np.maximum(beyond, target[:, None]), target]
        )  # probability beyond a value, without those who stop
        mass, share = -np.diff(still, axis=1), 1 / last
    return np.array(nominal)


def _grid(blocks: int) -> Floats:
    """Return values of |z| from 0, where z has the tail probability of t; one block changes z by about 1 ⁄ √blocks."""
    return np.linspace(0, _FAR, math.ceil(_FAR * math.sqrt(blocks) / _STEP) + 1)


def _cosine(blocks: int, z: Floats) -> Floats:
    """Return c for values of z."""
    t = -special.stdtrit(blocks - 1, special.ndtr(-z))
    return np.asarray(t / np.sqrt(blocks - 1 + t * t))


def _exceeding(n: int) -> Floats:
    """Return the probability that |c'| after n + 1 blocks is beyond each value of the grid, from each interval of the grid before.

    With a = √n c, the change is c' √(n + 1) = √(1 + a²) cos(φ − ψ), tan ψ = 1 ⁄ a, which exceeds w between ψ ± arccos(w ⁄ √(1 + a²)).
    An interval is represented by its mean.
    """
    edges = np.append(_grid(n), np.inf)
    means = np.diff(np.exp(-(edges**2) / 2)) / np.diff(special.ndtr(-edges)) / math.sqrt(2 * math.pi)
    a = math.sqrt(n) * _cosine(n, means)[:, None]
    size, psi = np.hypot(1, a), np.arctan2(1, a)
    w = math.sqrt(n + 1) * _cosine(n + 1, _grid(n + 1))
    ratio = np.minimum(w / size, 1)
    both_signs = w < 1  # below it, c' reaches −w too; above it, φ comes back below ψ + arccos before it ends at π ⁄ 2
    other = np.where(both_signs, psi - np.arccos(-ratio), np.maximum(-psi - np.arccos(ratio), -math.pi / 2))
    above, below = (special.stdtr(n, math.sqrt(n) * np.tan(angle)) for angle in (np.arccos(ratio) - psi, other))
    return np.asarray(np.where(w >= size, 0.0, above + np.where(both_signs, 1, -1) * below))
