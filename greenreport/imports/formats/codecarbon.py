"""codecarbon: ``emissions.csv``, a row for each tracked run; energies in kWh, partly of assumed powers."""

from __future__ import annotations

from pathlib import Path

from greenreport.imports.delimited_text import DelimitedText
from greenreport.imports.formats.plain_csv import TextReader
from greenreport.imports.mapped_table import mapped
from greenreport.imports.mapping import ColumnPlace, Mapping, MetricPlace
from greenreport.imports.reader import Candidate
from greenreport.imports.results_table import ResultsTable

_METRICS = {
    "energy_consumed": ("energy_j", "kWh"), "cpu_energy": ("cpu_energy_j", "kWh"), "gpu_energy": ("gpu_energy_j", "kWh"), "ram_energy": ("dram_energy_j", "kWh"),
    "duration": ("duration_s", "s"), "cpu_power": ("cpu_power_w", "W"), "gpu_power": ("gpu_power_w", "W"), "ram_power": ("ram_power_w", "W"),
    "cpu_utilization_percent": ("cpu_usage_pct", "%"), "gpu_utilization_percent": ("gpu_usage_pct", "%"), "ram_utilization_percent": ("ram_usage_pct", "%"),
    "emissions": ("emissions_kg", "?"),
}  # fmt: skip


class CodeCarbon(TextReader):
    """A row for each run; the model is the name of the project."""

    def recognises(self, file: Candidate) -> bool:
        """Whether its header has codecarbon's fields."""
        names = set(file.first_line.split(","))
        return {"project_name", "emissions", "energy_consumed", "duration"} <= names

    def read(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return what the table says."""
        with self.opened(path, mapping) as table:
            return mapped(table, self.completed(table, mapping), "codecarbon")

    def completed(self, table: DelimitedText, mapping: Mapping) -> Mapping:
        """Return the mapping with codecarbon's own fields where it names no metrics."""
        if mapping.metrics or mapping.left_out:
            return mapping
        told = {column for _, column in mapping.uses()}
        metrics = {
            key: MetricPlace(column=name, unit=unit)
            for name, (key, unit) in _METRICS.items()
            if name in table.names and name not in told
        }
        rest = {
            name: "no metric and no factor of a study"
            for name in table.names
            if name not in (*told, *(m.column for m in metrics.values()), "project_name")
        }
        found: dict[str, object] = {"metrics": metrics, "left_out": rest}
        if mapping.model is None:
            found["model"] = ColumnPlace(column="project_name")
        else:
            rest |= {} if "project_name" in told else {"project_name": "the mapping names the model"}
        return mapping.model_copy(update=found)
