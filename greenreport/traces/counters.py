"""Counters: undo their wraps, tell a reset from a wrap, and return how much they grew over a window."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from greenreport.record import Trace
from greenreport.traces.samples import Fault, Floats, Unusable, around, longest_normal_s, time_faults, times_of

#: No domain draws more; a step down that would mean more is a reset and no wrap.
HIGHEST_W = 10_000.0


def unwrap(values: Floats, wrap_at: float | None) -> Floats | None:
    """Return a counter as growth since its first sample.

    A step down is one wrap at `wrap_at`, which is exact as long as the counter grows by less than half its range between two
    samples; that is why the sampler reads far more often than a counter wraps. A step down without a wrap value, or by less
    than half the range, is a reset: the energy in between is unknown.

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


def counter_faults(trace: Trace, start_ns: int, end_ns: int) -> Iterator[Unusable]:
    """Yield why the growth of a counter over a window is not known, for a trace that spans it."""
    times, values = around(trace, start_ns, end_ns)
    steps, seconds = np.diff(values), np.diff(times) / 1e9
    growth = unwrap(values, trace.wrap_at)
    if growth is None:
        yield Unusable(Fault.COUNTER_RESET, "the counter was set back during the window")
        return
    if trace.wrap_at is None:
        return
    grown = np.diff(growth)
    wrapped = steps < 0
    if trace.unit == "J" and (grown[wrapped] > HIGHEST_W * seconds[wrapped]).any():
        detail = "the counter was set back during the window: as a wrap it would mean more than 10 kW"
        yield Unusable(Fault.COUNTER_RESET, detail)
        return
    normal = (seconds <= longest_normal_s(times_of(trace))) & (seconds > 0)
    fastest = float((grown[normal] / seconds[normal]).max(initial=0.0))
    if (fastest * seconds[~normal] >= 0.5 * trace.wrap_at).any():
        yield Unusable(Fault.COUNTER_WRAP_AMBIGUOUS, "a gap is so long that the counter may have wrapped more than once in it")


def counter_growth(trace: Trace, start_ns: int, end_ns: int) -> float | None:
    """Return how much a counter grew between two times, interpolated linearly between samples.

    Returns:
        None when the trace does not span the window, or the counter was reset or may have wrapped unseen inside it.
    """
    if any(time_faults(trace, start_ns, end_ns, empty=True)) or any(counter_faults(trace, start_ns, end_ns)):
        return None
    times, values = around(trace, start_ns, end_ns)
    growth = unwrap(values, trace.wrap_at)
    if growth is None:
        return None
    edges = np.interp(np.array([start_ns, end_ns]) - times[0], times - times[0], growth)
    return float(edges[1] - edges[0])
