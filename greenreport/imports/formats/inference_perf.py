"""inference-perf: ``stage_N_lifecycle_metrics.json``, one file for each stage of the load."""

from __future__ import annotations

from pathlib import Path

from greenreport.imports.mapping import Mapping
from greenreport.imports.reader import Candidate, Reader
from greenreport.imports.report_rows import ReportRow, at, read_json, reports
from greenreport.imports.results_table import ResultsTable

#: Path below ``successes`` → (metric, unit).
_DESCRIBED = {
    "latency.request_latency": ("latency_s", "s"), "latency.time_to_first_token": ("ttft_s", "s"), "latency.time_per_output_token": ("tpot_s", "s"),
    "latency.inter_token_latency": ("tbt_s", "s"), "latency.normalized_time_per_output_token": ("latency_per_output_token_s", "s"),
    "prompt_len": ("prompt_tokens", "tokens"), "output_len": ("output_tokens", "tokens"),
}  # fmt: skip
_SINGLE = {
    "successes.throughput.output_tokens_per_sec": ("throughput_tokens_per_s", "tokens/s"), "successes.throughput.requests_per_sec": ("throughput_requests_per_s", "requests/s"),
    "successes.throughput.input_tokens_per_sec": ("prompt_tokens_per_s", "tokens/s"), "successes.throughput.total_tokens_per_sec": ("total_tokens_per_s", "tokens/s"),
    "successes.count": ("requests", "requests"), "failures.count": ("failed_requests", "requests"), "load_summary.count": ("asked_requests", "requests"),
    "load_summary.achieved_rate": ("achieved_rate_per_s", "requests/s"), "load_summary.send_duration": ("send_duration_s", "s"),
}  # fmt: skip


class InferencePerf(Reader):
    """A row for each stage."""

    def recognises(self, file: Candidate) -> bool:
        """Whether it tells of load, successes and failures."""
        return file.is_json and all(f'"{name}"' in file.head for name in ("load_summary", "successes", "failures"))

    def read(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return the stage of a file."""
        document = read_json(path)
        row = ReportRow(1)
        row.ask("request_rate", at(document, "load_summary.requested_rate"))
        for name, (key, unit) in _DESCRIBED.items():
            block = at(document, f"successes.{name}")
            row.describe(
                f"successes.{name}", key, unit, None if block is None else {**block, "count": at(document, "successes.count")}
            )
        row.describe("load_summary.schedule_delay", "lateness_s", "s", at(document, "load_summary.schedule_delay"))
        for name, (key, unit) in _SINGLE.items():
            row.measure(name, key, unit, at(document, name))
        return reports(path, "inference-perf", [row], mapping)
