"""Tests of the arithmetic on traces, against signals whose energy is known."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenreport import traces as tr
from greenreport.record import Method, Trace, TraceKind

S = 10**9
WRAP = 262_143.328850
Energy = Callable[[float], float]


def bursts(t: float) -> float:
    """50 W, and 500 W more in the first 20 ms of each second: shorter than the sampling interval."""
    return 50 * t + 500 * 0.02 * math.floor(t) + 500 * min(t % 1, 0.02)


def square(t: float) -> float:
    """100 W and 300 W in turns of one second."""
    return 100 * t + 200 * (math.floor(t / 2) + max(0.0, t % 2 - 1))


SHAPES: dict[str, Energy] = {
    "constant": lambda t: 120 * t,
    "ramp": lambda t: 5 * t + 2 * t * t,
    "square": square,
    "bursts": bursts,
}


def trace(
    t_s: Sequence[float], values: Sequence[float], kind: TraceKind = TraceKind.COUNTER, wrap_at: float | None = None
) -> Trace:
    """Return a trace of energy (a counter) or power (a gauge)."""
    quantity, unit = ("energy", "J") if kind is TraceKind.COUNTER else ("power", "W")
    times = array("q", [round(t * S) for t in t_s])
    return Trace("rapl", "package-0", quantity, kind, unit, Method.MEASURED, times, array("d", values), wrap_at)


def grid(end_s: float, interval_s: float = 0.097, jitter: float = 0.0, edges: Sequence[float] = ()) -> list[float]:
    """Return sample times from 0 to past `end_s`, jittered by a share of the interval, with extra samples at the edges."""
    dice = random.Random(7)
    times = [interval_s * (n + dice.uniform(-jitter, jitter) / 2) for n in range(1, int(end_s / interval_s) + 3)]
    return sorted([0.0, *times, *edges])


def power_of(energy: Energy, t: float) -> float:
    """Return the momentary power of a signal."""
    return (energy(t + 1e-6) - energy(t)) / 1e-6


@pytest.mark.parametrize("jitter", [0.0, 0.8])
@pytest.mark.parametrize("shape", SHAPES)
def test_counters_are_exact(shape: str, jitter: float) -> None:
    """Counter energy is within 0.1 % of the truth for every shape, bursts between two samples included."""
    energy = SHAPES[shape]
    times = grid(24, jitter=jitter, edges=(3.3, 23.4))
    found = tr.energy(trace(times, [energy(t) for t in times]), int(3.3 * S), int(23.4 * S))
    assert found == pytest.approx(energy(23.4) - energy(3.3), rel=1e-3)


@pytest.mark.parametrize("jitter", [0.0, 0.8])
@pytest.mark.parametrize("shape", ["constant", "ramp", "square"])
def test_power_at_ten_hertz_is_within_one_percent(shape: str, jitter: float) -> None:
    """Sampled power is within 1 % where it changes slower than it is sampled."""
    energy = SHAPES[shape]
    times = grid(64, jitter=jitter)
    found = tr.energy(trace(times, [power_of(energy, t) for t in times], TraceKind.GAUGE), int(3.3 * S), int(62.9 * S))
    assert found == pytest.approx(energy(62.9) - energy(3.3), rel=1e-2)


def test_power_that_is_sampled_too_slowly_is_said_and_not_used() -> None:
    """Bursts shorter than the interval give no energy from sampled power, but a reason."""
    times = grid(20)
    sampled = trace(times, [power_of(bursts, t) for t in times], TraceKind.GAUGE)
    assert sampled.value.count(pytest.approx(550)) > 0  # some burst was hit, else nothing could be known of them
    found = tr.why_unusable(sampled, S, 19 * S)
    assert found is not None
    assert found.fault == "undersampled"
    assert tr.energy(sampled, S, 19 * S) is None
    assert tr.gauge_integral(sampled, S, 19 * S) is not None


@pytest.mark.parametrize("start_j", [WRAP - 1, WRAP - 700, WRAP - 1299, WRAP - 2000])
def test_a_wrap_at_any_point_changes_nothing(start_j: float) -> None:
    """The energy of a window is the same wherever in it, or before it, the counter starts again."""
    times = grid(12, edges=(1.0, 11.0))
    wrapped = trace(times, [(start_j + 120 * t) % WRAP for t in times], wrap_at=WRAP)
    assert tr.energy(wrapped, S, 11 * S) == pytest.approx(1200, rel=1e-6)


def code(one: Trace, start_s: float = 2, end_s: float = 8) -> str | None:
    """Return the code of what is wrong with a window, and check that it has energy exactly when nothing is."""
    found = tr.why_unusable(one, int(start_s * S), int(end_s * S))
    assert (tr.energy(one, int(start_s * S), int(end_s * S)) is None) == (found is not None)
    return None if found is None else found.fault


def test_a_reset_is_no_wrap() -> None:
    """A counter set back has no energy over that moment, with or without a wrap value, and has it elsewhere."""
    times = grid(10)
    for wrap_at, height in ((None, 50_000.0), (WRAP, 50_000.0), (WRAP, WRAP - 3000)):
        reset = trace(times, [100 * t + (height if t < 5 else 0) for t in times], wrap_at=wrap_at)
        assert code(reset) == "counter_reset"
        assert code(reset, 5.2, 9) is None
        assert tr.counter_growth(reset, 2 * S, 8 * S) is None


def test_a_counter_that_stands_still_is_no_zero() -> None:
    """A frozen counter is said, whether it never moves or stops; a power model may stand still."""
    times = grid(10)
    assert code(trace(times, [7.0 for _ in times])) == "counter_frozen"
    assert code(trace(times, [100 * min(t, 5) for t in times])) == "counter_frozen"
    assert code(trace(times, [100 * min(t, 5) for t in times]), 1, 4) is None
    assert code(trace(times, [7.0 for _ in times]), 2, 2.5) == "counter_frozen"
    assert code(replace(trace(times, [7.0 for _ in times]), method=Method.ESTIMATED)) is None


def test_a_gauge_that_stops_is_no_power() -> None:
    """A power that varied and then keeps one value is refused: 40 W held over a load of 100 W would be −60 %."""
    times, dice = grid(10), random.Random(5)
    noisy = [(100 if 2 <= t <= 8 else 40) + dice.gauss(0, 0.5) for t in times]
    assert code(trace(times, noisy, TraceKind.GAUGE)) is None
    stopped = [value if t < 2 or t > 8 else 40.123 for t, value in zip(times, noisy, strict=True)]
    assert code(trace(times, stopped, TraceKind.GAUGE)) == "gauge_frozen"
    coarse = [float(round(value / 20) * 20) for value in noisy]
    assert code(trace(times, coarse, TraceKind.GAUGE)) is None
    assert code(trace(times, [50.0] * len(times), TraceKind.GAUGE)) is None


def test_missing_samples() -> None:
    """A counter counts on through a gap inside the window; at an edge, and in power, a gap makes the value a guess."""
    times = [t for t in grid(10) if not 4 < t < 6]
    counter, power = trace(times, [100 * t for t in times]), trace(times, [100.0 for _ in times], TraceKind.GAUGE)
    assert tr.energy(counter, 2 * S, 8 * S) == pytest.approx(600)
    assert code(counter) is None
    assert code(counter, 5, 8) == "sampling_gap"
    assert code(power) == "sampling_gap"
    assert code(power, 6.2, 9) is None
    assert code(counter, 2, 30) == code(power, -1, 5) == "not_spanned"


def test_a_gap_in_which_a_counter_may_have_wrapped_twice() -> None:
    """A gap longer than half a wrap at the power seen elsewhere makes the growth ambiguous."""
    times = [t for t in grid(200) if not 20 < t < 150]
    small = trace(times, [(100 * t) % 20_000 for t in times], wrap_at=20_000)
    assert code(small, 5, 190) == "counter_wrap_ambiguous"
    assert code(small, 5, 19) is None


def test_a_clock_that_was_set_back() -> None:
    """Times that go backwards make every window unusable."""
    times = [t if t < 5 else t - 3 for t in grid(12)]
    for kind in TraceKind:
        assert code(trace(times, [100 * t for t in times], kind)) == "clock_step"
    assert tr.counter_growth(trace(times, times), 2 * S, 8 * S) is None
    assert tr.gauge_mean(trace(times, times, TraceKind.GAUGE), 2 * S, 8 * S) is None


def test_coverage_counts_samples_and_gaps() -> None:
    """Samples inside, the share outside of gaps, and the longest time without a sample are told apart."""
    times = [n / 10 for n in range(101) if not 40 < n < 60]
    full, holed = trace([n / 10 for n in range(101)], range(101)), trace(times, times)
    assert tr.coverage(full, 2 * S, 8 * S) == tr.Coverage(61, 1.0, pytest.approx(0.1))
    assert tr.coverage(holed, 2 * S, 8 * S) == tr.Coverage(42, pytest.approx(2 / 3), pytest.approx(2.0))
    assert tr.coverage(full, 8 * S, 12 * S) == tr.Coverage(21, pytest.approx(0.5), pytest.approx(2.0))
    assert tr.coverage(trace([], []), 0, S) == tr.Coverage(0, 0.0, 1.0)
    assert tr.coverage(trace([9e9], [0.0]), -(2**62), 2**62).largest_gap_s > 9e9  # of a damaged file
    slow = trace([0, 2, 4, 6, 8], range(5))
    assert tr.coverage(slow, 0, 8 * S).share == 1.0


def test_powers_of_several_meters_are_added_as_energies() -> None:
    """Two domains sampled at intervals of their own add up to their common power."""
    slow, fast = grid(12, 0.211), grid(12, 0.021)
    cpu, gpu = trace(slow, [(90 * t) % 500 for t in slow], wrap_at=500), trace(fast, [200.0 for _ in fast], TraceKind.GAUGE)
    total = tr.summed_power([cpu, gpu], 2 * S, 10 * S)
    assert len(total) == len([t for t in slow if 2 <= t <= 10]) - 1
    assert total == pytest.approx(290)
    assert not len(tr.summed_power([cpu, trace([0, 1], [0, 1])], 2 * S, 10 * S))


def test_power_samples_of_a_counter() -> None:
    """Differences of a counter are its power; samples at phase edges are too close to one another to tell."""
    times = [0.0, 0.1, 0.2, 0.205, 0.3, 0.4]
    assert tr.power_samples(trace(times, [50 * t for t in times]), 0, S) == pytest.approx(50)
    assert len(tr.power_samples(trace(times, [50 * t for t in times]), 0, S)) == 4


steps = st.lists(st.tuples(st.floats(0.001, 2), st.floats(0.01, 1000)), min_size=3, max_size=40)


@given(steps, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.sampled_from(list(TraceKind)))
def test_energy_is_additive(pieces: list[tuple[float, float]], a: float, b: float, c: float, kind: TraceKind) -> None:
    """Whatever the signal, two adjoining windows together hold what the window over both holds."""
    times = np.cumsum([0.0, *(gap for gap, _ in pieces)])
    heights = [value for _, value in pieces]
    values = np.cumsum([0.0, *heights]) if kind is TraceKind.COUNTER else [heights[0], *heights]
    one = trace(times.tolist(), list(values), kind)
    start, middle, end = sorted(int(share * one.t_ns[-1]) for share in (a, b, c))
    measure = tr.counter_growth if kind is TraceKind.COUNTER else tr.gauge_integral
    whole, left, right = measure(one, start, end), measure(one, start, middle), measure(one, middle, end)
    if kind is TraceKind.COUNTER or start < middle < end:
        assert whole is not None
        assert left is not None
        assert right is not None
        assert left + right == pytest.approx(whole, rel=1e-6, abs=1e-6)


@given(st.floats(0, 0.999), st.lists(st.floats(0, 0.499), min_size=1, max_size=60), st.floats(1, 1e9))
def test_unwrapping_is_exact(start: float, shares: list[float], wrap_at: float) -> None:
    """Any counter that grows by less than half its range between samples is unwrapped exactly, wherever it starts."""
    truth = np.cumsum([0.0, *(share * wrap_at for share in shares)])
    found = tr.unwrap((start * wrap_at + truth) % wrap_at, wrap_at)
    assert found is not None
    assert found == pytest.approx(truth, rel=1e-9, abs=1e-6 * wrap_at)


raw = st.lists(st.tuples(st.integers(-10 * S, 10 * S), st.floats(-1e12, 1e12)), max_size=12)
edge = st.integers(-11 * S, 11 * S)


@given(raw, edge, edge, st.sampled_from(list(TraceKind)), st.none() | st.floats(0, 1e9))
def test_every_function_is_total(
    samples: list[tuple[int, float]], start: int, end: int, kind: TraceKind, wrap: float | None
) -> None:
    """Nothing that a file can hold raises: not an empty trace, not disordered times, not a window turned round."""
    one = replace(
        trace([], [], kind, wrap), t_ns=array("q", [t for t, _ in samples]), value=array("d", [v for _, v in samples])
    )
    joules, why = tr.energy(one, start, end), tr.why_unusable(one, start, end)
    assert (joules is None) == (why is not None)
    assert why is None or why.detail
    assert 0 <= tr.coverage(one, start, end).share <= 1
    for measure in (tr.counter_growth, tr.gauge_integral, tr.gauge_mean, tr.gauge_peak, tr.gauge_error):
        value = measure(one, start, end)
        assert value is None or math.isfinite(value)
    assert np.isfinite(tr.power_samples(one, start, end)).all()
    assert np.isfinite(tr.summed_power([one, one], start, end)).all()
