"""Autocorrelation of runs from block to block, and what it does to intervals of pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import integrate, stats

from greenreport.analysis.stats.order_effects import ALPHA, OrderedRuns
from greenreport.analysis.stats.samples import FEWEST_RUNS, LEVEL, Floats, Indices, Interval, NotComputable

#: Cells that make enough pairs for a spread of their autocorrelations; each is paired with at most so many others.
_FEWEST_CELLS, _MOST_PARTNERS = 4, 40
_RHOS = np.linspace(-0.95, 0.95, 39)


@dataclass(frozen=True, slots=True)
class Autocorrelation:
    """Whether what a block does to one cell is still there in the next block.

    Attributes:
        blocks: number of them.
        rho: lag-1 autocorrelation of a first-order autoregressive error.
        t, df, p: of Student's test over the cells of no autocorrelation.
        coverage: share of studies in which a 95 % interval of a pair holds the truth with this autocorrelation.
    """

    blocks: int
    rho: float
    ci: Interval
    t: float
    df: int
    p: float
    coverage: float

    @property
    def found(self) -> bool:
        """Whether runs of successive blocks are more alike, or less, than chance explains."""
        return self.p < ALPHA


def autocorrelation(runs: OrderedRuns) -> Autocorrelation | NotComputable:
    """Look for errors that last from one block to the next, in the differences of cells within blocks that are compared.

    The lag-1 autocorrelation of each pair of cells, in which the block cancels, is -1/n on average where n blocks are independent,
    whatever the distribution. The mean over pairs, with an error from the jackknife over cells, is turned into the autocorrelation of
    an AR(1) process that would give it. Cells without a run in some block are left out.
    """
    blocks, cells = int(runs.blocks.max(initial=-1)) + 1, int(runs.cells.max(initial=-1)) + 1
    table = np.full((cells, blocks), np.nan)
    table[runs.cells, runs.blocks] = runs.logs
    table = table[np.isfinite(table).all(axis=1)]
    cells = len(table)
    if blocks < FEWEST_RUNS or cells < _FEWEST_CELLS:
        return NotComputable(f"fewer than {_FEWEST_CELLS} cells with a run in each of {FEWEST_RUNS} blocks or more")
    first, second = _partners(cells)
    pairs = table[first] - table[second]
    pairs -= pairs.mean(axis=1, keepdims=True)
    squares = (pairs**2).sum(axis=1)
    if not (squares > 1e-18).all():
        return NotComputable("some cells have the same course")
    each = (pairs[:, 1:] * pairs[:, :-1]).sum(axis=1) / squares
    mean, df = float(each.mean()), cells - 1
    of_cells = np.bincount(first, each, cells) + np.bincount(second, each, cells)
    number = np.bincount(first, minlength=cells) + np.bincount(second, minlength=cells)
    without = (each.sum() - of_cells) / (each.size - number)
    error = math.sqrt(df / cells * float(((without - without.mean()) ** 2).sum()))
    if error <= 0:
        return NotComputable("all pairs have the same course")
    t, reach = (mean + 1 / blocks) / error, float(stats.t.ppf((1 + LEVEL) / 2, df)) * error
    rho, low, high = (float(np.interp(lag_one, _lag_ones(blocks), _RHOS)) for lag_one in (mean, mean - reach, mean + reach))
    ci = Interval(low, high, LEVEL, "Student's t with the jackknife over cells")
    return Autocorrelation(blocks, rho, ci, t, df, float(2 * stats.t.sf(abs(t), df)), coverage_with(rho, blocks))


def _partners(cells: int) -> tuple[Indices, Indices]:
    """Return the pairs of cells that are looked at: each with the next ones in a circle, all of them where there are few."""
    steps = np.arange(1, min(cells - 1, _MOST_PARTNERS) + 1)
    first, second = np.repeat(np.arange(cells), steps.size), (np.arange(cells)[:, None] + steps).ravel() % cells
    pairs = np.unique(np.sort(np.column_stack((first, second)), axis=1), axis=0)
    return pairs[:, 0], pairs[:, 1]


def _course(rho: float, blocks: int) -> tuple[Floats, Floats]:
    """Return the correlations of an AR(1) process over blocks, and those of its deviations from their mean."""
    places = np.arange(blocks)
    correlations = rho ** np.abs(places[:, None] - places)
    centring = np.eye(blocks) - 1 / blocks
    return correlations, centring @ correlations @ centring


@cache
def _lag_ones(blocks: int) -> Floats:
    """Return the expected lag-1 autocorrelation of normal AR(1) processes over blocks, for each of `_RHOS`.

    A ratio of quadratic forms, x'Ax ÷ x'Bx; its expectation is the integral of Sawa (1972, Econometrica 40).
    """
    lagged = (np.eye(blocks, k=1) + np.eye(blocks, k=-1)) / 2

    def expected(rho: float) -> float:
        _, centred = _course(rho, blocks)
        scales, axes = np.linalg.eigh(centred)
        scales, axes = scales[1:], axes[:, 1:]  # one is 0: deviations add up to 0
        parts = scales * np.einsum("ij,ik,kj->j", axes, lagged, axes)

        def density(t: float) -> float:
            spread = 1 + 2 * t * scales
            return float((parts / spread).sum() / math.sqrt(spread.prod()))

        return float(integrate.quad(density, 0, np.inf)[0])

    return np.array([expected(rho) for rho in _RHOS])


def coverage_with(rho: float, blocks: int) -> float:
    """Return how often a 95 % interval of Student's t holds the truth when the errors of blocks are an AR(1) process.

    To the first order: by the variance of the mean and the expected variance within the sample, which autocorrelation drives apart.
    """
    correlations, centred = _course(rho, blocks)
    inflation = math.sqrt(correlations.sum() / blocks / (np.trace(centred) / (blocks - 1)))
    bound = float(stats.t.ppf((1 + LEVEL) / 2, blocks - 1)) / inflation
    return 1 - 2 * float(stats.t.sf(bound, blocks - 1))
