"""Datasets made of run records.

Raw traces are reduced to observations and phases while records stream by, so memory does not grow with the number of samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from greenreport import traces as tr
from greenreport.analysis.measure.calibration import from_calibrations
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.downsample import rails
from greenreport.analysis.measure.limit_searches import from_trials
from greenreport.analysis.measure.metrics import observations, phase_rows
from greenreport.analysis.measure.replicas import replicas
from greenreport.analysis.measure.run_view import HostControl, ModelPreparation, RunView, Sampling
from greenreport.analysis.measure.spans import concurrent, stages
from greenreport.catalog import METERS
from greenreport.plan import Plan
from greenreport.record import ENERGY_QUANTITIES, Environment, Mark, Outcome, Output, Phase, RunRecord, Verdict
from greenreport.study import ReferenceStudy, Study
from greenreport.validity import agreements, foreign_load, judged


def recorded_dataset(
    plan: Plan,
    records: Iterable[RunRecord],
    *,
    source: str = "measured here",
    other_runs: Mapping[str, int] | None = None,
    preparations: Sequence[RunRecord] = (),
    calibrations: Sequence[RunRecord] = (),
    references: Sequence[ReferenceStudy] = (),
    trials: Sequence[RunRecord] = (),
    controls: Sequence[RunRecord] = (),
    drawn: bool = True,
) -> Dataset:
    """Return the dataset of a plan from the records that count for it (see `plan.current`).

    Args:
        drawn: whether runs keep the traces that the page of a cell draws; they take most of the time.
    """
    keys = {cell.fingerprint: cell.key for cell in plan.cells}
    runs: dict[str, list[RunView]] = {cell.key: [] for cell in plan.cells}
    outputs: dict[str, Output] = {}
    texts: dict[str, str] = {}
    verdicts: dict[tuple[str, str], Verdict] = {}
    environment: Environment | None = None
    prompts: tuple[str | None, int | None] = (None, None)
    for record in records:
        record = judged(record, plan.study)  # thresholds may have been declared after the run  # noqa: PLW2901
        runs[keys[record.fingerprint]].append(_view(record, plan.study, drawn=drawn))
        outputs.update((output.sha256, output) for output in record.outputs)
        texts.update((prompt.sha256, prompt.text) for prompt in record.prompts)
        verdicts.update(((verdict.prompt_sha256, verdict.output_sha256), verdict) for verdict in record.verdicts)
        if environment is None or _known(record.environment) > _known(environment):
            environment = record.environment  # the one that names the libraries of the engines that were added too
        if record.outcome is Outcome.OK and prompts[0] is None:
            prompts = (record.spec.prompts_sha256, record.spec.prompts_count)
    ordered = {key: tuple(sorted(of_cell, key=lambda run: run.repetition)) for key, of_cell in runs.items()}
    study = plan.study
    cells = tuple(
        CellView(cell.model, cell.configuration, ordered[cell.key], study.outliers, study.estimates_answer)
        for cell in plan.cells
    )
    return Dataset(
        plan.study,
        cells,
        plan.excluded,
        environment,
        source,
        outputs=outputs,
        preparations=tuple(
            ModelPreparation(r.model, r.engine, (r.spec.preparation or Phase.CONVERT).value, r.duration_s, r.spec.size_b or 0)
            for r in preparations
        ),
        calibrations=from_calibrations(calibrations, environment) if environment is not None else (),
        references=tuple(references),
        searches=from_trials(trials, environment) if environment is not None else (),
        other_runs=dict(other_runs or {}),
        controls=tuple(
            HostControl(r.environment.host_sha256, r.started_at, r.duration_s, r.reason)
            for r in sorted(controls, key=lambda record: record.started_at)
        ),
        prompts_sha256=prompts[0],
        prompts_count=prompts[1],
        prompts=texts,
        verdicts={} if study.quality is None else verdicts,
    )


def _known(environment: Environment) -> tuple[int, int]:
    return len(environment.served), len(environment.libraries)


def _view(record: RunRecord, study: Study, *, drawn: bool) -> RunView:
    window = record.mark(Phase.WINDOW)
    return RunView(
        run_id=record.run_id,
        repetition=record.repetition,
        position=record.position,
        outcome=record.outcome,
        reason=record.reason,
        started_at=record.started_at,
        start_ns=min((mark.start_ns for mark in record.marks), default=0),
        duration_s=record.duration_s,
        flags=record.flags,
        missing=record.missing,
        observations={o.metric: o for o in observations(record, study.objective, study.calibrations, study.quality)},
        phases=phase_rows(record),
        rails=rails(record) if drawn else (),
        agreements=() if window is None else agreements(record, window, study.calibrations),
        sampling=() if window is None else tuple(_sampling(record, window, study)),
        foreign_load=None if window is None else foreign_load(record, window),
        stages=() if window is None else stages(record, window),
        concurrent=concurrent(record),
        replicas=() if window is None else replicas(record, window),
        requests=record.requests,
        facts=record.facts,
        detail=record.detail,
        spec=record.spec,
        host=record.environment.host_sha256,
    )


def _sampling(record: RunRecord, window: Mark, study: Study) -> Iterator[Sampling]:
    for trace in record.traces:
        if len(trace.t_ns) > 2 and trace.meter in METERS:
            channel = f"{trace.domain} {trace.quantity.replace('_', ' ')}"
            coverage = tr.coverage(trace, window.start_ns, window.end_ns)
            of_energy = trace.quantity in ENERGY_QUANTITIES
            accuracy = tr.known_accuracy(trace, record.environment, study.calibrations) if of_energy else None
            yield Sampling(trace.meter, channel, tr.usual_interval_s(trace), coverage, of_energy, accuracy)
