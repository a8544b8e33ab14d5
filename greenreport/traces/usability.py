"""Checks whether a trace gives energy over a window; each yields at most one reason why not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from greenreport.record import Method, Trace, TraceKind
from greenreport.traces.counters import counter_faults
from greenreport.traces.samples import (
    Fault,
    Floats,
    Ints,
    Unusable,
    around,
    coverage,
    gauge_error,
    gauge_integral,
    longest_normal_s,
    time_faults,
    times_of,
    values_of,
)

#: Share of a window that gaps may take before an integral of power is a guess.
GAP_SHARE = 0.05
#: An energy counter that stands still for longer (and for 1 % of the window) is frozen: RAPL and NVML refresh within 0.1 s.
FROZEN_S = 2.0
#: A power gauge is frozen where this many samples are equal to the last digit, and more than this share of all other samples differ
#: from the one before.
FEWEST_FROZEN = 20
OFTEN = 0.8
#: Largest standard error of an integral of sampled power.
UNDERSAMPLED = 0.05


def why_unusable(trace: Trace, start_ns: int, end_ns: int) -> Unusable | None:
    """Return why the trace gives no energy over the window, or None when it does."""
    return _checked(_ByIdentity(trace), start_ns, end_ns)


class _ByIdentity:
    """A trace as a key: the same object is the same trace, and its samples never change."""

    __slots__ = ("trace",)

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def __hash__(self) -> int:
        return id(self.trace)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and other.trace is self.trace


@lru_cache(maxsize=64)  # the same few windows are asked about for energy, its uncertainty, its boundary and its phases
def _checked(key: _ByIdentity, start_ns: int, end_ns: int) -> Unusable | None:
    trace = key.trace
    rest = (counter_faults, _frozen, _edges) if trace.kind is TraceKind.COUNTER else (_holes, _frozen_gauge, _undersampled)
    return next((reason for check in (time_faults, *rest) for reason in check(trace, start_ns, end_ns)), None)


def longest_still(times: Ints, values: Floats) -> tuple[int, float]:
    """Return how many samples in a row have one value at most, and the time in s between the first and the last of them.

    The time counts between samples with one value, not in gaps between them.
    """
    moved = np.flatnonzero(np.diff(values) != 0)
    first, last = np.concatenate(([0], moved + 1)), np.concatenate((moved, [len(times) - 1]))
    longest = int((times[last] - times[first]).argmax())
    return int(last[longest] - first[longest]) + 1, float(times[last[longest]] - times[first[longest]]) / 1e9


def changes_often(trace: Trace, same: int) -> bool:
    """Whether nearly every sample of a gauge differs from the one before, but for `same` of them."""
    every = values_of(trace)
    return bool(np.count_nonzero(np.diff(every)) > OFTEN * max(1, len(every) - same))


def _frozen(trace: Trace, start_ns: int, end_ns: int) -> Iterator[Unusable]:
    """A real energy counter never stands still; loads and models may."""
    if trace.unit != "J" or trace.method is not Method.MEASURED:
        return
    times, values = around(trace, start_ns, end_ns)
    same, still_s = longest_still(times, values)
    if still_s > max(FROZEN_S, 0.01 * (end_ns - start_ns) / 1e9) or same == len(times) > 4:
        yield Unusable(Fault.COUNTER_FROZEN, f"the counter does not move for {still_s:.1f} s")


def _frozen_gauge(trace: Trace, start_ns: int, end_ns: int) -> Iterator[Unusable]:
    """A measured power that varies elsewhere and then keeps one value to the last digit is a gauge that stopped.

    One that never varies may be coarse, or its load constant; there nothing can be told.
    """
    times, values = around(trace, start_ns, end_ns)
    if trace.unit != "W" or trace.method is not Method.MEASURED or len(times) < FEWEST_FROZEN:
        return
    same, still_s = longest_still(times, values)
    if same >= FEWEST_FROZEN and still_s > FROZEN_S and changes_often(trace, same):
        yield Unusable(
            Fault.GAUGE_FROZEN, f"the power keeps one value for {still_s:.1f} s and changes with nearly every sample elsewhere"
        )


def _edges(trace: Trace, start_ns: int, end_ns: int) -> Iterator[Unusable]:
    """The inside of a window may have gaps, a counter counts on; at its edges a gap makes the value a guess."""
    times = times_of(trace)
    limit = max(longest_normal_s(times), 0.01 * (end_ns - start_ns) / 1e9)
    for edge in (start_ns, end_ns):
        after = int(np.searchsorted(times, edge))
        if 0 < after < len(times) and times[after] != edge and (times[after] - times[after - 1]) / 1e9 > limit:
            gap = (times[after] - times[after - 1]) / 1e9
            yield Unusable(Fault.SAMPLING_GAP, f"{gap:.2f} s without a sample at an edge of the window")


def _holes(trace: Trace, start_ns: int, end_ns: int) -> Iterator[Unusable]:
    covered = coverage(trace, start_ns, end_ns)
    if covered.share < 1 - GAP_SHARE:
        detail = f"gaps take {1 - covered.share:.0%} of the window, the longest {covered.largest_gap_s:.2f} s"
        yield Unusable(Fault.SAMPLING_GAP, detail)


def _undersampled(trace: Trace, start_ns: int, end_ns: int) -> Iterator[Unusable]:
    integral, error = gauge_integral(trace, start_ns, end_ns), gauge_error(trace, start_ns, end_ns)
    if integral is not None and error is not None and error > UNDERSAMPLED * abs(integral):
        share = error / max(abs(integral), 1e-12)
        yield Unusable(Fault.UNDERSAMPLED, f"power changes faster than it was sampled: ± {share:.0%}")
