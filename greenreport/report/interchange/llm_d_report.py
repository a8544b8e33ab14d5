"""Benchmark Report 0.2.1 of llm-d: a YAML file for each valid run, in the fields of its JSON Schema.

The schema has no place for energy. It admits further entries beside the observed components, and there, under ``greenreport``, stand all metrics of the run
with boundary and method, and every remark on them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from statistics import fmean, stdev
from typing import Any

import yaml

from greenreport import __version__
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.latency import first_token_s, latencies_s, mean_gaps_s, percentile
from greenreport.analysis.measure.request_distributions import counted
from greenreport.analysis.measure.run_view import RunView
from greenreport.catalog import METRICS
from greenreport.record import Environment, Request
from greenreport.report.interchange.facts import engine_label, require_own_runs, valid_runs, versions_of
from greenreport.report.interchange.study_export import StudyExport
from greenreport.study import Workload

VERSION = "0.2.1"
_PERCENTILES = (50, 90, 95, 99)
#: Entry of observed resources → metric that is its mean, and unit.
_RESOURCES = {
    "cpu_utilization": ("cpu_usage_pct", "percent"), "cpu_memory_usage": ("ram_used_b", "bytes"),
    "gpu_utilization": ("gpu_usage_pct", "percent"), "gpu_memory_usage": ("gpu_memory_used_b", "bytes"),
}  # fmt: skip
Block = dict[str, Any]


def llm_d_reports(study: StudyExport) -> Mapping[str, bytes]:
    """Return a report for each valid run.

    Raises:
        UsageError: the results were imported, so that their requests are not known.
    """
    require_own_runs(study, "the requests of each run")
    files = {}
    for cell, run in valid_runs(study.dataset):
        text = yaml.safe_dump(_report(study, cell, run), sort_keys=False, allow_unicode=True, width=1000)
        files[f"benchmark_report_v0.2_{cell.slug}_{run.repetition}.yaml"] = text.encode()
    return files


def _report(study: StudyExport, cell: CellView, run: RunView) -> Block:
    spec = study.dataset.study
    remarks = [f"{remark.capitalize()}." for remark in study.remarks]
    return {
        "version": VERSION,
        "run": {
            "uid": run.run_id, "eid": spec.study, "time": _times(run),
            "description": " ".join([f"{spec.title}: {cell.model.label}, {label_of(cell.configuration)}, repetition {run.repetition}.", *remarks]),
            "keywords": ["greenreport", *study.remarks],
        },
        "scenario": {"stack": [_server(cell, study.dataset.environment)], "load": _load(cell, run, spec.workload)},
        "results": {
            "request_performance": {"aggregate": _performance(run)},
            "observability": {"components": [_observed(run)], "greenreport": {"remarks": list(study.remarks), "metrics": _metrics(run)}},
        },
    }  # fmt: skip


def _times(run: RunView) -> Block:
    duration = run.value("duration_s")
    start = {"start": run.started_at} if run.started_at else {}
    return start if duration is None else {**start, "duration": f"PT{Decimal(repr(duration)):f}S"}


def _server(cell: CellView, environment: Environment | None) -> Block:
    configuration, native = (
        cell.configuration,
        cell.configuration.model_dump(mode="json", exclude_none=True, exclude={"server"}),
    )
    gpus = environment.gpus if environment and configuration.provider != "cpu" else ()
    hardware = gpus[0].name if gpus else environment.cpu_model if environment else "not told"
    return {
        "metadata": {
            "schema_version": "0.0.1", "label": "server", "description": label_of(configuration),
            "cfg_id": hashlib.sha256(json.dumps(native, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest(),
        },
        "standardized": {
            "kind": "inference_engine", "tool": engine_label(configuration.engine),
            "tool_version": versions_of(configuration.engine, environment) or "not told", "role": "replica",
            "replicas": configuration.replicas, "model": {"name": cell.model.hub or cell.model.id},
            "accelerator": {"model": hardware, "count": max(1, len(gpus)), "parallelism": {"tp": 1, "dp": 1, "pp": 1, "ep": 1}},
        },
        "native": {"args": native},
    }  # fmt: skip


def _load(cell: CellView, run: RunView, workload: Workload) -> Block:
    configuration, requests = cell.configuration, counted(run)
    prompts = [request.prompt_tokens for request in requests if request.prompt_tokens is not None]
    answers = [request.output_tokens for request in requests if request.output_tokens is not None]
    asked = configuration.output_tokens or workload.generation.output_tokens
    fixed = workload.generation.exact and isinstance(asked, int)
    rate = configuration.request_rate
    return {
        "metadata": {"schema_version": "0.0.1", "description": f"prompts: {workload.prompts.source}"},
        "standardized": {
            "tool": "greenreport", "tool_version": __version__, "source": "sampled",
            "input_seq_len": {"distribution": "other", "value": fmean(prompts) if prompts else 0, **_ends(prompts)},
            "output_seq_len": {"distribution": "fixed" if fixed else "other", "value": fmean(answers) if answers else 0, **_ends(answers)},
            **({"rate_qps": rate} if rate is not None else {"concurrency": configuration.concurrency}),
        },
        "native": {"args": workload.model_dump(mode="json", exclude_none=True, exclude={"prompts": {"path"}})},
    }  # fmt: skip


def _ends(tokens: Sequence[int]) -> Block:
    return {"min": min(tokens), "max": max(1, *tokens)} if tokens else {}


def _performance(run: RunView) -> Block:
    requests = counted(run)
    window = run.window
    asked = [r for r in run.requests if window is None or window.start_ns <= r.start_ns <= window.end_ns]
    latency = {
        "time_to_first_token": statistics(first_token_s(requests)[0], "s"),
        "time_per_output_token": statistics(mean_gaps_s(requests), "s/token"),
        "inter_token_latency": statistics(_gaps_s(requests), "s/token"),
        "request_latency": statistics(latencies_s(requests), "s"),
    }
    duration = run.value("duration_s")
    rates = {
        "output_token_rate": (run.value("throughput_tokens_per_s"), "tokens/s"),
        "input_token_rate": (run.prompt_tokens / duration if run.prompt_tokens and duration else None, "tokens/s"),
        "request_rate": (run.value("throughput_requests_per_s"), "queries/s"),
    }
    return {
        "requests": {
            "total": len(asked), "failures": sum(request.error is not None for request in asked),
            **_told({"input_length": _lengths(requests, lambda r: r.prompt_tokens), "output_length": _lengths(requests, lambda r: r.output_tokens)}),
        },
        "latency": _told(latency),
        "throughput": {name: {"units": unit, "mean": value} for name, (value, unit) in rates.items() if value is not None},
    }  # fmt: skip


def _told(blocks: Mapping[str, Block | None]) -> Block:
    return {name: block for name, block in blocks.items() if block is not None}


def _lengths(requests: Sequence[Request], read: Callable[[Request], int | None]) -> Block | None:
    return statistics([float(count) for request in requests if (count := read(request)) is not None], "count")


def _gaps_s(requests: Sequence[Request]) -> list[float]:
    return [(later - earlier) / 1e9 for request in requests for earlier, later in pairwise(request.token_ns)]


def statistics(values: Sequence[float], units: str) -> Block | None:
    """Return the statistics of some values as the schema names them, or None without any."""
    if not values:
        return None
    spread = {"stddev": stdev(values)} if len(values) > 1 else {}
    ranks = {f"p{percent}": percentile(values, percent) for percent in _PERCENTILES}
    return {
        "units": units,
        "mean": fmean(values),
        **spread,
        "min": min(values),
        **ranks,
        "max": max(values),
    }


def _observed(run: RunView) -> Block:
    means = {
        name: {"units": unit, "mean": value}
        for name, (metric, unit) in _RESOURCES.items()
        if (value := run.value(metric)) is not None
    }
    power = run.observations.get("power_mean_w")
    if power is not None and power.value is not None:
        further = {"p95": run.value("power_p95_w"), "max": run.value("power_peak_w")}
        told = {"boundary": power.boundary, "method": power.method.value if power.method else None}
        block = {"units": "Watts", "mean": power.value, **further, **told}
        means["power_consumption"] = {key: value for key, value in block.items() if value is not None}
    return {"component_label": "server", "aggregate": means}


def _metrics(run: RunView) -> Block:
    return {name: dict(_entry(run, name)) for name in METRICS if run.value(name) is not None}


def _entry(run: RunView, metric: str) -> Iterator[tuple[str, Any]]:
    item = run.observations[metric]
    yield "value", item.value
    yield "unit", METRICS[metric].unit
    if item.boundary is not None:
        yield "boundary", item.boundary
    if item.method is not None:
        yield "method", item.method.value
    if item.budget is not None:
        yield "expanded_uncertainty", item.budget.expanded
