"""The filters that templates print values, intervals and claims with; a template prints no number in any other way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from markupsafe import Markup, escape

from greenreport.analysis.hypotheses.claim_text import Text, against, plain
from greenreport.analysis.hypotheses.claims import Claim
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.fidelity import FidelityVerdict
from greenreport.analysis.stats import Effect, Interval, NotComputable
from greenreport.catalog import METRICS
from greenreport.record import Phase
from greenreport.report.context import StudyContext
from greenreport.report.exports.embed import embed_code
from greenreport.report.figure import MOST_SHOWN
from greenreport.report.figures.captions import times
from greenreport.report.figures.footprint import amount_text
from greenreport.report.figures.matrix import missing_label
from greenreport.report.figures.traces import PHASE_NAMES
from greenreport.units import THIN, count, counted, declared_percent, number, p_equation, p_value, percent, quantity

#: Stands where there is no value.
DASH = Markup('<span class="soft">–</span>')


def value_html(text: str) -> Markup:
    """Return a printed quantity with its unit set apart."""
    number, separator, unit = text.partition(THIN)
    return Markup('{}<span class="u">{}{}</span>').format(number, THIN, unit) if separator else escape(text)


def quantity_html(value: float | None, unit: str) -> Markup:
    """Return a value with its unit; a dash where there is none."""
    return DASH if value is None else value_html(quantity(value, unit))


def without(dash: str, reason: str) -> Markup:
    """Return what stands where a value is missing, with the reason below it in small letters; nothing is shown on hovering alone."""
    return Markup('<span class="soft">{} <small class="why">{}</small></span>').format(dash, reason)


def interval_html(ci: Interval | NotComputable, unit: str) -> Markup:
    """Return an interval as ``[low, high]`` with unit, or why there is none."""
    if isinstance(ci, NotComputable):
        return without("no interval", ci.reason)
    return Markup("[{}, {}]").format(value_html(quantity(ci.low, unit)), value_html(quantity(ci.high, unit)))


def claim_link(claim: Claim, study: StudyContext, up: str, tail: str | None = None) -> Markup:
    """Return a claim as its size in words, linked to its derivation, and what it is compared with."""
    address = f"{up}{study.root}claims/index.html#{claim.id}"
    words = against((claim,), 0) if tail is None else tail
    return Markup('<a class="claim" href="{}">{}</a>{}').format(address, claim.size(), words)


def text_html(text: Text, study: StudyContext, up: str) -> Markup:
    """Return a text with its claims linked."""
    return Markup("").join(
        part if isinstance(part, str) else claim_link(part, study, up, against(text, place)) for place, part in enumerate(text)
    )


def effect_html(effect: Effect | NotComputable) -> Markup:
    """Return an effect size with interval and magnitude."""
    if isinstance(effect, NotComputable):
        return without("–", effect.reason)
    ci = f" [{number(effect.ci.low, 2)}, {number(effect.ci.high, 2)}]" if isinstance(effect.ci, Interval) else ""
    return Markup('{} = {}{}, {} <small class="why">after {}</small>').format(
        effect.name, number(effect.value, 2), ci, effect.magnitude, effect.scale
    )


def share(value: float | None) -> Markup:
    """Return a share as a percentage."""
    return DASH if value is None else value_html(percent(value))


def computed(value: float | NotComputable) -> Markup:
    """Return a share that may not be computable, as a percentage; the reason stands below the dash."""
    return without("–", value.reason) if isinstance(value, NotComputable) else share(value)


def ratio_interval(ci: Interval | NotComputable) -> str:
    """Return the interval of a ratio with level and method."""
    if isinstance(ci, NotComputable):
        return f"none: {ci.reason}"
    return f"[{number(ci.low)}, {number(ci.high)}], level {percent(ci.level)}, {ci.method}"


def ends(ci: Interval | NotComputable, scale: float = 1.0) -> str:
    """Return the ends of an interval alone, times `scale`, or that there is none."""
    return f"[{number(scale * ci.low)}, {number(scale * ci.high)}]" if isinstance(ci, Interval) else "no interval"


def valid_runs(cell: CellView) -> str:
    """Return how many of a cell's runs are valid, or why none is."""
    return f"{len(cell.ok)} of {len(cell.runs)}" if cell.ok else missing_label(cell)


def code_html(text: str) -> Markup:
    """Return a text whose commands stand between backticks."""
    parts = str(text).split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if odd % 2 else escape(part) for odd, part in enumerate(parts)
    )


FILTERS: dict[str, Callable[..., Any]] = {
    "text": text_html,
    "plain": plain,
    "claim": claim_link,
    "value": value_html,
    "metric": lambda value, metric: quantity_html(value, METRICS[metric].unit),
    "quantity": quantity_html,
    "uncertainty": lambda value, unit: value_html(quantity(value, unit, 2)),
    "interval": interval_html,
    "stat": lambda value: DASH if value is None else number(value, 4),
    "p": lambda value: DASH if value is None else p_value(value),
    "peq": p_equation,
    "dfs": lambda df: ", ".join(number(value, 4) for value in df),
    "effect": effect_html,
    "share": share,
    "declared": lambda value: value_html(declared_percent(value)),
    "computed": computed,
    "count": lambda value: count(value) if value else DASH,
    "counted": counted,
    "times": lambda value: DASH if value is None else value_html(times(value)),
    "ratio_interval": ratio_interval,
    "phase": lambda phase: PHASE_NAMES[Phase(phase)],
    "ratio_ends": ends,
    "share_ends": lambda ci: f"{ends(ci, 100)}{THIN}%" if isinstance(ci, Interval) else ends(ci),
    "points": lambda value: f"{'+' if value > 0 else ''}{number(100 * value)}",
    "three": number,
    "points_ends": lambda ci: ends(ci, 100),
    "valid_runs": valid_runs,
    "amount": amount_text,
    "g": lambda value: f"{value:g}",
    "code": code_html,
    "embed_code": embed_code,
    "shown": lambda rows, most=MOST_SHOWN: list(rows)[:most],
    "zip": lambda first, second: list(zip(first, second, strict=True)),
}
TESTS: dict[str, Callable[..., bool]] = {"unfaithful": lambda cell: cell.verdict is FidelityVerdict.UNFAITHFUL}
