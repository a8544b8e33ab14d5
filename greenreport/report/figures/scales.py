"""Units of axes: one prefix for all ticks of an axis, in its title, so that no tick reads “600m”."""

from __future__ import annotations

from collections.abc import Iterable

PREFIXES = ((1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"))
#: Units that take prefixes; of seconds only those below 1.
PREFIXED = frozenset({"J", "W", "J/request", "J/token"})


def axis_unit(unit: str, values: Iterable[float]) -> tuple[float, str]:
    """Return by what the values of an axis are divided, and their unit then: (0.001, ``ms``) where the largest is 0.04 s."""
    largest = max((abs(value) for value in values), default=0.0)
    if unit not in PREFIXED and unit != "s":
        return 1.0, unit
    usable = [pair for pair in PREFIXES if unit != "s" or pair[0] <= 1]
    factor, prefix = next((pair for pair in usable if largest >= pair[0]), usable[-1] if largest else (1.0, ""))
    return factor, f"{prefix}{unit}"
