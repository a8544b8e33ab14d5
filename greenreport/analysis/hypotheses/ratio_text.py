"""Ratios in words: differences, multiples and intervals."""

from __future__ import annotations

from greenreport.catalog import MetricInfo
from greenreport.units import THIN, number


def rounds_to_equal(ratio: float) -> bool:
    """Whether a ratio is printed as no difference."""
    return abs(ratio - 1) < 0.0005


def difference(ratio: float, info: MetricInfo) -> str:
    """Return a ratio as a difference in words: ``38 % less energy``, ``2.3 times the energy``, ``the same energy``, ``8 % fewer right answers``."""
    if rounds_to_equal(ratio):
        return f"as many {info.counted}" if info.counted else f"the same {info.noun}"
    if ratio >= 2:
        return f"{number(ratio)} times the {info.compared}"
    relative = " (relative)" if info.unit == "%" and not info.counted else ""  # else it could be percentage points
    return f"{number(abs(1 - ratio) * 100, 2)}{THIN}% {info.word(ratio)} {info.compared}{relative}"


def interval_text(low: float, high: float, value: float) -> str:
    """Return two ratios in the scale of `value`: percentages with direction where it changes, or multiples."""
    if value >= 2:
        return f"{number(low)}–{number(high)} times"
    # As many digits as tell the ends apart: “92–92 %” would hide the interval.
    digits = next((d for d in (2, 3, 4) if percent_change(low, d) != percent_change(high, d)), 2)
    ends = [percent_change(low, digits), percent_change(high, digits)]
    if low < 1 and high < 1:
        return f"{ends[1].lstrip('−+')}–{ends[0].lstrip('−+')}{THIN}%"
    if low >= 1 and high >= 1:
        return f"{ends[0].lstrip('−+')}–{ends[1].lstrip('−+')}{THIN}%"
    return f"{ends[0]} to {ends[1]}{THIN}%"


def percent_change(ratio: float, digits: int = 2) -> str:
    """Return a ratio as a signed change in percent without the sign of percent: ``−38``, ``+4.2``."""
    change = (ratio - 1) * 100
    return ("−" if change < 0 else "+") + number(abs(change), digits)
