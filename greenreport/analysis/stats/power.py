"""How many runs a comparison of two groups needs, and the smallest difference a number of runs can show.

Runs of one configuration are taken as log-normal with the given coefficient of variation, so a relative difference e is a shift
of ln(1 + e) against a spread of √ln(1 + cv²). Power is that of the two-sided t test at alpha ÷ comparisons (the first step of
Holm's method), from the noncentral t distribution; a rank test needs π/3 times the runs (its efficiency for normal data, Hodges
and Lehmann 1956), and enough of them for its smallest possible p. Checked by simulation in the tests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy import special

from greenreport.analysis.stats.values import FEWEST_RUNS, NotComputable, runs

Test: TypeAlias = Literal["welch", "kruskal"]

MOST_RUNS = 10_000
_RANK_FACTOR = math.pi / 3


@dataclass(frozen=True, slots=True)
class RunsAdvice:
    """Runs each of two groups needs, and the power they reach by the formula."""

    runs: int
    power: float


def advise_runs(
    cv: float, effect: float, *, alpha: float = 0.05, power: float = 0.8, comparisons: int = 1, test: Test = "welch"
) -> RunsAdvice | NotComputable:
    """Return the runs of each group with which a relative difference is found with the given probability.

    Args:
        cv: coefficient of variation of runs of one configuration, 0.02 = 2 %.
        effect: relative difference of the two groups, 0.05 = 5 %.
        comparisons: pairs whose p values are adjusted together.
    """
    spread, shift = _spread(cv), math.log1p(effect) if effect > -1 else math.nan
    if not spread > 0 or not abs(shift) > 0:
        return NotComputable("needs a coefficient of variation above 0 and an effect other than 0")
    standardised, level = abs(shift) / spread, alpha / max(1, comparisons)
    low, high = FEWEST_RUNS - 1, FEWEST_RUNS
    while _power(high, standardised, level, test) < power:
        low, high = high, 2 * high
        if low > MOST_RUNS:
            return NotComputable(f"more than {MOST_RUNS:,} runs needed")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _power(middle, standardised, level, test) < power else (low, middle)
    return RunsAdvice(high, _power(high, standardised, level, test))


def detectable_effect(
    cv: float, n: int, *, alpha: float = 0.05, power: float = 0.8, comparisons: int = 1, test: Test = "welch"
) -> float | NotComputable:
    """Return the smallest relative difference (0.05 = 5 %) that n runs in each group find with the given probability."""
    spread, level = _spread(cv), alpha / max(1, comparisons)
    if not spread > 0:
        return NotComputable("needs a coefficient of variation above 0")
    if n < FEWEST_RUNS:
        return NotComputable(f"{runs(n)}; a test needs {FEWEST_RUNS}")
    low, high = 0.0, 1.0
    while _power(n, high, level, test) < power:
        low, high = high, 2 * high
        if high > 1e4:
            return NotComputable(f"{runs(n)} cannot be significant at this level")
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _power(n, middle, level, test) < power else (low, middle)
    return math.expm1(high * spread) if high * spread < 700 else NotComputable("the runs vary too much")


def _spread(cv: float) -> float:
    return math.sqrt(math.log1p(cv * cv)) if 0 < cv < 1e100 else math.nan


def _power(n: int, standardised: float, level: float, test: Test) -> float:
    """Return the probability that n runs a group show a shift of that many standard deviations."""
    if test == "kruskal" and 2 / special.binom(2 * n, n) >= level:
        return 0.0
    effective = n / _RANK_FACTOR if test == "kruskal" else float(n)
    df, shift = 2 * effective - 2, standardised * math.sqrt(effective / 2)
    bound = float(special.stdtrit(df, 1 - level / 2))
    if shift > 30 + bound:
        return 1.0
    with np.errstate(all="ignore"):
        above, below = 1 - special.nctdtr(df, shift, bound), special.nctdtr(df, shift, -bound)
    return float(above + below)
