"""The smallest difference between two groups that a number of runs can show.

Runs of one configuration are taken as log-normal with the given coefficient of variation, so a relative difference e is a shift
of ln(1 + e) against a spread of √ln(1 + cv²), apart from what blocks share. Power is that of the two-sided t test at
alpha ÷ comparisons, from the noncentral t distribution: with n − 1 degrees of freedom within blocks, 2n − 2 for Welch's test. A
rank test needs π/3 times the runs (its efficiency for normal data, Hodges and Lehmann 1956), and enough of them for its smallest
possible p. Checked by simulation in the tests.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import numpy as np
from scipy import optimize, special

from greenreport.analysis.stats.samples import FEWEST_RUNS, NotComputable
from greenreport.units import counted

Test: TypeAlias = Literal["blocked", "welch", "kruskal"]

_RANK_FACTOR = math.pi / 3


def detectable_effect(
    cv: float, n: int, *, alpha: float = 0.05, power: float = 0.8, comparisons: int = 1, test: Test = "blocked"
) -> float | NotComputable:
    """Return the smallest relative difference (0.05 = 5 %) that n runs in each group find with the given probability."""
    if not 0 < cv < 1e100 or not (spread := math.sqrt(math.log1p(cv * cv))) > 0:
        return NotComputable("needs a coefficient of variation above 0")
    level = alpha / max(1, comparisons)
    if n < FEWEST_RUNS:
        return NotComputable(f"{counted(n, 'run')}; a test needs {FEWEST_RUNS}")
    high = 1.0
    while _power(n, high, level, test) < power:
        high *= 2
        if high > 1e4:
            return NotComputable(f"{counted(n, 'run')} cannot be significant at this level")
    shift = optimize.brentq(lambda standardised: _power(n, standardised, level, test) - power, 0.0, high)
    return math.expm1(shift * spread) if shift * spread < 700 else NotComputable("the runs vary too much")


def _power(n: int, standardised: float, level: float, test: Test) -> float:
    """Return the probability that n runs per group show a shift of that many standard deviations."""
    if test == "kruskal" and 2 / special.binom(2 * n, n) >= level:
        return 0.0
    effective = n / _RANK_FACTOR if test == "kruskal" else float(n)
    df, shift = effective - 1 if test == "blocked" else 2 * effective - 2, standardised * math.sqrt(effective / 2)
    bound = float(special.stdtrit(df, 1 - level / 2))
    if shift > 30 + bound:
        return 1.0
    with np.errstate(all="ignore"):
        above, below = 1 - special.nctdtr(df, shift, bound), special.nctdtr(df, shift, -bound)
    return float(above + np.nan_to_num(below))  # scipy returns NaN where the opposite tail vanishes
