"""Tests of uncertainty budgets, against traces whose true energy is known and formulas worked out by hand."""

from __future__ import annotations

import math
from array import array
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from benchmarks.known_traces import BURSTS, CASES, errors, power, times, trace
from greenreport import traces as tr
from greenreport.analysis.measure.metrics import observations
from greenreport.analysis.measure.observation import Observation
from greenreport.catalog import METERS, Accuracy, accuracy_for
from greenreport.plan import make_plan
from greenreport.record import Environment, Gpu, Method, TraceKind
from greenreport.study import Study, meter_use
from tests.conftest import ROOT, minimal_study
from tests.records import ENVIRONMENT, counter, record

S = 10**9
#: Cases of which every trace, or none, is refused; of the others some are.
ALWAYS, NEVER = {"power with bursts in step with the sampler, 20 s"}, {
    "counter with bursts that wraps anywhere", "the same, 120 s", "three bursts in each interval of the sampler, 120 s",
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_where_the_truth_is_known_it_lies_within_the_uncertainty_or_the_trace_is_refused(name: str) -> None:
    """400 wraps, holes, channels that stick, load in step with the sampler: about 95 in 100 are within, and refusals have a reason."""
    found = errors(name, 400 if name in NEVER and "wraps" in name else 80)
    usable = [error for error in found if error is not None]
    assert {len(usable) == 0, len(usable) == len(found)} == {name in ALWAYS, name in NEVER}
    assert np.mean([error <= 1 for error in usable] or [1.0]) > 0.9
    assert name in (ROOT / "docs" / "instruments.md").read_text(encoding="utf-8")


def test_load_in_step_with_equal_times_is_missed_and_told() -> None:
    """58 % of the energy is missing, and no error shows it; times that are late now and then are as equal."""
    even = np.arange(0, 124, 0.097) + 0.05
    missed = trace(even, power(BURSTS, even), TraceKind.GAUGE)
    assert (tr.energy(missed, 2 * S, 122 * S) or 0) / 120 == pytest.approx(40)  # the truth is 95 W
    assert tr.gauge_error(missed, 2 * S, 122 * S) == pytest.approx(0, abs=1e-3)
    late = even + np.random.default_rng(4).exponential(0.002, len(even))
    for at, expected in ((even, True), (late, True), (times(np.random.default_rng(5), 124), False)):
        assert tr.evenly_spaced(trace(at, at, TraceKind.GAUGE), 2 * S, 122 * S) is expected


def test_the_budget_is_the_formula() -> None:
    """u² = (u_gain E)² + (u_offset T)² + 2 (P τ / √12)², limits taken as rectangular; a calibration states twice its standard uncertainty."""
    at = np.arange(0, 20.01, 0.1)
    known = Accuracy("", "", 0.05, 0.01, 5.0, 0.1, "made up")
    one = tr.contribution(trace(at, 100 * at, TraceKind.COUNTER), [(5 * S, 15 * S)], known)
    assert (one.gain, one.offset) == (pytest.approx(50 / 3**0.5), pytest.approx(50 / 3**0.5))
    assert one.quantisation == pytest.approx(2**0.5 * 10 / 12**0.5)
    assert one.sampling == 0
    assert tr.combined([one]).expanded == pytest.approx(2 * math.sqrt(2 * 2500 / 3 + 2 * 100 / 12))
    calibrated = tr.contribution(trace(at, 100 * at, TraceKind.COUNTER), [(5 * S, 15 * S)], replace(known, divisor=2.0))
    assert calibrated.gain == pytest.approx(25)


@pytest.mark.parametrize("kind", [TraceKind.COUNTER, TraceKind.GAUGE])
def test_equal_readings_are_looked_for_in_every_span_where_there_are_any(
    kind: TraceKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two equal readings far apart, as across a gap, hide no shorter stretch of many: the quick look and the thorough one agree."""
    known = Accuracy(domain="", hardware="", gain=0.0, linearity=0.0, offset_w=0.0, refresh_s=0.1, source="")
    at = np.concatenate([np.arange(0, 40), np.arange(400, 440)]) / 10
    draw = np.random.default_rng(4)
    values = np.cumsum(draw.uniform(1, 2, 80)) if kind is TraceKind.COUNTER else draw.uniform(50, 90, 80)
    values[39:41] = values[39]
    values[60:65] = values[60]
    spans = [(int(at[first] * S), int(at[first + 8] * S)) for first in (2, 20, 45, 56, 58)]
    quick = tr.contribution(trace(at, values, kind), spans, known)
    monkeypatch.setattr("greenreport.traces.uncertainty._may_be_stuck", lambda *_: True)
    assert tr.contribution(trace(at, values, kind), spans, known) == quick
    assert kind is TraceKind.COUNTER or quick.sampling > 0


def test_a_gpu_that_is_watched_part_of_the_time_says_so_in_its_budget() -> None:
    """The spread of its power from reading to reading counts for the three quarters that are not seen."""
    gpu = replace(ENVIRONMENT, gpus=(Gpu(0, "NVIDIA H100 80GB HBM3", None, "x"), Gpu(1, "Tesla V100-SXM2-16GB", None, "y")))
    at = times(np.random.default_rng(5), 24)
    energy = replace(trace(at, 300 * at, TraceKind.COUNTER), meter="nvml", domain="gpu-0")
    watts = trace(at, 300 + np.random.default_rng(6).normal(0, 60, len(at)), TraceKind.GAUGE)
    span = (2 * S, 22 * S)
    known = tr.known_accuracy(energy, gpu, {})
    assert known is not None
    assert known.watched == 0.25
    seen = tr.contribution(energy, [span], known, tr.power_beside(energy, [energy, watts]))
    assert seen.sampling == pytest.approx(0.75**0.5 * 60 * 20 / math.sqrt(20 / 0.097), rel=0.2)
    assert tr.contribution(energy, [span], known).sampling > seen.sampling  # without readings of power the worst is assumed
    whole = tr.known_accuracy(replace(energy, domain="gpu-1"), gpu, {})
    assert whole is not None
    assert tr.contribution(energy, [span], whole).sampling == 0


@pytest.mark.parametrize(
    ("cpu", "domain", "gain"),
    [
        ("Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz", "package-0", 0.05),
        ("Intel(R) Xeon(R) CPU E5-2680 v3 @ 2.50GHz", "package-1", 0.05),
        ("Intel(R) Xeon(R) CPU E5-2670 0 @ 2.60GHz", "package-0", 0.10),
        ("Intel(R) Xeon(R) CPU E5-2690 v2 @ 3.00GHz", "package-0", 0.10),
        ("Intel(R) Core(TM) i7-2600 CPU @ 3.40GHz", "package-0", 0.10),
        ("Intel(R) Core(TM) i7-12700K", "package-0", 0.05),
        ("AMD EPYC 7742 64-Core Processor", "package-0-die-1", 0.10),
        ("Intel(R) Xeon(R) Gold 6230 CPU @ 2.10GHz", "dram-0", 0.20),
        ("unheard of", "package-0", 0.10),
    ],
)
def test_the_accuracy_of_rapl_depends_on_processor_and_domain(cpu: str, domain: str, gain: float) -> None:
    """Each row names where it comes from."""
    found = accuracy_for(METERS["rapl"].accuracies, domain, cpu)
    assert found is not None
    assert found.gain == gain
    assert all(row.source and row.linearity <= row.gain for info in METERS.values() for row in info.accuracies)


def budget(meter: str, gain: float, offset: float, linearity: float = 0.0) -> tr.Budget:
    """Return a budget of one meter."""
    return tr.Budget((tr.Contribution(meter, gain, offset, linearity, 0.0, 0.0),))


def test_in_ratios_the_gain_of_one_meter_cancels_and_nothing_between_two() -> None:
    """1000 J in 10 s against 500 J in 10 s, 3 % gain, 1 W offset: |1/100 − 1/50| of the offset stays; between meters all of it."""
    assert tr.ratio_uncertainty(budget("a", 30, 10), 1000, budget("a", 15, 10), 500) == pytest.approx(0.01)
    between = math.hypot(0.03, 0.03, 0.01, 0.02)
    assert tr.ratio_uncertainty(budget("a", 30, 10), 1000, budget("b", 15, 10), 500) == pytest.approx(between)
    assert tr.ratio_uncertainty(budget("a", 30, 0, 10), 1000, budget("a", 15, 0, 5), 500) == pytest.approx(
        math.hypot(0.01, 0.01)
    )
    equal = tr.ratio_uncertainty(budget("a", 30, 10), 1000, budget("a", 30, 10), 1000)
    assert equal == 0
    cpu, gpu = budget("rapl", 5, 0).contributions, budget("nvml", 40, 0).contributions
    mixed = tr.Budget((*cpu, *gpu))
    assert tr.ratio_uncertainty(mixed, 900, tr.Budget(tuple(c.times(2) for c in mixed.contributions)), 1800) == pytest.approx(0)


def observed(environment: Environment = ENVIRONMENT, **changes: object) -> dict[str, Observation]:
    """Return the observations of the made-up run with 10 W in its package."""
    return {o.metric: o for o in observations(record(environment=environment, **changes))}


def test_every_measured_energy_carries_its_uncertainty() -> None:
    """What is computed from the energy has its relative uncertainty; net energy loses the offset, and keeps its share of the gain."""
    idle_less = counter("package-0", 10.0)
    values = [10.0 * min(max(t / S - 4, 0), 10) + 2 * t / S for t in idle_less.t_ns]
    found = observed(traces=(replace(idle_less, value=array("d", values)),))
    total, net = found["energy_j"], found["energy_net_j"]
    assert total.value == pytest.approx(120)
    assert net.value == pytest.approx(100)
    assert total.budget is not None
    assert net.budget is not None
    [gross] = total.budget.contributions
    assert gross.gain == pytest.approx(0.1 * 120 / 3**0.5)
    [less] = net.budget.contributions
    assert (less.gain, less.offset) == (pytest.approx(0.1 * 100 / 3**0.5), pytest.approx(0))
    relative = total.budget.standard / 120
    for metric in ("cpu_energy_j", "j_per_request", "j_per_output_token", "tokens_per_j", "power_mean_w", "energy_delay_js"):
        one = found[metric]
        assert one.value is not None
        assert one.budget is not None, metric
        assert one.budget.standard / one.value == pytest.approx(relative), metric
    assert found["duration_s"].budget is None


def test_modelled_and_replayed_energy_carry_none_and_a_calibration_replaces_the_catalog() -> None:
    """Nothing is known of the errors of a model or of what was recorded elsewhere."""
    for trace_of in (
        counter("cpu", 10.0, method=Method.ESTIMATED, meter="estimate"),
        counter("package-0", 10.0, meter="replay"),
    ):
        assert observed(traces=(trace_of,))["energy_j"].budget is None
    exact = Accuracy("", "", 0.01, 0.0, 0.0, 0.0, "certificate", divisor=2.0)
    [joules] = [o for o in observations(record(), None, {"rapl": exact}) if o.metric == "energy_j"]
    assert joules.budget is not None
    assert joules.budget.contributions[0].gain == pytest.approx(0.005 * 100)


def test_a_calibration_makes_no_finished_run_pending() -> None:
    """It says how values are used, not how they are measured; a linearity above the gain is a slip of the pen."""
    calibration = {"gain": 0.01, "offset_w": 0.3, "source": "certificate 117"}
    plans = [
        make_plan(Study.model_validate(minimal_study(meters=[meter])), "prompts")
        for meter in ("wattmeter", {"wattmeter": {"calibration": calibration}})
    ]
    assert [cell.fingerprint for cell in plans[0].cells] == [cell.fingerprint for cell in plans[1].cells]
    found = plans[1].study.calibrations["wattmeter"]
    assert (found.gain, found.linearity, found.offset_w, found.source, found.divisor) == (0.01, 0.01, 0.3, "certificate 117", 2)
    with pytest.raises(ValidationError, match="linearity"):
        meter_use("wattmeter", calibration={**calibration, "linearity": 0.02})
