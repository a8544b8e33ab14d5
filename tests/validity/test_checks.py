"""Tests of the validity record: each reason code appears when its fault is there, and only then."""

from __future__ import annotations

import random
from array import array
from dataclasses import replace
from itertools import accumulate
from typing import Any

import pytest

from greenreport.record import Flag, FlagCode, Mark, Method, Outcome, Phase, RunRecord, RunSpec, Trace, TraceKind
from greenreport.study import Study
from greenreport.validity import CODES, judged, validity_flags
from tests.conftest import minimal_study
from tests.records import SECOND, counter, record


def study(**validity: Any) -> Study:
    """Return a study whose protocol fits the made-up record."""
    protocol = minimal_study()["protocol"] | {"idle_baseline_s": 2.0}
    rules = {"foreign_load": 0.1} | validity
    return Study.model_validate(minimal_study(protocol=protocol, validity=rules, meters=["rapl", "utilisation"]))


def codes(made: RunRecord, **validity: Any) -> set[str]:
    """Return the codes of a record's flags."""
    return {flag.code for flag in validity_flags(made, study(**validity))}


def cpu_time(domain: str, share: float) -> Trace:
    """Return a counter of CPU seconds that grows by `share` of one CPU."""
    return replace(counter(domain, share, meter="utilisation"), quantity="cpu_time", unit="s")


def gauge(meter: str, domain: str, quantity: str, unit: str, values: list[float], step_s: float = 0.1) -> Trace:
    """Return a gauge sampled from 0."""
    times = array("q", [int(index * step_s * SECOND) for index in range(len(values))])
    return Trace(meter, domain, quantity, TraceKind.GAUGE, unit, Method.MEASURED, times, array("d", values))


def test_a_good_run_has_no_flag() -> None:
    """The made-up record is valid, and stays ok."""
    assert codes(record()) == set()
    assert judged(record(), study()).outcome is Outcome.OK


def test_a_phase_that_is_missing_or_short_excludes() -> None:
    """A skipped idle baseline, and one that was cut short."""
    marks = record().marks
    without = record(marks=tuple(m for m in marks if m.phase is not Phase.IDLE_AFTER))
    short = record(marks=tuple(replace(m, end_ns=m.start_ns + SECOND) if m.phase is Phase.IDLE_AFTER else m for m in marks))
    for made in (without, short):
        assert codes(made) == {"phase_skipped"}
        verdict = judged(made, study())
        assert verdict.outcome is Outcome.INVALID
        assert "idle_after" in str(verdict.reason)


def test_a_client_that_is_busy_may_have_set_the_pace() -> None:
    """Nearly a whole CPU of its own is flagged; half of one is not."""
    for share, expected in ((0.9, {"client_busy"}), (0.5, set())):
        assert codes(record(traces=(*record().traces, cpu_time("client", share)))) == expected


def test_other_programs_are_told_from_the_server() -> None:
    """Machine load that the server explains is no flag; what is left over is."""
    busy = (cpu_time("machine", 1.5), cpu_time("server", 1.45), cpu_time("sampler", 0.02))
    assert codes(record(traces=(*record().traces, *busy))) == set()
    foreign = (cpu_time("machine", 1.5), cpu_time("server", 1.0))
    made = record(traces=(*record().traces, *foreign))
    assert codes(made) == {"foreign_load"}
    assert "25.0%" in validity_flags(made, study())[0].detail
    assert codes(made, foreign_load=0.3) == set()
    admitted = validity_flags(made, study(admit=["foreign_load"]))
    assert [flag.fatal for flag in admitted] == [False] * 3
    assert judged(made, study(admit=["foreign_load"])).outcome is Outcome.OK


def test_a_meter_that_dies_in_the_window_excludes() -> None:
    """The counter ends in the middle of the window."""
    trace = counter("package-0", 10.0, end_s=8)
    assert codes(record(traces=(trace,))) == {"sampling_gap"}


def test_a_second_meter_fills_in_for_a_dead_one() -> None:
    """The component is covered, so the run counts."""
    dead, other = counter("package-0", 10.0, end_s=8), counter("package-0", 10.0, meter="energibridge")
    assert codes(record(traces=(dead, other))) == set()


def test_a_gap_in_the_window_excludes_by_the_studys_limit() -> None:
    """Two seconds of silence: too long by default, admitted by a larger limit."""
    full = counter("package-0", 10.0)
    keep = [index for index, at in enumerate(full.t_ns) if not 7 * SECOND < at < 9 * SECOND]
    holed = replace(full, t_ns=array("q", [full.t_ns[i] for i in keep]), value=array("d", [full.value[i] for i in keep]))
    assert codes(record(traces=(holed,))) == {"sampling_gap"}
    assert codes(record(traces=(holed,)), sampling_gap_s=3) == set()


@pytest.mark.parametrize(("factor", "code"), [(0.0, "counter_reset"), (None, "counter_frozen")])
def test_counters_that_cannot_be_trusted_exclude(factor: float | None, code: str) -> None:
    """A counter that is set back to nothing, and one that stands still."""
    full = counter("package-0", 10.0)
    values = [
        (full.value[90] if factor is None else value * factor if index == 90 else value)
        if index >= 90 or factor is None
        else value
        for index, value in enumerate(full.value)
    ]
    made = record(traces=(replace(full, value=array("d", values)),))
    assert codes(made) == {code}
    assert judged(made, study()).outcome is Outcome.INVALID


def test_power_that_changes_faster_than_it_is_sampled_excludes() -> None:
    """Spikes in every other sample leave the integral a guess."""
    power = gauge("nvml", "gpu-0", "power", "W", [400.0 if index % 9 == 0 else 5.0 for index in range(201)])
    assert "undersampled" in codes(record(traces=(*record().traces, power)))


def unevenly(power: Trace) -> Trace:
    """Return a gauge whose samples come at times that vary, as the sampler takes them."""
    dice = random.Random(11)
    times = list(accumulate([0, *(int(dice.uniform(0.05, 0.15) * SECOND) for _ in power.t_ns[1:])]))
    return replace(power, t_ns=array("q", times))


def test_power_that_is_read_at_equal_times_excludes_where_nothing_else_gives_the_energy() -> None:
    """Bursts in step with the samples are missed, and the samples cannot show it; a study may admit such runs."""
    power, package = gauge("nvml", "gpu-0", "power", "W", [40.0] * 201), counter("package-0", 10.0)
    made = record(traces=(package, power))
    assert codes(made) == {"sampled_in_step"}
    assert judged(made, study()).outcome is Outcome.INVALID
    assert judged(made, study(admit=["sampled_in_step"])).outcome is Outcome.OK
    wall = gauge("wattmeter", "machine", "power", "W", [120.0] * 41, 0.5)  # each reading is the mean since the one before
    for traces in ((unevenly(power),), (power, counter("gpu-0", 40.0, meter="nvml")), (wall,)):
        assert codes(record(traces=(package, *traces))) == set()


@pytest.mark.parametrize(("watts", "expected"), [(101.0, set()), (104.0, {"meters_disagree"})])
def test_counter_and_power_that_differ_beyond_their_uncertainties_are_flagged(watts: float, expected: set[str]) -> None:
    """They share a sensor, so its ±5 % explain nothing: 4 % is too much, although the study allows 10 %."""
    power = unevenly(gauge("nvml", "gpu-0", "power", "W", [watts] * 241))
    made = record(traces=(counter("package-0", 10.0), counter("gpu-0", 100.0, meter="nvml"), power))
    assert codes(made) == expected
    assert all("their uncertainties explain" in flag.detail for flag in validity_flags(made, study()))


def test_instruments_that_disagree_are_flagged() -> None:
    """Counter and integrated power differ by a fifth; the study may make it fatal."""
    power = gauge("nvml", "package-0", "power", "W", [12.0] * 201)
    made = record(traces=(counter("package-0", 10.0), power))
    assert codes(made) == {"meters_disagree"}
    assert judged(made, study()).outcome is Outcome.OK
    assert judged(made, study(exclude=["meters_disagree"])).outcome is Outcome.INVALID
    assert codes(made, meters_disagree=0.3) == set()


def test_throttling_in_the_window_is_flagged() -> None:
    """Only inside the window."""
    inside = [1.0 if 60 <= index < 70 else 0.0 for index in range(201)]
    before = [1.0 if index < 20 else 0.0 for index in range(201)]
    assert codes(record(traces=(*record().traces, gauge("nvml", "gpu-0", "throttle", "bits", inside)))) == {"throttled"}
    assert codes(record(traces=(*record().traces, gauge("nvml", "gpu-0", "throttle", "bits", before)))) == set()


@pytest.mark.parametrize(("under_way", "told"), [(500, False), (600, True)])
def test_late_requests_say_when_the_client_had_its_most_under_way(under_way: int, told: bool) -> None:
    """One request is due every millisecond and each takes five seconds: beyond 512 at once the rest waits in the client."""
    first = record().requests[0]
    starts = [4 * SECOND + index * 10**6 for index in range(under_way)]
    requests = tuple(
        replace(first, index=index, start_ns=start, end_ns=start + 5 * SECOND) for index, start in enumerate(starts)
    )
    times, late = array("q", starts), array("d", [0.5] * under_way)
    lateness = Trace("client", "client", "lateness", TraceKind.GAUGE, "s", Method.MEASURED, times, late)
    flags = validity_flags(record(requests=requests, traces=(*record().traces, lateness)), study())
    [detail] = [flag.detail for flag in flags if flag.code == "late_requests"]
    assert detail.startswith("1 % of requests were sent 500 ms late or later; one was due every 1 ms")
    assert detail.endswith("; 512 were under way, the most the client sends before answers come") == told


def test_a_step_of_the_wall_clock_excludes_meters_that_go_by_it() -> None:
    """EnergiBridge stamps its samples with the wall clock; RAPL does not care."""
    step = gauge("utilisation", "machine", "clock_offset", "s", [0.0] * 100 + [1.5] * 101)
    bridge = counter("package-0", 10.0, meter="energibridge")
    assert codes(record(traces=(bridge, step))) == {"clock_step"}
    assert codes(record(traces=(*record().traces, step))) == set()
    backwards = replace(bridge, t_ns=array("q", [*bridge.t_ns[:80], *[at - SECOND for at in bridge.t_ns[80:]]]))
    assert codes(record(traces=(backwards,))) == {"clock_step"}


def test_a_short_window_is_flagged_for_the_instrument_that_needs_more() -> None:
    """NVML needs five seconds; a study may ask for more than any instrument."""
    made = record(
        marks=tuple(replace(m, end_ns=m.start_ns + 3 * SECOND) if m.phase is Phase.WINDOW else m for m in record().marks)
    )
    assert codes(made) == set()
    gpu = counter("gpu-0", 100.0, meter="nvml")
    assert codes(replace(made, traces=(gpu,))) == {"window_too_short"}
    assert codes(record(), shortest_window_s=60) == {"window_too_short"}


def test_an_estimate_is_always_flagged_and_never_fatal_by_itself() -> None:
    """The power model is named; a study may refuse it."""
    made = record(traces=(counter("cpu", 10.0, method=Method.ESTIMATED, meter="estimate"),))
    assert validity_flags(made, study()) == (
        Flag(FlagCode.ESTIMATED_ENERGY, "energy of cpu comes from a power model, not from a meter"),
    )
    assert judged(made, study(exclude=["estimated_energy"])).outcome is Outcome.INVALID


def test_unsteady_start_and_wrong_answers() -> None:
    """The cool-down's own verdict, a wrong number of tokens, and an answer by another model."""
    cooled = Mark(Phase.COOLDOWN, -5 * SECOND, -SECOND, note="power varies by 30 %", steady=False)
    assert codes(record(marks=(cooled, *record().marks))) == {"unsteady_start"}
    requests = record().requests
    short = (replace(requests[0], output_tokens=3), requests[1])
    assert codes(record(requests=short)) == {"token_count_mismatch"}
    other = (replace(requests[0], answered_by="two"), requests[1])
    assert codes(record(requests=other)) == {"wrong_model"}


def test_changed_rules_judge_finished_runs_anew() -> None:
    """An invalid run becomes ok when the study allows its flag; crashes stay crashes."""
    busy = (cpu_time("machine", 1.5), cpu_time("server", 1.0))
    invalid = judged(record(traces=(*record().traces, *busy)), study())
    assert invalid.outcome is Outcome.INVALID
    assert judged(invalid, study(foreign_load=0.5)).outcome is Outcome.OK
    crashed = record(outcome=Outcome.FAILED, reason="the model server process ended")
    assert judged(crashed, study()) is crashed


def test_every_code_explains_itself() -> None:
    """Each has a meaning and a remedy that a page can print."""
    for code in CODES.values():
        assert code.meaning[0].islower()
        assert not code.meaning.endswith(".")
        assert code.remedy


def listed(gpu: str, total: list[float], own: list[float]) -> tuple[Trace, Trace]:
    """Return what a GPU lists every two seconds from 0, when nothing runs yet."""
    return (
        gauge("nvml", gpu, "processes", "processes", total, step_s=2.0),
        gauge("nvml", gpu, "own_processes", "processes", own, step_s=2.0),
    )


def on_gpu(*traces: Trace, provider: str = "cuda", start_s: int = 1) -> RunRecord:
    """Return the made-up run on a GPU: server started after one second, idle from 2 s, window from 4 s to 14 s."""
    marks = tuple(replace(m, start_ns=start_s * SECOND) if m.phase is Phase.START else m for m in record().marks)
    return record(provider=provider, marks=marks, traces=(*record().traces, *traces))


def test_other_programs_on_a_gpu_exclude() -> None:
    """Before the server starts every process is one too many; later only those that are not the server's."""
    ours = listed("gpu-0", [0, 1, 1, 1, 1, 1, 1, 1], [0, 1, 1, 1, 1, 1, 1, 1])
    assert codes(on_gpu(*ours)) == set()
    before = on_gpu(*listed("gpu-0", [2, 1, 1, 1, 1, 1, 1, 1], [0, 1, 1, 1, 1, 1, 1, 1]))
    [flag] = validity_flags(before, study())
    assert (flag.code, flag.fatal) == ("foreign_gpu_process", True)
    assert flag.detail == "2 processes of other programs on gpu-0 before the server started (at most 0)"
    later = on_gpu(*listed("gpu-0", [0, 1, 1, 2, 1, 1, 1, 1], [0, 1, 1, 1, 1, 1, 1, 1]))
    [flag] = validity_flags(later, study())
    assert flag.detail == "1 process of another program on gpu-0 while the server was up (at most 0)"
    assert codes(later, foreign_gpu_processes=1) == set()
    assert judged(later, study(admit=["foreign_gpu_process"])).outcome is Outcome.OK
    beside = on_gpu(*listed("gpu-0", [0, 1, 1, 1], [0, 1, 1, 1]), *listed("gpu-1", [0, 3, 3, 3], [0, 0, 0, 0]))
    assert "3 processes of other programs on gpu-1 while" in validity_flags(beside, study())[0].detail


def test_in_a_container_one_process_is_the_server() -> None:
    """Process numbers are the host's, so none is known as the server's: one more than nothing is no stranger, two are."""
    alone = listed("gpu-0", [0, 1, 1, 1, 1], [0, 0, 0, 0, 0])
    assert codes(on_gpu(*alone)) == set()
    assert codes(on_gpu(*alone, provider="cpu")) == {"foreign_gpu_process"}  # a CPU server has nothing on a GPU
    assert codes(on_gpu(*listed("gpu-0", [0, 2, 2, 2, 2], [0, 0, 0, 0, 0]))) == {"foreign_gpu_process"}
    assert codes(on_gpu(*listed("gpu-0", [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]))) == set()


def test_in_a_container_as_many_processes_as_replicas_are_the_servers() -> None:
    """Four servers of one run, none known by its number: four processes are no strangers, a fifth is; so are four beside one server."""
    spec = RunSpec(configuration={"replicas": 4})
    four = on_gpu(*listed("gpu-0", [0, 4, 4, 4, 4], [0, 0, 0, 0, 0]))
    assert codes(replace(four, spec=spec)) == set()
    [flag] = validity_flags(four, study())
    assert flag.detail == "3 processes of other programs on gpu-0 while the server was up (at most 0)"
    five = replace(on_gpu(*listed("gpu-0", [0, 4, 5, 4, 4], [0, 0, 0, 0, 0])), spec=spec)
    [flag] = validity_flags(five, study())
    assert flag.detail == "1 process of another program on gpu-0 while the server was up (at most 0)"


def test_a_server_that_ran_before_is_no_stranger_on_its_gpu() -> None:
    """It is there before the run begins; where the meter finds it others are told from it, where not nothing is said."""
    unknown = listed("gpu-0", [2, 2, 2, 2, 2], [0, 0, 0, 0, 0])
    running = {"engine": "endpoint", "key": "one/endpoint-small"}
    assert "foreign_gpu_process" not in codes(replace(on_gpu(*unknown, provider="cpu"), **running))
    assert "foreign_gpu_process" not in codes(replace(on_gpu(*unknown), **running))
    found = listed("gpu-0", [2, 2, 2, 2, 2], [0, 2, 2, 2, 2])
    assert "foreign_gpu_process" not in codes(replace(on_gpu(*found, provider="cpu"), **running))
    beside = replace(on_gpu(*listed("gpu-0", [2, 3, 3, 3, 3], [0, 2, 2, 2, 2]), provider="cpu"), **running)
    [flag] = [flag for flag in validity_flags(beside, study()) if flag.code == "foreign_gpu_process"]
    assert flag.detail == "1 process of another program on gpu-0 while the server was up (at most 0)"


def test_a_command_may_compute_on_a_gpu_whatever_its_provider_is_called() -> None:
    """In a container its process cannot be found and is taken for the server; what was there before it is a stranger."""
    started = {"engine": "command", "key": "one/command-small"}
    alone = on_gpu(*listed("gpu-0", [0, 1, 1, 1, 1], [0, 0, 0, 0, 0]), provider="cpu")
    assert "foreign_gpu_process" not in codes(replace(alone, **started))
    before = on_gpu(*listed("gpu-0", [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]), provider="cpu")
    assert "foreign_gpu_process" in codes(replace(before, **started))
