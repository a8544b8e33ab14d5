"""Perform the pending runs of a study, one at a time, and append a record for each.

The timeline of one run::

    sampler on │ cool-down │ start │ load │ compile │ idle before │ warm-up │ WINDOW │ idle after │ stop │ check │ append
               └ nothing runs ┘└──── server process ────────────────────────────────────────────┘

The sampler, the server and the client are three processes; this one blocks between their messages. Idle baselines are taken
with the server up. The window is the time between the first request sent and the last answer complete, as the client marks it;
the sampler takes an extra sample at every phase change, and the window waits for the one of its start. Nothing is written,
logged or drawn while a window is open.

This module holds one of the two places that catch every error: whatever goes wrong in a run becomes its outcome and reason.
"""

from __future__ import annotations

import json
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from greenreport.catalog import engines
from greenreport.engines.base import EngineJob
from greenreport.errors import (
    EngineUnavailable,
    GreenReportError,
    MeasurementInvalid,
    MeterUnavailable,
    OutOfMemory,
    Unavailable,
    WorkerCrashed,
    WorkerTimedOut,
)
from greenreport.execute.host import redact
from greenreport.execute.launch import Child, Launcher, sleep_until
from greenreport.execute.prepare import Obstacle, Preparation, Preparer
from greenreport.execute.worker import Failure, Ready, ServeJob, server_main
from greenreport.meters.sampler import AwaitSteady, Edge, Now, Opened, Recorded, Sampled, Stop, Watch, sampler_main
from greenreport.meters.steady import Steadiness
from greenreport.plan import Cell, PendingRun
from greenreport.record import Environment, Facts, Mark, Missing, Outcome, Output, Phase, Request, RunRecord, Trace
from greenreport.store import Store
from greenreport.study import Study
from greenreport.validity import validity_flags
from greenreport.workloads.client import ClientJob, Finished, Go, Warmed, WarmUp, client_main
from greenreport.workloads.prompts import PromptList

ANSWER_S = 30.0  # a sampler or client that says nothing for so long is dead

_OUTCOMES: tuple[tuple[type[GreenReportError], Outcome], ...] = (
    (OutOfMemory, Outcome.OUT_OF_MEMORY),
    (WorkerTimedOut, Outcome.TIMED_OUT),
    (MeasurementInvalid, Outcome.INVALID),
    (EngineUnavailable, Outcome.UNSUPPORTED),
    (MeterUnavailable, Outcome.UNSUPPORTED),
    (GreenReportError, Outcome.FAILED),
)


class Reporter(Protocol):
    """Told what happens; it must not draw between `phase(WINDOW)` and the next call."""

    def preparing(self, what: str) -> None:
        """A download or conversion begins."""

    def run_begins(self, pending: PendingRun, number: int, total: int) -> None:
        """A run begins."""

    def phase(self, phase: Phase) -> None:
        """A phase of the current run begins."""

    def run_ended(self, record: RunRecord) -> None:
        """A run has been appended."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What to run and where to keep it.

    Attributes:
        folder: folder of the study file.
        cache: folder with the store, models and logs.
    """

    study: Study
    prompts: PromptList
    environment: Environment
    store: Store
    folder: Path
    cache: Path


def run_all(
    assignment: Assignment, pending: Sequence[PendingRun], reporter: Reporter, obstacle: Unavailable | None = None
) -> Counter[Outcome]:
    """Perform the runs in order; return how they ended.

    Args:
        obstacle: what makes every run impossible (prompts that cannot be read); recorded for each.

    Raises:
        KeyboardInterrupt: after the current run was discarded.
    """
    launcher = Launcher(
        fork_servers=assignment.study.protocol.worker == "preloaded",
        engines=any(engines()[item.run.cell.configuration.engine].weights for item in pending),
    )
    logs = assignment.cache / "logs"
    preparer = Preparer(
        assignment.study, assignment.folder, assignment.cache / "models", launcher, assignment.environment, logs
    )
    if obstacle is not None:
        jobs: dict[str, EngineJob | Obstacle] = {item.run.cell.key: Obstacle(obstacle) for item in pending}
    else:
        launcher.warm()
        jobs = _prepare_all(assignment, pending, preparer, reporter)
    ended: Counter[Outcome] = Counter()
    feasible = _record_obstacles(assignment, pending, jobs, ended, reporter)
    failures: Counter[str] = Counter()
    last_reason: dict[str, str] = {}
    for number, item in enumerate(feasible, start=1):
        key = item.run.cell.key
        reporter.run_begins(item, number, len(feasible))
        if failures[key] >= assignment.study.protocol.give_up_after:
            reason = f"not tried after {failures[key]} failures of this cell: {last_reason[key]}"
            record = replace(_blank(assignment, item, Outcome.FAILED), reason=reason)
        else:
            job = jobs[item.run.cell.key]
            assert isinstance(job, EngineJob)
            record = _run_one(assignment, item, job, launcher, logs, reporter)
            if record.outcome is not Outcome.OK:
                failures[key] += 1
                last_reason[key] = record.reason or record.outcome.value
        assignment.store.append([record])
        ended[record.outcome] += 1
        reporter.run_ended(record)
    return ended


def _prepare_all(
    assignment: Assignment, pending: Sequence[PendingRun], preparer: Preparer, reporter: Reporter
) -> dict[str, EngineJob | Obstacle]:
    cells = {item.run.cell.key: item.run.cell for item in pending}
    jobs: dict[str, EngineJob | Obstacle] = {}
    for key, cell in cells.items():
        reporter.preparing(key)
        jobs[key], done = preparer.prepare(cell)
        if done:
            assignment.store.append([_preparation(assignment, item) for item in done])
    return jobs


def _record_obstacles(
    assignment: Assignment,
    pending: Sequence[PendingRun],
    jobs: dict[str, EngineJob | Obstacle],
    ended: Counter[Outcome],
    reporter: Reporter,
) -> list[PendingRun]:
    """Append the outcome of every run whose cell cannot run at all; return the others."""
    feasible, records = [], []
    for item in pending:
        job = jobs[item.run.cell.key]
        if isinstance(job, Obstacle):
            record = _blank(assignment, item, _outcome_of(job.error))
            records.append(replace(record, reason=redact(str(job.error)), detail=job.detail))
        else:
            feasible.append(item)
    if records:
        assignment.store.append(records)
    for record in records:
        ended[record.outcome] += 1
        reporter.run_ended(record)
    return feasible


@dataclass(slots=True)
class _Progress:
    """What a run has brought about so far; read once more when it ends early."""

    marks: list[Mark] = field(default_factory=list)
    missing: tuple[Missing, ...] = ()
    facts: Facts | None = None
    requests: tuple[Request, ...] = ()
    outputs: tuple[Output, ...] = ()
    traces: tuple[Trace, ...] = ()
    children: list[Child] = field(default_factory=list)


def _run_one(
    assignment: Assignment, item: PendingRun, job: EngineJob, launcher: Launcher, logs: Path, reporter: Reporter
) -> RunRecord:
    record = _blank(assignment, item, Outcome.OK)
    progress = _Progress()
    log = logs / f"{record.run_id}.log"
    try:
        with ExitStack() as stack:
            _perform(assignment, item.run.cell, job, launcher, log, reporter, progress, stack)
    except GreenReportError as error:
        record = replace(record, outcome=_outcome_of(error), reason=redact(str(error)), detail=_tail(log))
    except Failure as failure:
        record = replace(record, outcome=_outcome_of(failure.error), reason=redact(str(failure.error)), detail=failure.detail)
    except Exception as error:  # a fault of greenreport itself must not lose the study
        reason = redact(f"internal error: {type(error).__name__}: {error}")
        record = replace(record, outcome=Outcome.FAILED, reason=reason, detail=redact(traceback.format_exc()))
    record = replace(
        record,
        marks=tuple(progress.marks),
        missing=progress.missing,
        facts=progress.facts,
        requests=progress.requests,
        outputs=progress.outputs,
        traces=progress.traces,
    )
    if record.outcome is Outcome.OK:
        record = replace(record, flags=validity_flags(record, assignment.study))
        fatal = [flag.detail for flag in record.flags if flag.fatal]
        if fatal:
            record = replace(record, outcome=Outcome.INVALID, reason="; ".join(fatal))
        log.unlink(missing_ok=True)
    return record


def _perform(
    assignment: Assignment,
    cell: Cell,
    job: EngineJob,
    launcher: Launcher,
    log: Path,
    reporter: Reporter,
    progress: _Progress,
    stack: ExitStack,
) -> None:
    """The timeline, from top to bottom."""
    study, protocol = assignment.study, assignment.study.protocol

    reporter.phase(Phase.COOLDOWN)
    interval_s = protocol.sampling_interval_ms / 1e3
    sampler = launcher.start("sampling", launcher.forked, sampler_main, study.meters, interval_s, assignment.folder)
    stack.callback(sampler.stop)
    opened = sampler.receive(Opened, ANSWER_S)
    progress.missing = opened.missing
    _require_meters(study, opened.missing)
    _cool_down(study, sampler, progress)

    reporter.phase(Phase.START)
    launched = time.monotonic_ns()
    environment = {"OMP_NUM_THREADS": str(job.threads), "MKL_NUM_THREADS": str(job.threads)}
    server = launcher.start(
        "model server", launcher.servers, server_main, ServeJob(cell.model.id, job, launched), log, environment
    )
    server.log = log
    stack.callback(server.stop)
    ready = server.receive(Ready, protocol.load_timeout_s, [sampler], "starting and loading")
    progress.marks += ready.marks
    progress.facts = ready.facts
    sampler.send(Watch((server.pid,)))

    client_job = ClientJob(
        url=f"http://127.0.0.1:{ready.port}",
        model=cell.model.id,
        prompts=assignment.prompts.texts,
        output_tokens=study.workload.generation.output_tokens,
        exact=study.workload.generation.exact,
        stream=study.workload.stream,
        timeout_s=protocol.window_timeout_s,
    )
    client = launcher.start("client", launcher.forked, client_main, client_job)
    stack.callback(client.stop)
    children = [server, sampler, client]

    reporter.phase(Phase.IDLE_BEFORE)
    _idle(Phase.IDLE_BEFORE, protocol.idle_baseline_s, sampler, children, progress)

    if protocol.warmup_requests:
        reporter.phase(Phase.WARMUP)
        client.send(WarmUp(protocol.warmup_requests))
        warmed = client.receive(Warmed, protocol.window_timeout_s, [server, sampler], "the warm-up")
        progress.marks.append(Mark(Phase.WARMUP, warmed.start_ns, warmed.end_ns))
        _raise_server_error(warmed.error, server)

    reporter.phase(Phase.WINDOW)
    sampler.send(Edge())
    sampler.receive(Sampled, ANSWER_S)
    client.send(Go())
    finished = client.receive(Finished, protocol.window_timeout_s, [server, sampler], "the window")
    sampler.send(Now())
    progress.requests, progress.outputs = finished.requests, finished.outputs
    progress.marks.append(Mark(Phase.WINDOW, finished.requests[0].start_ns, finished.requests[-1].end_ns))
    _raise_server_error(finished.requests[-1].error, server)

    reporter.phase(Phase.IDLE_AFTER)
    _idle(Phase.IDLE_AFTER, protocol.idle_baseline_s, sampler, children, progress)

    reporter.phase(Phase.STOP)
    stopping = time.monotonic_ns()
    sampler.send(Stop())
    recorded = sampler.receive(Recorded, ANSWER_S)
    progress.traces = recorded.traces
    progress.missing += tuple(replace(event, cause=redact(event.cause)) for event in recorded.events)
    client.stop()
    server.stop()
    progress.marks.append(Mark(Phase.STOP, stopping, time.monotonic_ns()))


def _require_meters(study: Study, missing: Sequence[Missing]) -> None:
    required = {meter.name for meter in study.meters if meter.required}
    for item in missing:
        if item.meter in required:
            raise MeterUnavailable(f"the required meter {item.meter} cannot be read: {item.cause}", item.remedy)


def _cool_down(study: Study, sampler: Child, progress: _Progress) -> None:
    cooldown = study.protocol.cooldown
    start = time.monotonic_ns()
    if cooldown.until == "elapsed":
        sleep_until(start / 1e9 + cooldown.max_s, [sampler])
        progress.marks.append(Mark(Phase.COOLDOWN, start, time.monotonic_ns(), cooldown.max_s))
    elif cooldown.until == "steady":
        sampler.send(AwaitSteady(min(cooldown.window_s, cooldown.max_s), cooldown.max_s))
        verdict = sampler.receive(Steadiness, cooldown.max_s + ANSWER_S)
        progress.marks.append(Mark(Phase.COOLDOWN, start, time.monotonic_ns(), note=verdict.note))


def _idle(phase: Phase, seconds: float, sampler: Child, children: list[Child], progress: _Progress) -> None:
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


def _outcome_of(error: GreenReportError) -> Outcome:
    return next(outcome for kind, outcome in _OUTCOMES if isinstance(error, kind))


def _tail(log: Path) -> str | None:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-40:]
    except OSError:
        return None
    return redact("\n".join(lines)) or None


def _blank(assignment: Assignment, item: PendingRun, outcome: Outcome) -> RunRecord:
    run = item.run
    spec = {
        **json.loads(run.cell.content),
        "prompts_sha256": assignment.prompts.sha256,
        "prompts_source": assignment.prompts.source,
        "prompts_count": len(assignment.prompts.texts),
        "weights": assignment.study.weights_of(run.cell.model).value,
        "model_id": run.cell.model.id,
    }
    return RunRecord(
        run_id=uuid4().hex,
        kind="run",
        study=assignment.study.study,
        key=run.cell.key,
        model=run.cell.model.id,
        engine=run.cell.configuration.engine,
        provider=run.cell.configuration.provider,
        fingerprint=run.cell.fingerprint,
        repetition=run.repetition,
        position=run.position,
        outcome=outcome,
        reason=None,
        started_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        environment=assignment.environment,
        spec=json.dumps(spec, sort_keys=True),
    )


def _preparation(assignment: Assignment, done: Preparation) -> RunRecord:
    cell = done.cell
    size = sum(file.stat().st_size for file in done.target.rglob("*") if file.is_file())
    return RunRecord(
        run_id=uuid4().hex,
        kind="prepare",
        study=assignment.study.study,
        key=cell.key,
        model=cell.model.id,
        engine=cell.configuration.engine,
        provider=cell.configuration.provider,
        fingerprint=done.content,
        repetition=0,
        position=0,
        outcome=Outcome.OK,
        reason=None,
        started_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        environment=assignment.environment,
        spec=json.dumps({"what": done.marks[-1].phase.value, "size_b": size, "cell": cell.fingerprint}, sort_keys=True),
        marks=done.marks,
    )
