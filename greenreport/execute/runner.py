"""Perform the pending runs of a study one at a time and append a record of each: prepare │ timeline │ check │ append.

This is one of the two places that catch every error: whatever goes wrong in a run becomes its outcome and reason.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from greenreport.engines.base import EngineJob
from greenreport.errors import GreenReportError, RunError, Unavailable
from greenreport.execute.assignment import Assignment, Attempts, Reporter
from greenreport.execute.host import redact
from greenreport.execute.prepare import Obstacle, Preparer, loads_weights
from greenreport.execute.process_entry import Failure
from greenreport.execute.processes import Launcher
from greenreport.execute.readiness import require_ready
from greenreport.execute.run_context import RunContext
from greenreport.execute.run_records import outcome_of, preparation_record, run_record
from greenreport.execute.timeline import Measurements, perform
from greenreport.plan import Cell, PendingRun
from greenreport.record import Outcome, RunRecord
from greenreport.validity import judged


def run_all(
    assignment: Assignment, pending: Sequence[PendingRun], reporter: Reporter, obstacle: Unavailable | None = None
) -> Counter[Outcome]:
    """Perform the runs in order; return how they ended.

    Args:
        obstacle: why no run is possible (prompts that cannot be read); it becomes the reason of each.

    Raises:
        KeyboardInterrupt: after the current run was discarded.
    """
    launcher, preparer = equipment(assignment, [item.run.cell for item in pending])
    if obstacle is not None:
        jobs: dict[str, EngineJob | Obstacle] = {item.run.cell.key: Obstacle(obstacle) for item in pending}
    else:
        launcher.warm()
        jobs = _prepare_all(assignment, pending, preparer, reporter)
    impossible = [
        replace(run_record(assignment, item, outcome_of(job.error), redact(str(job.error))), detail=job.detail)
        for item in pending
        if isinstance(job := jobs[item.run.cell.key], Obstacle)
    ]
    ended = _keep(assignment, impossible, reporter)
    possible = [(item, job) for item in pending if isinstance(job := jobs[item.run.cell.key], EngineJob)]
    attempts = Attempts(assignment.limits, assignment.study.protocol.give_up_after)
    for number, (item, job) in enumerate(possible, start=1):
        cell = item.run.cell
        reporter.run_begins(item, number, len(possible))
        if (refusal := attempts.refusal(cell)) is not None:
            record = run_record(assignment, item, *refusal)
        else:
            record = run_one(assignment, item, job, launcher, reporter)
            attempts.add(cell, record)
        ended += _keep(assignment, [record], reporter)
    return ended


def _keep(assignment: Assignment, records: Sequence[RunRecord], reporter: Reporter) -> Counter[Outcome]:
    """Store records that belong together; return their outcomes."""
    if records:
        assignment.store.append(records)
    for record in records:
        reporter.run_ended(record)
    return Counter(record.outcome for record in records)


def equipment(assignment: Assignment, cells: Sequence[Cell]) -> tuple[Launcher, Preparer]:
    """Return the launcher of processes and the preparer of cells for an assignment."""
    launcher = Launcher(
        fork_servers=assignment.study.protocol.worker == "preloaded",
        engines=any(loads_weights(cell, assignment.environment) for cell in cells),
    )
    models, logs = assignment.cache / "models", assignment.logs
    return launcher, Preparer(assignment.study, assignment.folder, models, launcher, assignment.environment, logs)


def one_cell(assignment: Assignment, cell: Cell, reporter: Reporter) -> tuple[Launcher, EngineJob]:
    """Return the launcher and the prepared job of one cell, for runs outside the plan of its study.

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
        jobs[key], preparations = preparer.prepare(cell)
        if preparations:
            assignment.store.append([preparation_record(assignment, preparation) for preparation in preparations])
    return jobs


def run_one(assignment: Assignment, item: PendingRun, job: EngineJob, launcher: Launcher, reporter: Reporter) -> RunRecord:
    """Perform one run and return its record; nothing is stored."""
    record = run_record(assignment, item, Outcome.OK)
    measured = Measurements()
    log = assignment.logs / f"{record.run_id}.log"
    context = RunContext(assignment.study, assignment.prompts, assignment.folder, launcher, reporter.phase, item.run.repetition)
    try:
        require_ready(job, assignment.cache)
        perform(context, item.run.cell.model, job, log, measured)
    except GreenReportError as error:
        record = _ended(record, error, _tail(log))
    except Failure as failure:
        record = _ended(record, failure.error, failure.detail)
    except Exception as error:  # a fault of greenreport itself must not lose the study
        internal = RunError(f"internal error: {type(error).__name__}: {error}")
        record = _ended(record, internal, redact(traceback.format_exc()))
    record = replace(
        record,
        marks=tuple(measured.marks),
        missing=measured.missing,
        facts=measured.facts,
        requests=measured.requests,
        outputs=measured.outputs,
        traces=measured.traces,
    )
    record = judged(record, assignment.study)
    if record.outcome is Outcome.OK:
        for file in _logs(log):
            file.unlink(missing_ok=True)
    return record


def _ended(record: RunRecord, error: GreenReportError, detail: str | None) -> RunRecord:
    return replace(record, outcome=outcome_of(error), reason=redact(str(error)), detail=detail)


def _logs(log: Path) -> list[Path]:
    """Return the logs of a run's servers, one per replica."""
    return sorted(log.parent.glob(f"{log.stem}*{log.suffix}"))


def _tail(log: Path) -> str | None:
    texts = []
    for file in _logs(log):
        with suppress(OSError):
            texts += file.read_text(encoding="utf-8", errors="replace").splitlines()[-40:]
    return redact("\n".join(texts)) or None
