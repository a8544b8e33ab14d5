"""Arithmetic on traces: unwrap counters, interpolate at window edges, integrate power, average gauges.

Everything the meters record is raw; every joule on the site is computed here, so a corrected formula needs a rebuild, not a
re-run. Times are nanoseconds, values are in the trace's unit; results are SI. Every function is total: a number that cannot be
known is None, and `why_unusable` says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from greenreport.catalog import METERS
from greenreport.record import Kind, Method, Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: A stretch without a sample is a gap when it is longer than this many usual intervals, and than half a second.
GAP_INTERVALS = 3.0
MIN_GAP_S = 0.5
#: Share of a window that gaps may take before an integral of power is a guess.
GAP_SHARE = 0.05
#: An energy counter that stands still for longer (and for 1 % of the window) is frozen: RAPL and NVML refresh within 0.1 s.
FROZEN_S = 2.0
#: No domain draws more; a step down that would mean more is a reset and no wrap.
HIGHEST_W = 10_000.0
#: Largest standard error of an integral of sampled power.
UNDERSAMPLED = 0.05


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


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why a trace gives no energy over a window: reason code and sentence."""

    code: str
    detail: str


def times_of(trace: Trace) -> Ints:
    """Return the sample times in ns as an array."""
    return np.frombuffer(trace.t_ns, dtype=np.int64) if len(trace.t_ns) else np.empty(0, dtype=np.int64)


def values_of(trace: Trace) -> Floats:
    """Return the values as an array."""
    return np.frombuffer(trace.value, dtype=np.float64) if len(trace.value) else np.empty(0, dtype=np.float64)


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


def by_preference(traces: Sequence[Trace]) -> list[Trace]:
    """Return the traces that give joules, best first: measured before estimated, counters before power, then by catalog."""
    order = list(METERS)
    candidates = [t for t in traces if t.quantity in ("energy", "power") and t.unit in ("J", "W")]

    def rank(trace: Trace) -> tuple[bool, bool, int]:
        known = order.index(trace.meter) if trace.meter in METERS else len(order)
        return trace.method is Method.ESTIMATED, trace.kind is Kind.GAUGE, known

    return sorted(candidates, key=rank)


# --- what a trace can tell about a window -------------------------------------------------------------------------------


def coverage(trace: Trace, start_ns: int, end_ns: int, interval_s: float | None = None) -> Coverage:
    """Return how well the samples cover a window.

    Args:
        interval_s: the interval asked for; the median distance of the samples when absent.
    """
    times = np.sort(times_of(trace))
    length_s = max(0.0, (end_ns - start_ns) / 1e9)
    inside = times[(times >= start_ns) & (times <= end_ns)]
    before, after = times[times < start_ns][-1:], times[times > end_ns][:1]
    known = np.concatenate((before, inside, after))
    gaps = np.diff(known) / 1e9
    within = np.diff(np.clip(known, start_ns, end_ns)) / 1e9
    # What lies outside the first and the last sample is no gap between samples, but was not seen either.
    unseen = [length_s] if not len(known) else [(known[0] - start_ns) / 1e9, (end_ns - known[-1]) / 1e9]
    unseen = [min(length_s, max(0.0, float(u))) for u in unseen]
    missing = float(within[gaps > _longest_normal_s(times, interval_s)].sum()) + sum(unseen)
    share = max(0.0, 1.0 - missing / length_s) if length_s > 0 else float(len(known) > 0)
    return Coverage(len(inside), share, max([0.0, *gaps.tolist(), *unseen]))


def usual_interval_s(trace: Trace) -> float:
    """Return the median time between two samples in seconds, 0 with fewer than two."""
    times = times_of(trace)
    return float(np.median(np.diff(times))) / 1e9 if len(times) > 1 else 0.0


def why_unusable(trace: Trace, start_ns: int, end_ns: int) -> Unusable | None:
    """Return why the trace gives no energy over the window, or None when it does.

    Codes: ``window_empty``, ``clock_step``, ``not_spanned``, ``counter_reset``, ``counter_wrap_ambiguous``,
    ``counter_frozen``, ``sampling_gap``, ``undersampled``.
    """
    checks = (_order, _counter, _frozen, _edges) if trace.kind is Kind.COUNTER else (_order, _holes, _undersampled)
    return next((found for check in checks for found in check(trace, start_ns, end_ns)), None)


def counter_growth(trace: Trace, start_ns: int, end_ns: int) -> float | None:
    """Return how much a counter grew between two times, interpolated linearly between samples.

    Returns:
        None when the trace does not span the window, or the counter was reset or may have wrapped unseen inside it.
    """
    if any(_order(trace, start_ns, end_ns, empty=True)) or any(_counter(trace, start_ns, end_ns)):
        return None
    times, values = _around(trace, start_ns, end_ns)
    growth = unwrap(values, trace.wrap_at)
    if growth is None:
        return None
    edges = np.interp(np.array([start_ns, end_ns]) - times[0], times - times[0], growth)
    return float(edges[1] - edges[0])


def gauge_integral(trace: Trace, start_ns: int, end_ns: int) -> float | None:
    """Return the integral of a gauge over time (unit · s), trapezoidal, with interpolated edges; None when not spanned."""
    if any(_order(trace, start_ns, end_ns)):
        return None
    times, values = _around(trace, start_ns, end_ns)
    inside = (times > start_ns) & (times < end_ns)
    t = np.concatenate(([start_ns], times[inside], [end_ns])) - start_ns
    v = np.interp(t, times - start_ns, values)
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


def gauge_error(trace: Trace, start_ns: int, end_ns: int) -> float | None:
    """Return the standard error of `gauge_integral` that follows from the samples alone (unit · s), None when not spanned.

    Differences between successive samples are taken for independent, the safe assumption: right for bursts shorter than the
    interval, 2.4 times too large for single steps (whose place between two samples is evenly spread: d·h/√12), nothing for
    slow change. Bursts that no sample hits leave no trace in it, which is why counters are preferred wherever there is one.
    """
    if any(_order(trace, start_ns, end_ns)):
        return None
    times, values = _around(trace, start_ns, end_ns)
    return float(np.sqrt(np.sum((np.diff(values) * np.diff(times) / 1e9) ** 2 / 2)))


def energy(trace: Trace, start_ns: int, end_ns: int) -> float | None:
    """Return joules over a window, from an energy counter or from power; None where `why_unusable` gives a reason."""
    if why_unusable(trace, start_ns, end_ns) is not None:
        return None
    if trace.kind is Kind.COUNTER:
        return counter_growth(trace, start_ns, end_ns)
    return gauge_integral(trace, start_ns, end_ns)


def energy_over(trace: Trace, spans: Sequence[tuple[int, int]]) -> float | None:
    """Return joules over several spans together, interpolated linearly between samples; None where `why_unusable` has a reason.

    A span shorter than the sampling interval gets the mean power of its interval, whatever happened inside.
    """
    if not spans:
        return 0.0
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    if why_unusable(trace, first, last) is not None:
        return None
    times, values = _around(trace, first, last)
    growth = unwrap(values, trace.wrap_at) if trace.kind is Kind.COUNTER else _cumulative(times, values)
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
    times, values = _around(trace, *window_ns)
    edges = spans.reshape(-1, 2)
    if trace.kind is Kind.COUNTER:
        growth = unwrap(values, trace.wrap_at)
        if growth is None:
            return None
        at = np.interp(edges - times[0], times - times[0], growth)
    else:  # between two samples power is a straight line, as for the window itself
        before = np.clip(np.searchsorted(times, edges, side="right") - 1, 0, len(times) - 1)
        power = np.interp(edges - times[0], times - times[0], values)
        at = _cumulative(times, values)[before] + (edges - times[before]) / 1e9 * (values[before] + power) / 2
    return float((at[:, 1] - at[:, 0]).sum())


def power_samples(trace: Trace, start_ns: int, end_ns: int) -> Floats:
    """Return power in W between successive samples inside a window (of a counter), or the samples (of a gauge)."""
    times, values = times_of(trace), values_of(trace)
    inside = (times >= start_ns) & (times <= end_ns)
    times, values = times[inside], values[inside]
    if trace.kind is Kind.GAUGE:
        return values
    growth = unwrap(values, trace.wrap_at)
    if growth is None or len(times) < 2:
        return np.empty(0)
    seconds = np.diff(times) / 1e9
    apart = seconds > 0.02  # extra samples at phase edges are too close
    return np.diff(growth)[apart] / seconds[apart]


def summed_power(traces: Sequence[Trace], start_ns: int, end_ns: int) -> Floats:
    """Return the power in W of several domains together, on the grid of the trace with the fewest samples in the window.

    Meters sample at intervals and times of their own, so powers are added as energies between the same two times.

    Returns:
        Empty when one of the traces cannot be used.
    """
    if not traces or any(why_unusable(trace, start_ns, end_ns) for trace in traces):
        return np.empty(0)
    inside = [times[(times >= start_ns) & (times <= end_ns)] for times in map(times_of, traces)]
    grid = min(inside, key=len)
    if len(grid) < 2:
        return np.empty(0)
    grid = grid[np.concatenate(([True], np.diff(grid) > 2e7))]
    total = np.zeros(len(grid))
    for trace in traces:
        times, values = _around(trace, start_ns, end_ns)
        growth = unwrap(values, trace.wrap_at) if trace.kind is Kind.COUNTER else _cumulative(times, values)
        total += np.interp(grid - start_ns, times - start_ns, growth) if growth is not None else np.nan
    return np.diff(total) / (np.diff(grid) / 1e9)


# --- checks: each yields at most one reason -----------------------------------------------------------------------------


def _order(trace: Trace, start_ns: int, end_ns: int, *, empty: bool = False) -> Iterator[Unusable]:
    times = times_of(trace)
    if end_ns < start_ns or (end_ns == start_ns and not empty):
        yield Unusable("window_empty", "the window has no length")
    elif (np.diff(times) < 0).any():
        yield Unusable("clock_step", "the times of the samples go backwards: a clock was set during the run")
    elif len(times) < 2 or times[0] > start_ns or times[-1] < end_ns:
        yield Unusable("not_spanned", "the samples do not span the window")


def _counter(trace: Trace, start_ns: int, end_ns: int) -> Iterator[Unusable]:
    times, values = _around(trace, start_ns, end_ns)
    steps, seconds = np.diff(values), np.diff(times) / 1e9
    growth = unwrap(values, trace.wrap_at)
    if growth is None:
        yield Unusable("counter_reset", "the counter was set back during the window")
        return
    if trace.wrap_at is None:
        return
    grown = np.diff(growth)
    wrapped = steps < 0
    if trace.unit == "J" and (grown[wrapped] > HIGHEST_W * seconds[wrapped]).any():
        yield Unusable("counter_reset", "the counter was set back during the window: as a wrap it would mean more than 10 kW")
        return
    normal = (seconds <= _longest_normal_s(times_of(trace))) & (seconds > 0)
    fastest = float((grown[normal] / seconds[normal]).max(initial=0.0))
    if (fastest * seconds[~normal] >= 0.5 * trace.wrap_at).any():
        yield Unusable("counter_wrap_ambiguous", "a gap is so long that the counter may have wrapped more than once in it")


def _frozen(trace: Trace, start_ns: int, end_ns: int) -> Iterator[Unusable]:
    """A real energy counter never stands still; loads and models may."""
    if trace.unit != "J" or trace.method is not Method.MEASURED:
        return
    times, values = _around(trace, start_ns, end_ns)
    moved = np.flatnonzero(np.diff(values) != 0)
    first, last = np.concatenate(([0], moved + 1)), np.concatenate((moved, [len(times) - 1]))
    still_s = float((times[last] - times[first]).max()) / 1e9  # between samples with one value, not in gaps between them
    if still_s > max(FROZEN_S, 0.01 * (end_ns - start_ns) / 1e9) or (not len(moved) and len(times) > 4):
        yield Unusable("counter_frozen", f"the counter does not move for {still_s:.1f} s")


def _edges(trace: Trace, start_ns: int, end_ns: int) -> Iterator[Unusable]:
    """The inside of a window may have gaps, a counter counts on; at its edges a gap makes the value a guess."""
    times = times_of(trace)
    limit = max(_longest_normal_s(times), 0.01 * (end_ns - start_ns) / 1e9)
    for edge in (start_ns, end_ns):
        after = int(np.searchsorted(times, edge))
        if 0 < after < len(times) and times[after] != edge and (times[after] - times[after - 1]) / 1e9 > limit:
            gap = (times[after] - times[after - 1]) / 1e9
            yield Unusable("sampling_gap", f"{gap:.2f} s without a sample at an edge of the window")


def _holes(trace: Trace, start_ns: int, end_ns: int) -> Iterator[Unusable]:
    found = coverage(trace, start_ns, end_ns)
    if found.share < 1 - GAP_SHARE:
        yield Unusable(
            "sampling_gap", f"gaps take {1 - found.share:.0%} of the window, the longest {found.largest_gap_s:.2f} s"
        )


def _undersampled(trace: Trace, start_ns: int, end_ns: int) -> Iterator[Unusable]:
    integral, error = gauge_integral(trace, start_ns, end_ns), gauge_error(trace, start_ns, end_ns)
    if integral is not None and error is not None and error > UNDERSAMPLED * abs(integral):
        yield Unusable("undersampled", f"power changes faster than it was sampled: ± {error / max(abs(integral), 1e-12):.0%}")


def _around(trace: Trace, start_ns: int, end_ns: int) -> tuple[Ints, Floats]:
    """Return the samples from the last one at or before the window to the first one at or after it."""
    times, values = times_of(trace), values_of(trace)
    first = max(0, int(np.searchsorted(times, start_ns, side="right")) - 1)
    last = max(first, int(np.searchsorted(times, end_ns, side="left")))
    return times[first : last + 1], values[first : last + 1]


def _longest_normal_s(times: Ints, interval_s: float | None = None) -> float:
    """Return the longest time between two samples that is no gap."""
    if interval_s is None:
        interval_s = float(np.median(np.diff(times))) / 1e9 if len(times) > 1 else 0.0
    return max(MIN_GAP_S, GAP_INTERVALS * interval_s)


def _cumulative(times: Ints, values: Floats) -> Floats:
    return np.concatenate(([0.0], np.cumsum(np.diff(times) / 1e9 * (values[1:] + values[:-1]) / 2)))
