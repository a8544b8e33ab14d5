"""Tests of the metrics: known traces give known joules, seconds and shares; what does not exist has a reason."""

from __future__ import annotations

from array import array
from dataclasses import replace
from itertools import accumulate

import pytest

from greenreport.analysis.measure.energy import boundary_components, boundary_of
from greenreport.analysis.measure.metrics import observations, phase_rows
from greenreport.catalog import METRICS
from greenreport.record import Method, Missing, Outcome, Phase, RunRecord, Trace, TraceKind
from tests.records import SECOND, counter, record


def values(run: RunRecord) -> dict[str, float | None]:
    """Return metric → value."""
    return {observation.metric: observation.value for observation in observations(run)}


def gauge(domain: str, quantity: str, unit: str, value: float) -> Trace:
    """Return a constant gauge over the whole run."""
    return Trace(
        "m", domain, quantity, TraceKind.GAUGE, unit, Method.MEASURED, array("q", [0, 20 * SECOND]), array("d", [value, value])
    )


def test_energy_is_that_of_the_window_and_net_subtracts_the_own_idle_power() -> None:
    """10 W over a 10 s window are 100 J; with the same power when idle, nothing is left net."""
    found = values(record())
    assert found["energy_j"] == pytest.approx(100)
    assert found["idle_power_w"] == pytest.approx(10)
    assert found["energy_net_j"] == pytest.approx(0, abs=1e-9)
    assert found["j_per_request"] == pytest.approx(50)
    assert found["j_per_output_token"] == pytest.approx(100 / 16)
    assert found["tokens_per_j"] == pytest.approx(0.16)
    assert found["requests_per_kj"] == pytest.approx(20)
    assert found["power_mean_w"] == found["power_peak_w"] == pytest.approx(10)


def test_times_come_from_the_marks_and_the_requests() -> None:
    """Duration, latency, first token and time between tokens of a run with known stamps."""
    found = values(record())
    assert found["duration_s"] == 10
    assert found["latency_s"] == found["latency_p99_s"] == 5
    assert found["ttft_s"] == pytest.approx(0.999)
    assert found["tbt_s"] == pytest.approx(0.25)
    assert found["throughput_tokens_per_s"] == pytest.approx(1.6)
    assert found["load_s"] == 1


def test_every_metric_has_an_observation_and_every_absence_a_reason() -> None:
    """Nothing is silently missing, and nothing missing is 0."""
    found = observations(record())
    assert [observation.metric for observation in found] == list(METRICS)
    assert all(o.reason for o in found if o.value is None)
    assert {o.metric for o in found if o.value is None} >= {"gpu_energy_j", "dram_energy_j", "compile_s", "cpu_usage_pct"}


def test_the_boundary_holds_every_component_and_says_so() -> None:
    """Packages, memory and GPUs add up; the platform domain contains them and is a metric of its own."""
    traces = (
        counter("package-0", 10),
        counter("package-1", 5),
        counter("dram-0", 1),
        counter("gpu-0", 20),
        counter("platform", 50),
    )
    run = record(traces=traces)
    found = values(run)
    assert found["energy_j"] == pytest.approx(360)
    assert (found["cpu_energy_j"], found["dram_energy_j"], found["gpu_energy_j"]) == pytest.approx((150, 10, 200))
    assert found["machine_energy_j"] == pytest.approx(500)
    window = run.mark(Phase.WINDOW)
    assert window is not None
    words = boundary_of(boundary_components(run, window.start_ns, window.end_ns))
    assert words == "CPU package-0 + CPU package-1 + DRAM dram-0 + GPU gpu-0"


def test_a_cpu_run_without_cpu_meter_has_no_energy_whatever_the_gpu_drew() -> None:
    """The idle GPU's joules are not passed off as the energy of a CPU configuration."""
    run = record(traces=(counter("gpu-0", 20, meter="nvml"),), missing=(Missing("rapl", "no RAPL here", ""),))
    energy = next(o for o in observations(run) if o.metric == "energy_j")
    assert (energy.value, energy.reason) == (None, "not measured on this machine: no RAPL here")
    assert values(replace(run, provider="cuda"))["energy_j"] == pytest.approx(200)


def test_an_estimate_stays_an_estimate_and_a_measurement_wins() -> None:
    """Method and boundary carry the power model's name; a measured package replaces no other domain."""
    estimated = record(traces=(counter("cpu", 7, method=Method.ESTIMATED, meter="estimate"),))
    energy = next(o for o in observations(estimated) if o.metric == "energy_j")
    assert (energy.method, energy.boundary) == (Method.ESTIMATED, "CPU (power model)")
    both = record(traces=(counter("package-0", 3), counter("package-0", 9, method=Method.ESTIMATED, meter="estimate")))
    assert values(both)["energy_j"] == pytest.approx(30)


def test_one_source_for_each_physical_domain() -> None:
    """A power model beside RAPL, and one meter's package beside another's dies, are never added: 30 W × 10 s are 300 J."""
    rapl, guess = counter("package-0", 30), counter("cpu", 20, method=Method.ESTIMATED, meter="estimate")
    dies = [counter(f"package-0-die-{die}", 15) for die in (0, 1)]
    for traces in ((guess, rapl), (counter("package-0", 30, meter="energibridge"), *dies)):
        assert values(record(traces=traces))["energy_j"] == pytest.approx(300)
    both = {o.metric: o for o in observations(record(traces=(guess, rapl)))}
    assert (both["energy_j"].method, both["energy_j"].boundary) == (Method.MEASURED, "CPU package-0")


def test_net_energy_needs_one_boundary() -> None:
    """A GPU or memory that one of window and idle baseline lacks would be taken for load; so there is no net energy, and why."""
    late = counter("gpu-0", 50, meter="nvml")
    start = next(index for index, t in enumerate(late.t_ns) if t >= 3.5 * SECOND)
    late = replace(late, t_ns=late.t_ns[start:], value=late.value[start:])
    found = {o.metric: o for o in observations(record(traces=(counter("package-0", 10), late)))}
    assert found["energy_j"].value == pytest.approx(600)
    assert found["energy_net_j"].value is None
    assert found["energy_net_j"].reason == found["idle_power_w"].reason == "the idle baseline has another boundary: gpu-0"


def test_net_energy_below_zero_is_none() -> None:
    """A machine that drew more idle than in the window was not idle."""
    steps = range(201)
    watts = [40.0 if step < 40 or step > 140 else 10.0 for step in steps]
    trace = replace(counter("package-0", 1), value=array("d", accumulate(w / 10 for w in watts)))
    found = {o.metric: o for o in observations(record(traces=(trace,)))}
    assert found["energy_net_j"].value is None
    assert found["energy_net_j"].reason == "the machine drew more power idle than in the window"


def test_utilisation_is_time_weighted_over_the_window() -> None:
    """CPU seconds over window length and CPUs; memory as share of the machine's."""
    busy = Trace(
        "u", "machine", "cpu_time", TraceKind.COUNTER, "s", Method.MEASURED, array("q", [0, 20 * SECOND]), array("d", [0, 20])
    )
    run = record(traces=(busy, gauge("machine", "memory", "B", 2e9), gauge("server", "rss", "B", 1e9)))
    found = values(run)
    assert found["cpu_usage_pct"] == pytest.approx(50)
    assert found["ram_usage_pct"] == pytest.approx(25)
    assert found["ram_used_b"] == pytest.approx(2e9)


def test_gpu_metrics_come_from_its_gauges() -> None:
    """Load, memory load and memory of the GPU."""
    traces = (
        gauge("gpu-0", "load", "%", 80),
        gauge("gpu-0", "memory_load", "%", 30),
        gauge("gpu-0", "memory", "B", 4e9),
        gauge("gpu-0", "memory_total", "B", 16e9),
    )
    found = values(record(traces=traces))
    names = ("gpu_usage_pct", "gpu_memory_utilization_pct", "gpu_memory_used_b", "gpu_memory_used_pct")
    assert [found[name] for name in names] == pytest.approx([80, 30, 4e9, 25])


def test_a_run_without_a_window_has_no_observations() -> None:
    """A run that failed carries no values."""
    assert observations(record(outcome=Outcome.FAILED)) == ()
    assert observations(record(marks=record().marks[:2])) == ()


def test_phases_carry_energy_and_power_in_order_of_time() -> None:
    """Each phase has its own energy; the last ones are not computable when the trace ends before."""
    rows = phase_rows(record(traces=(counter("package-0", 10, end_s=15),)))
    by_phase = {row.mark.phase: row for row in rows}
    assert by_phase[Phase.IDLE_BEFORE].energy_j == pytest.approx(20)
    assert by_phase[Phase.WINDOW].power_w == pytest.approx(10)
    assert by_phase[Phase.STOP].energy_j is None
    assert [row.mark.start_ns for row in rows] == sorted(row.mark.start_ns for row in rows)


def test_prefill_and_decode_energy_where_the_instruments_can_tell_them_apart() -> None:
    """Two requests with a prefill of a second and a decode of 1.75 s at 10 W; short stages say why they have no value."""
    values = {o.metric: o for o in observations(record())}
    assert values["prefill_energy_j"].value == pytest.approx(2 * 10 * 0.999, rel=1e-3)
    assert values["decode_energy_j"].value == pytest.approx(2 * 10 * 1.75, rel=1e-3)
    assert values["prefill_energy_j"].boundary == "CPU package-0"
    quick = tuple(
        replace(r, token_ns=tuple((r.server_start_ns or 0) + 10**7 * (step + 1) for step in range(8)))
        for r in record().requests
    )
    short = {o.metric: o for o in observations(record(requests=quick))}
    assert short["prefill_energy_j"].value is None
    assert "less than two samples" in str(short["prefill_energy_j"].reason)


def test_every_metric_of_a_measured_run_is_observed() -> None:
    """A value, or a reason of its own: none is lost between the groups that make them."""
    assert [o.metric for o in observations(record()) if o.reason == "not recorded"] == []
