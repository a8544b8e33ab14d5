"""Units that other tools write, and what turns their values into those of our metrics."""

from __future__ import annotations

from greenreport.catalog import METRICS

#: Unit → (SI unit, what a value is multiplied by).
_UNITS = {
    "J": ("J", 1.0), "kJ": ("J", 1e3), "MJ": ("J", 1e6), "mJ": ("J", 1e-3), "uJ": ("J", 1e-6), "kWh": ("J", 3.6e6), "Wh": ("J", 3600.0), "mWh": ("J", 3.6),
    "s": ("s", 1.0), "ms": ("s", 1e-3), "us": ("s", 1e-6), "ns": ("s", 1e-9), "min": ("s", 60.0), "h": ("s", 3600.0),
    "W": ("W", 1.0), "mW": ("W", 1e-3), "uW": ("W", 1e-6), "kW": ("W", 1e3),
    "%": ("%", 1.0), "1": ("%", 100.0),
    "B": ("B", 1.0), "kB": ("B", 1e3), "MB": ("B", 1e6), "GB": ("B", 1e9), "KiB": ("B", 1024.0), "MiB": ("B", 1024.0**2), "GiB": ("B", 1024.0**3),
}  # fmt: skip
_SPELLINGS = {
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "milliseconds": "ms", "microseconds": "us", "µs": "us", "μs": "us", "nanoseconds": "ns",
    "joule": "J", "joules": "J", "µJ": "uJ", "μJ": "uJ", "watt": "W", "watts": "W", "percent": "%", "pct": "%", "fraction": "1", "ratio": "1", "share": "1",
    "bytes": "B", "KB": "kB", "tok": "tokens", "token": "token", "queries": "requests", "tokens/sec": "tokens/s", "requests/sec": "requests/s",
    "requests/second": "requests/s", "tokens/second": "tokens/s", "tok/s": "tokens/s",
}  # fmt: skip
NAMES = tuple(_UNITS)


def plain_unit(unit: str) -> str:
    """Return a unit as it is spelled here."""
    return _SPELLINGS.get(unit, unit)


def si_unit(unit: str) -> str:
    """Return the unit that values have after `scale_of`: ``J`` of ``kWh``; a unit that is not known stays as it is."""
    return _UNITS.get(plain_unit(unit), (plain_unit(unit), 1.0))[0]


def scale_of(unit: str, metric: str) -> float:
    """Return what turns a value with this unit into one of a metric's unit; of a metric the catalog does not know, into SI.

    Raises:
        ValueError: the unit measures something else.
    """
    own = plain_unit(unit)
    if metric not in METRICS:
        return _UNITS.get(own, ("", 1.0))[1]
    wanted = METRICS[metric].unit
    if own == wanted:
        return 1.0
    (top, below), (wanted_top, wanted_below) = own.partition("/")[::2], wanted.partition("/")[::2]
    first, second = _scale(top, wanted_top), _scale(below, wanted_below)
    if first is None or second is None:
        fitting = [name for name, (kind, _) in _UNITS.items() if kind == wanted]
        raise ValueError(
            f"{metric} is in {wanted}, which {unit!r} is not; units that can be converted: {', '.join(fitting) or wanted}"
        )
    return first / second


def _scale(unit: str, wanted: str) -> float | None:
    if unit == wanted:
        return 1.0
    own, target = _UNITS.get(plain_unit(unit)), _UNITS.get(wanted)
    return own[1] / target[1] if own is not None and target is not None and own[0] == target[0] else None
