"""The gate at the end of a cool-down: whether the machine is steady.

Steady means, over the trailing window: power varies by at most 5 % (coefficient of variation), temperature stays within 2 °C,
and no GPU throttles. Where a machine has no power or temperature sensor, the rule is its CPU load, and the verdict says so.
Power and temperature are judged by the means of five blocks of the window, so that one noisy sample decides nothing.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, pstdev

import psutil

from greenreport.record import ENERGY_QUANTITIES, Domain, Method, Quantity, Trace, TraceKind

POWER_COV = 0.05
TEMPERATURE_RANGE = 2.0
LOAD = 0.05
BLOCKS = 5


@dataclass(frozen=True, slots=True)
class Steadiness:
    """Whether the machine became steady, and by which rule."""

    steady: bool
    note: str


class History:
    """Judges the traces again and again until they are steady or the time is up."""

    def __init__(self, window_s: float, max_s: float) -> None:
        self.window_s = window_s
        self.max_s = max_s
        self.start = time.monotonic()

    def judge(self, traces: Sequence[Trace]) -> Steadiness | None:
        """Return the verdict, or None while it is open."""
        waited = time.monotonic() - self.start
        if waited < self.window_s and waited < self.max_s:
            return None
        steady, rule = is_steady(traces, int(self.window_s * 1e9))
        if steady:
            return Steadiness(True, f"steady after {waited:.0f} s: {rule}")
        if waited >= self.max_s:
            return Steadiness(False, f"not steady after the longest wait of {self.max_s:.0f} s: {rule}")
        return None


def is_steady(traces: Sequence[Trace], window_ns: int) -> tuple[bool, str]:
    """Return whether the trailing window is steady, and the rule with its figures."""
    powers = [blocks for trace in _power_traces(traces) if (blocks := _block_powers(trace, window_ns))]
    temperatures = [blocks for t in traces if t.quantity == Quantity.TEMPERATURE and (blocks := _block_means(t, window_ns))]
    throttled = any(t.value[-1] for t in traces if t.quantity == Quantity.THROTTLE and t.value)
    if not powers and not temperatures:
        return _by_load(traces, window_ns)
    cov = max((pstdev(p) / fmean(p) if fmean(p) > 0 else 0.0 for p in powers), default=0.0)
    spread = max((max(values) - min(values) for values in temperatures), default=0.0)
    figures = [f"power varies by {cov:.1%}"] if powers else []
    figures += [f"temperature by {spread:.1f} °C"] if temperatures else []
    figures += ["a GPU throttles"] if throttled else []
    return cov <= POWER_COV and spread < TEMPERATURE_RANGE and not throttled, ", ".join(figures)


def _power_traces(traces: Sequence[Trace]) -> list[Trace]:
    """Return one measured trace per domain, the energy counter before sampled power."""
    best: dict[str, Trace] = {}
    wanted = [t for t in traces if t.quantity in ENERGY_QUANTITIES and t.method is Method.MEASURED]
    for trace in sorted(wanted, key=lambda t: t.kind is TraceKind.GAUGE):
        best.setdefault(trace.domain, trace)
    return list(best.values())


def _by_load(traces: Sequence[Trace], window_ns: int) -> tuple[bool, str]:
    for trace in traces:
        if trace.domain == Domain.MACHINE and trace.quantity == Quantity.CPU_TIME and len(trace.t_ns) > 1:
            first = _first_index(trace, window_ns)
            seconds = (trace.t_ns[-1] - trace.t_ns[first]) / 1e9
            busy = (trace.value[-1] - trace.value[first]) / seconds if seconds > 0 else 0.0
            text = f"{busy:.2f} CPUs busy (no power or temperature sensor on this machine, so CPU load decides)"
            return busy <= LOAD * (psutil.cpu_count() or 1), text
    return True, "no sensor and no CPU load to judge by"


def _first_index(trace: Trace, window_ns: int) -> int:
    return bisect_left(trace.t_ns, trace.t_ns[-1] - window_ns)


def _edges(trace: Trace, window_ns: int) -> list[int]:
    """Return the sample indices at which the blocks of the trailing window begin and end; empty when there are too few."""
    if len(trace.t_ns) < BLOCKS + 1:
        return []
    first, last = _first_index(trace, window_ns), len(trace.t_ns) - 1
    return [first + (last - first) * block // BLOCKS for block in range(BLOCKS + 1)] if last - first >= BLOCKS else []


def _block_means(trace: Trace, window_ns: int) -> list[float]:
    """Return the mean of a gauge in consecutive blocks of the trailing window."""
    return [fmean(trace.value[start : end + 1]) for start, end in pairwise(_edges(trace, window_ns))]


def _block_powers(trace: Trace, window_ns: int) -> list[float]:
    """Return the mean power of consecutive blocks of the trailing window, in W."""
    if trace.kind is TraceKind.GAUGE:
        return _block_means(trace, window_ns)
    powers = []
    for start, end in pairwise(_edges(trace, window_ns)):
        energy = trace.value[end] - trace.value[start]
        seconds = (trace.t_ns[end] - trace.t_ns[start]) / 1e9
        if seconds <= 0 or energy < 0:  # a wrap inside the window: judge again with the next sample
            return []
        powers.append(energy / seconds)
    return powers
