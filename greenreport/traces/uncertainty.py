"""What instruments add to an energy: its uncertainty by cause (JCGM 100:2008, 4.3 and 5.1).

For an energy E over T seconds at a mean power P, from an instrument that updates its reading every τ seconds:
u² = (u_gain · E)² + (u_offset · T)² + 2 (P τ / √12)² + u_sampling². The first two are the same error in every run, the last two
are new in each. In a ratio the first cancels as far as both energies come from one instrument (`ratio_uncertainty`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from greenreport.catalog import METERS, Accuracy, accuracy_for
from greenreport.record import Environment, Method, Quantity, Trace, TraceKind, is_gpu
from greenreport.traces.counters import unwrap
from greenreport.traces.integration import energy_over
from greenreport.traces.samples import Floats, Ints, around, times_of, usual_interval_s, values_of
from greenreport.traces.usability import changes_often, longest_still

#: Coverage factor of an expanded uncertainty: about 95 % (JCGM 100:2008, 6.3.3).
COVERAGE_FACTOR = 2
#: So many equal readings of a power that otherwise changes from one to the next are no chance.
FEWEST_EQUAL = 3


@dataclass(frozen=True, slots=True)
class Contribution:
    """Standard uncertainties that one meter adds, in joules or in the unit of a value computed from them.

    Attributes:
        gain: of its scale, one error in all runs.
        offset: of its zero, one error in all runs.
        linearity: the part of `gain` that differs from load to load.
        quantisation: of readings at the edges of the window, which come late and in steps.
        sampling: of what happened between readings.
    """

    meter: str
    gain: float
    offset: float
    linearity: float
    quantisation: float
    sampling: float

    def times(self, factor: float) -> Contribution:
        """Return the contribution to a value that is `factor` times the energy."""
        parts = (self.gain, self.offset, self.linearity, self.quantisation, self.sampling)
        return Contribution(self.meter, *(abs(factor) * part for part in parts))


@dataclass(frozen=True, slots=True)
class Budget:
    """The uncertainty budget of a value: one contribution for each meter, whose errors are taken as independent."""

    contributions: tuple[Contribution, ...]

    @property
    def standard(self) -> float:
        """Combined standard uncertainty, in the unit of the value."""
        return math.hypot(*(u for c in self.contributions for u in (c.gain, c.offset, c.quantisation, c.sampling)))

    @property
    def expanded(self) -> float:
        """Expanded uncertainty U, k = 2."""
        return COVERAGE_FACTOR * self.standard

    @property
    def random(self) -> float:
        """The part that is new in each run, and therefore also in the spread of the runs."""
        return math.hypot(*(u for c in self.contributions for u in (c.quantisation, c.sampling)))

    def times(self, factor: float) -> Budget:
        """Return the budget of a value that is `factor` times this one."""
        return Budget(tuple(c.times(factor) for c in self.contributions))

    def minus(self, other: Budget, factor: float) -> Budget:
        """Return the budget of this value minus `factor` times another one: common errors of a meter cancel as far as they are equal."""
        return Budget(
            tuple(
                Contribution(
                    own.meter,
                    abs(own.gain - factor * its.gain),
                    abs(own.offset - factor * its.offset),
                    math.hypot(own.linearity, factor * its.linearity),
                    math.hypot(own.quantisation, factor * its.quantisation),
                    math.hypot(own.sampling, factor * its.sampling),
                )
                for own, its in _paired(self, other)
            )
        )


def _paired(one: Budget, other: Budget) -> Iterable[tuple[Contribution, Contribution]]:
    """Yield what each meter contributes to both; nothing where it does not read one of them."""
    ones, others = ({c.meter: c for c in budget.contributions} for budget in (one, other))
    for meter in dict.fromkeys([*ones, *others]):
        nothing = Contribution(meter, 0.0, 0.0, 0.0, 0.0, 0.0)
        yield ones.get(meter, nothing), others.get(meter, nothing)


def ratio_uncertainty(one: Budget, value: float, other: Budget, other_value: float) -> float:
    """Return the relative standard uncertainty that instruments add to a ratio of two values, beyond the spread of their runs.

    The gain of a meter cancels as far as it has the same share in both values, its offset as far as both have the same mean power;
    what differs from load to load stays. Of different meters nothing cancels (JCGM 100:2008, 5.2).
    """
    shares = _paired(one.times(1 / value), other.times(1 / other_value))
    return math.hypot(*(u for a, b in shares for u in (a.gain - b.gain, a.offset - b.offset, a.linearity, b.linearity)))


def known_accuracy(trace: Trace, environment: Environment, calibrations: Mapping[str, Accuracy]) -> Accuracy | None:
    """Return the accuracy of what recorded a trace, or None where nothing is known of it, as of a model or a recording.

    Args:
        calibrations: declared in the study, by the name of the meter.
    """
    info = METERS.get(trace.meter)
    if info is None or trace.method is not Method.MEASURED:
        return None
    gpus = {f"gpu-{gpu.index}": gpu.name for gpu in environment.gpus}
    hardware = gpus.get(trace.domain, "") if is_gpu(trace.domain) else environment.cpu_model
    row, calibrated = accuracy_for(info.accuracies, trace.domain, hardware), calibrations.get(trace.meter)
    if row is None or calibrated is None:
        return row or calibrated
    return replace(calibrated, refresh_s=row.refresh_s, watched=row.watched, averages=row.averages)


def contribution(
    trace: Trace, spans: Sequence[tuple[int, int]], accuracy: Accuracy, beside: Trace | None = None
) -> Contribution:
    """Return what an instrument adds to the energy of a trace over spans of time, in joules.

    Args:
        spans: starts and ends in ns, for which the trace gives energy.
        beside: momentary power of the same domain by the same meter; it shows how much power varies while the instrument looks away.
    """
    joules, seconds = abs(energy_over(trace, spans) or 0.0), sum(end - start for start, end in spans) / 1e9
    edges = np.array(spans, dtype=np.int64).reshape(-1)
    power = joules / seconds if seconds > 0 else 0.0
    late_j = power * accuracy.refresh_s / 12**0.5
    if trace.kind is TraceKind.COUNTER:
        between = np.maximum(_between_readings(trace, edges), late_j)
        quantised, sampled = float(np.sqrt(np.sum(between**2))), 0.0
    else:
        quantised = math.hypot(late_j * len(edges) ** 0.5, _step(values_of(trace)) / 12**0.5 * seconds)
        sampled = _sampling(trace, spans)
    if trace.kind is TraceKind.COUNTER and accuracy.watched < 1:
        # Without readings of power, what was not seen is taken to vary by as much as the mean power from update to update.
        unseen = power * (accuracy.refresh_s * seconds) ** 0.5 if beside is None else _sampling(beside, spans)
        sampled = (1 - accuracy.watched) ** 0.5 * unseen
    if _may_be_stuck(trace, edges, accuracy.refresh_s):
        sampled = math.hypot(sampled, *(_stuck(trace, *span, power, accuracy.refresh_s) for span in spans))
    gain, offset, linearity = accuracy.gain * joules, accuracy.offset_w * seconds, accuracy.linearity * joules
    divisor = accuracy.divisor
    return Contribution(trace.meter, gain / divisor, offset / divisor, linearity / divisor, quantised, sampled)


def combined(contributions: Iterable[Contribution]) -> Budget:
    """Return the budget of a sum: errors of one meter on several domains are added, those of different meters are independent."""
    by_meter: dict[str, Contribution] = {}
    for c in contributions:
        if (had := by_meter.get(c.meter)) is not None:
            random = (math.hypot(had.quantisation, c.quantisation), math.hypot(had.sampling, c.sampling))
            c = Contribution(c.meter, had.gain + c.gain, had.offset + c.offset, had.linearity + c.linearity, *random)  # noqa: PLW2901
        by_meter[c.meter] = c
    return Budget(tuple(by_meter.values()))


def power_beside(trace: Trace, traces: Iterable[Trace]) -> Trace | None:
    """Return the readings of power that the meter of a counter took of the same domain, or None without any."""
    same = (t for t in traces if (t.meter, t.domain, t.quantity) == (trace.meter, trace.domain, Quantity.POWER))
    return next((t for t in same if t.kind is TraceKind.GAUGE), None)


def _between_readings(trace: Trace, edges: Ints) -> Floats:
    """Return the standard uncertainty of a counter at times between two of its values, in its unit.

    The counter is known where it took a new value. In between it grew by some part of the step to the next one, and the farther end
    of the step bounds the error (rectangular).
    """
    times, values = around(trace, int(edges.min()), int(edges.max()))
    growth = unwrap(values, trace.wrap_at)
    if growth is None or not len(growth):
        return np.zeros(len(edges))
    new = np.concatenate(([True], np.diff(growth) > 0))
    estimate = np.interp(edges - times[0], times - times[0], growth)
    after = np.clip(np.searchsorted(times[new], edges, side="left"), 0, int(new.sum()) - 1)
    exact = times[new][after] == edges
    before = np.maximum(after - 1, 0)
    farther = np.maximum(estimate - growth[new][before], growth[new][after] - estimate)
    return np.where(exact, 0.0, np.maximum(farther, 0.0) / 3**0.5)


def _sampling(trace: Trace, spans: Sequence[tuple[int, int]]) -> float:
    """Return the standard error of sampled power integrated over spans, from the differences of successive samples (`gauge_error`)."""
    times, values = times_of(trace), values_of(trace)
    if len(times) < 2:
        return 0.0
    variance = np.concatenate(([0.0], np.cumsum((np.diff(values) * np.diff(times) / 1e9) ** 2 / 2)))
    edges = np.array(spans, dtype=np.int64).reshape(-1, 2)
    first = np.clip(np.searchsorted(times, edges[:, 0], side="right") - 1, 0, len(times) - 1)
    last = np.clip(np.searchsorted(times, edges[:, 1], side="left"), 0, len(times) - 1)
    return float(np.sqrt(np.sum(np.maximum(variance[last] - variance[first], 0.0))))


def _may_be_stuck(trace: Trace, edges: Ints, refresh_s: float) -> bool:
    """Whether some readings between the first and the last of these times are equal for so long that a span might have lost by it."""
    if not len(edges):
        return False
    times, values = around(trace, int(edges.min()), int(edges.max()))
    if trace.kind is TraceKind.COUNTER:
        return longest_still(times, values)[1] > refresh_s
    changes = np.flatnonzero(np.diff(values) != 0)
    return bool(np.diff(np.concatenate(([-1], changes, [len(values) - 1]))).max() >= FEWEST_EQUAL)


def _stuck(trace: Trace, start_ns: int, end_ns: int, power: float, refresh_s: float) -> float:
    """Return the standard uncertainty in joules of a stretch of equal readings that is too short to be refused.

    A counter that stood still may have lost what it grew by on average; a gauge may have missed all it varied by (rectangular).
    """
    times, values = around(trace, start_ns, end_ns)
    same, still_s = longest_still(times, values)
    if trace.kind is TraceKind.GAUGE:
        lost_w = float(np.ptp(values)) if same >= FEWEST_EQUAL and changes_often(trace, same) else 0.0
    else:
        lost_w = power if still_s > refresh_s else 0.0
    if not lost_w:
        return 0.0
    return lost_w * (still_s + 2 * usual_interval_s(trace)) / 3**0.5  # it began and ended between two samples


def _step(values: Floats) -> float:
    """Return the smallest difference between two readings, which bounds the step of a gauge from above; 0 where all are equal."""
    distinct = np.unique(values)
    return float(np.diff(distinct).min()) if len(distinct) > 1 else 0.0
