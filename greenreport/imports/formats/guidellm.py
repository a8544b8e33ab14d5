"""GuideLLM: ``benchmarks.json`` of version 1 and 2, one benchmark for each load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from greenreport.imports.mapping import Mapping
from greenreport.imports.reader import Candidate, Reader
from greenreport.imports.report_rows import ReportRow, at, first_of, read_json, read_yaml, reports
from greenreport.imports.results_table import ResultsTable, Role

#: Name in ``metrics`` → (metric, unit): distributions over requests.
_DESCRIBED = {
    "request_latency": ("latency_s", "s"), "time_to_first_token_ms": ("ttft_s", "ms"), "time_per_output_token_ms": ("tpot_s", "ms"),
    "inter_token_latency_ms": ("tbt_s", "ms"), "prompt_token_count": ("prompt_tokens", "tokens"), "output_token_count": ("output_tokens", "tokens"),
    "request_concurrency": ("requests_in_flight", "requests"),
}  # fmt: skip
#: Rates: the mean over the time of the benchmark is the rate; their distribution over short times is not that of a metric.
_RATES = {
    "requests_per_second": ("throughput_requests_per_s", "requests/s"), "output_tokens_per_second": ("throughput_tokens_per_s", "tokens/s"),
    "tokens_per_second": ("total_tokens_per_s", "tokens/s"), "prompt_tokens_per_second": ("prompt_tokens_per_s", "tokens/s"),
}  # fmt: skip


class GuideLlm(Reader):
    """A row for each benchmark."""

    def recognises(self, file: Candidate) -> bool:
        """Whether it has benchmarks with metrics of requests."""
        if file.suffix in (".yaml", ".yml"):
            return file.head.startswith(("metadata:", "benchmarks:")) and "guidellm" in file.head
        return file.is_json and "guidellm" in file.head.lower() and '"' in file.head and ("benchmark" in file.head)

    def read(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return the benchmarks of a report."""
        document = read_yaml(path) if path.suffix.lower() in (".yaml", ".yml") else read_json(path)
        benchmarks = at(document, "benchmarks")
        found = [item for item in benchmarks if isinstance(item, dict)] if isinstance(benchmarks, list) else []
        return reports(path, "guidellm", [_row(place, item) for place, item in enumerate(found, 1)], mapping)


def _row(place: int, benchmark: dict[str, Any]) -> ReportRow:
    row = ReportRow(place)
    settings = first_of(benchmark, ("config", "args")) or {}
    strategy = at(settings, "strategy") or {}
    row.tell(Role.MODEL, next(_models(benchmark, settings), None))
    kind = at(strategy, "type_")
    if kind in ("constant", "poisson"):
        row.ask("request_rate", at(strategy, "rate"))
    elif kind in ("concurrent", "synchronous"):
        row.ask("concurrency", 1 if kind == "synchronous" else first_of(strategy, ("streams", "max_concurrency")))
    metrics = at(benchmark, "metrics") or {}
    for name, (key, unit) in _DESCRIBED.items():
        row.describe(f"metrics.{name}.successful", key, unit, at(metrics, f"{name}.successful"))
    for name, (key, unit) in _RATES.items():
        row.measure(f"metrics.{name}.successful.mean", key, unit, at(metrics, f"{name}.successful.mean"))
    totals = at(metrics, "request_totals") or at(benchmark, "run_stats.requests_made") or {}
    for name, key in (("successful", "requests"), ("errored", "failed_requests"), ("total", "asked_requests")):
        row.measure(f"metrics.request_totals.{name}", key, "requests", at(totals, name))
    row.measure("duration", "duration_s", "s", at(benchmark, "duration"))
    lateness = first_of(
        at(benchmark, "scheduler_metrics") or at(benchmark, "run_stats") or {},
        ("request_targeted_start_delay_avg", "request_start_time_targeted_delay_avg"),
    )
    row.measure("scheduler_metrics.request_targeted_start_delay_avg", "lateness_s", "s", lateness, "mean")
    return row


def _models(benchmark: dict[str, Any], settings: Any) -> Iterator[str]:
    for place in (
        at(settings, "backend.model"),
        at(benchmark, "worker.backend_model"),
        at(benchmark, "benchmarker.backend.model"),
        at(settings, "backend.backend_model"),
    ):
        if isinstance(place, str):
            yield place
