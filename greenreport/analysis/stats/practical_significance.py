"""Decide what a pair means in practice, from its ratio of medians, its p value and the smallest effect that matters.

::

              1/(1+s)      1      1+s          s: smallest effect of interest
    ──────────────┼────────┼────────┼──────
                  │  ├──●──┤        │          no practical difference: the whole interval lies inside
     ├──●──┤      │        │        │          lower: significant, interval without 1, estimate outside
               ├──┼─────●──┼──┤     │          inconclusive: more runs needed

Below the noise floor of the machine no difference is claimed.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeAlias

from scipy import optimize, special

from greenreport.analysis.stats.results import GroupTest, Pair, PairVerdict
from greenreport.analysis.stats.samples import FEWEST_RUNS, LEVEL, NotComputable

#: Probability of deciding the pair with the advised number of runs.
POWER = 0.8
#: More runs than this are not advised.
MOST_RUNS = 10_000

_Z = float(special.ndtri((1 + LEVEL) / 2))
_Z_POWER = float(special.ndtri(POWER))

#: Verdict, reason, and the advised number of runs.
_Judgement: TypeAlias = tuple[PairVerdict, str, int | None]


def judge(pair: Pair, test: GroupTest, comparisons: int, *, p_family: float | None = None) -> Pair:
    """Return a pair of a comparison with significance, verdict, reason and advised runs.

    Args:
        comparisons: pairs whose p values are adjusted together.
        p_family: adjusted over a family; decides instead of `p_adjusted`.
    """
    p = pair.p_adjusted if p_family is None else p_family
    significant = test.rejected and p is not None and p < test.alpha
    verdict, reason, advised = _judge(pair, test, comparisons, significant)
    return replace(pair, significant=significant, p_family=p_family, verdict=verdict, reason=reason, runs_needed=advised)


def _judge(pair: Pair, test: GroupTest, comparisons: int, significant: bool) -> _Judgement:
    ratio, ci = pair.ratio.value, pair.ratio.ci
    a, b = (test.group(name).description for name in (pair.a, pair.b))
    if min(a.n, b.n) >= FEWEST_RUNS and a.minimum == a.maximum == b.minimum == b.maximum:  # even a median of 0 leaves no doubt
        return PairVerdict.NO_PRACTICAL_DIFFERENCE, "all runs of both have the same value", None
    if ratio is None or isinstance(ci, NotComputable):
        return PairVerdict.INCONCLUSIVE, ci.reason if isinstance(ci, NotComputable) else "no ratio", None
    margin = math.log1p(test.smallest_effect)
    size, low, high = math.log(ratio), math.log(ci.low), math.log(ci.high)
    if -margin <= low and high <= margin:
        return PairVerdict.NO_PRACTICAL_DIFFERENCE, f"the interval lies within ±{_percent(test.smallest_effect)}", None
    error = (high - low) / (2 * _Z)
    if abs(size) < margin:
        text = f"the difference may be smaller or larger than {_percent(test.smallest_effect)}"
        return _inconclusive(pair, text, _runs_for_equivalence(pair, error, margin, abs(size)))
    if pair.p is None:
        return PairVerdict.INCONCLUSIVE, "the test is not computable", None
    if not significant or low <= 0 <= high:
        needed = _harmonic(pair) * ((_Z + _Z_POWER) * error / abs(size)) ** 2 if size else math.inf
        if not significant:
            needed = max(needed, _runs_for_test(pair, test.alpha / max(1, comparisons)))
        return _inconclusive(pair, _why_not_different(test, comparisons, significant, low, high), needed)
    if test.noise_floor is not None and abs(size) < math.log1p(test.noise_floor):
        text = f"the difference is below the machine's noise floor of {_percent(test.noise_floor)}; more runs do not help"
        return PairVerdict.INCONCLUSIVE, text, None
    verdict = PairVerdict.LOWER if size < 0 else PairVerdict.HIGHER
    return verdict, f"significant, and the estimate differs by at least {_percent(test.smallest_effect)}", None


def _inconclusive(pair: Pair, text: str, needed: float) -> _Judgement:
    if not needed <= MOST_RUNS:
        return PairVerdict.INCONCLUSIVE, f"{text}; more than {MOST_RUNS:,} runs needed", None
    count = max(math.ceil(needed), pair.n_a + 1, pair.n_b + 1)
    return PairVerdict.INCONCLUSIVE, f"{text}; about {count} runs each needed", count


def _why_not_different(test: GroupTest, comparisons: int, significant: bool, low: float, high: float) -> str:
    if significant:
        return "significant, but the interval of the ratio includes 1"
    if not test.rejected:
        return "the omnibus test does not reject"
    if low <= 0 <= high:
        return "not significant"
    return f"the interval of the ratio excludes 1, but the test over {comparisons} pairs is not significant"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _harmonic(pair: Pair) -> float:
    return 2 / (1 / pair.n_a + 1 / pair.n_b)


def _runs_for_equivalence(pair: Pair, error: float, margin: float, size: float) -> float:
    """Return the runs with which an interval around a log ratio of this size lies within ± margin with the stated power."""

    def excess(standard_error: float) -> float:
        inside = (special.ndtr((margin + sign * size) / standard_error - _Z) for sign in (1, -1))
        return float(sum(inside)) - 1 - POWER

    largest = (margin - size) / _Z  # here even the expected bound is at the margin; a hundredth of it is surely enough
    return _harmonic(pair) * (error / optimize.brentq(excess, largest / 100, largest)) ** 2


def _runs_for_test(pair: Pair, level: float) -> float:
    """Return n · ((z_needed + z_power) ÷ z_observed)², with the threshold of the first step of Holm's method."""
    if pair.p is None or pair.p >= 1:  # no evidence to extrapolate from
        return math.inf
    observed = -float(special.ndtri(pair.p / 2))
    needed = -float(special.ndtri(level / 2))
    return _harmonic(pair) * ((needed + _Z_POWER) / observed) ** 2 if observed > 0 else math.inf
