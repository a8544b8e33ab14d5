"""Tests of the sampling process: the real process, real meters, and instruments that misbehave."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from greenreport.meters.base import Channel, Meter
from greenreport.meters.meter_thread import Recorder
from greenreport.meters.sampler import (
    AwaitSteady,
    Edge,
    Now,
    Opened,
    Sampled,
    Watch,
    measures_cpu,
    open_meters,
)
from greenreport.meters.steady_state import Steadiness
from greenreport.record import Missing, MissingCode, TraceKind
from greenreport.study import meter_use
from greenreport.traces import evenly_spaced

pytestmark = pytest.mark.alone

Sampling = Callable[..., Any]


def test_several_meters_are_sampled_at_once(sampling: Sampling) -> None:
    """Each meter has traces of its own, with times on one clock, at its own interval."""
    begun = time.monotonic_ns()
    with sampling({"name": "utilisation", "interval_ms": 200}, {"name": "estimate"}, interval_s=0.01) as sampler:
        sampler.send(Watch((os.getpid(),)))
        time.sleep(1)
        recorded = sampler.stop()
    ended = time.monotonic_ns()
    found = {(t.meter, t.domain, t.quantity): t for t in recorded.traces}
    slow, fast = found["utilisation", "machine", "cpu_time"], found["estimate", "cpu", "energy"]
    assert len(fast.t_ns) > 2 * len(slow.t_ns) > 6
    assert {("utilisation", "server", "rss"), ("utilisation", "server", "cpu_time")} < set(found)
    assert all(begun < t.t_ns[0] and t.t_ns[-1] < ended and list(t.t_ns) == sorted(t.t_ns) for t in recorded.traces)
    assert recorded.events == ()


def test_a_meter_that_is_missing_is_named_with_its_remedy(sampling: Sampling, powercap: object) -> None:
    """The first message says which meters are missing and which channels are read."""
    with sampling({"name": "rapl"}, {"name": "wattmeter"}, {"name": "estimate", "use": "fallback"}) as sampler:
        assert [missing.meter for missing in sampler.opened.missing] == ["rapl", "wattmeter"]
        assert all(missing.remedy for missing in sampler.opened.missing)
        assert [name for name, _ in sampler.opened.channels] == ["estimate"]
        assert [t.meter for t in sampler.stop().traces] == ["estimate"]


def test_a_fallback_stands_in_only_for_cpu_energy(powercap: Any) -> None:
    """The power model is opened when nothing measures the CPU, not beside RAPL."""
    uses = [meter_use(name="estimate", use="fallback"), meter_use(name="utilisation"), meter_use(name="rapl")]
    assert [name for name, _, _ in open_meters(uses)[0]] == ["utilisation", "estimate"]
    powercap.zone("intel-rapl:0", "package-0")
    assert [name for name, _, _ in open_meters(uses)[0]] == ["utilisation", "rapl"]
    assert not measures_cpu(
        [Channel("machine", "power", TraceKind.GAUGE, "W"), Channel("package-0", "temperature", TraceKind.GAUGE, "°C")]
    )


def test_an_edge_is_answered_when_its_samples_are_taken(sampling: Sampling) -> None:
    """`Edge` and `Now` add a sample at once, long before the next regular one."""
    with sampling({"name": "estimate", "interval_ms": 10_000}) as sampler:
        sent = time.monotonic_ns()
        sampler.send(Edge())
        assert sampler.receive(Sampled) == Sampled(True)
        answered = time.monotonic_ns()
        sampler.send(Now())
        (trace,) = sampler.stop().traces
    assert len(trace.t_ns) == 4  # at the start, two edges, at the end
    assert sent < trace.t_ns[1] < answered < trace.t_ns[2]


def test_steadiness_is_judged_beside_sampling(sampling: Sampling) -> None:
    """The verdict comes without being asked again; without sensors the rule is CPU load, and it says so."""
    with sampling({"name": "utilisation"}) as sampler:
        sent = time.monotonic()
        sampler.send(AwaitSteady(window_s=0.5, max_s=1.5))
        verdict: Steadiness = sampler.receive(Steadiness)
        assert time.monotonic() - sent >= 0.5
        assert verdict.note.startswith("steady after" if verdict.steady else "not steady after")
        sampler.stop()


def test_a_killed_sampler_is_seen_by_its_parent(sampling: Sampling) -> None:
    """The pipe of a process that is gone closes; nobody waits for traces that never come."""
    with sampling({"name": "estimate"}) as sampler:
        os.kill(sampler.process.pid, signal.SIGKILL)
        assert sampler.connection.poll(60)
        with pytest.raises(EOFError):
            sampler.connection.recv()
        sampler.process.join(60)
        assert sampler.process.exitcode == -signal.SIGKILL


def test_a_sampler_ends_with_its_parent(sampling: Sampling) -> None:
    """A closed pipe ends the process."""
    with sampling({"name": "estimate"}) as sampler:
        sampler.connection.close()
        sampler.process.join(60)
        assert sampler.process.exitcode == 0


class Odd(Meter):
    """An instrument that can be told to fail or to hang."""

    def __init__(self, reads: Callable[[int], float | None]) -> None:
        super().__init__(meter_use(name="estimate"))
        self.number = itertools.count()
        self.reads = reads

    def open(self) -> tuple[Channel, ...]:
        return (Channel("cpu", "power", TraceKind.GAUGE, "W"),)

    def read(self) -> Sequence[float | None]:
        return [self.reads(next(self.number))]


def recorder(reads: Callable[[int], float | None], interval_s: float = 0.005) -> Recorder:
    """Return a running recorder of an odd instrument."""
    meter = Odd(reads)
    made = Recorder("odd", meter, meter.open(), interval_s)
    made.start()
    return made


def wait_for(true: Callable[[], bool]) -> None:
    """Wait until something is true; the test's own time limit ends a wait that never does."""
    while not true():
        time.sleep(0.005)


def samples(one: Recorder) -> int:
    """Return how many samples a recorder has."""
    return sum(len(trace.t_ns) for trace in one.traces())


def test_samples_do_not_come_at_equal_times() -> None:
    """Load in step with the interval is met at every point of its period, in each run at other times."""
    first, second = recorder(lambda n: float(n)), recorder(lambda n: float(n))
    wait_for(lambda: min(samples(first), samples(second)) > 60)
    traces = []
    for one in (first, second):
        one.stop()
        one.join()
        traces += one.traces()
    for trace in traces:
        assert not evenly_spaced(trace, trace.t_ns[0], trace.t_ns[-1])
    assert traces[0].t_ns[10] - traces[0].t_ns[0] != traces[1].t_ns[10] - traces[1].t_ns[0]


def test_a_read_that_raises_is_a_gap_and_an_event() -> None:
    """An instrument's fault loses its own samples only, and is reported once with how often it happened."""

    def reads(number: int) -> float:
        if number in (3, 4):
            raise RuntimeError("sensor on fire")
        return float(number)

    one = recorder(reads)
    wait_for(lambda: samples(one) > 8)
    one.stop()
    one.join()
    values = list(one.traces()[0].value)
    assert values[:6] == [0, 1, 2, 5, 6, 7]
    assert one.events() == [
        Missing("odd", "2 reads failed: RuntimeError: sensor on fire", "please report this as a bug", MissingCode.READ_FAULT)
    ]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_a_meter_is_no_fault_of_the_instrument() -> None:
    """It ends the reading with a traceback, and the run is told so; the samples from before it are kept."""

    def reads(number: int) -> float:
        return float(number) if number < 3 else number.volts  # type: ignore[attr-defined, no-any-return]

    one = recorder(reads)
    one.join()
    assert list(one.traces()[0].value) == [0, 1, 2]
    [event] = one.events()
    assert (event.cause, event.code) == ("reading ended early by a fault of the meter's code", MissingCode.READ_FAULT)


def test_a_meter_that_hangs_delays_no_other() -> None:
    """While one instrument does not answer, another is sampled, and at the end what there is is kept and said."""
    hangs = recorder(lambda number: 1.0 if number == 0 else time.sleep(3600))  # type: ignore[func-returns-value]
    fast = recorder(float)
    wait_for(lambda: samples(hangs) == 1)
    before = samples(fast)
    wait_for(lambda: samples(fast) > before + 20)
    for one in (hangs, fast):
        one.stop()
    fast.join()
    assert samples(hangs) == 1
    assert hangs.events() == [Missing("odd", "the instrument did not answer at the end of the run", "", MissingCode.READ_FAULT)]
    assert fast.events() == []


def test_missed_deadlines_are_left_out() -> None:
    """After a slow read sampling goes on in step; what was missed is a gap and not made up for."""
    one = recorder(lambda number: time.sleep(0.1 if number == 2 else 0) or float(number), interval_s=0.01)
    wait_for(lambda: samples(one) > 12)
    one.stop()
    one.join()
    times = one.traces()[0].t_ns
    assert len(times) <= (times[-1] - times[0]) / 10_000_000 + 2 - 8  # the last one is extra, at least eight were missed


def test_recent_traces_are_a_copy_of_the_end() -> None:
    """The steadiness rule sees the trailing window only, and may keep it while sampling goes on."""
    one = recorder(float)
    wait_for(lambda: samples(one) > 20)
    (recent,) = one.recent(10_000_000)
    assert 0 < len(recent.t_ns) < samples(one)
    assert recent.t_ns[-1] - recent.t_ns[0] <= 10_000_000
    one.stop()
    one.join()


def test_opened_names_channels(sampling: Sampling) -> None:
    """The channels come with their units, kinds and methods."""
    with sampling({"name": "estimate"}) as sampler:
        assert sampler.opened == Opened((), (("estimate", sampler.opened.channels[0][1]),))
        assert sampler.opened.channels[0][1].method == "estimated"
        sampler.stop()
