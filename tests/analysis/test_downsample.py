"""Tests of the series that are drawn: loads within what can be, and every step of a power."""

from __future__ import annotations

from array import array

import numpy as np
import pytest

from greenreport.analysis.measure.downsample import LOAD_STEP_S, rails
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
