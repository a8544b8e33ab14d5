"""Benchmark Report 0.2.x of llm-d, as YAML or JSON: one report for each load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from greenreport.catalog import METRICS
from greenreport.imports.declared_units import plain_unit
from greenreport.imports.mapping import Mapping
from greenreport.imports.reader import Candidate, Reader
from greenreport.imports.report_rows import ReportRow, at, read_json, read_yaml, reports, seconds_of
from greenreport.imports.results_table import ResultsTable, Role
from greenreport.record import Method

_AGGREGATE = "results.request_performance.aggregate"
_TIMES = {
    "request_latency": "latency_s", "time_to_first_token": "ttft_s", "time_per_output_token": "tpot_s", "inter_token_latency": "tbt_s",
    "normalized_time_per_output_token": "latency_per_output_token_s",
}  # fmt: skip
_LENGTHS = {"input_length": "prompt_tokens", "output_length": "output_tokens"}
_RATES = {
    "output_token_rate": ("throughput_tokens_per_s", "tokens/s"), "request_rate": ("throughput_requests_per_s", "requests/s"),
    "input_token_rate": ("prompt_tokens_per_s", "tokens/s"), "total_token_rate": ("total_tokens_per_s", "tokens/s"),
}  # fmt: skip


class LlmDReport(Reader):
    """A row for each report."""

    def recognises(self, file: Candidate) -> bool:
        """Whether it has the sections of a report of version 0.2."""
        return (
            "request_performance" in file.head
            and "scenario" in file.head
            and "version" in file.head
            and '"$schema"' not in file.head
        )

    def read(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return the report of a file."""
        document = read_json(path) if path.suffix.lower() == ".json" else read_yaml(path)
        return reports(path, "llm-d", [_row(document)], mapping)


def _row(document: Any) -> ReportRow:
    row = ReportRow(1)
    stack = at(document, "scenario.stack")
    servers = [at(item, "standardized") or {} for item in stack if isinstance(item, dict)] if isinstance(stack, list) else []
    engines = [item for item in servers if item.get("kind") == "inference_engine"]
    if engines:
        row.tell(Role.MODEL, at(engines[0], "model.name"))
        row.tell(Role.ENGINE, engines[0].get("tool"))
        row.tell(Role.PROVIDER, at(engines[0], "accelerator.model"))
        row.ask("replicas", sum(int(item["replicas"]) for item in engines if isinstance(item.get("replicas"), int)))
    load = at(document, "scenario.load.standardized") or {}
    if load.get("rate_qps") is not None:
        row.ask("request_rate", load["rate_qps"])
    else:
        row.ask("concurrency", load.get("concurrency"))
    total = at(document, f"{_AGGREGATE}.requests.total")
    for name, key in _TIMES.items():
        block = at(document, f"{_AGGREGATE}.latency.{name}")
        row.describe(
            f"{_AGGREGATE}.latency.{name}", key, _time_unit(block), None if block is None else {**block, "count": total}
        )
    for name, key in _LENGTHS.items():
        row.describe(f"{_AGGREGATE}.requests.{name}", key, "tokens", at(document, f"{_AGGREGATE}.requests.{name}"))
    for name, (key, unit) in _RATES.items():
        row.measure(f"{_AGGREGATE}.throughput.{name}.mean", key, unit, at(document, f"{_AGGREGATE}.throughput.{name}.mean"))
    row.measure(f"{_AGGREGATE}.requests.total", "requests", "requests", total)
    row.measure(
        f"{_AGGREGATE}.requests.failures", "failed_requests", "requests", at(document, f"{_AGGREGATE}.requests.failures")
    )
    _own(row, document)
    for name, key in (("duration", "duration_s"), ("start", "started_s"), ("end", "ended_s")):
        row.measure(f"run.time.{name}", key, "s", seconds_of(at(document, f"run.time.{name}")))
    return row


def _own(row: ReportRow, document: Any) -> None:
    """Note the metrics that greenreport itself wrote, energy among them; what a power model estimated is no measurement of an import."""
    entries = at(document, "results.observability.greenreport.metrics")
    for key, entry in entries.items() if isinstance(entries, dict) else ():
        if key in METRICS and at(entry, "unit") == METRICS[key].unit and at(entry, "method") != Method.ESTIMATED:
            row.measure(f"results.observability.greenreport.metrics.{key}", key, METRICS[key].unit, at(entry, "value"))


def _time_unit(block: object) -> str:
    """Return the unit of a time: ``s/token`` is a time too, that of one token."""
    unit = at(block, "units")
    return plain_unit(unit.partition("/")[0]) if isinstance(unit, str) else "s"
