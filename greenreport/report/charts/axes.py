"""Horizontal axes of values: linear or logarithmic, and the other one on offer where every value is positive."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeGuard

import altair as alt

from greenreport.analysis.stats import Interval, NotComputable, reach
from greenreport.report.charts.base import Sheet, log_domain, log_ticks, prefixed

Kind = Literal["linear", "log"]
WIDE = 20  # values that span more than this factor are shown on a logarithmic axis first


def finite(value: float | None) -> TypeGuard[float]:
    """Whether a value has a place on an axis."""
    return value is not None and math.isfinite(value)


def positive(value: float | None) -> TypeGuard[float]:
    """Whether a value has a logarithm, and a quotient with another such value."""
    return finite(value) and value > 0


def log_ends(value: float, ci: Interval | NotComputable) -> tuple[float, float]:
    """Return the ends of an interval on a logarithmic axis; the estimate in place of an end that is missing or has no logarithm."""
    low, high = reach(value, ci)
    return low if positive(low) else value, high if positive(high) else value


def value_axis(
    sheet: Sheet,
    values: Sequence[float],
    title: str,
    *,
    first: Kind | None = None,
    start: float | None = None,
    unit: str = "",
    suffix: str = "",
) -> Callable[[str], alt.X]:
    """Return a function that gives the axis for a field; the page switches between both kinds where both are possible.

    Args:
        first: the kind shown first; by the span of the values when absent.
        start: where the axis begins; a logarithmic one only where that is above 0.
        unit: stands behind every tick, with the prefix of its size ("40 ms"); `suffix`: the same without prefix ("2 ×").
    """
    values = [value for value in values if finite(value)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    domain = log_domain(values)
    if start:
        domain[0] = start
    ticks = log_ticks(domain) if low > 0 else []
    labels = _labels(unit, suffix)
    kinds: dict[Kind, dict[str, Any]] = {"linear": _linear(low, high, title, start, labels)}
    if len(ticks) > 1:
        kinds["log"] = _log(domain, ticks, title, labels)
    span: Kind = "log" if low > 0 and high / low > WIDE else "linear"
    shown: Kind = (first or span) if (first or span) in kinds else "linear"
    others = [kind for kind in kinds if kind != shown]
    if others:
        sheet.offer(others[0], "x", kinds[others[0]])
    return lambda field: alt.X(field, **kinds[shown])


def _linear(low: float, high: float, title: str, start: float | None, labels: Mapping[str, Any]) -> dict[str, Any]:
    pad = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
    domain = [low - pad if start is None else start, high + pad]
    return {
        "title": title,
        "scale": alt.Scale(domain=domain, nice=False, zero=False),
        "axis": alt.Axis(tickCount=6, labelOverlap=True, **labels),
    }


def _log(domain: Sequence[float], ticks: Sequence[float], title: str, labels: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": f"{title}, log scale",
        "scale": alt.Scale(type="log", domain=list(domain), nice=False),
        "axis": alt.Axis(values=list(ticks), labelOverlap=True, **labels),
    }


def _labels(unit: str, suffix: str) -> Mapping[str, Any]:
    if unit:
        text = prefixed(unit)
    elif suffix:
        text = f"format(datum.value, '~g') + ' {suffix}'"
    else:
        return {"format": "~s"}
    return {"labelExpr": text, "labelSeparation": 8}
