"""Records of runs and preparations, and the outcome an error stands for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from greenreport.errors import (
    EngineMissing,
    EngineUnavailable,
    GreenReportError,
    MeasurementInvalid,
    MeterUnavailable,
    OutOfMemory,
    Unavailable,
    WorkerTimedOut,
)
from greenreport.execute.assignment import Assignment
from greenreport.execute.host import redact
from greenreport.models.weights import folder_bytes
from greenreport.plan import Cell, Run
from greenreport.record import Mark, Outcome, RecordKind, RunRecord, RunSpec
from greenreport.study import registration

_OUTCOMES: tuple[tuple[type[GreenReportError], Outcome], ...] = (
    (OutOfMemory, Outcome.OUT_OF_MEMORY),
    (WorkerTimedOut, Outcome.TIMED_OUT),
    (MeasurementInvalid, Outcome.INVALID),
    (EngineMissing, Outcome.NOT_RUN),
    (EngineUnavailable, Outcome.UNSUPPORTED),
    (MeterUnavailable, Outcome.UNSUPPORTED),
    (GreenReportError, Outcome.FAILED),
)


def ended(record: RunRecord, error: GreenReportError, detail: str | None) -> RunRecord:
    """Return the record of a run that an error has ended; `detail`: its traceback or log."""
    outcome = next(outcome for kind, outcome in _OUTCOMES if isinstance(error, kind))
    return replace(record, outcome=outcome, reason=redact(str(error)), detail=detail)


def not_begun(record: RunRecord, error: GreenReportError, detail: str | None) -> RunRecord:
    """Return the record of a run whose preparation an error has ended: what is not there now may be there for the next `run`."""
    record = ended(record, error, detail)
    absent = record.outcome is Outcome.FAILED and isinstance(error, Unavailable)
    return replace(record, outcome=Outcome.NOT_RUN) if absent else record


def without_values(record: RunRecord, error: GreenReportError) -> RunRecord:
    """Return the failed record of a run whose values cannot be stored."""
    bare = replace(record, facts=None, flags=(), missing=(), requests=(), outputs=(), prompts=(), traces=())
    return ended(bare, error, None)


def run_record(assignment: Assignment, run: Run) -> RunRecord:
    """Return the record of a run as it is before anything was measured."""
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
            "load": study.workload.model_dump(
                mode="json", include={"requests", "arrivals", "ramp_s", "stream", "api", "system"}
            ),
            "prompts_source": assignment.prompts.source,
            "weights": study.weights_of(run.cell.model).value,
            "model_id": run.cell.model.id,
        },
    )
    record = _record(assignment, run.cell, RecordKind.RUN, run.cell.fingerprint, spec)
    return replace(record, repetition=run.repetition, position=run.position)


def preparation_record(assignment: Assignment, cell: Cell, folder: Path, content: str, mark: Mark) -> RunRecord:
    """Return the record of a download or conversion for a cell; `content`: digest of what it made."""
    spec = RunSpec(preparation=mark.phase, size_b=folder_bytes(folder), other={"cell": cell.fingerprint})
    return replace(_record(assignment, cell, RecordKind.PREPARE, content, spec), marks=(mark,))


def _record(assignment: Assignment, cell: Cell, kind: RecordKind, fingerprint: str, spec: RunSpec) -> RunRecord:
    return RunRecord(
        run_id=uuid4().hex,
        kind=kind,
        study=assignment.study.study,
        key=cell.key,
        model=cell.model.id,
        engine=cell.configuration.engine,
        provider=cell.configuration.provider,
        fingerprint=fingerprint,
        repetition=0,
        position=0,
        outcome=Outcome.OK,
        reason=None,
        started_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        environment=assignment.environment,
        spec=spec,
    )
