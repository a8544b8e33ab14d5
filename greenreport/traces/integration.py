"""Joules over windows and parts of them, from energy counters or by integrating sampled power."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from greenreport.catalog import METERS
from greenreport.record import ENERGY_QUANTITIES, Method, Trace, TraceKind
from greenreport.traces.counters import counter_growth, unwrap
from greenreport.traces.samples import SHORTEST_STEP_S, Floats, Ints, around, cumulative, gauge_integral, times_of, values_of
from greenreport.traces.usability import why_unusable


def by_preference(traces: Sequence[Trace]) -> list[Trace]:
    """Return the traces that give joules, best first: measured before estimated, counters before power, then by catalog."""
    order = list(METERS)

    def rank(trace: Trace) -> tuple[bool, bool, int]:
        place = order.index(trace.meter) if trace.meter in METERS else len(order)
        return trace.method is Method.ESTIMATED, trace.kind is TraceKind.GAUGE, place

    return sorted((t for t in traces if t.quantity in ENERGY_QUANTITIES and t.unit in ("J", "W")), key=rank)


def energy(trace: Trace, start_ns: int, end_ns: int) -> float | None:
    """Return joules over a window, from an energy counter or from power; None where `why_unusable` gives a reason."""
    if why_unusable(trace, start_ns, end_ns) is not None:
        return None
    joules = counter_growth if trace.kind is TraceKind.COUNTER else gauge_integral
    return joules(trace, start_ns, end_ns)


def energy_over(trace: Trace, spans: Sequence[tuple[int, int]]) -> float | None:
    """Return joules over several spans together, interpolated linearly between samples; None where `why_unusable` has a reason.

    A span shorter than the sampling interval gets the mean power of its interval, whatever happened inside.
    """
    if not spans:
        return 0.0
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    if why_unusable(trace, first, last) is not None:
        return None
    times, values = around(trace, first, last)
    growth = unwrap(values, trace.wrap_at) if trace.kind is TraceKind.COUNTER else cumulative(times, values)
    if growth is None:
        return None
    at = np.interp(np.array(spans, dtype=np.int64) - times[0], times - times[0], growth)
    return float((at[:, 1] - at[:, 0]).sum())


def energy_within(trace: Trace, window_ns: tuple[int, int], spans: Ints) -> float | None:
    """Return joules over parts of a window, so that the joules of parts that make up the window are those of the window.

    Args:
        window_ns: start and end; the trace must be usable over it.
        spans: rows of start and end in ns, inside the window.
    """
    times, values = around(trace, *window_ns)
    edges = spans.reshape(-1, 2)
    if trace.kind is TraceKind.COUNTER:
        growth = unwrap(values, trace.wrap_at)
        if growth is None:
            return None
        at = np.interp(edges - times[0], times - times[0], growth)
    else:  # between two samples power is a straight line, as for the window itself
        before = np.clip(np.searchsorted(times, edges, side="right") - 1, 0, len(times) - 1)
        power = np.interp(edges - times[0], times - times[0], values)
        at = cumulative(times, values)[before] + (edges - times[before]) / 1e9 * (values[before] + power) / 2
    return float((at[:, 1] - at[:, 0]).sum())


def power_samples(trace: Trace, start_ns: int, end_ns: int) -> Floats:
    """Return power in W between successive samples inside a window (of a counter), or the samples (of a gauge)."""
    times, values = times_of(trace), values_of(trace)
    inside = (times >= start_ns) & (times <= end_ns)
    times, values = times[inside], values[inside]
    if trace.kind is TraceKind.GAUGE:
        return values
    growth = unwrap(values, trace.wrap_at)
    if growth is None or len(times) < 2:
        return np.empty(0)
    seconds = np.diff(times) / 1e9
    apart = seconds > SHORTEST_STEP_S
    return np.diff(growth)[apart] / seconds[apart]


def summed_power(traces: Sequence[Trace], start_ns: int, end_ns: int) -> Floats:
    """Return the power in W of several domains together, on the grid of the trace with the fewest samples in the window.

    Meters sample at intervals and times of their own, so powers are added as energies between the same two times.

    Returns:
        Empty when one of the traces cannot be used.
    """
    if not traces or any(why_unusable(trace, start_ns, end_ns) for trace in traces):
        return np.empty(0)
    grid = min((times[(times >= start_ns) & (times <= end_ns)] for times in map(times_of, traces)), key=len)
    if len(grid) < 2:
        return np.empty(0)
    grid = grid[np.concatenate(([True], np.diff(grid) / 1e9 > SHORTEST_STEP_S))]
    total = np.zeros(len(grid))
    for trace in traces:
        times, values = around(trace, start_ns, end_ns)
        growth = unwrap(values, trace.wrap_at) if trace.kind is TraceKind.COUNTER else cumulative(times, values)
        total += np.interp(grid - start_ns, times - start_ns, growth) if growth is not None else np.nan
    return np.diff(total) / (np.diff(grid) / 1e9)
