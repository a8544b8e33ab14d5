"""Tables for tests of the audit: made by hand, or read from published files that lie beside the repository."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from greenreport.imports.results_table import NUMERIC, Column, ResultsTable, Role
from tests.conftest import ROOT

PUBLIC = ROOT.parent / "shared" / "reference" / "public-results"
#: What columns are: name in the file → role, key, unit, scale.
Spec = tuple[Role, str, str, float]
FACTOR: Spec = (Role.FACTOR, "", "", 1.0)
REPETITION: Spec = (Role.REPETITION, "", "", 1.0)


def metric(key: str, unit: str, scale: float = 1.0) -> Spec:
    """Return what a column of measured values is."""
    return Role.METRIC, key, unit, scale


def column(name: str, spec: Spec, values: Sequence[Any], statistic: str | None = None) -> Column:
    """Return a column; blank numbers are NaN."""
    role, key, unit, scale = spec
    if role in NUMERIC:
        numbers = np.array([math.nan if value in ("", None) else float(value) for value in values])
        return Column(name, role, numbers, key, unit, scale, statistic)
    return Column(name, role, np.array([str(value) for value in values], dtype=object), key)


def table(columns: Sequence[Column], row: str = "run", first_line: int = 2) -> ResultsTable:
    """Return a table whose rows come from successive lines of a file."""
    count = len(columns[0].values)
    return ResultsTable("table.csv", "tidy", "0" * 64, tuple(columns), np.arange(first_line, first_line + count), row)


def public(name: str) -> Path:
    """Return a published file, or skip the test."""
    file = PUBLIC / name
    if not file.is_file():
        pytest.skip(f"needs the published file {name} in {PUBLIC}")
    return file


def run_table(name: str, specs: Mapping[str, Spec], delimiter: str = ",") -> ResultsTable:
    """Return a published run table; the repetition is read from the id of the run."""
    with public(name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=delimiter))
    columns = [column(key, spec, [row[key] for row in rows]) for key, spec in specs.items()]
    numbers = [re.findall(r"repetition_(\d+)", row["__run_id"])[0] for row in rows]
    return table([*columns, column("repetition", REPETITION, numbers)])


def report(name: str) -> Any:
    """Return the content of a published JSON report."""
    return json.loads(public(name).read_text(encoding="utf-8"))


QUANTISED = {
    "quantization_type": FACTOR, "task_name": FACTOR, "Inference Time": metric("duration_s", "s"),
    "GPU Energy": metric("gpu_energy_j", "J"), "CPU Energy": metric("cpu_energy_j", "J"), "Memory Energy": metric("dram_energy_j", "J"),
    "Accuracy": metric("accuracy", ""), "Memory Usage": metric("memory_usage", "MB"),
}  # fmt: skip
ANGELS = {
    "generation": FACTOR, "model_size": FACTOR, "task": FACTOR, "energy": metric("energy_j", "J"), "duration_ms": metric("duration_s", "ms", 1e-3),
    "cpu_joules": metric("cpu_energy_j", "J"), "gpu_joules": metric("gpu_energy_j", "J"), "energy_consumption_total_joules": metric("total_energy_j", "J"),
    "response_token_count": metric("output_tokens", "tokens"), "accuracy": metric("accuracy", ""),
}  # fmt: skip
CAIN = {
    "model": (Role.MODEL, "", "", 1.0), "method": FACTOR, "length": FACTOR, "execution_time": metric("duration_s", "s"),
    "cpu_usage": metric("cpu_usage_pct", "%"), "memory_usage": metric("ram_usage_pct", "%"),
    "codecarbon__energy_consumed": metric("codecarbon_energy_j", "kWh", 3.6e6), "energy_usage_J": metric("energy_j", "J"),
}  # fmt: skip


def inference_perf(stages: Sequence[int]) -> ResultsTable:
    """Return stages of a rising rate as rows."""
    stage = [report(f"inference-perf_stage_{number}_lifecycle_metrics.json") for number in stages]
    summary, latency = [s["load_summary"] for s in stage], [s["successes"]["latency"] for s in stage]
    rate = (Role.LOAD, "request_rate", "requests/s", 1.0)
    names = {"p50": "median", "mean": "mean", "p90": "p90", "p99": "p99"}
    columns = [
        column("requested_rate", rate, [s["requested_rate"] for s in summary]),
        column("achieved_rate", metric("achieved_rate_per_s", "requests/s"), [s["achieved_rate"] for s in summary]),
        column("schedule_delay", metric("lateness_s", "s"), [s["schedule_delay"]["mean"] for s in summary], "mean"),
        column("count", metric("requests", "requests"), [s["count"] for s in summary]),
        column("requests_per_sec", metric("throughput_requests_per_s", "requests/s"), [s["successes"]["throughput"]["requests_per_sec"] for s in stage]),
        column("output_len", metric("output_tokens", "tokens"), [s["successes"]["output_len"]["mean"] for s in stage], "mean"),
    ]  # fmt: skip
    for key, field in (("latency_s", "request_latency"), ("ttft_s", "time_to_first_token"), ("tbt_s", "inter_token_latency")):
        columns += [
            column(f"{field} {s}", metric(key, "s"), [row[field][name] for row in latency], s) for s, name in names.items()
        ]
    return table(columns, row="report", first_line=1)


def llm_d() -> ResultsTable:
    """Return the example of llm-d's benchmark report as one row."""
    content = yaml.safe_load(public("llm-d_benchmark_report_0.2.1.yaml").read_text(encoding="utf-8"))
    time, aggregate = content["run"]["time"], content["results"]["request_performance"]["aggregate"]
    columns = [
        column("run.time.duration", metric("duration_s", "s"), [re.findall(r"[\d.]+", time["duration"])[0]]),
        column("run.time.start", metric("started_s", "s"), [_moment(time["start"])]),
        column("run.time.end", metric("ended_s", "s"), [_moment(time["end"])]),
        column("requests.total", metric("requests", "requests"), [aggregate["requests"]["total"]]),
        column("requests.failures", metric("failed_requests", "requests"), [aggregate["requests"]["failures"]]),
    ]
    keys = {
        "request_latency": "latency_s", "time_to_first_token": "ttft_s", "inter_token_latency": "tbt_s", "time_per_output_token": "time_per_output_token_s",
        "normalized_time_per_output_token": "normalized_time_per_output_token_s",
    }  # fmt: skip
    for field, key in keys.items():
        spread = {name: value for name, value in aggregate["latency"][field].items() if name != "units"}
        columns += [
            column(f"{field}.{name}", metric(key, "s"), [value], name.replace("0p1", "0.1")) for name, value in spread.items()
        ]
    return table(columns, row="report", first_line=1)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def energibridge() -> ResultsTable:
    """Return EnergiBridge's samples as readings of running counters."""
    with public("energibridge_sample.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    energies = [name for name in rows[0] if name.endswith("_ENERGY (J)")]
    columns = [column(name, metric("counter_j", "J"), [row[name] for row in rows]) for name in energies]
    return table(columns, row="sample")
