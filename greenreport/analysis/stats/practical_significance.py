"""Decide what a pair means in practice, from its interval and the smallest effect that matters.

::

              1/(1+s)      1      1+s          s: smallest effect of interest, or the machine's noise floor where that is larger
    ──────────────┼────────┼────────┼──────
                  │  ├──●──┤        │          no practical difference: the whole interval lies inside
     ├──●──┤      │        │        │          lower: the interval leaves out 1; here also certainly by more than s
               ├──┼─────●──┼──┤     │          inconclusive: the interval includes 1 and reaches beyond s
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import TypeAlias

import numpy as np
from scipy import special

from greenreport.analysis.stats.results import GroupTest, Pair, PairVerdict, Procedure
from greenreport.analysis.stats.samples import FEWEST_RUNS, Floats, NotComputable

#: Probability of deciding the pair with the advised number of runs.
POWER = 0.8
#: More runs than this are not advised.
MOST_RUNS = 10_000

_COUNTS = np.array([*range(3, 200), *(round(200 * 1.02**step) for step in range(198))])

#: Verdict, reason, and the advised number of runs.
_Judgement: TypeAlias = tuple[PairVerdict, str, int | None]


def judge(pair: Pair, test: GroupTest) -> Pair:
    """Return a pair of a comparison with significance, verdict, reason and advised runs."""
    significant = (
        pair.p_adjusted is not None and pair.p_adjusted < test.alpha and rejects(test.omnibus.p, test.test, test.alpha)
    )
    verdict, reason, advised = _judge(pair, test)
    return replace(pair, significant=significant, verdict=verdict, reason=reason, runs_needed=advised)


def rejects(p: float | None, procedure: Procedure | None, alpha: float) -> bool:
    """Return whether the pairs of a test count: of one with a post-hoc test of its own, only where the omnibus test rejects."""
    return p is not None and (procedure == "blocked" or p < alpha)


def _judge(pair: Pair, test: GroupTest) -> _Judgement:
    a, b = (test.group(name).description for name in (pair.a, pair.b))
    if min(a.n, b.n) >= FEWEST_RUNS and a.minimum == a.maximum == b.minimum == b.maximum:  # even a median of 0 leaves no doubt
        return PairVerdict.NO_PRACTICAL_DIFFERENCE, "all runs of both have the same value", None
    scale = _scale(pair, test)
    if isinstance(scale, NotComputable):
        return PairVerdict.INCONCLUSIVE, scale.reason, None
    size, low, high, margin, name = scale
    if -margin <= low and high <= margin:
        return PairVerdict.NO_PRACTICAL_DIFFERENCE, f"the interval lies within ±{name}", None
    if low <= 0 <= high:
        needed = _runs_needed(pair, test, size, (high - low) / 2, margin)
        if needed is None:
            return PairVerdict.INCONCLUSIVE, f"more than {MOST_RUNS:,} runs are needed", None
        return PairVerdict.INCONCLUSIVE, f"the interval includes equality; about {needed} runs each are needed", needed
    sure = low >= margin or high <= -margin
    return (
        PairVerdict.LOWER if size < 0 else PairVerdict.HIGHER,
        f"the whole interval lies beyond ±{name}" if sure else f"the interval leaves out equality, and the difference may be smaller than {name}",
        None,
    )  # fmt: skip


def _scale(pair: Pair, test: GroupTest) -> tuple[float, float, float, float, str] | NotComputable:
    """Return estimate, bounds and margin on the scale of the interval, and the margin in words; why there is none."""
    share = max(test.smallest_effect, test.noise_floor or 0.0)
    name = _percent(share) if share == test.smallest_effect else f"{_percent(share)}, the machine's noise floor"
    if pair.difference is not None:
        ci = pair.difference.ci
        if isinstance(ci, NotComputable):
            return ci
        medians = [abs(test.group(group).description.median or 0.0) for group in (pair.a, pair.b)]
        return pair.difference.value, ci.low, ci.high, share * min(medians), name
    if pair.ratio.value is None or isinstance(pair.ratio.ci, NotComputable):
        return pair.ratio.ci if isinstance(pair.ratio.ci, NotComputable) else NotComputable("no ratio")
    logarithms = (math.log(x) for x in (pair.ratio.value, pair.ratio.ci.low, pair.ratio.ci.high))
    size, low, high = logarithms
    return size, low, high, math.log1p(share), name


def _runs_needed(pair: Pair, test: GroupTest, size: float, reach: float, margin: float) -> int | None:
    """Return the blocks that would probably decide the pair: as different, or, where it is within the margin, as equal."""
    blocks, level = min(pair.n_a, pair.n_b), test.alpha / max(1, test.comparisons)
    level = level if test.interim is None else test.interim.nominal(level)
    spread = reach / float(special.stdtrit(blocks - 1, 1 - level / 2)) * math.sqrt(blocks)
    different = abs(size) >= margin
    distance = abs(size) if different else margin - abs(size)
    enough = _widths(level, POWER if different else (1 + POWER) / 2) * spread <= distance
    return max(int(_COUNTS[enough.argmax()]), blocks + 1) if distance > 0 and enough.any() else None


@cache
def _widths(level: float, power: float) -> Floats:
    """Return, for each count of `_COUNTS`, the distance in standard deviations that is found with this power."""
    quantiles = (special.stdtrit(_COUNTS - 1, probability) for probability in (1 - level / 2, power))
    return np.asarray(sum(quantiles) / np.sqrt(_COUNTS))


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
