"""The samples of a trace: as arrays, how well they cover a window, and what a gauge was over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from greenreport.record import FlagCode, Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: A stretch without a sample is a gap when it is longer than this many usual intervals, and than half a second.
GAP_INTERVALS = 3.0
MIN_GAP_S = 0.5
#: Extra samples at the edges of phases are too close for a meaningful quotient.
SHORTEST_STEP_S = 0.02
#: Intervals between samples are called equal where their mean vector is longer than this; fewer than these tell nothing.
EVEN = 0.5
FEWEST_STEPS = 10
#: Linux counts the CPU time of processes and of the machine in ticks of 10 ms (USER_HZ is 100).
CPU_TICK_S = 0.01
#: Less growth than this is no tick; a tick at the edge of a window may be interpolated to a part of itself.
LEAST_CPU_S = CPU_TICK_S / 2


@dataclass(frozen=True, slots=True)
class Coverage:
    """How well the samples of a trace cover a window.

    Attributes:
        samples: number of samples inside the window.
        share: share of the window that lies in no gap, 0 to 1.
        largest_gap_s: longest time without a sample, the edges of the window included.
    """

    samples: int
    share: float
    largest_gap_s: float


class Fault(StrEnum):
    """Why a trace gives no energy over a window."""

    WINDOW_EMPTY = "window_empty"
    NOT_SPANNED = "not_spanned"
    CLOCK_STEP = "clock_step"
    COUNTER_RESET = "counter_reset"
    COUNTER_WRAP_AMBIGUOUS = "counter_wrap_ambiguous"
    COUNTER_FROZEN = "counter_frozen"
    GAUGE_FROZEN = "gauge_frozen"
    SAMPLING_GAP = "sampling_gap"
    UNDERSAMPLED = "undersampled"

    @property
    def flag(self) -> FlagCode:
        """The flag of a run with this fault; samples that miss an edge of the window are a gap."""
        return FlagCode.SAMPLING_GAP if self in (Fault.WINDOW_EMPTY, Fault.NOT_SPANNED) else FlagCode(self.value)


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why a trace gives no energy over a window: fault and sentence."""

    fault: Fault
    detail: str


def times_of(trace: Trace) -> Ints:
    """Return the sample times in ns as an array."""
    return np.frombuffer(trace.t_ns, dtype=np.int64) if len(trace.t_ns) else np.empty(0, dtype=np.int64)


def values_of(trace: Trace) -> Floats:
    """Return the values as an array."""
    return np.frombuffer(trace.value, dtype=np.float64) if len(trace.value) else np.empty(0, dtype=np.float64)


def values_inside(trace: Trace, start_ns: int, end_ns: int) -> Floats:
    """Return the values of the samples inside a window."""
    times = times_of(trace)
    return values_of(trace)[(times >= start_ns) & (times <= end_ns)]


def cumulative(times: Ints, values: Floats) -> Floats:
    """Return the integral of a gauge from its first sample to each (unit · s), trapezoidal."""
    return np.concatenate(([0.0], np.cumsum(np.diff(times) / 1e9 * (values[1:] + values[:-1]) / 2)))


def around(trace: Trace, start_ns: int, end_ns: int) -> tuple[Ints, Floats]:
    """Return the samples from the last one at or before the window to the first one at or after it."""
    times, values = times_of(trace), values_of(trace)
    first = max(0, int(np.searchsorted(times, start_ns, side="right")) - 1)
    last = max(first, int(np.searchsorted(times, end_ns, side="left")))
    return times[first : last + 1], values[first : last + 1]


def usual_interval_s(trace: Trace) -> float:
    """Return the median time between two samples in seconds, 0 with fewer than two."""
    return _median_step_s(times_of(trace))


def longest_normal_s(times: Ints) -> float:
    """Return the longest time between two samples that is no gap."""
    return max(MIN_GAP_S, GAP_INTERVALS * _median_step_s(times))


def _median_step_s(times: Ints) -> float:
    return float(np.median(np.diff(times))) / 1e9 if len(times) > 1 else 0.0


def evenly_spaced(trace: Trace, start_ns: int, end_ns: int) -> bool:
    """Whether the samples in a window come at equal intervals, so that load of that period, or a part of it, is always met alike.

    The intervals are taken as angles, the usual one as the full circle: the length of their mean vector is 1 for equal intervals and
    0 for intervals that are spread evenly over one usual interval (Mardia and Jupp 2000, 2.3).
    """
    times = times_of(trace)
    steps = np.diff(times[(times >= start_ns) & (times <= end_ns)]) / 1e9
    if len(steps) < FEWEST_STEPS:
        return False
    return bool(abs(np.exp(2j * np.pi * steps / np.median(steps)).mean()) > EVEN)


def coverage(trace: Trace, start_ns: int, end_ns: int) -> Coverage:
    """Return how well the samples cover a window."""
    times = np.sort(times_of(trace))
    length_s = max(0.0, (end_ns - start_ns) / 1e9)
    inside = times[(times >= start_ns) & (times <= end_ns)]
    before, after = times[times < start_ns][-1:], times[times > end_ns][:1]
    nearest = np.concatenate((before, inside, after))
    gaps = np.diff(nearest) / 1e9
    within = np.diff(np.clip(nearest, start_ns, end_ns)) / 1e9
    # What lies outside the first and the last sample is no gap between samples, but was not seen either.
    ends = [
        int(time) for time in (*nearest[:1], *nearest[-1:])
    ]  # as Python's integers, which do not overflow where a file is damaged
    unseen = [(ends[0] - start_ns) / 1e9, (end_ns - ends[1]) / 1e9] if ends else [length_s]
    unseen = [min(length_s, max(0.0, seconds)) for seconds in unseen]
    missing = float(within[gaps > longest_normal_s(times)].sum()) + sum(unseen)
    share = max(0.0, 1.0 - missing / length_s) if length_s > 0 else float(len(nearest) > 0)
    return Coverage(len(inside), share, max([0.0, *gaps.tolist(), *unseen]))


def time_faults(trace: Trace, start_ns: int, end_ns: int, *, empty: bool = False) -> Iterator[Unusable]:
    """Yield why the samples do not span a window; `empty`: a window without length is none of it."""
    times = times_of(trace)
    if end_ns < start_ns or (end_ns == start_ns and not empty):
        yield Unusable(Fault.WINDOW_EMPTY, "the window has no length")
    elif (np.diff(times) < 0).any():
        yield Unusable(Fault.CLOCK_STEP, "the times of the samples go backwards: a clock was set during the run")
    elif len(times) < 2 or times[0] > start_ns or times[-1] < end_ns:
        yield Unusable(Fault.NOT_SPANNED, "the samples do not span the window")


def gauge_integral(trace: Trace, start_ns: int, end_ns: int) -> float | None:
    """Return the integral of a gauge over time (unit · s), trapezoidal, with interpolated edges; None when not spanned."""
    if any(time_faults(trace, start_ns, end_ns)):
        return None
    times, values = around(trace, start_ns, end_ns)
    inside = (times > start_ns) & (times < end_ns)
    t = np.concatenate(([start_ns], times[inside], [end_ns])) - start_ns
    return float(np.trapezoid(np.interp(t, times - start_ns, values), t) / 1e9)


def gauge_mean(trace: Trace, start_ns: int, end_ns: int) -> float | None:
    """Return the time-weighted mean of a gauge over a window."""
    integral = gauge_integral(trace, start_ns, end_ns)
    return None if integral is None else integral / ((end_ns - start_ns) / 1e9)


def gauge_peak(trace: Trace, start_ns: int, end_ns: int) -> float | None:
    """Return the largest sample of a gauge inside a window."""
    inside = values_inside(trace, start_ns, end_ns)
    return float(inside.max()) if len(inside) else None


def gauge_error(trace: Trace, start_ns: int, end_ns: int) -> float | None:
    """Return the standard error of `gauge_integral` that follows from the samples alone (unit · s), None when not spanned.

    Differences between successive samples are taken for independent, the safe assumption: right for bursts shorter than the
    interval, 2.4 times too large for single steps (whose place between two samples is evenly spread: d·h/√12), nothing for
    slow change. Bursts that no sample hits leave no trace in it, which is why counters are preferred wherever there is one.
    """
    if any(time_faults(trace, start_ns, end_ns)):
        return None
    times, values = around(trace, start_ns, end_ns)
    return float(np.sqrt(np.sum((np.diff(values) * np.diff(times) / 1e9) ** 2 / 2)))
