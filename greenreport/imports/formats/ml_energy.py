"""ML.ENERGY benchmark: ``results.json`` of one model at one load, with the energy of its steady state."""

from __future__ import annotations

from pathlib import Path

from greenreport.imports.mapping import Mapping
from greenreport.imports.reader import Candidate, Reader
from greenreport.imports.report_rows import ReportRow, at, first_of, number, read_json, reports, statistic_of
from greenreport.imports.results_table import ResultsTable, Role

_SINGLE = {
    "steady_state_energy": ("energy_j", "J"), "steady_state_duration": ("duration_s", "s"), "output_throughput": ("throughput_tokens_per_s", "tokens/s"),
    "request_throughput": ("throughput_requests_per_s", "requests/s"), "steady_state_energy_per_token": ("j_per_output_token", "J/token"),
    "completed": ("requests", "requests"), "total_output_tokens": ("output_tokens", "tokens"),
}  # fmt: skip
_TIMES = {"ttft": "ttft_s", "tpot": "tpot_s", "itl": "tbt_s", "e2el": "latency_s"}


class MlEnergy(Reader):
    """A row for each file."""

    def recognises(self, file: Candidate) -> bool:
        """Whether it tells the energy of a steady state."""
        return file.is_json and '"steady_state_energy"' in file.head

    def read(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return the run of a file; its times are those of its requests, where they are there."""
        document = read_json(path)
        row = ReportRow(1)
        row.tell(Role.MODEL, first_of(document, ("model_id", "model")))
        row.tell(Role.HOST, first_of(document, ("gpu_model", "gpu")))
        row.tell(Role.ENGINE, first_of(document, ("backend", "engine")))
        row.ask("concurrency", first_of(document, ("max_num_seqs", "max_concurrency")))
        for name, (key, unit) in _SINGLE.items():
            row.measure(name, key, unit, document.get(name))
        requests = first_of(document, ("results", "requests"))
        for name, key in _TIMES.items():
            singles = [number(at(item, name)) for item in requests] if isinstance(requests, list) else []
            known = sorted(value for value in singles if value == value)
            if known and name in ("ttft", "e2el"):
                middle = len(known) // 2
                row.measure(f"requests.{name}", key, "s", (known[middle] + known[~middle]) / 2, "p50", len(known))
                continue
            for told, value in document.items():
                statistic, _, rest = told.partition("_")
                if rest in (f"{name}_ms", name) and (found := statistic_of(statistic)) is not None:
                    row.measure(told, key, "ms" if rest.endswith("_ms") else "s", value, found)
        return reports(path, "ml-energy", [row], mapping)
