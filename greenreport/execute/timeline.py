"""The timeline of one run, from top to bottom.

::

    sampler on │ cool-down │ start │ load │ compile │ idle before │ warm-up │ WINDOW │ idle after │ stop
               └ nothing runs ┘└──── server process ────────────────────────────────────────────┘

The sampler, the servers (see `serving`) and the client are processes of their own; this one blocks between their messages.
Idle baselines are taken with the servers up. The window is the time between the first request sent and the last answer
complete, as the client marks it; the sampler takes an extra sample at every phase change, and the window waits for the one of
its start. Nothing is written, logged or drawn while a window is open.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from greenreport.engines.base import EngineJob
from greenreport.engines.memory_errors import memory_line
from greenreport.errors import MeasurementInvalid, MeterUnavailable, OutOfMemory, WorkerCrashed, WorkerTimedOut
from greenreport.execute.host import redact
from greenreport.execute.processes import Child, require_alive, sleep_until
from greenreport.execute.run_context import Bench
from greenreport.execute.run_servers import Serving, serve
from greenreport.meters.sampler import AwaitSteady, Edge, Now, Opened, Recorded, Sampled, Stop, Watch, sampler_main
from greenreport.meters.steady_state import Steadiness
from greenreport.record import (
    Domain,
    Facts,
    Mark,
    Method,
    Missing,
    MissingCode,
    Output,
    Phase,
    Quantity,
    Request,
    RequestError,
    RequestErrorKind,
    Trace,
    TraceKind,
    span_of,
)
from greenreport.study import Configuration, MeterUse, Model, Study, output_lengths
from greenreport.workloads.client import Finished, Go, Warmed, WarmUp, client_main
from greenreport.workloads.schedule import arrivals_s, batches
from greenreport.workloads.sender import ClientJob
from greenreport.workloads.server_probe import Counted, authorisation, counted

ANSWER_S = 30.0  # a sampler or client that says nothing for so long is dead


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
    study, protocol, launcher, configuration = bench.study, bench.study.protocol, bench.launcher, job.configuration

    bench.entered(Phase.COOLDOWN)
    interval_s = protocol.sampling_interval_ms / 1e3
    meters, unread = _meters(study, configuration)
    sampler = launcher.start("sampling", launcher.forked, sampler_main, meters, interval_s, bench.folder)
    stack.callback(sampler.stop)
    opened = sampler.receive(Opened, ANSWER_S)
    progress.missing = (*opened.missing, *unread)
    _require_meters(study, progress.missing)
    _cool_down(study, sampler, progress)

    bench.entered(Phase.START)
    serving = serve(stack, bench, model, job, log, [sampler])
    progress.marks += serving.marks
    progress.facts = serving.facts
    sampler.send(Watch(serving.pids))

    client_job = _client_job(bench, configuration, serving)
    client = launcher.start("client", launcher.forked, client_main, client_job)
    stack.callback(client.stop)
    children = [*serving.children, sampler, client]
    servers = [*serving.children, sampler]

    bench.entered(Phase.IDLE_BEFORE)
    _idle(Phase.IDLE_BEFORE, protocol.idle_baseline_s, sampler, children, progress)

    warmed = None
    if protocol.warmup_requests:
        bench.entered(Phase.WARMUP)
        client.send(WarmUp(protocol.warmup_requests))
        warmed = client.receive(Warmed, protocol.window_timeout_s, servers, "the warm-up")
        progress.marks.append(Mark(Phase.WARMUP, warmed.start_ns, warmed.end_ns))
        _raise_server_error(warmed.error, serving.children)

    counts = [_counted(serving, configuration)]
    bench.entered(Phase.WINDOW)
    sampler.send(Edge())
    sampler.receive(Sampled, ANSWER_S)
    client.send(Go())
    finished = client.receive(Finished, protocol.window_timeout_s, servers, "the window")
    sampler.send(Now())
    progress.requests = tuple(map(_redacted, finished.requests))
    progress.outputs = finished.outputs
    _raise_server_error(finished.requests[-1].error, serving.children)
    window = _measured_window(finished, study.workload.ramp_s)
    progress.marks.append(window)
    counts.append(_counted(serving, configuration))

    bench.entered(Phase.IDLE_AFTER)
    _idle(Phase.IDLE_AFTER, protocol.idle_baseline_s, sampler, children, progress)

    bench.entered(Phase.STOP)
    stopping = time.monotonic_ns()
    sampler.send(Stop())
    recorded = sampler.receive(Recorded, ANSWER_S)
    progress.traces = (*recorded.traces, *_client_traces(window, finished, warmed, counts))
    progress.missing += tuple(replace(event, cause=redact(event.cause)) for event in recorded.events)
    client.stop()
    for child in serving.children:
        child.stop()
    progress.marks.append(Mark(Phase.STOP, stopping, time.monotonic_ns()))


def _client_job(bench: Bench, configuration: Configuration, serving: Serving) -> ClientJob:
    workload, server = bench.study.workload, configuration.server
    texts = bench.prompts.texts
    sent = batches(texts, workload.requests or len(texts), configuration.batch_size)
    rate, arrivals = configuration.request_rate, workload.arrivals
    return ClientJob(
        urls=serving.urls,
        model=serving.model,
        batches=sent,
        output_tokens=output_lengths(configuration.output_tokens or workload.generation.output_tokens, len(sent)),
        exact=workload.generation.exact,
        stream=workload.stream,
        timeout_s=bench.study.protocol.window_timeout_s,
        concurrency=max(configuration.concurrency, configuration.replicas),  # a replica without a client would only idle
        # Every repetition draws its own arrivals, so that the spread of runs holds what chance does to a queue.
        due_s=None if rate is None else arrivals_s(len(sent), rate, arrivals.process, arrivals.seed + bench.repetition - 1),
        api_key_env=server.api_key_env if server else None,
        extra=tuple(configuration.options.items()) if server else (),
    )


def _counted(serving: Serving, configuration: Configuration) -> tuple[int, Counted]:
    """Return the time, and what servers of others have counted so far."""
    server = configuration.server
    told = Counted(None, None) if server is None else counted(serving.urls, authorisation(server.api_key_env))
    return time.monotonic_ns(), told


def _measured_window(finished: Finished, ramp_s: float) -> Mark:
    """Return the window: all requests, or the steady part between the ramp and the last request sent.

    Raises:
        MeasurementInvalid: the load was over before the ramp was.
    """
    start = min(request.start_ns for request in finished.requests)
    if not ramp_s:
        return Mark(Phase.WINDOW, start, max(request.end_ns for request in finished.requests))
    steady, end = start + round(ramp_s * 1e9), max(request.start_ns for request in finished.requests)
    if end <= steady:
        lasted = (end - start) / 1e9
        raise MeasurementInvalid(
            f"the last request was sent {lasted:.1f} s after the first, within the ramp of {ramp_s:g} s; "
            "raise `requests:` of the workload or shorten `ramp_s:`"
        )
    return Mark(Phase.WINDOW, steady, end, note=f"steady part of the load, after a ramp of {ramp_s:g} s")


def _client_traces(
    window: Mark, finished: Finished, warmed: Warmed | None, counts: Sequence[tuple[int, Counted]]
) -> Iterator[Trace]:
    """Yield what only the client knows: its CPU time, the first request, how late it sent, and what the servers say of their work."""
    if warmed is not None:  # its answer is discarded like those after it, its time is not
        first_s = (warmed.first_end_ns - warmed.start_ns) / 1e9
        yield _trace(Domain.CLIENT, Quantity.FIRST_REQUEST, TraceKind.GAUGE, ((warmed.start_ns, first_s),))
    # CPU time is known for the load as a whole, ramp included: two samples.
    began, ended = min(r.start_ns for r in finished.requests), max(r.end_ns for r in finished.requests)
    yield _trace(
        Domain.CLIENT, Quantity.CPU_TIME, TraceKind.COUNTER, ((began, 0.0), (max(ended, window.end_ns), finished.cpu_s))
    )
    if any(late for _, late in finished.sent):
        yield _trace(Domain.CLIENT, Quantity.LATENESS, TraceKind.GAUGE, finished.sent)
    for name, values in finished.spans:
        yield _trace(Domain.SERVER, span_of(name), TraceKind.GAUGE, values)
    taken_back = [(at, told.preemptions) for at, told in counts if told.preemptions is not None]
    cached = [(at, told.cached_tokens) for at, told in counts if told.cached_tokens is not None]
    if len(taken_back) == 2:
        yield _trace(Domain.SERVER, Quantity.PREEMPTIONS, TraceKind.COUNTER, taken_back, "preemptions")
    if len(cached) == 2:
        yield _trace(Domain.SERVER, Quantity.CACHED_TOKENS, TraceKind.COUNTER, cached, "tokens")


def _trace(domain: str, quantity: str, kind: TraceKind, samples: Sequence[tuple[int, float]], unit: str = "s") -> Trace:
    times, values = array("q", (t for t, _ in samples)), array("d", (value for _, value in samples))
    return Trace("client", domain, quantity, kind, unit, Method.MEASURED, times, values)


def _meters(study: Study, configuration: Configuration) -> tuple[tuple[MeterUse, ...], tuple[Missing, ...]]:
    """Return the meters to read, and why the others are not: they measure this machine, and the server may run on another."""
    if configuration.measured_here:
        return study.meters, ()
    cause = "the server is not declared to run on the machine the meters measure"
    remedy = "If it does, write `local: true` under `server:`"
    return (), tuple(Missing(meter.name, cause, remedy, MissingCode.SERVER_ELSEWHERE) for meter in study.meters)


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
        progress.marks.append(Mark(Phase.COOLDOWN, start, time.monotonic_ns(), None, verdict.note, verdict.steady))


def _idle(phase: Phase, seconds: float, sampler: Child, children: list[Child], progress: Progress) -> None:
    if seconds <= 0:
        return
    sampler.send(Now())
    start = time.monotonic_ns()
    sleep_until(start / 1e9 + seconds, children)
    progress.marks.append(Mark(phase, start, time.monotonic_ns(), seconds))
    sampler.send(Now())


def _redacted(request: Request) -> Request:
    error = request.error
    return request if error is None else replace(request, error=replace(error, text=redact(error.text)))


def _raise_server_error(error: RequestError | None, servers: Sequence[Child]) -> None:
    """Raise the outcome a failed request stands for: the server may be gone, out of memory, too slow, or faulty."""
    if error is None:
        return
    if servers:
        require_alive(servers, 0.5)
    if error.kind is RequestErrorKind.OUT_OF_MEMORY:
        raise OutOfMemory(error.text)
    if error.kind is RequestErrorKind.TIMED_OUT:
        raise WorkerTimedOut(error.text)
    # Servers of others have no type for it: their answer or their log says so in words of their own.
    for text in (error.text, *(child.log_tail() for child in servers)):
        if (line := memory_line(text)) is not None:
            raise OutOfMemory(f"the model server answered with an error: {line}")
    raise WorkerCrashed(f"the model server answered with an error: {error.text}")
