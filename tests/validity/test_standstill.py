"""Tests of checks for standstill: processes that did not run although they had work, and requests far beyond the others."""

from __future__ import annotations

import os
import signal
import threading
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from greenreport.record import Request, RunRecord, RunSpec, Trace
from tests.conftest import minimal_study
from tests.execute.external_studies import only
from tests.execute.test_run import Command, Write, fake, orphans, started, wait_for
from tests.records import SECOND, record
from tests.validity.test_checks import codes, cpu_time


def requests(*latencies_s: float, pause_s: float = 0.0, **changes: Any) -> tuple[Request, ...]:
    """Return requests of 8 tokens, one after the other from the start of the window."""
    start, made = 4 * SECOND, []
    for index, latency_s in enumerate(latencies_s):
        end = start + int(latency_s * SECOND)
        made.append(Request(index, start, end, output_tokens=8, answered_by="one", **changes))
        start = end + int(pause_s * SECOND)
    return tuple(made)


def standing(trace: Trace, start_s: float, end_s: float) -> Trace:
    """Return a counter that stands still between two times, and goes on where it stood."""
    stood = trace.value[int(end_s * 10)] - trace.value[int(start_s * 10)]
    values = [
        min(value, trace.value[int(start_s * 10)]) if at <= end_s * SECOND else value - stood
        for at, value in zip(trace.t_ns, trace.value, strict=True)
    ]
    return replace(trace, value=array("d", values))


def without(trace: Trace, start_s: float, end_s: float) -> Trace:
    """Return a trace that has no samples between two times."""
    kept = [n for n, at in enumerate(trace.t_ns) if not start_s * SECOND < at < end_s * SECOND]
    return replace(trace, t_ns=array("q", [trace.t_ns[n] for n in kept]), value=array("d", [trace.value[n] for n in kept]))


def made(*traces: Trace, **changes: Any) -> RunRecord:
    """Return the made-up run, window from 4 s to 14 s, with further traces."""
    return record(traces=(*record().traces, *traces), **changes)


def test_a_server_whose_cpu_time_stands_still_under_load_excludes() -> None:
    """Five seconds of its window; also of a server that is not ours, whose own times are not known."""
    stopped = standing(cpu_time("server", 0.9), 6, 11)
    assert codes(made(cpu_time("server", 0.9))) == set()
    assert codes(made(stopped)) == {"standstill"}
    assert codes(made(stopped, requests=requests(2.5, 2.5, 2.5, 2.5))) == {"standstill"}


def test_a_server_without_work_may_stand_still() -> None:
    """Between two requests of an open loop it has nothing to do."""
    sparse = requests(1.5, 1.5, pause_s=5.5)
    spec = RunSpec(configuration={"request_rate": 0.2})
    assert codes(made(standing(cpu_time("server", 0.9), 6, 11), requests=sparse, spec=spec)) == set()


def test_a_server_that_waits_for_a_gpu_stands_still_as_usual() -> None:
    """It takes some CPU time every two seconds; nor is one that takes hardly any told from one that does nothing."""
    waiting = replace(cpu_time("server", 1), value=array("d", [float(step // 20) for step in range(201)]))
    assert codes(made(waiting)) == set()
    assert codes(made(standing(cpu_time("server", 0.02), 6, 11))) == set()


def test_a_sampling_process_that_did_not_run_excludes() -> None:
    """Nobody knows what the machine did meanwhile; a meter of energy with samples of its own does not help."""
    sampler = cpu_time("sampler", 0.01)
    assert codes(made(sampler)) == set()
    assert codes(made(without(sampler, 6, 11))) == {"standstill"}
    assert codes(made(without(sampler, 15, 18))) == set()
    assert codes(made(without(sampler, 6, 11)), sampling_gap_s=6) == set()


def test_an_answer_that_lies_ready_excludes() -> None:
    """The server was done three seconds before the client had the answer; another machine's clock says nothing."""
    first, last = record().requests
    late = (first, replace(last, server_end_ns=last.end_ns - 3 * SECOND))
    assert codes(made(requests=late)) == {"standstill"}
    assert "standstill" not in codes(made(requests=late, engine="endpoint", key="one/endpoint-small"))


def test_a_client_that_sends_nothing_although_it_could_excludes() -> None:
    """In a closed loop one request follows the other; in an open loop they are sent when due."""
    paused = requests(2, 2, pause_s=3)
    assert codes(made(requests=paused)) == {"standstill"}
    assert codes(made(requests=paused, spec=RunSpec(configuration={"request_rate": 0.2}))) == set()


@pytest.mark.parametrize(
    ("latencies_s", "flagged"),
    [
        ((0.5, 0.5, 0.51, 5.5, 0.5, 0.5), True),
        ((0.5, 0.5, 0.51, 1.4, 0.5, 0.5), False),  # it would be for any but an absolute measure
        ((0.1, 0.4, 0.9, 1.6, 2.5, 3.6), False),  # a queue that grows
        ((1.0, 6.0, 1.0), False),  # too few to know what is usual
    ],
)
def test_a_request_far_beyond_the_others_is_flagged(latencies_s: tuple[float, ...], flagged: bool) -> None:
    """By at least a second, and by far more than the others differ."""
    assert codes(made(requests=requests(*latencies_s))) == ({"request_outlier"} if flagged else set())


def test_a_long_answer_is_no_outlier() -> None:
    """Ten times the tokens take ten times as long."""
    made_up = requests(0.5, 0.5, 0.5, 5.0, 0.5, 0.5)
    longer = tuple(replace(request, output_tokens=80 if request.index == 3 else 8) for request in made_up)
    assert "request_outlier" not in codes(made(requests=longer))


def test_a_server_that_is_stopped_in_the_window_makes_the_run_invalid(
    command: Command, write_study: Write, tmp_path: Path
) -> None:
    """A real server, which gets SIGSTOP for two seconds while it answers."""
    protocol = minimal_study()["protocol"] | {"repetitions": 1, "warmup_requests": 0, "idle_baseline_s": 0}
    workload = minimal_study()["workload"] | {"requests": 20}
    file = write_study(configurations=[fake(token_s=0.03, busy=True)], protocol=protocol, workload=workload)
    with started("run", str(file), folder=tmp_path) as process:
        wait_for(lambda: server(tmp_path) is not None and cpu_s(server(tmp_path) or 0) > 1.0)
        os.kill(server(tmp_path) or 0, signal.SIGSTOP)
        threading.Event().wait(2.0)
        os.kill(server(tmp_path) or 0, signal.SIGCONT)
        process.wait(60)
    found = only(tmp_path)
    assert found.outcome == "invalid"
    assert "the server took no CPU time for" in str(found.reason)


def server(tmp_path: Path) -> int | None:
    """Return the process that prints into the log of a run."""
    for pid in orphans(tmp_path):
        try:
            if Path(f"/proc/{pid}/fd/1").readlink().suffix == ".log":
                return pid
        except OSError:
            continue
    return None


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
