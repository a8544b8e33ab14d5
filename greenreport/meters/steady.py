"""When a machine is steady: the gate at the end of a cool-down.

Steady means, over the trailing window: power varies by at most 5 % (coefficient of variation), temperature stays within 2 °C,
and no GPU throttles. Where a machine has no power or temperature sensor, the rule is its CPU load, and the verdict says so.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, pstdev

from greenreport.record import Kind, Method, Trace

POWER_COV = 0.05
TEMPERATURE_RANGE = 2.0
LOAD = 0.05
BLOCKS = 5


@dataclass(frozen=True, slots=True)
class Steadiness:
    """Whether the machine became steady, after how long, and by which rule."""

    steady: bool
    waited_s: float
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
            return Steadiness(True, waited, f"steady after {waited:.0f} s: {rule}")
        if waited >= self.max_s:
            return Steadiness(False, waited, f"not steady after the longest wait of {self.max_s:.0f} s: {rule}")
        return None


def is_steady(traces: Sequence[Trace], window_ns: int) -> tuple[bool, str]:
    """Return whether the trailing window is steady, and the rule with its figures."""
    powers = [
        p for t in traces if t.quantity == "energy" and t.method is Method.MEASURED for p in [_block_powers(t, window_ns)] if p
    ]
    temperatures = [values for t in traces if t.quantity == "temperature" for values in [_recent(t, window_ns)] if values]
    throttled = any(value for t in traces if t.quantity == "throttle" for value in _recent(t, window_ns)[-1:])
    if not powers and not temperatures:
        return _by_load(traces, window_ns)
    cov = max((pstdev(p) / fmean(p) if fmean(p) > 0 else 0.0 for p in powers), default=0.0)
    spread = max((max(values) - min(values) for values in temperatures), default=0.0)
    figures = [f"power varies by {cov:.1%}"] if powers else []
    figures += [f"temperature by {spread:.1f} °C"] if temperatures else []
    figures += ["a GPU throttles"] if throttled else []
    return cov <= POWER_COV and spread < TEMPERATURE_RANGE and not throttled, ", ".join(figures)


def _by_load(traces: Sequence[Trace], window_ns: int) -> tuple[bool, str]:
    for trace in traces:
        if trace.domain == "machine" and trace.quantity == "cpu_time" and len(trace.t_ns) > 1:
            first = _first_index(trace, window_ns)
            seconds = (trace.t_ns[-1] - trace.t_ns[first]) / 1e9
            busy = (trace.value[-1] - trace.value[first]) / seconds if seconds > 0 else 0.0
            text = f"{busy:.2f} CPUs busy (no power or temperature sensor on this machine, so CPU load decides)"
            return busy <= LOAD * _logical_cpus(), text
    return True, "no sensor and no CPU load to judge by"


def _logical_cpus() -> int:
    import psutil

    return psutil.cpu_count() or 1


def _first_index(trace: Trace, window_ns: int) -> int:
    since = trace.t_ns[-1] - window_ns
    return next((index for index, at in enumerate(trace.t_ns) if at >= since), len(trace.t_ns) - 1)


def _recent(trace: Trace, window_ns: int) -> list[float]:
    return list(trace.value[_first_index(trace, window_ns) :]) if trace.t_ns else []


def _block_powers(trace: Trace, window_ns: int) -> list[float]:
    """Return the mean power of consecutive blocks of the trailing window of an energy counter, in W."""
    if trace.kind is not Kind.COUNTER or len(trace.t_ns) < BLOCKS + 1:
        return []
    first = _first_index(trace, window_ns)
    last = len(trace.t_ns) - 1
    edges = [first + (last - first) * block // BLOCKS for block in range(BLOCKS + 1)]
    powers = []
    for start, end in pairwise(edges):
        energy = trace.value[end] - trace.value[start]
        seconds = (trace.t_ns[end] - trace.t_ns[start]) / 1e9
        if seconds <= 0 or energy < 0:  # a wrap inside the window: judge again with the next sample
            return []
        powers.append(energy / seconds)
    return powers
