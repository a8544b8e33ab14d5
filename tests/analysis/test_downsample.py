"""Tests of the series that are drawn: loads within what can be, and every step of a power."""

from __future__ import annotations

from array import array

import numpy as np
import pytest

from greenreport.analysis.measure.downsample import LOAD_STEP_S, REQUESTS, rails
from greenreport.analysis.measure.utilisation import utilisation_observations
from greenreport.record import Domain, Mark, Method, Phase, Quantity, Trace, TraceKind
from tests.records import SECOND, counter, record

CPUS = 2


def cpu_time(busy: float, step_ms: int = 97, seconds: int = 20) -> Trace:
    """Return the CPU time of a machine of two CPUs that is busy by a share, in ticks of 10 ms, each CPU rounded up."""
    t_ns = range(0, seconds * SECOND, step_ms * 10**6)
    spent = [CPUS * np.ceil(busy * t / 1e7) * 0.01 for t in t_ns]
    return Trace(
        "utilisation",
        Domain.MACHINE,
        Quantity.CPU_TIME,
        TraceKind.COUNTER,
        "s",
        Method.MEASURED,
        array("q", t_ns),
        array("d", spent),
    )


@pytest.mark.parametrize("busy", [1.0, 0.63])
def test_a_load_is_averaged_over_many_ticks_and_never_above_all_cpus(busy: float) -> None:
    """Samples each 97 ms see 9 or 10 ticks of 10 ms, which would be 93 or 103 %."""
    [load] = rails(record(traces=(cpu_time(busy),)))
    assert max(load.values) <= 100
    assert load.values == pytest.approx([100 * busy] * len(load.values), abs=2)
    assert min(np.diff(load.seconds)) >= LOAD_STEP_S and load.mean_over_s == LOAD_STEP_S
    assert load.samples == len(cpu_time(busy).t_ns)


def told(quantity: str, unit: str, *values: float) -> Trace:
    """Return what a server told of itself, once a second."""
    times = array("q", [second * SECOND for second in range(len(values))])
    return Trace("server", Domain.SERVER, quantity, TraceKind.GAUGE, unit, Method.MEASURED, times, array("d", values))


def test_requests_of_a_server_are_drawn_together_and_its_cache_apart() -> None:
    """What runs beside what waits; the share of the cache in per cent."""
    running = told(Quantity.REQUESTS_RUNNING, "requests", 0, 4, 4)
    waiting = told(Quantity.REQUESTS_WAITING, "requests", 0, 0, 7)
    cache, preempted = told(Quantity.CACHE_USE, "1", 0, 0.25, 0.5), told(Quantity.PREEMPTIONS, "preemptions", 0, 1, 2)
    drawn = rails(record(traces=(running, waiting, cache, preempted)))
    assert [(rail.name, rail.quantity, rail.unit, list(rail.values)) for rail in drawn] == [
        ("running", REQUESTS, "requests", [0, 4, 4]),
        ("waiting", REQUESTS, "requests", [0, 0, 7]),
        ("server", Quantity.CACHE_USE, "%", [0, 25, 50]),
    ]


def test_power_keeps_its_steps() -> None:
    """A counter of energy has no ticks that show: a value for each sample."""
    [power] = rails(record(traces=(counter("package-0", 10.0),)))
    assert power.values == pytest.approx([10.0] * 200) and power.mean_over_s == 0


def test_usage_over_a_short_window_is_at_most_all_of_the_machine() -> None:
    """A window of 95 ms that sees ten ticks of each CPU was busy all the time, not for 105 % of it."""
    trace = Trace(
        "utilisation", Domain.MACHINE, Quantity.CPU_TIME, TraceKind.COUNTER, "s", Method.MEASURED,
        array("q", [0, 95 * 10**6]), array("d", [0.0, 0.2]),
    )  # fmt: skip
    window = Mark(Phase.WINDOW, 0, 95 * 10**6)
    usage = utilisation_observations(record(traces=(trace,)), window)[0]
    assert usage.metric == "cpu_usage_pct" and usage.value == 100.0
