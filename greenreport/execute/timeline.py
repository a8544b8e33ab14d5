"""The timeline of one run, from top to bottom.

::

    sampler on │ cool-down │ start │ load │ compile │ idle before │ warm-up │ WINDOW │ idle after │ stop
               └ nothing runs ┘└──── server process ────────────────────────────────────────────┘

The sampler, the server and the client are three processes; this one blocks between their messages. Idle baselines are taken
with the server up. The window is the time between the first request sent and the last answer complete, as the client marks it;
the sampler takes an extra sample at every phase change, and the window waits for the one of its start. Nothing is written,
logged or drawn while a window is open.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from greenreport.engines.base import EngineJob
from greenreport.errors import MeterUnavailable, OutOfMemory, WorkerCrashed, WorkerTimedOut
from greenreport.execute.host import redact
from greenreport.execute.launch import Child, Launcher, sleep_until
from greenreport.execute.worker import Ready, ServeJob, server_main
from greenreport.meters.sampler import AwaitSteady, Edge, Now, Opened, Recorded, Sampled, Stop, Watch, sampler_main
from greenreport.meters.steady import Steadiness
from greenreport.record import Facts, Kind, Mark, Method, Missing, Output, Phase, Request, Trace
from greenreport.study import Model, Study
from greenreport.workloads.client import ClientJob, Finished, Go, Warmed, WarmUp, client_main
from greenreport.workloads.prompts import PromptList

ANSWER_S = 30.0  # a sampler or client that says nothing for so long is dead


@dataclass(frozen=True, slots=True)
class Bench:
    """What every run of a study shares.

    Attributes:
        folder: folder of the study file; relative paths of meters start there.
        entered: told the phase that begins.
    """

    study: Study
    prompts: PromptList
    folder: Path
    launcher: Launcher
    entered: Callable[[Phase], None]


@dataclass(slots=True)
class Progress:
    """What a run has brought about so far; read once more when it ends early."""

    marks: list[Mark] = field(default_factory=list)
    missing: tuple[Missing, ...] = ()
    facts: Facts | None = None
    requests: tuple[Request, ...] = ()
    outputs: tuple[Output, ...] = ()
    traces: tuple[Trace, ...] = ()


def perform(bench: Bench, model: Model, job: EngineJob, log: Path, progress: Progress) -> None:
    """Perform one run and keep in `progress` what it brings about, also when it ends early.

    Raises:
        GreenReportError: what ended it; `Failure` from the server process likewise.
    """
    with ExitStack() as stack:
        _perform(bench, model, job, log, progress, stack)


def _perform(bench: Bench, model: Model, job: EngineJob, log: Path, progress: Progress, stack: ExitStack) -> None:
    study, protocol, launcher = bench.study, bench.study.protocol, bench.launcher

    bench.entered(Phase.COOLDOWN)
    interval_s = protocol.sampling_interval_ms / 1e3
    sampler = launcher.start("sampling", launcher.forked, sampler_main, study.meters, interval_s, bench.folder)
    stack.callback(sampler.stop)
    opened = sampler.receive(Opened, ANSWER_S)
    progress.missing = opened.missing
    _require_meters(study, opened.missing)
    _cool_down(study, sampler, progress)

    bench.entered(Phase.START)
    launched = time.monotonic_ns()
    environment = {"OMP_NUM_THREADS": str(job.threads), "MKL_NUM_THREADS": str(job.threads)}
    server = launcher.start("model server", launcher.servers, server_main, ServeJob(model.id, job, launched), log, environment)
    server.log = log
    stack.callback(server.stop)
    ready = server.receive(Ready, protocol.load_timeout_s, [sampler], "starting and loading")
    progress.marks += ready.marks
    progress.facts = ready.facts
    sampler.send(Watch((server.pid,)))

    client_job = ClientJob(
        url=f"http://127.0.0.1:{ready.port}",
        model=model.id,
        prompts=bench.prompts.texts,
        output_tokens=study.workload.generation.output_tokens,
        exact=study.workload.generation.exact,
        stream=study.workload.stream,
        timeout_s=protocol.window_timeout_s,
    )
    client = launcher.start("client", launcher.forked, client_main, client_job)
    stack.callback(client.stop)
    children = [server, sampler, client]

    bench.entered(Phase.IDLE_BEFORE)
    _idle(Phase.IDLE_BEFORE, protocol.idle_baseline_s, sampler, children, progress)

    if protocol.warmup_requests:
        bench.entered(Phase.WARMUP)
        client.send(WarmUp(protocol.warmup_requests))
        warmed = client.receive(Warmed, protocol.window_timeout_s, [server, sampler], "the warm-up")
        progress.marks.append(Mark(Phase.WARMUP, warmed.start_ns, warmed.end_ns))
        _raise_server_error(warmed.error, server)

    bench.entered(Phase.WINDOW)
    sampler.send(Edge())
    sampler.receive(Sampled, ANSWER_S)
    client.send(Go())
    finished = client.receive(Finished, protocol.window_timeout_s, [server, sampler], "the window")
    sampler.send(Now())
    progress.requests, progress.outputs = finished.requests, finished.outputs
    window = Mark(Phase.WINDOW, finished.requests[0].start_ns, finished.requests[-1].end_ns)
    progress.marks.append(window)
    _raise_server_error(finished.requests[-1].error, server)

    bench.entered(Phase.IDLE_AFTER)
    _idle(Phase.IDLE_AFTER, protocol.idle_baseline_s, sampler, children, progress)

    bench.entered(Phase.STOP)
    stopping = time.monotonic_ns()
    sampler.send(Stop())
    recorded = sampler.receive(Recorded, ANSWER_S)
    progress.traces = (*recorded.traces, _client_cpu(window, finished.cpu_s))
    progress.missing += tuple(replace(event, cause=redact(event.cause)) for event in recorded.events)
    client.stop()
    server.stop()
    progress.marks.append(Mark(Phase.STOP, stopping, time.monotonic_ns()))


def _client_cpu(window: Mark, cpu_s: float) -> Trace:
    """Return the CPU time of the client as a trace of two samples: it is known for the window as a whole."""
    times = array("q", (window.start_ns, window.end_ns))
    return Trace("client", "client", "cpu_time", Kind.COUNTER, "s", Method.MEASURED, times, array("d", (0.0, cpu_s)))


def _require_meters(study: Study, missing: Sequence[Missing]) -> None:
    required = {meter.name for meter in study.meters if meter.required}
    for item in missing:
        if item.meter in required:
            raise MeterUnavailable(f"the required meter {item.meter} cannot be read: {item.cause}", item.remedy)


def _cool_down(study: Study, sampler: Child, progress: Progress) -> None:
    cooldown = study.protocol.cooldown
    start = time.monotonic_ns()
    if cooldown.until == "elapsed":
        sleep_until(start / 1e9 + cooldown.max_s, [sampler])
        progress.marks.append(Mark(Phase.COOLDOWN, start, time.monotonic_ns(), cooldown.max_s))
    elif cooldown.until == "steady":
        sampler.send(AwaitSteady(min(cooldown.window_s, cooldown.max_s), cooldown.max_s))
        verdict = sampler.receive(Steadiness, cooldown.max_s + ANSWER_S)
        progress.marks.append(Mark(Phase.COOLDOWN, start, time.monotonic_ns(), note=verdict.note))


def _idle(phase: Phase, seconds: float, sampler: Child, children: list[Child], progress: Progress) -> None:
    if seconds <= 0:
        return
    sampler.send(Now())
    start = time.monotonic_ns()
    sleep_until(start / 1e9 + seconds, children)
    progress.marks.append(Mark(phase, start, time.monotonic_ns(), seconds))
    sampler.send(Now())


def _raise_server_error(error: str | None, server: Child) -> None:
    """Turn an error answer into the outcome it stands for: the process may be gone, out of memory, or alive."""
    if error is None:
        return
    server.process.join(0.5)
    if server.process.exitcode is not None:
        raise server.crashed()
    if error.startswith("OutOfMemory"):
        raise OutOfMemory(error.removeprefix("OutOfMemory: "))
    if error == "the request outlasted its limit":
        raise WorkerTimedOut(error)
    raise WorkerCrashed(f"the model server answered with an error: {error}")
