"""Tests of uncertainty budgets, against traces whose true energy is known and formulas worked out by hand."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from greenreport import traces as tr
from greenreport.analysis.measure.metrics import observations
from greenreport.analysis.measure.observation import Observation
from greenreport.catalog import METERS, Accuracy, accuracy_for
from greenreport.meters.base import SPREAD
from greenreport.plan import make_plan
from greenreport.record import Environment, Gpu, Method, Trace, TraceKind
from greenreport.study import Study, meter_use
from tests.conftest import minimal_study
from tests.records import ENVIRONMENT, counter, record

S = 10**9
WRAP = 262_143.328850
#: An instrument whose only errors are those that its trace shows.
IDEAL = Accuracy("", "", 0.0, 0.0, 0.0, 0.001, "made up")
Energy = Callable[[np.ndarray], np.ndarray]


def trace(times_s: np.ndarray, values: np.ndarray, kind: TraceKind, wrap_at: float | None = None, meter: str = "rapl") -> Trace:
    """Return a trace of a package's energy (a counter) or of a GPU's power (a gauge)."""
    domain, quantity, unit = ("package-0", "energy", "J") if kind is TraceKind.COUNTER else ("gpu-0", "power", "W")
    times = array("q", np.round(times_s * S).astype(np.int64).tolist())
    return Trace(meter, domain, quantity, kind, unit, Method.MEASURED, times, array("d", values.tolist()), wrap_at)


def sampled(seed: int, end_s: float, interval_s: float = 0.097) -> np.ndarray:
    """Return times between samples as the sampler draws them, from 0 to past the end."""
    steps = np.random.default_rng(seed).uniform(*SPREAD, int(1.3 * end_s / interval_s) + 20)
    return np.concatenate(([0.0], np.cumsum(interval_s * steps)))


def bursts(
    times: np.ndarray, period_s: float = 0.097, base: float = 40.0, more: float = 275.0, share: float = 0.2
) -> np.ndarray:
    """Return the energy of `base` watts and `more` in the first part of each period."""
    whole, part = np.divmod(times, period_s)
    return base * times + more * share * period_s * whole + more * np.minimum(part, share * period_s)


def power(energy: Energy, times: np.ndarray) -> np.ndarray:
    """Return the momentary power of a signal."""
    return (energy(times + 1e-6) - energy(times)) / 1e-6


def error_in_budgets(one: Trace, energy: Energy, start_s: float, end_s: float) -> float | None:
    """Return the error of an energy as a share of its expanded uncertainty; None where the trace is refused."""
    span = (int(start_s * S), int(end_s * S))
    joules = tr.energy(one, *span)
    if joules is None:
        assert tr.why_unusable(one, *span) is not None
        return None
    truth = float(energy(np.array([end_s]))[0] - energy(np.array([start_s]))[0])
    return abs(joules - truth) / tr.combined([tr.contribution(one, [span], IDEAL)]).expanded


def test_counters_that_wrap_anywhere_are_within_their_budget() -> None:
    """400 places of the wrap, bursts that fall between samples, no sample at the edges of the window."""
    times = sampled(1, 12)
    for start_j in np.linspace(WRAP - 1_200, WRAP, 400):
        wrapped = trace(times, (start_j + bursts(times)) % WRAP, TraceKind.COUNTER, WRAP)
        found = error_in_budgets(wrapped, bursts, 1.03, 11.02)
        assert found is not None
        assert found <= 1


def test_holes_are_within_the_budget_or_refused() -> None:
    """Samples are missing for 0.1 to 3 s, anywhere; the signal has bursts (the counter) or two levels (the power)."""

    def levels(at: np.ndarray) -> np.ndarray:
        return bursts(at, 7.0, 100.0, 200.0, 0.5)

    dice, refused, inside = np.random.default_rng(2), 0, []
    for seed in range(150):
        times = sampled(seed, 42)
        begin, length = dice.uniform(0, 38), dice.uniform(0.1, 3)
        times = times[(times < begin) | (times > begin + length)]
        for one, energy in (
            (trace(times, bursts(times), TraceKind.COUNTER), bursts),
            (trace(times, power(levels, times), TraceKind.GAUGE), levels),
        ):
            found = error_in_budgets(one, energy, 2, 40)
            refused += found is None
            inside += [] if found is None else [found <= 1]
    assert refused > 10
    assert np.mean(inside) > 0.95


def test_channels_that_stick_are_within_the_budget_or_refused() -> None:
    """A counter that loses what it does not count, and a noisy power that keeps its value of the idle machine, for 0.3 to 4 s."""
    dice, refused = np.random.default_rng(3), 0
    for seed in range(100):
        times, stuck_s = sampled(seed, 24), dice.uniform(0.3, 4)
        moving = np.minimum(times, 8) + np.maximum(times - 8 - stuck_s, 0)
        noisy = np.where(times < 2, 40.0, 100.0) + dice.normal(0, 0.5, len(times))
        held = np.where((times > 2) & (times < 2 + stuck_s), 40.1, noisy)

        def level(at: np.ndarray) -> np.ndarray:
            return 40 * at + 60 * np.maximum(at - 2, 0)

        for one, energy in (
            (trace(times, 100 * moving, TraceKind.COUNTER), lambda at: 100 * at),
            (trace(times, held, TraceKind.GAUGE), level),
        ):
            found = error_in_budgets(one, energy, 1, 22)
            refused += found is None
            assert found is None or found <= 1, (seed, stuck_s, one.kind)
    assert refused > 40


@pytest.mark.parametrize("part", [1, 3])
def test_load_in_step_with_the_sampler_is_within_the_budget_or_refused(part: int) -> None:
    """Bursts at the sampler's interval or a part of it: missed by 58 % where samples come at equal times."""

    def load(at: np.ndarray) -> np.ndarray:
        return bursts(at, 0.097 / part)

    found = []
    for seed in range(100):
        times = sampled(seed, 124)
        found.append(error_in_budgets(trace(times, power(load, times), TraceKind.GAUGE), load, 2, 122))
        short = trace(times, power(load, times), TraceKind.GAUGE)
        assert (why := tr.why_unusable(short, 2 * S, 12 * S)) is not None
        assert why.fault == "undersampled"
    usable = [error for error in found if error is not None]
    assert len(usable) > 75
    assert np.mean([error <= 1 for error in usable]) > 0.93
    even = np.arange(0, 124, 0.097) + 0.05
    missed = trace(even, power(bursts, even), TraceKind.GAUGE)
    assert (tr.energy(missed, 2 * S, 122 * S) or 0) / 120 == pytest.approx(40)  # the truth is 95 W
    assert tr.evenly_spaced(missed, 2 * S, 122 * S)
    assert not tr.evenly_spaced(trace(times, times, TraceKind.GAUGE), 2 * S, 122 * S)
    late = even + np.random.default_rng(4).exponential(0.002, len(even))  # as a busy machine makes them
    assert tr.evenly_spaced(trace(late, late, TraceKind.GAUGE), 2 * S, 122 * S)


def test_the_budget_is_the_formula() -> None:
    """u² = (u_gain E)² + (u_offset T)² + 2 (P τ / √12)², limits taken as rectangular; a calibration states twice its standard uncertainty."""
    times = np.arange(0, 20.01, 0.1)
    known = Accuracy("", "", 0.05, 0.01, 5.0, 0.1, "made up")
    one = tr.contribution(trace(times, 100 * times, TraceKind.COUNTER), [(5 * S, 15 * S)], known)
    assert (one.gain, one.offset) == (pytest.approx(50 / 3**0.5), pytest.approx(50 / 3**0.5))
    assert one.quantisation == pytest.approx(2**0.5 * 10 / 12**0.5)
    assert one.sampling == 0
    assert tr.combined([one]).expanded == pytest.approx(2 * math.sqrt(2 * 2500 / 3 + 2 * 100 / 12))
    calibrated = tr.contribution(trace(times, 100 * times, TraceKind.COUNTER), [(5 * S, 15 * S)], replace(known, divisor=2.0))
    assert calibrated.gain == pytest.approx(25)


def test_a_gpu_that_is_watched_part_of_the_time_says_so_in_its_budget() -> None:
    """The spread of its power from reading to reading counts for the three quarters that are not seen."""
    gpu = replace(ENVIRONMENT, gpus=(Gpu(0, "NVIDIA H100 80GB HBM3", None, "x"), Gpu(1, "Tesla V100-SXM2-16GB", None, "y")))
    times = sampled(5, 24)
    energy = replace(trace(times, 300 * times, TraceKind.COUNTER), meter="nvml", domain="gpu-0")
    watts = trace(times, 300 + np.random.default_rng(6).normal(0, 60, len(times)), TraceKind.GAUGE, meter="nvml")
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
