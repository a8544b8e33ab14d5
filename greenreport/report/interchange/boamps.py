"""Energy reports in the data model of BoAmps (0.1): one for each cell whose energy was metered or, marked as an estimation, modelled."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Any

from greenreport import __version__
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.run_view import RunView
from greenreport.catalog import METERS
from greenreport.errors import UsageError
from greenreport.record import Environment, Method, Phase
from greenreport.report.interchange.facts import J_PER_KWH, engine_label, require_own_runs, versions_of
from greenreport.report.interchange.study_export import StudyExport

FORMAT_VERSION = "0.1"
MODEL = "https://github.com/Boavizta/BoAmps/tree/main/model"
#: What BoAmps calls energy that no meter read.
ESTIMATION = "estimation"
#: Largest error of each quality, as a share of the value.
_QUALITIES = (("high", 0.10), ("medium", 0.25), ("low", 0.50))
Block = dict[str, Any]


def boamps_reports(study: StudyExport) -> Mapping[str, bytes]:
    """Return a report for each cell with energy.

    Raises:
        UsageError: no run has energy, or the results were imported, so that nobody knows how it was metered.
    """
    require_own_runs(study, "the meter of each run")
    files = {}
    for cell in study.dataset.cells:
        runs = [run for run in cell.ok if run.value("energy_j") is not None]
        if runs:
            text = json.dumps(_report(study, cell, runs), indent=2, ensure_ascii=False) + "\n"
            files[f"energy-report-{cell.slug}.json"] = text.encode()
    if not files:
        raise UsageError(
            "no valid run of this study has energy, and a BoAmps report is about energy; `greenreport doctor` says what can be metered"
        )
    return files


def _report(study: StudyExport, cell: CellView, runs: list[RunView]) -> Block:
    dataset = study.dataset
    spec, environment = dataset.study, dataset.environment
    last = max(run.started_at for run in runs)
    identity = f"greenreport:{spec.study}:{cell.key}:{':'.join(run.run_id for run in runs)}"
    affiliation = next((author.affiliation for author in spec.authors if author.affiliation), None)
    report: Block = {
        "header": {
            "licensing": spec.license,
            "formatVersion": FORMAT_VERSION,
            "formatVersionSpecificationUri": MODEL,
            "reportId": str(uuid.uuid5(uuid.NAMESPACE_URL, identity)),
            "reportDatetime": moment(last),
            "reportStatus": "final",
            "publisher": {
                **({"name": affiliation} if affiliation else {}),
                "projectName": spec.title,
                "confidentialityLevel": "public",
            },
        },
        "task": _task(study, cell, runs),
        "measures": [_measure(run) for run in runs],
    }
    if environment is not None:
        report |= {
            "system": {"os": "linux", "distribution": environment.os},
            "software": {"language": "python", "version": environment.python},
            "infrastructure": {"infraType": "other", "components": list(_components(environment))},
        }
    quality = _quality(runs)
    return report | ({"quality": quality} if quality else {})


def moment(started_at: str) -> str:
    """Return a time of a run, ``2026-01-01T00:00:00Z``, as BoAmps writes it: ``2026-01-01 00:00:00``, UTC."""
    return started_at.replace("T", " ").removesuffix("Z")


def _task(study: StudyExport, cell: CellView, runs: list[RunView]) -> Block:
    model, configuration = cell.model, cell.configuration
    answered = [request for run in runs for request in run.requests if request.error is None]
    parameters = model.parameters or next((run.facts.parameters for run in runs if run.facts and run.facts.parameters), None)
    versions = versions_of(configuration.engine, study.dataset.environment)
    algorithm = {
        "algorithmType": "llm", "foundationModelName": model.label,
        **({"foundationModelUri": f"https://huggingface.co/{model.hub}"} if model.hub else {}),
        **({"parametersNumber": parameters / 1e9} if parameters else {}),
        "framework": engine_label(configuration.engine), **({"frameworkVersion": versions} if versions else {}),
        "quantization": configuration.dtype,
    }  # fmt: skip
    counts = {"input": [r.prompt_tokens for r in answered], "output": [r.output_tokens for r in answered]}
    datasets: list[Block] = [
        {
            "dataUsage": usage,
            "dataType": "token",
            **({"dataQuantity": fmean(known)} if (known := [n for n in numbers if n is not None]) else {}),
        }
        for usage, numbers in counts.items()
    ]
    return {
        "taskStage": "inference",
        "taskFamily": "chatbot" if study.dataset.study.workload.api == "chat" else "text generation",
        "nbRequest": len(answered),
        "algorithms": [algorithm],
        "dataset": datasets,
        "taskDescription": _description(study.dataset, cell, study.remarks),
    }


def _description(dataset: Dataset, cell: CellView, remarks: tuple[str, ...]) -> str:
    boundary = cell.boundary("energy_j")
    parts = [
        f"Cell {cell.key} of the study {dataset.study.study}.",
        "Each measure is one run; requests are those of all runs, tokens the mean of one request.",
        *([f"Energy of: {boundary}, idle power included."] if boundary else []),
        *(f"{remark.capitalize()}." for remark in remarks),
    ]
    return " ".join(parts)


def _measure(run: RunView) -> Block:
    energy = run.observations["energy_j"]
    joules = energy.value
    assert joules is not None
    meters = list(dict.fromkeys(item.meter for item in run.sampling if item.of_energy))
    estimated = energy.method is Method.ESTIMATED
    labels = ", ".join(METERS[meter].label for meter in meters)
    return {
        "measurementMethod": ESTIMATION if estimated else labels or "not told",
        "manufacturer": "greenreport",
        "version": __version__,
        **({"cpuTrackingMode": ESTIMATION if estimated else "rapl"} if estimated or "rapl" in meters else {}),
        **({"gpuTrackingMode": "nvml"} if "nvml" in meters else {}),
        **_use(run),
        **dict(_idle(run)),
        "powerConsumption": joules / J_PER_KWH,
        "measurementDuration": run.value("duration_s"),
        "measurementDateTime": moment(run.started_at),
    }


def _use(run: RunView) -> Block:
    shares = {"averageUtilizationCpu": run.value("cpu_usage_pct"), "averageUtilizationGpu": run.value("gpu_usage_pct")}
    return {name: min(1.0, value / 100) for name, value in shares.items() if value is not None}


def _idle(run: RunView) -> Iterator[tuple[str, float]]:
    """Yield energy and length of the idle baseline, which BoAmps calls calibration."""
    watts = run.value("idle_power_w")
    seconds = sum(row.mark.duration_s for row in run.phases if row.mark.phase is Phase.IDLE_BEFORE)
    if watts is not None and seconds:
        yield "powerCalibrationMeasurement", watts * seconds / J_PER_KWH
        yield "durationCalibrationMeasurement", seconds


def _components(environment: Environment) -> Iterator[Block]:
    yield {
        "componentType": "cpu",
        "componentName": f"{environment.cpu_model}, {environment.physical_cores} cores",
        "nbComponent": 1,
    }
    yield {"componentType": "ram", "nbComponent": 1, "memorySize": max(1, round(environment.memory_b / 1e9))}
    for (name, memory), number in Counter((gpu.name, gpu.memory_b) for gpu in environment.gpus).items():
        size = {"memorySize": round(memory / 1e9)} if memory else {}
        yield {"componentType": "gpu", "componentName": name, "nbComponent": number, **size}


def _quality(runs: list[RunView]) -> str | None:
    """Return the quality of the energy by the limits of error of its instruments; None where they are not known."""
    items = [run.observations["energy_j"] for run in runs]
    if any(item.method is Method.ESTIMATED for item in items):
        return "low"
    errors = [item.budget.expanded / item.value for item in items if item.budget is not None and item.value]
    if len(errors) < len(items):
        return None
    return next((quality for quality, most in _QUALITIES if max(errors) <= most), None)
