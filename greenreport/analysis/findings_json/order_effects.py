"""What the order of runs does to their values, and whether their windows had settled, for `document`."""

from __future__ import annotations

from dataclasses import fields

from greenreport.analysis.findings_json.plain_values import Json, pick
from greenreport.analysis.measure.run_order import OrderEffects
from greenreport.analysis.measure.settling import Settling
from greenreport.analysis.stats import NotComputable
from greenreport.analysis.stats.autocorrelation import Autocorrelation
from greenreport.analysis.stats.order_effects import CarryOver, Drift


def order_effects(item: OrderEffects) -> Json:
    """Return the effects of the order on a metric, each with its verdict: found, not found, or null with the reason."""
    return {
        **pick(item, "metric", "runs", "hours", "randomised"),
        "drift": _effect(item.drift),
        "carry_over": _effect(item.carry_over),
        "autocorrelation": _effect(item.autocorrelation),
    }


def settled(item: Settling) -> Json:
    """Return whether the windows of a cell began before its runs had settled."""
    cell = {"model": item.cell.model.id, "configuration": item.cell.configuration.id}
    return {**cell, **pick(item, "found", "runs", "flagged", "change", "ci", "p", "p_adjusted")}


def _effect(effect: Drift | CarryOver | Autocorrelation | NotComputable) -> Json:
    if isinstance(effect, NotComputable):
        return {"found": None, "reason": effect.reason}
    return {"found": effect.found, **{field.name: getattr(effect, field.name) for field in fields(effect)}}
