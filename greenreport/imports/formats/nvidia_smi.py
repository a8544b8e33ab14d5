"""``nvidia-smi --query-gpu=timestamp,index,power.draw,… --format=csv -l 1``: samples of the power and use of GPUs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from greenreport.errors import ImportFileError
from greenreport.imports.declared_units import scale_of
from greenreport.imports.delimited_text import BLANKS, DelimitedText, open_table
from greenreport.imports.mapping import Mapping
from greenreport.imports.reader import Candidate, Reader
from greenreport.imports.results_table import Column, ResultsTable, Role
from greenreport.imports.sampled_runs import SampledChannel, run_of

#: Beginning of a column's name → (metric, unit where the name tells none).
_COLUMNS = {
    "power.draw": ("gpu_power_w", "W"),
    "utilization.gpu": ("gpu_usage_pct", "%"),
    "memory.used": ("gpu_memory_used_b", "MiB"),
}
_VALUE = re.compile(r"([+-]?[0-9]+(?:\.[0-9]+)?)\s*(?:W|%|MiB)?")
_GPU = ("index", "uuid", "pci.bus_id")


class NvidiaSmi(Reader):
    """Read as samples for an audit, as one run for a study."""

    def recognises(self, file: Candidate) -> bool:
        """Whether its header names a time and a power draw."""
        return "timestamp" in file.first_line and "power.draw" in file.first_line and not file.is_json

    def read(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return the samples."""
        with open_table(path) as table:
            columns = [Column("timestamp", Role.METRIC, _times(table), "sampled_at_s", "s")]
            columns += [
                Column(name, Role.FACTOR, table.texts([name])[name], key="gpu") for name in table.names if name in _GPU
            ][:1]
            columns += [
                Column(name, Role.METRIC, _values(table, name), key, unit, _scale(unit, key))
                for name, key, unit in _read(table)
            ]
            return ResultsTable(path.name, "nvidia-smi", table.digest, tuple(columns), table.lines, "sample")

    def runs(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return the run that the samples are of; energies of several GPUs are added, uses are those of the first."""
        with open_table(path) as table:
            seconds = _times(table)
            named = next((name for name in table.names if name in _GPU), None)
            gpus = (
                np.zeros(table.rows)
                if named is None
                else np.unique(table.texts([named])[named].astype(str), return_inverse=True)[1]
            )
            channels = []
            for name, key, unit in _read(table):
                values = _values(table, name) * _scale(unit, key)
                for gpu in np.unique(gpus) if key == "gpu_power_w" else (gpus[0],):
                    rows = gpus == gpu
                    metric, si = (
                        ("gpu_energy_j", "W") if key == "gpu_power_w" else (key, "%" if key == "gpu_usage_pct" else "B")
                    )
                    channels.append(SampledChannel(name, metric, si, False, seconds[rows], values[rows]))
            return run_of(path, "nvidia-smi", channels, mapping)


def _read(table: DelimitedText) -> Iterator[tuple[str, str, str]]:
    for start, (key, unit) in _COLUMNS.items():
        name = next((name for name in table.names if name.partition(" ")[0] == start), None)
        if name is not None:
            told = name.partition("[")[2].rstrip("]")
            yield name, key, told or unit


def _scale(unit: str, key: str) -> float:
    return scale_of(unit, "power_mean_w" if key == "gpu_power_w" else key)


def _values(table: DelimitedText, name: str) -> NDArray[np.float64]:
    """Return a column of numbers, each with its unit behind it or without."""
    levels, codes = table.levels(name)
    values = []
    for code, text in enumerate(levels):
        match = _VALUE.fullmatch(text)
        if match is None and text.strip("[]").lower() not in (*BLANKS, "n/a", "not supported"):
            row = int(np.flatnonzero(codes == code)[0])
            raise ImportFileError(f"{table.path}:{table.lines[row]}: {name} {text[:30]!r} is no number")
        values.append(np.nan if match is None else float(match[1]))
    return np.array([*values, np.nan])[codes]


def _times(table: DelimitedText) -> NDArray[np.float64]:
    name = next(name for name in table.names if name.startswith("timestamp"))
    levels, codes = table.levels(name)
    seconds = []
    for code, text in enumerate(levels):
        try:
            seconds.append(datetime.fromisoformat(text.replace("/", "-")).timestamp())
        except ValueError:
            row = int(np.flatnonzero(codes == code)[0])
            raise ImportFileError(f"{table.path}:{table.lines[row]}: {name} {text[:30]!r} is no time") from None
    return np.array([*seconds, np.nan])[codes]
