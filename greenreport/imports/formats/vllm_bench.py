"""``vllm bench serve``: the JSON that ``--save-result`` writes, one document or one a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from greenreport.errors import ImportFileError
from greenreport.imports.mapping import Mapping
from greenreport.imports.reader import Candidate, Reader
from greenreport.imports.report_rows import MAX_BYTES, ReportRow, read_json, reports, statistic_of
from greenreport.imports.results_table import ResultsTable, Role
from greenreport.regular_files import read_regular_text

_TIMES = {"ttft": "ttft_s", "tpot": "tpot_s", "itl": "tbt_s", "e2el": "latency_s"}
_SINGLE = {
    "duration": ("duration_s", "s"), "request_throughput": ("throughput_requests_per_s", "requests/s"), "output_throughput": ("throughput_tokens_per_s", "tokens/s"),
    "total_token_throughput": ("total_tokens_per_s", "tokens/s"), "request_goodput": ("goodput_requests_per_s", "requests/s"), "completed": ("requests", "requests"),
    "failed": ("failed_requests", "requests"), "num_prompts": ("asked_requests", "requests"), "total_input_tokens": ("prompt_tokens", "tokens"),
    "total_output_tokens": ("output_tokens", "tokens"),
}  # fmt: skip


class VllmBench(Reader):
    """A row for each benchmark."""

    def recognises(self, file: Candidate) -> bool:
        """Whether it has the throughputs and times of the benchmark."""
        return file.is_json and all(f'"{name}"' in file.head for name in ("request_throughput", "mean_ttft_ms"))

    def read(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return the benchmarks of a file."""
        return reports(path, "vllm-bench", [_row(line, document) for line, document in _documents(path)], mapping)


def _documents(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line and content of each document of a file."""
    try:
        text = read_regular_text(path, MAX_BYTES).strip()
        lines = text.split("\n")
        if len(lines) > 1 and all(line.startswith("{") and line.rstrip().endswith("}") for line in lines if line.strip()):
            yield from ((place, json.loads(line)) for place, line in enumerate(lines, 1) if line.strip())
            return
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ImportFileError(f"{path}: cannot be read as JSON lines: {error}") from None
    whole = read_json(path)
    yield from (
        (place, item) for place, item in enumerate(whole if isinstance(whole, list) else [whole], 1) if isinstance(item, dict)
    )


def _row(line: int, document: dict[str, Any]) -> ReportRow:
    row = ReportRow(line)
    row.tell(Role.MODEL, document.get("model_id"))
    row.tell(Role.ENGINE, document.get("backend") or document.get("endpoint_type"))
    if document.get("max_concurrency") is not None and document.get("request_rate") in (None, "inf"):
        row.ask("concurrency", document["max_concurrency"])
    else:
        row.ask("request_rate", document.get("request_rate"))
    for name, value in document.items():
        statistic, _, rest = name.partition("_")
        key = _TIMES.get(rest.removesuffix("_ms"))
        if rest.endswith("_ms") and key is not None and (found := statistic_of(statistic)) is not None:
            row.measure(name, key, "ms", value, found, document.get("completed"))
    for name, (key, unit) in _SINGLE.items():
        row.measure(name, key, unit, document.get(name))
    return row
