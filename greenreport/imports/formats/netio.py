"""Samples of a NETIO power meter, as its clients write them: ``Load`` in W at the socket, with the time of the client."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from greenreport.errors import ImportFileError
from greenreport.imports.delimited_text import DelimitedText, open_table
from greenreport.imports.mapped_table import number_problems
from greenreport.imports.mapping import Mapping
from greenreport.imports.reader import Candidate, Reader
from greenreport.imports.results_table import Column, ResultsTable, Role
from greenreport.imports.sampled_runs import SampledChannel, run_of

_TIMES = ("True timestamp", "Timestamp", "timestamp")


class Netio(Reader):
    """Read as samples for an audit, as one run for a study."""

    def recognises(self, file: Candidate) -> bool:
        """Whether its header has the fields of a NETIO device and a time."""
        names = set(file.first_line.split(","))
        return {"Load", "PowerFactor", "Current", "Energy"} <= names and any(name in names for name in _TIMES)

    def read(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return the samples."""
        with open_table(path) as table:
            seconds, power = _samples(table)
            columns = (
                Column("Time", Role.METRIC, seconds, "sampled_at_s", "s"),
                Column("Load", Role.METRIC, power, "machine_power_w", "W"),
            )
            return ResultsTable(path.name, "netio", table.digest, columns, table.lines, "sample")

    def runs(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return the run that the samples are of: energy of the machine, as the integral of its power."""
        with open_table(path) as table:
            seconds, power = _samples(table)
            channels = [
                SampledChannel("Load", metric, "W", False, seconds, power) for metric in ("energy_j", "machine_energy_j")
            ]
            return run_of(path, "netio", channels, mapping)


def _samples(table: DelimitedText) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    numbers, wrong = table.numbers(["Load"])
    if wrong:
        raise ImportFileError("\n".join(number_problems(table, wrong)))
    name = next(name for name in _TIMES if name in table.names)
    levels, codes = table.levels(name)
    seconds = []
    for code, text in enumerate(levels):
        try:
            seconds.append(datetime.fromisoformat(text).timestamp())
        except ValueError:
            row = int(np.flatnonzero(codes == code)[0])
            raise ImportFileError(f"{table.path}:{table.lines[row]}: {name} {text[:40]!r} is no time") from None
    return np.array([*seconds, np.nan])[codes], numbers["Load"]
