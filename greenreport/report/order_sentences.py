"""What the order of the runs does to their values, in words: each effect with its size and what it means for the answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from greenreport.analysis.measure.run_order import OrderEffects
from greenreport.analysis.measure.settling import Settling
from greenreport.analysis.stats import NotComputable
from greenreport.analysis.stats.autocorrelation import Autocorrelation, coverage_with
from greenreport.analysis.stats.order_effects import CarryOver, Drift
from greenreport.catalog import METRICS
from greenreport.units import THIN, capital, counted, number, p_equation, percent

PERCENT = f"{THIN}%"


@dataclass(frozen=True, slots=True)
class OrderSentence:
    """One effect of the order on one metric.

    Attributes:
        found: whether it is beyond chance; None where that cannot be told.
        seen: what the runs show, with numbers.
        meaning: what it means for the answers.
    """

    effect: str
    metric: str
    found: bool | None
    seen: str
    meaning: str


def order_sentences(effects: OrderEffects) -> Iterator[OrderSentence]:
    """Yield the effects of the order on a metric."""
    label = METRICS[effects.metric].label
    drift, carried, lasting = effects.drift, effects.carry_over, effects.autocorrelation
    yield OrderSentence("Drift", label, _found(drift), capital(drift_words(effects)), _drift_meaning(effects))
    yield OrderSentence("The run before", label, _found(carried), capital(_carried_words(carried)), _carried_meaning(effects))
    yield OrderSentence(
        "Autocorrelation of blocks", label, _found(lasting), capital(_lasting_words(lasting)), _lasting_meaning(lasting)
    )


def settling_sentence(items: Sequence[Settling]) -> OrderSentence | None:
    """Return whether windows began before their runs had settled; None where no cell could be judged."""
    if not items:
        return None
    unsettled = [item for item in items if item.found]
    flagged = sum(item.flagged for item in items)
    where = "in the one cell that can be judged" if len(items) == 1 else f"in {len(unsettled) or 'any'} of {len(items)} cells"
    if unsettled:
        seen = f"{where}, the first quarter of the answers in a window takes longer, or less, than the rest: {'; '.join(map(settling_words, unsettled))}"
    else:
        seen = f"no difference between the first quarter of the answers in a window and the rest is found {where}"
    if flagged:
        seen += f"; {counted(flagged, 'single run')} {'has' if flagged == 1 else 'have'} a clear change point and {'is' if flagged == 1 else 'are'} flagged"
    meaning = "Windows that had not settled mix two states; more warm-up requests help." if unsettled or flagged else ""
    return OrderSentence("Settling of windows", "Time of an answer", bool(unsettled), capital(seen), meaning)


def settling_words(item: Settling) -> str:
    """Return how the beginning of a cell's windows differs from the rest."""
    way = "longer" if item.change > 0 else "less"
    return (
        f"{item.cell.key}: {percent(abs(item.change))} {way} over {counted(item.runs, 'run')}, 95{PERCENT} interval of this cell alone "
        f"{_signed(item.ci.low)} to {_signed(item.ci.high)}, p {p_equation(item.p_adjusted)} over all cells"
    )


def _found(effect: Drift | CarryOver | Autocorrelation | NotComputable) -> bool | None:
    return None if isinstance(effect, NotComputable) else effect.found


def drift_words(effects: OrderEffects) -> str:
    """Return whether a metric moves with time over the study: ``energy rises by 1.2 % per hour (…)``."""
    drift, noun = effects.drift, METRICS[effects.metric].noun
    if isinstance(drift, NotComputable):
        return f"whether {noun} moves with time cannot be told: {drift.reason}"
    test = f"t({drift.df}) = {number(drift.t)}, p {p_equation(drift.p)}"
    interval = f"{_signed(drift.ci.low)} to {_signed(drift.ci.high)}"
    verb, whole = "rises" if drift.per_hour > 0 else "falls", abs(math.expm1(effects.hours * math.log1p(drift.per_hour)))
    if not drift.found:
        return (
            f"{noun} {verb} by {percent(abs(drift.per_hour))} per hour, which these runs cannot tell from chance ({test}): they admit {interval} per hour "
            f"(95{PERCENT} interval)"
        )
    return f"{noun} {verb} by {percent(abs(drift.per_hour))} per hour (95{PERCENT} interval {interval}; {test}), which is {percent(whole)} over the {number(effects.hours, 2)} hours of the study"


def _signed(share: float) -> str:
    return f"+{percent(share)}" if share > 0 else percent(share)


def _drift_meaning(effects: OrderEffects) -> str:
    if isinstance(effects.drift, NotComputable):
        return ""
    if effects.randomised:
        return (
            "Configurations are compared within blocks, in random order: what changes from block to block cancels, and what changes within "
            "a block is noise that favours none. Absolute values are those of their hour."
            if effects.drift.found
            else ""
        )
    if effects.drift.found:
        return "The order is fixed, so this also looks like a difference between configurations that run early and late in each block."
    return "The order is fixed, so a drift within this range would look like a difference between configurations."


def _carried_words(effect: CarryOver | NotComputable) -> str:
    if isinstance(effect, NotComputable):
        return f"whether the run before matters cannot be told: {effect.reason}"
    test = f"F({effect.df[0]}, {effect.df[1]}) = {number(effect.f)}, p {p_equation(effect.p)}"
    if effect.found:
        return (
            f"the value depends on which cell ran before: by {percent(effect.spread)} (standard deviation of that effect; 90{PERCENT} interval "
            f"{percent(effect.ci.low)} to {percent(effect.ci.high)}; {test})"
        )
    return f"no effect of the cell that ran before is found ({test}); the runs admit one of up to {percent(effect.ci.high)} (standard deviation)"


def _carried_meaning(effects: OrderEffects) -> str:
    if isinstance(effects.carry_over, NotComputable) or not effects.carry_over.found:
        return ""
    return (
        "What ran before differs at random between configurations, so this is noise: it widens intervals and favours none. A longer cool-down, or "
        "an order by a Williams design, lessens it."
    )


def _lasting_words(effect: Autocorrelation | NotComputable) -> str:
    if isinstance(effect, NotComputable):
        return f"whether errors last from block to block cannot be told: {effect.reason}"
    test = f"{number(effect.ci.low, 2)} to {number(effect.ci.high, 2)}; t = {number(effect.t)}, p {p_equation(effect.p)}"
    if effect.found:
        alike = "like" if effect.rho > 0 else "unlike"
        return f"runs of one cell in successive blocks are {alike} each other, by an autocorrelation of {number(effect.rho, 2)} ({test})"
    return f"no autocorrelation from block to block is found: {number(effect.rho, 2)} ({test})"


def _lasting_meaning(effect: Autocorrelation | NotComputable) -> str:
    if isinstance(effect, NotComputable):
        return ""
    if not effect.found:
        worst = max(0.0, effect.ci.high)
        return f"Were it {number(worst, 2)}, {_held(coverage_with(worst, effect.blocks))}."
    if effect.rho < 0:
        return "Intervals of pairs are wider than they need to be."
    return f"Intervals of pairs are too narrow: {_held(effect.coverage)}, by the model of a first-order autoregression."


def _held(coverage: float) -> str:
    return f"intervals of 95{PERCENT} would hold the truth in about {round(100 * coverage)} of 100 studies"
