"""The timeline of one run, from top to bottom.

::

    sampler on │ cool-down │ start │ load │ compile │ idle before │ warm-up │ WINDOW │ idle after │ stop
               └ nothing runs ┘└──── server process ────────────────────────────────────────────┘

The sampler, the servers (see `run_servers`) and the client are processes of their own; this one blocks between their messages.
Idle baselines are taken with the servers up. The window lasts from the first request sent to the last answer complete,
as the client marks it; the sampler takes an extra sample at every phase change, and the window waits for the one of
its start. Nothing is written, logged or drawn while a window is open.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from greenreport.engines.base import EngineJob
from greenreport.engines.memory_errors import memory_line
from greenreport.errors import MeterUnavailable, OutOfMemory, WorkerCrashed, WorkerTimedOut
from greenreport.execute.assignment import RunContext
from greenreport.execute.host import redact
from greenreport.execute.load import asked, client_job, client_traces, measured_window
from greenreport.execute.processes import Child, require_alive
from greenreport.execute.run_servers import serve
from greenreport.meters.sampler import Ask, AwaitSteady, Edge, Now, Opened, Recorded, Sampled, Stop, Watch, sampler_main
from greenreport.meters.steady_state import Steadiness
from greenreport.record import (
    Facts,
    Mark,
    Missing,
    MissingCode,
    Output,
    Phase,
    Prompt,
    Request,
    RequestError,
    RequestErrorKind,
    Trace,
)
from greenreport.study import Configuration, MeterUse, Model, Study
from greenreport.workloads.client import Finished, Go, Ready, Warmed, WarmUp, client_main

ANSWER_S = 30.0  # a sampler that does not answer for so long is dead


@dataclass
class Measurements:
    """The fields of a run's record that it has measured so far; also of a run that ends early."""

    marks: tuple[Mark, ...] = ()
    missing: tuple[Missing, ...] = ()
    facts: Facts | None = None
    requests: tuple[Request, ...] = ()
    outputs: tuple[Output, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    traces: tuple[Trace, ...] = ()


class Timeline:
    """The steps of one run; what they bring is kept in `measured`, also when the run ends early."""

    def __init__(self, context: RunContext, model: Model, job: EngineJob, log: Path) -> None:
        self.context, self.study, self.protocol = context, context.study, context.study.protocol
        self.model, self.job, self.configuration, self.log = model, job, job.configuration, log
        self.measured = Measurements()
        self.stack = ExitStack()

    def perform(self) -> None:
        """Perform the run; its processes are stopped at the end.

        Raises:
            GreenReportError: what ended it; `Failure` from a process of the run likewise.
        """
        with self.stack:
            self.start_sampler()
            self.cool_down()
            self.start_servers_and_client()
            self.idle(Phase.IDLE_BEFORE)
            warmed = self.warm_up()
            finished = self.send_load()
            window = measured_window(finished, self.study.workload.ramp_s)
            self.measured.marks += (window,)
            self.idle(Phase.IDLE_AFTER)
            self.stop(client_traces(window, finished, warmed))

    def start_sampler(self) -> None:
        self.context.entered(Phase.COOLDOWN)
        launcher, interval_s = self.context.launcher, self.protocol.sampling_interval_ms / 1e3
        meters, unread = _meters(self.study, self.configuration)
        self.sampler = launcher.start("sampling", launcher.forked, sampler_main, meters, interval_s, self.context.folder)
        self.stack.callback(self.sampler.stop)
        opened = self.sampler.receive(Opened, ANSWER_S)
        self.measured.missing = (*opened.missing, *unread)
        required = {meter.name for meter in self.study.meters if meter.required}
        for item in self.measured.missing:
            if item.meter in required:
                raise MeterUnavailable(f"the required meter {item.meter} cannot be read: {item.cause}", item.remedy)

    def cool_down(self) -> None:
        cooldown = self.protocol.cooldown
        start = time.monotonic_ns()
        if cooldown.until == "elapsed":
            require_alive([self.sampler], cooldown.max_s)
            self.mark(Phase.COOLDOWN, start, cooldown.max_s)
        elif cooldown.until == "steady":
            self.sampler.send(AwaitSteady(min(cooldown.window_s, cooldown.max_s), cooldown.max_s))
            verdict = self.sampler.receive(Steadiness, cooldown.max_s + ANSWER_S)
            self.mark(Phase.COOLDOWN, start, None, verdict.note, verdict.steady)

    def start_servers_and_client(self) -> None:
        self.context.entered(Phase.START)
        self.serving = serve(self.stack, self.context, self.model, self.job, self.log, [self.sampler])
        self.measured.marks += self.serving.marks
        self.measured.facts = self.serving.facts
        self.sampler.send(Watch(self.serving.pids))
        if self.configuration.server is not None:
            self.sampler.send(Ask(self.serving.urls, self.serving.headers))
        launcher, self.load = self.context.launcher, client_job(self.context, self.configuration, self.serving)
        self.client = launcher.start("client", launcher.forked, client_main, self.load)
        self.stack.callback(self.client.stop)
        # The work of its start must not count as idle power.
        self.client.receive(Ready, self.protocol.window_timeout_s, self.others, "the start of the client")

    def idle(self, phase: Phase) -> None:
        self.context.entered(phase)
        seconds = self.protocol.idle_baseline_s
        if seconds <= 0:
            return
        self.sampler.send(Now())
        start = time.monotonic_ns()
        require_alive([*self.others, self.client], seconds)
        self.mark(phase, start, seconds)
        self.sampler.send(Now())

    def warm_up(self) -> Warmed | None:
        if not self.protocol.warmup_requests:
            return None
        self.context.entered(Phase.WARMUP)
        self.client.send(WarmUp(self.protocol.warmup_requests))
        warmed = self.client.receive(Warmed, self.protocol.window_timeout_s, self.others, "the warm-up")
        self.measured.marks += (Mark(Phase.WARMUP, warmed.start_ns, warmed.end_ns),)
        _raise_server_error(warmed.error, self.serving.children)
        return warmed

    def send_load(self) -> Finished:
        self.context.entered(Phase.WINDOW)
        self.sampler.send(Edge())
        self.sampler.receive(Sampled, ANSWER_S)  # the window has a sample at its start
        self.client.send(Go())
        finished = self.client.receive(Finished, self.protocol.window_timeout_s, self.others, "the window")
        self.sampler.send(Now())
        self.measured.requests, self.measured.prompts = asked(
            (
                replace(request, error=request.error and replace(request.error, text=redact(request.error.text)))
                for request in finished.requests
            ),
            self.load,
            finished.rendered,
        )
        self.measured.outputs = finished.outputs
        if any(request.error is not None for request in finished.requests) and self.serving.children:
            require_alive(self.serving.children, 0.5)
        _raise_server_error(finished.error, self.serving.children)
        return finished

    def stop(self, traces: Iterable[Trace]) -> None:
        self.context.entered(Phase.STOP)
        start = time.monotonic_ns()
        self.sampler.send(Stop())
        recorded = self.sampler.receive(Recorded, ANSWER_S)
        self.measured.traces = (*recorded.traces, *traces)
        self.measured.missing += tuple(replace(event, cause=redact(event.cause)) for event in recorded.events)
        for child in (self.client, *self.serving.children):
            child.stop()
        self.mark(Phase.STOP, start)

    def mark(
        self, phase: Phase, start_ns: int, planned_s: float | None = None, note: str | None = None, steady: bool | None = None
    ) -> None:
        """Add the mark of a phase that ends now."""
        self.measured.marks += (Mark(phase, start_ns, time.monotonic_ns(), planned_s, note, steady),)

    @property
    def others(self) -> list[Child]:
        """Processes whose end also ends the wait for the client."""
        return [*self.serving.children, self.sampler]


def _meters(study: Study, configuration: Configuration) -> tuple[tuple[MeterUse, ...], tuple[Missing, ...]]:
    """Return the meters to read, and why the others are not: they measure this machine, and the server may run on another."""
    if configuration.measured_here:
        return study.meters, ()
    cause = "the server is not declared to run on the machine the meters measure"
    remedy = "If it does, write `local: true` under `server:`"
    return (), tuple(Missing(meter.name, cause, remedy, MissingCode.SERVER_ELSEWHERE) for meter in study.meters)


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
    # External servers have no type for it; their answer or their log says so in their own words.
    for text in (error.text, *(child.log_tail() for child in servers)):
        if (line := memory_line(text)) is not None:
            raise OutOfMemory(f"the model server answered with an error: {line}")
    raise WorkerCrashed(f"the model server answered with an error: {error.text}")
