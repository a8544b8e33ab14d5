"""AIPerf: ``profile_export_aiperf.json``, one profile for each load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from greenreport.imports.declared_units import plain_unit
from greenreport.imports.mapping import Mapping
from greenreport.imports.reader import Candidate, Reader
from greenreport.imports.report_rows import ReportRow, at, read_json, reports
from greenreport.imports.results_table import ResultsTable, Role

_TIMES = {
    "request_latency": "latency_s",
    "time_to_first_token": "ttft_s",
    "inter_token_latency": "tpot_s",
    "inter_chunk_latency": "tbt_s",
}
_LENGTHS = {"input_sequence_length": "prompt_tokens", "output_sequence_length": "output_tokens"}
_SINGLE = {
    "output_token_throughput": ("throughput_tokens_per_s", "tokens/s"), "request_throughput": ("throughput_requests_per_s", "requests/s"),
    "request_count": ("requests", "requests"), "error_request_count": ("failed_requests", "requests"), "benchmark_duration": ("duration_s", "s"),
    "goodput": ("goodput_requests_per_s", "requests/s"),
}  # fmt: skip


class AiPerf(Reader):
    """A row for each profile."""

    def recognises(self, file: Candidate) -> bool:
        """Whether it has AIPerf's metrics, each with unit and mean."""
        return file.is_json and '"request_latency"' in file.head and '"unit"' in file.head and '"avg"' in file.head

    def read(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return the profile of a file."""
        document = read_json(path)
        metrics = at(document, "records") if isinstance(at(document, "records"), dict) else document
        return reports(path, "aiperf", [_row(document, metrics)], mapping)


def _row(document: Any, metrics: Any) -> ReportRow:
    row = ReportRow(1)
    models = at(document, "input_config.endpoint.model_names")
    row.tell(Role.MODEL, models[0] if isinstance(models, list) and models else None)
    if at(document, "input_config.loadgen.request_rate") is not None:
        row.ask("request_rate", at(document, "input_config.loadgen.request_rate"))
    else:
        row.ask("concurrency", at(document, "input_config.loadgen.concurrency"))
    for names, unit in ((_TIMES, None), (_LENGTHS, "tokens")):
        for name, key in names.items():
            row.describe(name, key, unit or plain_unit(str(at(metrics, f"{name}.unit") or "ms")), at(metrics, name))
    for name, (key, unit) in _SINGLE.items():
        told = at(metrics, f"{name}.unit")
        row.measure(
            f"{name}.avg",
            key,
            plain_unit(told) if key == "duration_s" and isinstance(told, str) else unit,
            at(metrics, f"{name}.avg"),
        )
    return row
