"""Records of runs and preparations, and the outcome an error stands for."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from greenreport.errors import (
    EngineUnavailable,
    GreenReportError,
    MeasurementInvalid,
    MeterUnavailable,
    OutOfMemory,
    WorkerTimedOut,
)
from greenreport.execute.assignment import Assignment
from greenreport.execute.prepare import Preparation
from greenreport.models.weights import folder_bytes
from greenreport.plan import PendingRun
from greenreport.record import Outcome, RecordKind, RunRecord, RunSpec
from greenreport.study import registration

_OUTCOMES: tuple[tuple[type[GreenReportError], Outcome], ...] = (
    (OutOfMemory, Outcome.OUT_OF_MEMORY),
    (WorkerTimedOut, Outcome.TIMED_OUT),
    (MeasurementInvalid, Outcome.INVALID),
    (EngineUnavailable, Outcome.UNSUPPORTED),
    (MeterUnavailable, Outcome.UNSUPPORTED),
    (GreenReportError, Outcome.FAILED),
)


def outcome_of(error: GreenReportError) -> Outcome:
    """Return how a run ends that an error has ended."""
    return next(outcome for kind, outcome in _OUTCOMES if isinstance(error, kind))


def run_record(assignment: Assignment, item: PendingRun, outcome: Outcome, reason: str | None = None) -> RunRecord:
    """Return the record of a run as it is before anything was measured."""
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
        reason=reason,
        started_at=_now(),
        environment=assignment.environment,
        spec=spec,
    )


def preparation_record(assignment: Assignment, preparation: Preparation) -> RunRecord:
    """Return the record of a download or conversion."""
    cell = preparation.cell
    spec = RunSpec(
        preparation=preparation.marks[-1].phase, size_b=folder_bytes(preparation.target), other={"cell": cell.fingerprint}
    )
    return RunRecord(
        run_id=uuid4().hex,
        kind=RecordKind.PREPARE,
        study=assignment.study.study,
        key=cell.key,
        model=cell.model.id,
        engine=cell.configuration.engine,
        provider=cell.configuration.provider,
        fingerprint=preparation.content,
        repetition=0,
        position=0,
        outcome=Outcome.OK,
        reason=None,
        started_at=_now(),
        environment=assignment.environment,
        spec=spec,
        marks=preparation.marks,
    )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
