"""Perform the pending runs of a study one at a time and append a record of each: prepare │ timeline │ check │ append.

This is one of the two places that catch every error: whatever goes wrong in a run becomes its outcome and reason.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from greenreport.engines.base import EngineJob
from greenreport.errors import GreenReportError, RunError, Unavailable, UnstorableRecord
from greenreport.execute.assignment import Assignment, Attempts, Reporter, RunContext
from greenreport.execute.host import redact
from greenreport.execute.prepare import Preparer, loads_weights
from greenreport.execute.process_entry import Failure
from greenreport.execute.processes import Launcher, last_lines
from greenreport.execute.readiness import require_ready
from greenreport.execute.run_records import ended, not_begun, run_record, without_values
from greenreport.execute.timeline import Timeline
from greenreport.plan import Cell, PendingRun, Reason, Run
from greenreport.record import Outcome, RecordKind, RunRecord
from greenreport.study import Study
from greenreport.validity import judged


class StudyRuns:
    """The runs of a study in one call: cells are prepared once, and what failed too often is not tried again.

    Args:
        cells: those whose runs may be performed.
        obstacle: why no run is possible (prompts that cannot be read); it becomes the reason of each.
    """

    def __init__(
        self, assignment: Assignment, cells: Iterable[Cell], reporter: Reporter, obstacle: Unavailable | None = None
    ) -> None:
        self.assignment, self.reporter, self.obstacle = assignment, reporter, obstacle
        self.launcher = _launcher(assignment, cells)
        self.preparer = Preparer(assignment, self.launcher)
        self.jobs: dict[str, EngineJob | Failure] = {}
        self.attempts = Attempts(assignment.limits, assignment.study.protocol.give_up_after)
        self.begun = 0
        if obstacle is None:
            self.launcher.warm()

    def perform(self, pending: Sequence[PendingRun]) -> None:
        """Perform the runs in order, and store a record of each.

        Raises:
            KeyboardInterrupt: after the current run was discarded.
        """
        for cell in {item.run.cell.key: item.run.cell for item in pending}.values():
            self._prepare(cell)
        failures = [(item, job) for item in pending if isinstance(job := self.jobs[item.run.cell.key], Failure)]
        impossible = [not_begun(run_record(self.assignment, item.run), job.error, job.detail) for item, job in failures]
        _keep(self.assignment, impossible, self.reporter)
        possible = [(item, job) for item in pending if isinstance(job := self.jobs[item.run.cell.key], EngineJob)]
        total = self.begun + len(possible)
        for item, job in possible:
            self.begun += 1
            self.reporter.run_begins(item, self.begun, total)
            self._perform(item.run, job)

    def _prepare(self, cell: Cell) -> None:
        if cell.key in self.jobs:
            return
        if self.obstacle is not None:
            self.jobs[cell.key] = Failure(self.obstacle)
            return
        self.reporter.preparing(cell.key)
        self.jobs[cell.key], preparations = self.preparer.prepare(cell)
        _stored(self.assignment, preparations, self.reporter)

    def _perform(self, run: Run, job: EngineJob) -> None:
        if (refusal := self.attempts.refusal(run.cell)) is not None:
            outcome, reason = refusal
            _keep(self.assignment, [replace(run_record(self.assignment, run), outcome=outcome, reason=reason)], self.reporter)
            return
        [record] = _keep(self.assignment, [_run(self.assignment, run, job, self.launcher, self.reporter)], self.reporter)
        self.attempts.add(run.cell, record)


class ExtraRuns:
    """Runs of one cell outside the plan of its study, kept as records of another kind that no test of the study sees.

    Raises:
        Unavailable: the cell cannot run here.
    """

    def __init__(self, assignment: Assignment, cell: Cell, kind: RecordKind, reporter: Reporter) -> None:
        self.assignment, self.kind, self.reporter = assignment, kind, reporter
        self.launcher = _launcher(assignment, [cell])
        self.launcher.warm()
        reporter.preparing(cell.key)
        job, _ = Preparer(assignment, self.launcher).prepare(cell)
        if isinstance(job, Failure):
            raise Unavailable(f"{cell.key} cannot run here: {job.error}")
        self.job = job

    def perform(self, study: Study, run: Run, total: int, **spec: Any) -> RunRecord:
        """Perform a run under a study changed for it, and store its record.

        Args:
            total: number of the last run, as far as it is known.
            spec: fields of the record's `RunSpec` that say what was special about the run.
        """
        self.reporter.run_begins(PendingRun(run, Reason.FORCED), run.position, total)
        assignment, job = replace(self.assignment, study=study), replace(self.job, configuration=run.cell.configuration)
        record = _run(assignment, run, job, self.launcher, self.reporter)
        record = replace(record, kind=self.kind, spec=replace(record.spec, **spec))
        [record] = _keep(assignment, [record], self.reporter)
        return record


def _keep(assignment: Assignment, records: Sequence[RunRecord], reporter: Reporter) -> Sequence[RunRecord]:
    """Store the records of runs that belong together, and report them; return them as they were stored."""
    stored = _stored(assignment, records, reporter)
    for record in stored:
        reporter.run_ended(record)
    return stored


def _stored(assignment: Assignment, records: Sequence[RunRecord], reporter: Reporter) -> Sequence[RunRecord]:
    """Store records; one with a value that no store can hold is stored as a failed one, without what was measured."""
    if not records:
        return ()
    try:
        _append(assignment, records, reporter)
    except UnstorableRecord as error:
        if len(records) > 1:
            return [stored for record in records for stored in _stored(assignment, [record], reporter)]
        bare = without_values(records[0], error)
        _append(assignment, [bare], reporter)
        return (bare,)
    return records


def _append(assignment: Assignment, records: Sequence[RunRecord], reporter: Reporter) -> None:
    spooled = assignment.store.keep(records, max(record.duration_s for record in records))
    if spooled is not None:
        reporter.spooled(spooled)


def _launcher(assignment: Assignment, cells: Iterable[Cell]) -> Launcher:
    engines = any(loads_weights(cell, assignment.environment) for cell in cells)
    return Launcher(fork_servers=assignment.study.protocol.worker == "preloaded", engines=engines)


def _run(assignment: Assignment, run: Run, job: EngineJob, launcher: Launcher, reporter: Reporter) -> RunRecord:
    """Perform one run and return its record; nothing is stored."""
    record = run_record(assignment, run)
    log = assignment.logs / f"{record.run_id}.log"
    context = RunContext(assignment.study, assignment.prompts, assignment.folder, launcher, reporter.phase, run.repetition)
    timeline = Timeline(context, run.cell.model, job, log)
    try:
        require_ready(job, assignment.cache)
        timeline.perform()
    except GreenReportError as error:
        record = ended(record, error, redact("\n".join(map(last_lines, _logs(log)))) or None)
    except Failure as failure:
        record = ended(record, failure.error, failure.detail)
    except Exception as error:  # a fault of greenreport itself must not lose the study
        internal = RunError(f"internal error: {type(error).__name__}: {error}")
        record = ended(record, internal, redact(traceback.format_exc()))
    record = judged(replace(record, **vars(timeline.measured)), assignment.study)
    if record.outcome is Outcome.OK:
        for file in _logs(log):
            file.unlink(missing_ok=True)
    return record


def _logs(log: Path) -> list[Path]:
    """Return the logs of a run's servers, one per replica."""
    return sorted(log.parent.glob(f"{log.stem}*{log.suffix}"))
