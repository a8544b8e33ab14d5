"""Simulated studies that end by themselves: false claims, coverage, and the blocks they take; many studies at once.

The comparison is that of `stats.blocked` at the levels of `stats.sequential`, written for arrays of studies × models × blocks × pairs; a
test holds them together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import log1p

import numpy as np
import numpy.typing as npt
from scipy import special

from benchmarks.simulated_studies import CONFIGURATIONS, DESIGNS, MODELS
from greenreport.analysis.stats import Interim
from greenreport.analysis.stats.samples import Floats, Indices

FIRST, LAST = 5, 30
ALPHA = 0.05
#: The study asks for intervals within 5 %, and for differences of 5 % or more.
NARROW = SMALLEST = log1p(0.05)
PAIRS = [*combinations(range(CONFIGURATIONS), 2)]
#: True log values of the configurations: equal; and two equal, one 3 %, one 11 % above them.
EQUAL, APART = np.zeros(CONFIGURATIONS), np.array([0, 0, log1p(0.03), log1p(0.11)])


@dataclass(frozen=True, slots=True)
class Looks:
    """Findings of each look at many simulated studies.

    Attributes:
        means, errors: of the log ratios of all pairs, and their standard errors: studies × models × looks × pairs.
        first: blocks at the first look.
    """

    means: Floats
    errors: Floats
    first: int

    def reaches(self, alpha: float, *, last: int | None) -> Floats:
        """Return half the lengths of the intervals, simultaneous over the pairs; over all looks too, where there is a `last` one."""
        level = alpha / self.means.shape[-1]
        blocks = range(self.first, self.first + self.means.shape[2])
        levels = [level if last is None else Interim(self.first, last, number).nominal(level) for number in blocks]
        bounds = -special.stdtrit(np.array(blocks) - 1, np.array(levels) / 2)
        return np.asarray(bounds[:, None] * self.errors)

    def ends(self, reaches: Floats) -> Indices:
        """Return the look after which each study ends: all contrasts decided or narrow, or the last."""
        low, high = self.means - reaches, self.means + reaches
        decided = (low > 0) | (high < 0) | ((low > -SMALLEST) & (high < SMALLEST))
        return first_look(decided | (2 * reaches <= NARROW))


def first_look(known: npt.NDArray[np.bool_]) -> Indices:
    """Return the first look at which everything is known of each study, else the last look; `known`: studies × models × looks × pairs."""
    done = np.asarray(known.all(axis=(1, 3)))
    return np.asarray(np.where(done.any(axis=1), done.argmax(axis=1), done.shape[1] - 1))


def simulated(design: str, models: int, count: int, values: Floats, first: int = FIRST, last: int = LAST) -> Looks:
    """Return the looks of studies of one design, whose true log values are the same on all models."""
    random = np.random.default_rng([18, models])
    runs = [[DESIGNS[design](random, (last, CONFIGURATIONS)) + values for _ in range(models)] for _ in range(count)]
    return looks(np.array(runs), first)


def looks(runs: Floats, first: int = FIRST) -> Looks:
    """Return the looks at log values of studies × models × blocks × configurations, after each block from `first` on."""
    a, b = zip(*combinations(range(runs.shape[-1]), 2), strict=True)
    differences = runs[..., a] - runs[..., b]
    numbers = np.arange(1, runs.shape[2] + 1)[:, None]
    means = differences.cumsum(axis=2) / numbers
    squares = ((differences**2).cumsum(axis=2) - numbers * means**2)[:, :, first - 1 :]
    numbers = numbers[first - 1 :]
    return Looks(means[:, :, first - 1 :], np.sqrt(np.maximum(squares, 0) / (numbers - 1) / numbers), first)


def false_claims(design: str, count: int) -> Iterator[float]:
    """Yield the shares of studies of equal configurations that reject on any model: when they end, at any look, and without levels of looks.

    Each for all numbers of models; with several, Holm's first step tests each at α ÷ models.
    """
    when_ended, at_any_look, naive = [], [], []
    for models in MODELS:
        every = simulated(design, models, count, EQUAL)
        end = every.ends(every.reaches(ALPHA, last=LAST))
        rejected = np.asarray((np.abs(every.means) > every.reaches(ALPHA / models, last=LAST)).any(axis=(1, 3)))
        when_ended.append(float(rejected[np.arange(count), end].mean()))
        at_any_look.append(float(rejected.any(axis=1).mean()))
        naive.append(float((np.abs(every.means) > every.reaches(ALPHA / models, last=None)).any(axis=(1, 2, 3)).mean()))
    yield from (*when_ended, *at_any_look, *naive)


def coverage_and_cost(design: str, count: int) -> tuple[float, str, float, str, float]:
    """Return coverage of all intervals together when studies end, mean blocks, the share that ends early, the fixed number of blocks for equal widths, and the share saved.

    The fixed number is the smallest after which all intervals, of one look, are as narrow as the rule asks: the equal width.
    """
    every = simulated(design, 1, count, APART)
    truths = np.array([APART[a] - APART[b] for a, b in PAIRS])
    reaches = every.reaches(ALPHA, last=LAST)
    end = every.ends(reaches)
    held = np.asarray((np.abs(every.means - truths) <= reaches).all(axis=(1, 3)))[np.arange(count), end]
    fixed = first_look(2 * every.reaches(ALPHA, last=None) <= NARROW)
    blocks, others = FIRST + end.mean(), FIRST + fixed.mean()
    early = float((end < LAST - FIRST).mean())
    return float(held.mean()), f"{blocks:.1f}", early, f"{others:.1f}", float(1 - blocks / others)
