"""Downsampled traces for drawing: power and load over time, at most a few hundred points per rail.

Each bucket of time keeps its smallest and its largest value, so that no peak is lost; the full trace is in the exported Parquet.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from greenreport import traces as tr
from greenreport.record import Domain, Method, Quantity, RunRecord, Trace, TraceKind

POINTS = 400
#: What running and waiting requests of a server are drawn as, together.
REQUESTS = "requests"
_NAMES: Mapping[str, str] = {
    Quantity.REQUESTS_RUNNING: "running",
    Quantity.REQUESTS_WAITING: "waiting",
    Quantity.CPU_TIME: "CPU load",
}
#: CPU time is counted in ticks, so over shorter steps a load would be off by more than two in a hundred, and beyond what can be.
LOAD_STEP_S = 50 * tr.CPU_TICK_S


@dataclass(frozen=True, slots=True)
class Rail:
    """A thinned series.

    Attributes:
        seconds: time since the run's first mark.
        quantity: `power` (W), `load` (% of all CPUs), `temperature` (°C), `requests` or `cache_use` (%).
        samples: number of samples before thinning.
        mean_over_s: time over which each value is a mean; 0 where it is a reading, or a mean since the reading before.
    """

    name: str
    quantity: str
    unit: str
    method: Method
    seconds: tuple[float, ...]
    values: tuple[float, ...]
    samples: int
    mean_over_s: float = 0.0


def rails(record: RunRecord) -> tuple[Rail, ...]:
    """Return the series worth drawing: power of every energy domain, load of the machine, temperatures, what servers of others tell."""
    start = min((mark.start_ns for mark in record.marks), default=0)
    drawn = []
    for trace in record.traces:
        series = _series(trace, record.environment.logical_cpus)
        if series is None or len(series[0]) < 2:
            continue
        times, values, quantity, unit = series
        t, v = thin((times - start) / 1e9, values)
        device = "CPU" if trace.domain == Domain.CPU else trace.domain
        name = f"{device} (power model)" if trace.method is Method.ESTIMATED else device
        name = _NAMES.get(trace.quantity, name)
        mean_over_s = LOAD_STEP_S if quantity == Quantity.LOAD else 0.0
        drawn.append(Rail(name, quantity, unit, trace.method, tuple(np.round(t, 3)), tuple(v), len(trace.t_ns), mean_over_s))
    return tuple(drawn)


def _series(trace: Trace, cpus: int) -> tuple[tr.Floats, tr.Floats, str, str] | None:
    """Return times in ns, values, quantity and unit of a trace worth drawing."""
    if trace.quantity == Quantity.ENERGY and trace.kind is TraceKind.COUNTER:
        slope = _slope(trace)
        return None if slope is None else (*slope, Quantity.POWER, "W")
    if trace.quantity == Quantity.CPU_TIME and trace.domain == Domain.MACHINE:
        slope = _slope(trace, LOAD_STEP_S)
        return None if slope is None else (slope[0], np.clip(100.0 * slope[1] / cpus, 0.0, 100.0), Quantity.LOAD, "%")
    if trace.quantity in (Quantity.POWER, Quantity.TEMPERATURE):
        return tr.times_of(trace).astype(np.float64), tr.values_of(trace), trace.quantity, trace.unit
    if trace.quantity in (Quantity.REQUESTS_RUNNING, Quantity.REQUESTS_WAITING):
        return tr.times_of(trace).astype(np.float64), tr.values_of(trace), REQUESTS, trace.unit
    if trace.quantity == Quantity.CACHE_USE:
        return tr.times_of(trace).astype(np.float64), 100.0 * tr.values_of(trace), Quantity.CACHE_USE, "%"
    return None


def _slope(trace: Trace, step_s: float = tr.SHORTEST_STEP_S) -> tuple[tr.Floats, tr.Floats] | None:
    """Return the mean rate of a counter per second over steps of at least `step_s`, at the end of each."""
    times, growth = tr.times_of(trace), tr.unwrap(tr.values_of(trace), trace.wrap_at)
    if growth is None or len(times) < 2:
        return None
    keep = _steps(times / 1e9, step_s)
    times, growth = times[keep], growth[keep]
    return times[1:].astype(np.float64), np.diff(growth) / (np.diff(times) / 1e9)


def _steps(seconds: tr.Floats, least: float) -> list[int]:
    """Return the indices of the first sample and of each that is further than `least` from the last one chosen."""
    if np.diff(seconds).min(initial=np.inf) > least:
        return list(range(len(seconds)))
    chosen, at, every = [0], 0, seconds.tolist()
    while (at := bisect_right(every, every[at] + least, at + 1)) < len(every):
        chosen.append(at)
    return chosen


def thin(seconds: tr.Floats, values: tr.Floats, points: int = POINTS) -> tuple[tr.Floats, tr.Floats]:
    """Return at most `points` samples: the smallest and the largest of each of points/2 buckets of equal count."""
    if len(values) <= points:
        return seconds, values
    edges = np.linspace(0, len(values), points // 2 + 1).astype(int)
    chosen = []
    for first, last in pairwise(edges.tolist()):
        bucket = values[first:last]
        chosen += sorted({first + int(bucket.argmin()), first + int(bucket.argmax())})
    index = np.array(chosen)
    return seconds[index], values[index]
