"""Arithmetic on traces: unwrap counters, interpolate at window edges, integrate power, average gauges.

Everything the meters record is raw; every joule on the site is computed here, so a corrected formula needs a rebuild, not a
re-run. Times are nanoseconds, values are in the trace's unit; results are SI.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from greenreport.record import Kind, Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def times_of(trace: Trace) -> Ints:
    """Return the sample times in ns as an array."""
    return np.frombuffer(trace.t_ns, dtype=np.int64) if len(trace.t_ns) else np.empty(0, dtype=np.int64)


def values_of(trace: Trace) -> Floats:
    """Return the values as an array."""
    return np.frombuffer(trace.value, dtype=np.float64) if len(trace.value) else np.empty(0, dtype=np.float64)


def unwrap(values: Floats, wrap_at: float | None) -> Floats | None:
    """Return a counter as growth since its first sample.

    A step down is one wrap at `wrap_at`; more than one wrap between two samples cannot be seen, which is why the sampler reads
    far more often than a counter wraps. A step down without a wrap value, or by less than half the range, is a reset: the
    energy in between is unknown.

    Returns:
        Growth in the counter's unit, or None after a reset.
    """
    if not len(values):
        return values
    steps = np.diff(values)
    down = steps < 0
    if down.any():
        if wrap_at is None or (-steps[down] < 0.5 * wrap_at).any():
            return None
        steps = np.where(down, steps + wrap_at, steps)
    return np.concatenate(([0.0], np.cumsum(steps)))


def counter_growth(trace: Trace, start_ns: int, end_ns: int) -> float | None:
    """Return how much a counter grew between two times, interpolated linearly between samples.

    Returns:
        None when the trace does not span the window or the counter was reset.
    """
    times = times_of(trace)
    if len(times) < 2 or times[0] > start_ns or times[-1] < end_ns:
        return None
    growth = unwrap(values_of(trace), trace.wrap_at)
    if growth is None:
        return None
    edges = np.interp(np.array([start_ns, end_ns], dtype=np.float64), times.astype(np.float64), growth)
    return float(edges[1] - edges[0])


def gauge_integral(trace: Trace, start_ns: int, end_ns: int) -> float | None:
    """Return the integral of a gauge over time (unit · s), trapezoidal, with interpolated edges; None when not spanned."""
    times, values = times_of(trace), values_of(trace)
    if len(times) < 2 or times[0] > start_ns or times[-1] < end_ns or end_ns <= start_ns:
        return None
    inside = (times > start_ns) & (times < end_ns)
    t = np.concatenate(([start_ns], times[inside], [end_ns])).astype(np.float64)
    v = np.interp(t, times.astype(np.float64), values)
    return float(np.trapezoid(v, t) / 1e9)


def gauge_mean(trace: Trace, start_ns: int, end_ns: int) -> float | None:
    """Return the time-weighted mean of a gauge over a window."""
    integral = gauge_integral(trace, start_ns, end_ns)
    return None if integral is None else integral / ((end_ns - start_ns) / 1e9)


def gauge_peak(trace: Trace, start_ns: int, end_ns: int) -> float | None:
    """Return the largest sample of a gauge inside a window."""
    times, values = times_of(trace), values_of(trace)
    inside = values[(times >= start_ns) & (times <= end_ns)]
    return float(inside.max()) if len(inside) else None


def energy(trace: Trace, start_ns: int, end_ns: int) -> float | None:
    """Return joules over a window, from an energy counter or from power."""
    if trace.kind is Kind.COUNTER:
        return counter_growth(trace, start_ns, end_ns)
    return gauge_integral(trace, start_ns, end_ns)


def power_samples(trace: Trace, start_ns: int, end_ns: int) -> Floats:
    """Return power in W between successive samples inside a window (of a counter), or the samples (of a gauge)."""
    times, values = times_of(trace), values_of(trace)
    if trace.kind is Kind.GAUGE:
        return values[(times >= start_ns) & (times <= end_ns)]
    growth = unwrap(values, trace.wrap_at)
    if growth is None or len(times) < 2:
        return np.empty(0)
    seconds = np.diff(times) / 1e9
    inside = (times[:-1] >= start_ns) & (times[1:] <= end_ns) & (seconds > 0.02)  # extra samples at phase edges are too close
    return np.diff(growth)[inside] / seconds[inside]
