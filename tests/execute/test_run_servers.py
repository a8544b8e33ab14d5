"""Tests of replicas: several servers of one model, each with its process, log, threads and facts."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

import greenreport
from greenreport.engines.base import EngineJob
from greenreport.errors import MeasurementInvalid, WorkerTimedOut
from greenreport.execute.assignment import RunContext
from greenreport.execute.prepare import threads_of
from greenreport.execute.process_entry import Failure
from greenreport.execute.processes import LOG_TAIL_B, Launcher, last_lines, receive_each, require_alive
from greenreport.execute.run_servers import serve
from greenreport.execute.serving import Serving, agreed, covering, log_of, multi_process_service, with_sharing
from greenreport.execute.worker import ServeJob, ServerReady, server_main
from greenreport.meters.utilisation import Utilisation
from greenreport.record import Facts, Mark, Phase
from greenreport.report.context import study_context
from greenreport.report.pages import study_pages
from greenreport.report.render import Renderer
from greenreport.report.templates import templates_folder
from greenreport.study import Configuration, Site, Study, meter_use
from greenreport.workloads.prompts import PromptList
from tests.conftest import minimal_study
from tests.execute.test_run import Command, Write, fake, orphans, query, started, wait_for

SECOND = 10**9


@pytest.fixture(scope="module")
def launcher() -> Launcher:
    """Return a launcher whose servers are forked."""
    made = Launcher(fork_servers=True, engines=False)
    made.warm()
    return made


def job_of(replicas: int = 1, **options: Any) -> EngineJob:
    """Return a job of the fake engine."""
    return EngineJob(Configuration(engine="fake", replicas=replicas, options=options), threads=1)


@pytest.fixture
def servers(launcher: Launcher, tmp_path: Path) -> Iterator[Callable[[EngineJob], Serving]]:
    """Return a function that serves a job until the test ends."""
    study = Study.model_validate(minimal_study())
    context = RunContext(study, PromptList((), "", ""), tmp_path, launcher, lambda _: None)
    with ExitStack() as stack:
        yield lambda job: serve(stack, context, study.models[0], job, tmp_path / "run.log")


def ask(url: str, prompt: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the answer to a prompt."""
    body = {"model": "one", "prompt": prompt, "max_tokens": 20, "ignore_eos": True}
    return dict(httpx.post(f"{url}/v1/completions", json=body, headers=headers, trust_env=False).json())


def test_every_replica_is_a_process_that_answers_and_is_watched(servers: Callable[..., Serving], tmp_path: Path) -> None:
    """Three replicas: three addresses, three processes with logs of their own, equal answers, and their CPU time is summed."""
    serving = servers(job_of(3, token_s=0.01, busy=True))
    assert len(set(serving.urls)) == len(set(serving.pids)) == len(serving.children) == 3
    logs = {str(Path(f"/proc/{pid}/fd/1").readlink()) for pid in serving.pids}
    assert logs == {str(log_of(tmp_path / "run.log", number)) for number in (1, 2, 3)}
    assert dict(serving.facts.details)["replicas"] == "3 processes, each with these facts"
    meter = Utilisation(meter_use(name="utilisation"))
    names = [f"{channel.domain} {channel.quantity}" for channel in meter.open()]
    meter.watch(serving.pids)
    before = meter.read()[names.index("server cpu_time")]
    texts = {ask(url, "def f", serving.headers)["choices"][0]["text"] for url in serving.urls}
    spent = meter.read()[names.index("server cpu_time")]
    watched = set(meter.tree)
    meter.close()
    assert len(texts) == 1
    assert before is not None
    assert spent is not None
    assert watched >= set(serving.pids)
    assert spent - before > 20 * 0.01  # more than one of them spun for its 20 tokens, even on a loaded machine


def test_only_the_run_is_served(servers: Callable[..., Serving]) -> None:
    """Another user of the machine can reach the address, and has not the key; it is a new one in each run, and no list of processes shows it."""
    serving, other = servers(job_of()), servers(job_of())
    assert serving.headers != other.headers
    for path in ("/health", "/v1/models", "/v1/completions", "/docs"):
        for headers in ({}, {"Authorization": "Bearer x"}, other.headers):
            assert httpx.post(f"{serving.urls[0]}{path}", headers=headers, json={}, trust_env=False).status_code == 401
    assert "choices" in ask(serving.urls[0], "def f", serving.headers)
    key = serving.headers["Authorization"].removeprefix("Bearer ").encode()
    assert key not in b"".join(
        Path(f"/proc/{pid}/{name}").read_bytes() for pid in serving.pids for name in ("cmdline", "environ")
    )
    assert key.decode() not in repr(serving)


def test_one_server_is_as_before(servers: Callable[..., Serving]) -> None:
    """Without replicas marks have no note, and facts are those of the engine alone."""
    serving = servers(job_of())
    assert [mark.phase for mark in serving.marks] == [Phase.START, Phase.LOAD]
    assert all(mark.note is None for mark in serving.marks)
    assert dict(serving.facts.details) == {"simulated": "true"}


def test_the_replica_that_fails_to_load_ends_the_wait(launcher: Launcher, tmp_path: Path) -> None:
    """The reason is that of the failing process, although another one is still loading; nobody waits for the limit."""
    jobs = (job_of(load_s=30), job_of(fail_load=True))
    begun = time.monotonic()
    children = [
        launcher.start(f"server {n}", launcher.servers, server_main, ServeJob("one", job, 0), tmp_path / f"{n}.log", {})
        for n, job in enumerate(jobs)
    ]
    try:
        with pytest.raises(Failure) as caught:
            receive_each(children, ServerReady, 60)
        assert str(caught.value.error) == "the fake engine was asked to fail"
        assert time.monotonic() - begun < 20
        with pytest.raises(WorkerTimedOut, match=r"loading took longer than 0\.2 s"):
            receive_each(children[:1], ServerReady, 0.2, doing="loading")
    finally:
        for child in children:
            child.stop()


def test_a_fault_of_greenreport_reaches_the_parent_with_its_traceback(launcher: Launcher) -> None:
    """A process that raises is a failure with the place of the fault, whether it or another one is waited for."""
    for wait in (lambda child: child.receive(Mark, 20), lambda child: require_alive([child], 20)):
        child = launcher.start("client", launcher.forked, len)  # a connection has no length
        with pytest.raises(Failure) as caught:
            wait(child)
        child.stop()
        assert str(caught.value.error) == "TypeError: object of type 'Connection' has no len()"
        assert "Traceback" in caught.value.detail


def test_of_a_long_log_the_end_is_read(tmp_path: Path) -> None:
    """A server that prints without end costs no memory when its run ends."""
    log = tmp_path / "log"
    log.write_bytes(b"x" * 5_000_000 + b"\n\xff gives up\n")
    words = last_lines(log)
    assert words.endswith("\n\ufffd gives up")
    assert len(words) < LOG_TAIL_B
    assert last_lines(tmp_path / "none") == ""


def test_a_run_with_replicas_is_recorded(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Start and load cover all replicas and say so; facts tell the threads of each; logs of good runs are gone."""
    protocol = minimal_study()["protocol"] | {"repetitions": 1}
    file = write_study(configurations=[fake() | {"replicas": 2}, fake() | {"replicas": 2, "threads": 3}], protocol=protocol)
    command("run", str(file))
    rows = query(tmp_path, "SELECT key, facts, outcome FROM runs ORDER BY key")
    shared = threads_of(Configuration(engine="fake", replicas=2))
    assert {(key.partition("/")[2], json.loads(facts)["threads"], outcome) for key, facts, outcome in rows} == {
        ("fake-cpu-r2-token_s.0.001", shared, "ok"),
        ("fake-cpu-t3-r2-token_s.0.001", 3, "ok"),
    }
    notes = query(tmp_path, "SELECT DISTINCT phase, note FROM marks WHERE phase IN ('start', 'load') ORDER BY phase")
    assert notes == [(p, "2 replicas started together: from the first to begin to the last to end") for p in ("load", "start")]
    answered = query(tmp_path, "SELECT server, count(*) FROM requests GROUP BY server ORDER BY server")
    assert [server for server, _ in answered] == [0, 1]
    assert sum(number for _, number in answered) == 8
    pages = list(study_pages(study_context("tiny", greenreport.load(file, tmp_path / "cache")), ""))
    cells = [page for page in pages if "/cells/" in page.path]
    shown = Renderer([templates_folder()], tmp_path / "drawn", Site()).pages(cells, {})
    told = b"what each of the 2 servers answered in the window"
    assert [told in shown[page.path] for page in cells] == [True, True]
    assert list((tmp_path / "cache" / "logs").glob("*.log")) == []


def test_a_replica_that_is_killed_in_the_window_ends_the_run(command: Command, write_study: Write, tmp_path: Path) -> None:
    """The run says which replica was killed and by what, and no process is left."""
    protocol = minimal_study()["protocol"] | {"repetitions": 1}
    file = write_study(configurations=[fake(hang_at=2) | {"replicas": 2}], protocol=protocol)  # the first of the window
    with started("run", str(file), folder=tmp_path) as process:
        wait_for(lambda: second_replica(tmp_path) is not None)
        time.sleep(1.5)  # past start, idle baseline and warm-up, into a window that has no end
        os.kill(second_replica(tmp_path) or 0, signal.SIGKILL)
        assert process.wait(60) == 1
    wait_for(lambda: not orphans(tmp_path))
    [(outcome, reason)] = query(tmp_path, "SELECT outcome, reason FROM runs")
    assert (outcome, reason) == ("failed", "the model server 2 of 2 process was killed by SIGKILL")


def second_replica(tmp_path: Path) -> int | None:
    """Return the process that prints into the log of the second replica."""
    for pid in orphans(tmp_path):
        try:
            if Path(f"/proc/{pid}/fd/1").readlink().name.endswith("-2.log"):
                return pid
        except OSError:
            continue
    return None


def test_replicas_that_loaded_different_things_are_refused() -> None:
    """Facts of all replicas must agree; the first difference is named."""
    facts = Facts("float32", True, 2, "cpu")
    assert agreed([facts]) == facts
    with pytest.raises(MeasurementInvalid, match="replicas 1 and 3 loaded different things: threads 2 and 1"):
        agreed([facts, facts, replace(facts, threads=1)])


def test_marks_cover_all_replicas() -> None:
    """A phase lasts from the first replica that enters it to the last that leaves it."""
    one = (Mark(Phase.START, 0, SECOND), Mark(Phase.LOAD, SECOND, 3 * SECOND))
    two = (Mark(Phase.START, 0, 2 * SECOND), Mark(Phase.LOAD, 2 * SECOND, 5 * SECOND))
    assert [(m.phase, m.start_ns, m.end_ns) for m in covering([one, two])] == [
        (Phase.START, 0, 2 * SECOND),
        (Phase.LOAD, SECOND, 5 * SECOND),
    ]
    assert covering([one]) == one


def test_shared_gpus_are_noted_and_never_switched(monkeypatch: pytest.MonkeyPatch) -> None:
    """NVIDIA's multi-process service is a fact of the host: named where it shows, on GPUs only."""
    facts = Facts("float32", True, 2, "cuda:0")
    job = EngineJob(Configuration(engine="torch", provider="cuda"), threads=1)
    monkeypatch.delenv("CUDA_MPS_PIPE_DIRECTORY", raising=False)
    if multi_process_service() is None:
        assert with_sharing(facts, job) == facts
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", "/tmp/mps")
    [(name, found)] = with_sharing(facts, job).details
    assert name == "NVIDIA MPS"
    assert "is set" in found or "the host runs it" in found
    assert with_sharing(facts, job_of()) == facts
