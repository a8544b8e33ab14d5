"""InferenceX (InferenceMAX): aggregated rows ``agg_*.json``, one for each hardware, framework, precision and load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from greenreport.imports.mapping import Mapping
from greenreport.imports.reader import Candidate, Reader
from greenreport.imports.report_rows import ReportRow, first_of, read_json, reports, statistic_of
from greenreport.imports.results_table import ResultsTable, Role

_TIMES = {"ttft": "ttft_s", "tpot": "tpot_s", "itl": "tbt_s", "e2el": "latency_s"}
_SINGLE = {
    "tput_per_gpu": ("tokens_per_s_and_gpu", "tokens/s"), "output_tput_per_gpu": ("output_tokens_per_s_and_gpu", "tokens/s"), "avg_power_w": ("power_mean_w", "W"),
    "joules_per_output_token": ("j_per_output_token", "J/token"),
}  # fmt: skip


class InferenceX(Reader):
    """A row for each load; the hardware is the machine, within which frameworks are compared."""

    def recognises(self, file: Candidate) -> bool:
        """Whether it has its throughput of one GPU."""
        return file.is_json and all(f'"{name}"' in file.head for name in ("hw", "tput_per_gpu", "conc"))

    def read(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return the rows of a file."""
        document = read_json(path)
        items = document if isinstance(document, list) else [document]
        return reports(
            path, "inferencex", [_row(place, item) for place, item in enumerate(items, 1) if isinstance(item, dict)], mapping
        )


def _row(place: int, item: dict[str, Any]) -> ReportRow:
    row = ReportRow(place, within=frozenset({"input_length"}))
    row.tell(Role.MODEL, first_of(item, ("model", "infmax_model_prefix")))
    row.tell(Role.HOST, item.get("hw"))
    row.tell(Role.ENGINE, item.get("framework"))
    row.tell(Role.FACTOR, item.get("precision"), "precision")
    for name in ("tp", "ep", "dp_attention", "mtp"):
        if item.get(name) is not None:
            row.tell(Role.FACTOR, str(item[name]).lower(), name)
    if item.get("isl") is not None:
        row.tell(Role.FACTOR, str(item["isl"]), "input_length")
    row.ask("output_tokens", item.get("osl"))
    row.ask("concurrency", item.get("conc"))
    for name, value in item.items():
        statistic, _, rest = name.partition("_")
        if rest in _TIMES and (found := statistic_of(statistic)) is not None:
            row.measure(name, _TIMES[rest], "s", value, found)
    for name, (key, unit) in _SINGLE.items():
        row.measure(name, key, unit, item.get(name))
    return row
