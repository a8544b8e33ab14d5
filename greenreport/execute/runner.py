"""Perform the pending runs of a study, one at a time, and append a record for each: prepare │ timeline │ check │ append.

This module holds one of the two places that catch every error: whatever goes wrong in a run becomes its outcome and reason.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from greenreport.engines.base import EngineJob
from greenreport.errors import (
    EngineUnavailable,
    GreenReportError,
    MeasurementInvalid,
    MeterUnavailable,
    OutOfMemory,
    Unavailable,
    WorkerTimedOut,
)
from greenreport.execute.host import redact
from greenreport.execute.prepare import Obstacle, Preparation, Preparer, loads_weights
from greenreport.execute.process_entry import Failure
from greenreport.execute.processes import Launcher
from greenreport.execute.readiness import require_ready
from greenreport.execute.run_context import Bench
from greenreport.execute.timeline import Progress, perform
from greenreport.models.weights import folder_bytes
from greenreport.plan import Cell, PendingRun, beyond
from greenreport.record import Environment, Outcome, Phase, RecordKind, RunRecord, RunSpec
from greenreport.store import Store
from greenreport.study import Study, registration
from greenreport.validity import judged
from greenreport.workloads.prompts import PromptList

_OUTCOMES: tuple[tuple[type[GreenReportError], Outcome], ...] = (
    (OutOfMemory, Outcome.OUT_OF_MEMORY),
    (WorkerTimedOut, Outcome.TIMED_OUT),
    (MeasurementInvalid, Outcome.INVALID),
    (EngineUnavailable, Outcome.UNSUPPORTED),
    (MeterUnavailable, Outcome.UNSUPPORTED),
    (GreenReportError, Outcome.FAILED),
)


LIMIT_WORDS = {Outcome.OUT_OF_MEMORY: "was out of memory", Outcome.TIMED_OUT: "took longer than its limit"}


@dataclass(frozen=True, slots=True)
class Limit:
    """A cell that ran out of memory or time."""

    cell: Cell
    outcome: Outcome

    @property
    def words(self) -> str:
        """What happened there."""
        return LIMIT_WORDS[self.outcome]

    def ends(self, cell: Cell, worked: Iterable[Cell]) -> bool:
        """Whether a direction of a sweep ended here and a cell lies beyond.

        Memory always ends one. Time does only where less of the same worked: with a fixed number of requests the lightest load
        is the slowest, and larger batches may well be in time.
        """
        over = self.outcome is Outcome.OUT_OF_MEMORY or any(beyond(self.cell, lighter) for lighter in worked)
        return over and beyond(cell, self.cell)


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
        limits: cells known to be out of memory on this machine; what asks for more is not tried.
    """

    study: Study
    prompts: PromptList
    environment: Environment
    store: Store
    folder: Path
    cache: Path
    limits: tuple[Limit, ...] = ()

    @property
    def logs(self) -> Path:
        """Folder of the logs of runs that failed."""
        return self.cache / "logs"


def run_all(
    assignment: Assignment, pending: Sequence[PendingRun], reporter: Reporter, obstacle: Unavailable | None = None
) -> Counter[Outcome]:
    """Perform the runs in order; return how they ended.

    Args:
        obstacle: what makes every run impossible (prompts that cannot be read); recorded for each.

    Raises:
        KeyboardInterrupt: after the current run was discarded.
    """
    launcher, preparer = equipment(assignment, [item.run.cell for item in pending])
    if obstacle is not None:
        jobs: dict[str, EngineJob | Obstacle] = {item.run.cell.key: Obstacle(obstacle) for item in pending}
    else:
        launcher.warm()
        jobs = _prepare_all(assignment, pending, preparer, reporter)
    ended: Counter[Outcome] = Counter()
    feasible = _record_obstacles(assignment, pending, jobs, ended, reporter)
    limits, worked = [*assignment.limits], list[Cell]()
    failures: Counter[str] = Counter()
    last_reason: dict[str, str] = {}
    for number, item in enumerate(feasible, start=1):
        key = item.run.cell.key
        reporter.run_begins(item, number, len(feasible))
        limit = next((limit for limit in limits if limit.ends(item.run.cell, worked)), None)
        if limit is not None:
            reason = f"not tried: {limit.cell.configuration.id}, which asks for less, {limit.words}"
            record = replace(_blank(assignment, item, limit.outcome), reason=reason)
        elif failures[key] >= assignment.study.protocol.give_up_after:
            reason = f"not tried after {failures[key]} failures of this cell: {last_reason[key]}"
            record = replace(_blank(assignment, item, Outcome.FAILED), reason=reason)
        else:
            job = jobs[key]
            assert isinstance(job, EngineJob)
            record = run_one(assignment, item, job, launcher, reporter)
            if record.outcome in LIMIT_WORDS:
                limits.append(Limit(item.run.cell, record.outcome))
            if record.outcome is Outcome.OK:
                worked.append(item.run.cell)
            else:
                failures[key] += 1
                last_reason[key] = record.reason or record.outcome.value
        assignment.store.append([record])
        ended[record.outcome] += 1
        reporter.run_ended(record)
    return ended


def equipment(assignment: Assignment, cells: Sequence[Cell]) -> tuple[Launcher, Preparer]:
    """Return what starts processes and what prepares cells, for the runs of an assignment."""
    launcher = Launcher(
        fork_servers=assignment.study.protocol.worker == "preloaded",
        engines=any(loads_weights(cell, assignment.environment) for cell in cells),
    )
    models, logs = assignment.cache / "models", assignment.logs
    return launcher, Preparer(assignment.study, assignment.folder, models, launcher, assignment.environment, logs)


def one_cell(assignment: Assignment, cell: Cell, reporter: Reporter) -> tuple[Launcher, EngineJob]:
    """Return what runs of one cell need, besides its runs in a study.

    Raises:
        Unavailable: the cell cannot run here.
    """
    launcher, preparer = equipment(assignment, [cell])
    launcher.warm()
    reporter.preparing(cell.key)
    job, _ = preparer.prepare(cell)
    if isinstance(job, Obstacle):
        raise Unavailable(f"{cell.key} cannot run here: {job.error}")
    return launcher, job


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


def run_one(assignment: Assignment, item: PendingRun, job: EngineJob, launcher: Launcher, reporter: Reporter) -> RunRecord:
    """Perform one run and return its record; nothing is stored."""
    record = _blank(assignment, item, Outcome.OK)
    progress = Progress()
    log = assignment.logs / f"{record.run_id}.log"
    bench = Bench(assignment.study, assignment.prompts, assignment.folder, launcher, reporter.phase, item.run.repetition)
    try:
        require_ready(job, assignment.cache)
        perform(bench, item.run.cell.model, job, log, progress)
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
    record = judged(record, assignment.study)
    if record.outcome is Outcome.OK:
        for file in _logs(log):
            file.unlink(missing_ok=True)
    return record


def _outcome_of(error: GreenReportError) -> Outcome:
    return next(outcome for kind, outcome in _OUTCOMES if isinstance(error, kind))


def _logs(log: Path) -> list[Path]:
    """Return the logs of a run's servers: the first one's, and those of further replicas beside it."""
    return sorted(log.parent.glob(f"{log.stem}*{log.suffix}"))


def _tail(log: Path) -> str | None:
    texts = []
    for file in _logs(log):
        with suppress(OSError):
            texts += file.read_text(encoding="utf-8", errors="replace").splitlines()[-40:]
    return redact("\n".join(texts)) or None


def _blank(assignment: Assignment, item: PendingRun, outcome: Outcome) -> RunRecord:
    run = item.run
    study, configuration = assignment.study, run.cell.configuration
    spec = RunSpec(
        configuration=configuration.model_dump(mode="json", exclude={"name"}),
        protocol=study.protocol.model_dump(mode="json"),
        registration=registration(study),
        prompts_sha256=assignment.prompts.sha256,
        prompts_count=len(assignment.prompts.texts),
        other={
            **{name: value for name, value in run.cell.content.items() if name not in ("configuration", "protocol")},
            "generation": study.workload.generation.model_dump(mode="json"),
            "load": study.workload.model_dump(mode="json", include={"requests", "arrivals", "ramp_s", "stream"}),
            "prompts_source": assignment.prompts.source,
            "weights": study.weights_of(run.cell.model).value,
            "model_id": run.cell.model.id,
        },
    )
    return RunRecord(
        run_id=uuid4().hex,
        kind=RecordKind.RUN,
        study=study.study,
        key=run.cell.key,
        model=run.cell.model.id,
        engine=configuration.engine,
        provider=configuration.provider,
        fingerprint=run.cell.fingerprint,
        repetition=run.repetition,
        position=run.position,
        outcome=outcome,
        reason=None,
        started_at=_now(),
        environment=assignment.environment,
        spec=spec,
    )


def _preparation(assignment: Assignment, done: Preparation) -> RunRecord:
    cell = done.cell
    spec = RunSpec(preparation=done.marks[-1].phase, size_b=folder_bytes(done.target), other={"cell": cell.fingerprint})
    return RunRecord(
        run_id=uuid4().hex,
        kind=RecordKind.PREPARE,
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
        started_at=_now(),
        environment=assignment.environment,
        spec=spec,
        marks=done.marks,
    )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
