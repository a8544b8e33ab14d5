"""Say what a pair means in practice, from its ratio of medians, its p value and the smallest effect that matters.

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
from dataclasses import dataclass, replace

from scipy import special

from greenreport.analysis.stats.results import Pair, Verdict
from greenreport.analysis.stats.values import LEVEL, NotComputable

#: Probability of deciding the pair with the advised number of runs.
POWER = 0.8
#: More runs than this are not advised.
MOST_RUNS = 10_000

_HALVINGS = 40
_Z = float(special.ndtri((1 + LEVEL) / 2))
_Z_POWER = float(special.ndtri(POWER))


@dataclass(frozen=True, slots=True)
class Rule:
    """How pairs are judged.

    Attributes:
        comparisons: pairs whose p values are adjusted together.
        smallest_effect, noise_floor: relative differences of medians, 0.05 = 5 %.
        rejected: whether the omnibus test rejects; otherwise no pair counts as different.
    """

    alpha: float
    comparisons: int
    smallest_effect: float
    noise_floor: float | None
    rejected: bool


@dataclass(frozen=True, slots=True)
class _Judgement:
    verdict: Verdict
    reason: str
    runs_needed: int | None = None


def judge(pair: Pair, rule: Rule, *, identical: bool = False, p_family: float | None = None) -> Pair:
    """Return the pair with significance, verdict, reason and advised runs.

    Args:
        identical: all runs of both groups have one and the same value; then even a median of 0 is no reason to doubt.
        p_family: adjusted over a family; decides instead of `p_adjusted`.
    """
    p = pair.p_adjusted if p_family is None else p_family
    significant = rule.rejected and p is not None and p < rule.alpha
    found = _judge(pair, rule, significant, identical)
    return replace(
        pair,
        significant=significant,
        p_family=p_family,
        verdict=found.verdict,
        reason=found.reason,
        runs_needed=found.runs_needed,
    )


def _judge(pair: Pair, rule: Rule, significant: bool, identical: bool) -> _Judgement:
    ratio, ci = pair.ratio.value, pair.ratio.ci
    if identical:
        return _Judgement(Verdict.NO_PRACTICAL_DIFFERENCE, "all runs of both have the same value")
    if ratio is None or isinstance(ci, NotComputable):
        return _Judgement(Verdict.INCONCLUSIVE, ci.reason if isinstance(ci, NotComputable) else "no ratio")
    margin = math.log1p(rule.smallest_effect)
    size, low, high = math.log(ratio), math.log(ci.low), math.log(ci.high)
    if -margin <= low and high <= margin:
        return _Judgement(Verdict.NO_PRACTICAL_DIFFERENCE, f"the interval lies within ±{_percent(rule.smallest_effect)}")
    error = (high - low) / (2 * _Z)
    if abs(size) < margin:
        text = f"the difference may be smaller or larger than {_percent(rule.smallest_effect)}"
        return _inconclusive(pair, text, _runs_for_equivalence(pair, error, margin, abs(size)))
    if pair.p is None:
        return _Judgement(Verdict.INCONCLUSIVE, "the test is not computable")
    if not significant or low <= 0 <= high:
        for_interval = _harmonic(pair) * ((_Z + _Z_POWER) * error / abs(size)) ** 2 if size else math.inf
        needed = for_interval if significant else max(for_interval, _runs_for_test(pair, rule))
        return _inconclusive(pair, _why_not_different(rule, significant, low, high), needed)
    if rule.noise_floor is not None and abs(size) < math.log1p(rule.noise_floor):
        text = f"the difference is below the machine's noise floor of {_percent(rule.noise_floor)}; more runs do not help"
        return _Judgement(Verdict.INCONCLUSIVE, text)
    verdict = Verdict.LOWER if size < 0 else Verdict.HIGHER
    return _Judgement(verdict, f"significant, and the estimate differs by at least {_percent(rule.smallest_effect)}")


def _inconclusive(pair: Pair, text: str, needed: float) -> _Judgement:
    if not needed <= MOST_RUNS:
        return _Judgement(Verdict.INCONCLUSIVE, f"{text}; more than {MOST_RUNS:,} runs needed")
    count = max(math.ceil(needed), pair.n_a + 1, pair.n_b + 1)
    return _Judgement(Verdict.INCONCLUSIVE, f"{text}; about {count} runs each needed", count)


def _why_not_different(rule: Rule, significant: bool, low: float, high: float) -> str:
    if significant:
        return "significant, but the interval of the ratio includes 1"
    if not rule.rejected:
        return "the omnibus test does not reject"
    if low <= 0 <= high:
        return "not significant"
    return f"the interval of the ratio excludes 1, but the test over {rule.comparisons} pairs is not significant"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _harmonic(pair: Pair) -> float:
    return 2 / (1 / pair.n_a + 1 / pair.n_b)


def _runs_for_equivalence(pair: Pair, error: float, margin: float, size: float) -> float:
    """Return the runs with which an interval around a log ratio of this size lies within ± margin with the stated power."""
    low, high = 0.0, (margin - size) / _Z  # at the upper standard error even the expected bound is at the margin
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        inside = (_normal_cdf((margin + sign * size) / middle - _Z) for sign in (1, -1)) if middle > 0 else (1.0, 1.0)
        low, high = (middle, high) if sum(inside) - 1 > POWER else (low, middle)
    return _harmonic(pair) * (error / low) ** 2 if low > 0 else math.inf


def _normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _runs_for_test(pair: Pair, rule: Rule) -> float:
    """Return n · ((z_needed + z_power) ÷ z_found)², with the threshold of the first step of Holm's method."""
    if pair.p is None or pair.p >= 1:  # no evidence to extrapolate from
        return math.inf
    found = -float(special.ndtri(pair.p / 2)) if pair.p > 0 else math.inf
    needed = -float(special.ndtri(rule.alpha / (2 * max(1, rule.comparisons))))
    return _harmonic(pair) * ((needed + _Z_POWER) / found) ** 2 if found > 0 else math.inf
