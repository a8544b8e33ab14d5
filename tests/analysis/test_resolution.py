"""Tests of values below the resolution of their instrument: they are absent with that reason, and nothing is made of them."""

from __future__ import annotations

from array import array
from dataclasses import replace

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.analysis.hypotheses.claims import compare
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.metrics import observations, phase_rows
from greenreport.analysis.measure.observation import Observation
from greenreport.record import Mark, Method, Phase, RunRecord, Trace, TraceKind
from tests.datasets import around, dataset
from tests.records import SECOND, counter, record

MS = 10**6
#: A window of 12 ms.
WINDOW = Mark(Phase.WINDOW, 4 * SECOND, 4 * SECOND + 12 * MS)


def short(*traces: Trace) -> RunRecord:
    """Return a run with a window of 12 ms and its two requests in it, at the given traces."""
    marks = tuple(WINDOW if mark.phase is Phase.WINDOW else mark for mark in record().marks)
    return record(marks=marks, requests=(), traces=traces)


def ticks(domain: str, after: float) -> Trace:
    """Return CPU seconds of a domain that are read at the edges of the window, `after` of them spent inside."""
    times = array("q", [0, WINDOW.start_ns, WINDOW.end_ns, 20 * SECOND])
    return Trace(
        "utilisation", domain, "cpu_time", TraceKind.COUNTER, "s", Method.MEASURED, times, array("d", [0, 3, 3 + after, 9])
    )


def observed(run: RunRecord) -> dict[str, Observation]:
    """Return metric → observation."""
    return {observation.metric: observation for observation in observations(run)}


@pytest.mark.parametrize(("domain", "metric"), [("machine", "cpu_usage_pct"), ("server", "process_cpu_pct")])
def test_a_cpu_usage_of_less_than_a_tick_is_no_usage_of_zero(domain: str, metric: str) -> None:
    """A window in which the kernel counts no tick has an unknown, small usage; one tick is a value."""
    nothing = observed(short(ticks(domain, 0.0)))[metric]
    assert (nothing.value, nothing.below_resolution) == (None, True)
    assert nothing.reason == "below the resolution of its instrument: CPU time is counted in steps of 10 ms"
    assert observed(short(ticks(domain, 0.02)))[metric].value == pytest.approx(100 * 0.02 / 0.012 / 2)


def test_the_power_model_makes_no_estimate_of_a_load_it_cannot_see() -> None:
    """Estimated energy needs a tick of CPU time; where no load was recorded, a window of a tick; a measured energy needs none."""
    estimate = counter("cpu", 7, method=Method.ESTIMATED, meter="estimate")
    unseen = observed(short(estimate, ticks("machine", 0.0)))
    assert {unseen[name].value for name in ("energy_j", "power_mean_w", "energy_delay_js")} == {None}
    assert unseen["energy_j"].below_resolution
    assert observed(short(estimate, ticks("machine", 0.01)))["energy_j"].value == pytest.approx(7 * 0.012)
    assert observed(short(estimate))["energy_j"].value == pytest.approx(7 * 0.012)
    assert observed(short(counter("package-0", 7), ticks("machine", 0.0)))["energy_j"].value == pytest.approx(7 * 0.012)
    rows = {row.mark.phase: row for row in phase_rows(short(estimate, ticks("machine", 0.0)))}
    assert rows[Phase.WINDOW].energy_j is None


def test_a_counter_that_does_not_move_in_a_window_tells_no_energy_of_zero() -> None:
    """A step of the counter is larger than what was used; the other component alone is not the energy of both."""
    still = replace(ticks("package-0", 0.0), meter="rapl", quantity="energy", unit="J")
    energy = observed(short(still, counter("dram-0", 2)))
    assert (energy["energy_j"].value, energy["energy_j"].below_resolution) == (None, True)
    assert energy["energy_j"].boundary == "CPU package-0 + DRAM dram-0"
    assert energy["power_mean_w"].value is None


def test_gauges_and_times_of_zero_are_below_resolution_and_counts_are_not() -> None:
    """A GPU whose load reads 0 %, tokens with one time stamp; a request rate of zero is a count."""
    load = Trace(
        "nvml", "gpu-0", "load", TraceKind.GAUGE, "%", Method.MEASURED, array("q", [0, 20 * SECOND]), array("d", [0, 0])
    )
    together = tuple(replace(request, token_ns=(5 * SECOND,) * 8) for request in record().requests)
    seen = observed(record(traces=(load,), requests=together))
    assert [seen[name].below_resolution for name in ("gpu_usage_pct", "tbt_s")] == [True, True]
    assert observed(short())["throughput_requests_per_s"].value == 0


def unresolved(data: Dataset, configuration: str, metric: str, runs: int) -> Dataset:
    """Return the dataset with the first runs of a configuration below resolution in a metric."""
    absent = Observation(metric, None, reason="too small", below_resolution=True)
    cells = []
    for cell in data.cells:
        changed = tuple(
            replace(run, observations={**run.observations, metric: absent})
            if cell.configuration.id == configuration and number < runs
            else run
            for number, run in enumerate(cell.runs)
        )
        cells.append(replace(cell, runs=changed))
    return replace(data, cells=tuple(cells))


@pytest.mark.parametrize("runs", [1, 5])
def test_nothing_is_made_of_a_cell_with_runs_below_resolution(runs: int) -> None:
    """No test, winner, claim, saving, mean or Pareto point; not of the runs that can be seen either, which are the larger ones."""
    data = dataset({name: {"torch": around(100), "onnx": around(50), "openvino": around(80)} for name in ("a", "b")})
    thrifty = next(c for c in data.configurations if c.engine == "onnx")
    data = unresolved(data, thrifty.id, "energy_j", runs)
    cell = data.cell("a", thrifty.id)
    assert cell is not None
    assert (cell.values("energy_j"), cell.median("energy_j"), cell.absence("energy_j")) == ((), None, "too small")
    others = [c for c in data.configurations if c.id != thrifty.id]
    assert compare(data, "energy_j", thrifty, others[0], data.models) is None
    analysis = analyse(data)
    energy = analysis.findings[0]
    assert {(w.configuration, w.reason) for test in energy.tests for w in test.withheld} == {(thrifty.id, "too small")}
    standing = analysis.answers[0].answers[0].standing
    assert standing is not None
    assert thrifty.id not in dict(standing.wins)
    assert all(thrifty.id not in {p.name for p in front.points} for t in analysis.tradeoffs for _, front in t.models)
    means = [row.label for item in analysis.aggregates if item.metric == "energy_j" for row in item.rows]
    assert data.labels[thrifty.id] not in means
