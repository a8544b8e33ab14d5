"""The filters templates print values with. A template prints no number any other way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from markupsafe import Markup, escape

from greenreport.analysis.hypotheses.answers import plain
from greenreport.analysis.measure.fidelity import CellFidelity, FidelityVerdict
from greenreport.analysis.stats import Effect, Interval, NotComputable
from greenreport.record import Phase
from greenreport.report.context import (
    DASH,
    claim_link,
    interval_html,
    metric_html,
    quantity_html,
    text_html,
    value_html,
    without,
)
from greenreport.report.exports.embed import embed_code
from greenreport.report.figures.captions import times
from greenreport.report.figures.traces import PHASE_NAMES
from greenreport.units import count, counted, number, p_equation, p_value, percent


def statistic(value: float | None) -> Markup:
    """Print a test statistic with four digits."""
    return DASH if value is None else escape(number(value, 4))


def p_html(value: float | None) -> Markup:
    """Print a p value."""
    return DASH if value is None else escape(p_value(value))


def degrees(df: tuple[float, ...]) -> str:
    """Print degrees of freedom."""
    return ", ".join(number(value, 4) for value in df)


def effect_html(effect: Effect | NotComputable) -> Markup:
    """Print an effect size with interval and magnitude."""
    if isinstance(effect, NotComputable):
        return without("–", effect.reason)
    ci = f" [{number(effect.ci.low, 2)}, {number(effect.ci.high, 2)}]" if isinstance(effect.ci, Interval) else ""
    return Markup('{} = {}{}, {} <small class="why">after {}</small>').format(
        effect.name, number(effect.value, 2), ci, effect.magnitude, effect.scale
    )


def share(value: float | None) -> Markup:
    """Print a share as a percentage."""
    return DASH if value is None else value_html(percent(value))


def computed(value: float | NotComputable) -> Markup:
    """Print a share that may not be computable, as a percentage; the reason stands below the dash."""
    if isinstance(value, NotComputable):
        return without("–", value.reason)
    return share(value)


def count_html(value: float | None) -> Markup:
    """Print a large count."""
    return DASH if not value else escape(count(value))


def times_html(value: float | None) -> Markup:
    """Print a ratio as a multiple."""
    return DASH if value is None else value_html(times(value))


def ratio_interval(ci: Interval | NotComputable) -> str:
    """Print the interval of a ratio with level and method."""
    if isinstance(ci, NotComputable):
        return f"none: {ci.reason}"
    return f"[{number(ci.low)}, {number(ci.high)}], level {percent(ci.level)}, {ci.method}"


def phase_name(phase: Phase | str) -> str:
    """Print a phase."""
    return PHASE_NAMES[Phase(phase)]


def is_unfaithful(value: CellFidelity) -> bool:
    """Whether a cell is not ranked because its outputs differ."""
    return value.verdict is FidelityVerdict.UNFAITHFUL


def code_html(text: str) -> Markup:
    """Print a text whose commands stand between backticks."""
    parts = str(text).split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if odd % 2 else escape(part) for odd, part in enumerate(parts)
    )


FILTERS: dict[str, Callable[..., Any]] = {
    "text": text_html,
    "plain": plain,
    "claim": claim_link,
    "value": value_html,
    "metric": metric_html,
    "quantity": quantity_html,
    "interval": interval_html,
    "stat": statistic,
    "p": p_html,
    "peq": p_equation,
    "dfs": degrees,
    "effect": effect_html,
    "share": share,
    "computed": computed,
    "count": count_html,
    "counted": counted,
    "times": times_html,
    "ratio_interval": ratio_interval,
    "phase": phase_name,
    "code": code_html,
    "embed_code": embed_code,
    "zip": lambda first, second: list(zip(first, second, strict=True)),
}
TESTS: dict[str, Callable[..., bool]] = {"unfaithful": is_unfaithful}
