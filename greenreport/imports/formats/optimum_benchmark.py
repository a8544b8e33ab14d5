"""optimum-benchmark: ``benchmark.json`` or ``benchmark_report.json``, with prefill, decode and time per token."""

from __future__ import annotations

from pathlib import Path

from greenreport.imports.mapping import Mapping
from greenreport.imports.reader import Candidate, Reader
from greenreport.imports.report_rows import ReportRow, at, first_of, number, read_json, reports
from greenreport.imports.results_table import ResultsTable, Role

#: Part → (metric of its latency, metric of its energy).
_PARTS = {"prefill": ("ttft_s", "prefill_energy_j"), "decode": ("decode_s", "decode_energy_j"), "per_token": ("tpot_s", None)}
_COMPONENTS = {"cpu": "cpu_energy_j", "gpu": "gpu_energy_j", "ram": "dram_energy_j", "total": "energy_j"}


class OptimumBenchmark(Reader):
    """A row for each file: latencies are those of its iterations, energies of one iteration of prefill and decode together."""

    def recognises(self, file: Candidate) -> bool:
        """Whether it has prefill and decode with a latency."""
        return file.is_json and '"prefill"' in file.head and '"latency"' in file.head

    def read(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return the report of a file."""
        document = read_json(path)
        report = at(document, "report") or document
        settings = at(document, "config") or {}
        row = ReportRow(1)
        row.tell(Role.MODEL, at(settings, "backend.model"))
        row.tell(Role.ENGINE, at(settings, "backend.name"))
        row.tell(Role.PROVIDER, at(settings, "backend.device"))
        row.tell(Role.FACTOR, at(settings, "backend.torch_dtype") or at(settings, "backend.dtype"), "dtype")
        row.ask("batch_size", at(settings, "scenario.input_shapes.batch_size"))
        row.ask("output_tokens", at(settings, "scenario.generate_kwargs.max_new_tokens"))
        for part, (latency, energy) in _PARTS.items():
            _latency(row, part, latency, at(report, f"{part}.latency"))
            if energy is not None:
                row.measure(
                    f"{part}.energy.total",
                    energy,
                    str(at(report, f"{part}.energy.unit") or "kWh"),
                    at(report, f"{part}.energy.total"),
                )
        for name, key in _COMPONENTS.items():
            parts = [number(at(report, f"{part}.energy.{name}")) for part in ("prefill", "decode")]
            row.measure(
                f"energy.{name}",
                key,
                str(at(report, "decode.energy.unit") or at(report, "prefill.energy.unit") or "kWh"),
                sum(parts),
            )
        row.measure("decode.throughput.value", "throughput_tokens_per_s", "tokens/s", at(report, "decode.throughput.value"))
        return reports(path, "optimum-benchmark", [row], mapping)


def _latency(row: ReportRow, part: str, key: str, block: object) -> None:
    """Note median, mean and percentiles of the single measurements, or the statistics of the report where it has none."""
    if not isinstance(block, dict):
        return
    singles = first_of(block, ("values", "measures"))
    unit = str(block.get("unit") or "s")
    known = sorted(value for item in singles if (value := number(item)) == value) if isinstance(singles, list) else []
    if not known:
        row.describe(f"{part}.latency", key, unit, block)
        return
    middle = len(known) // 2
    row.measure(f"{part}.latency", key, unit, (known[middle] + known[~middle]) / 2, "p50", len(known))
    row.measure(f"{part}.latency", key, unit, sum(known) / len(known), "mean", len(known))
