"""EnergiBridge: samples of running energy counters; ``Time`` is in milliseconds, of the wall clock."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from greenreport.errors import ImportFileError
from greenreport.imports.delimited_text import DelimitedText, open_table
from greenreport.imports.mapped_table import number_problems
from greenreport.imports.mapping import Mapping
from greenreport.imports.reader import Candidate, Reader
from greenreport.imports.results_table import Column, ResultsTable, Role
from greenreport.imports.sampled_runs import SampledChannel, run_of

#: Counters of parts that are no part of each other; those of cores are parts of the processor's. Its authors spell one of them so.
_COUNTERS = {
    "CPU_ENERGY (J)": "cpu_energy_j", "PACKAGE_ENERGY (J)": "cpu_energy_j", "PACAKGE_ENERGY (J)": "cpu_energy_j", "DRAM_ENERGY (J)": "dram_energy_j",
    "SYSTEM_ENERGY (J)": "machine_energy_j",
}  # fmt: skip
_GPU_POWER = re.compile(r"GPU\d+_POWER \(mWatts\)")
_SYSTEM_POWER = "SYSTEM_POWER (Watts)"


class EnergiBridgeSamples(Reader):
    """Read as samples for an audit, as one run for a study."""

    def recognises(self, file: Candidate) -> bool:
        """Whether it begins like every file of EnergiBridge and has a counter or a power."""
        return file.first_line.startswith("Delta,Time,") and ("_ENERGY (J)" in file.first_line or "_POWER" in file.first_line)

    def read(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return the readings of its counters and its times."""
        with open_table(path) as table:
            names = [name for name in table.names if name.endswith("_ENERGY (J)") or _GPU_POWER.fullmatch(name)]
            numbers = _numbers(table, [*names, "Time"])
            columns = [Column("Time", Role.METRIC, numbers["Time"], "sampled_at_s", "ms", 1e-3)]
            columns += [
                Column(
                    name,
                    Role.METRIC,
                    numbers[name],
                    *(("counter_j", "J") if name.endswith("(J)") else ("gpu_power_w", "mW", 1e-3)),
                )
                for name in names
            ]
            return ResultsTable(path.name, "energibridge", table.digest, tuple(columns), table.lines, "sample")

    def runs(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return the run that the samples are of."""
        with open_table(path) as table:
            counters = [name for name in table.names if name in _COUNTERS]
            powers = [name for name in table.names if _GPU_POWER.fullmatch(name) or name == _SYSTEM_POWER]
            if not counters and not powers:
                raise ImportFileError(f"{path}: has neither an energy counter of the processor nor a power")
            numbers = _numbers(table, ["Time", *counters, *powers])
            seconds = numbers["Time"] / 1e3
            channels = [SampledChannel(name, _COUNTERS[name], "J", True, seconds, numbers[name]) for name in counters]
            channels += [
                SampledChannel(
                    name,
                    "machine_energy_j" if name == _SYSTEM_POWER else "gpu_energy_j",
                    "W",
                    False,
                    seconds,
                    numbers[name] * (1.0 if name == _SYSTEM_POWER else 1e-3),
                )
                for name in powers
            ]
            return run_of(path, "energibridge", channels, mapping)


def _numbers(table: DelimitedText, names: list[str]) -> dict[str, np.ndarray]:
    numbers, wrong = table.numbers(list(dict.fromkeys(names)))
    if wrong:
        raise ImportFileError("\n".join(number_problems(table, wrong)))
    return numbers
