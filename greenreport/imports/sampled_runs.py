"""Samples of a run as a run: the energy and power that its traces make, by the arithmetic that our own runs have."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from greenreport.errors import ImportFileError
from greenreport.imports.mapping import Mapping
from greenreport.imports.report_rows import ReportRow, reports
from greenreport.imports.results_table import ResultsTable
from greenreport.record import Method, Trace, TraceKind
from greenreport.traces import counter_growth, gauge_integral, gauge_mean, gauge_peak


@dataclass(frozen=True, slots=True)
class SampledChannel:
    """What one column of samples is.

    Attributes:
        metric: energy that it makes over the run, or its mean for a gauge that is no power; unit: of the values, after which it is SI.
        counter: whether it is a running counter.
    """

    name: str
    metric: str
    unit: str
    counter: bool
    seconds: NDArray[np.float64]
    values: NDArray[np.float64]

    @property
    def trace(self) -> Trace:
        """The samples that are numbers, in the order of their times."""
        known = np.isfinite(self.seconds) & np.isfinite(self.values)
        order = np.argsort(self.seconds[known], kind="stable")
        times = np.round(self.seconds[known][order] * 1e9).astype(np.int64)
        kept = (
            np.append(np.diff(times) > 0, True) if len(times) else np.array([], dtype=bool)
        )  # of several at one time, the last
        kind = TraceKind.COUNTER if self.counter else TraceKind.GAUGE
        return Trace(
            "import", "machine", "energy" if self.counter else "power", kind, self.unit, Method.MEASURED,
            array("q", times[kept].tolist()), array("d", self.values[known][order][kept].tolist()),
        )  # fmt: skip


def run_of(path: Path, kind: str, channels: Iterable[SampledChannel], mapping: Mapping) -> ResultsTable:
    """Return a file of samples as one run, from its first sample to its last; channels with the same metric are added.

    Raises:
        ImportFileError: fewer than two samples, or a counter that falls: what it counted meanwhile is not known.
    """
    row = ReportRow(1)
    totals: dict[str, float] = {}
    names: dict[str, list[str]] = {}
    durations = []
    for channel in channels:
        trace = channel.trace
        if len(trace.t_ns) < 2 or trace.t_ns[0] == trace.t_ns[-1]:
            raise ImportFileError(
                f"{path}: {channel.name} has fewer than two samples at different times, so no energy can be computed"
            )
        start, end = trace.t_ns[0], trace.t_ns[-1]
        durations.append((end - start) / 1e9)
        value = (counter_growth if channel.counter else gauge_integral if channel.unit == "W" else gauge_mean)(
            trace, start, end
        )
        if value is None:
            raise ImportFileError(
                f"{path}: the counter {channel.name} falls: it began again or was set back, and what it counted meanwhile is not known"
            )
        totals[channel.metric] = totals.get(channel.metric, 0.0) + value
        names.setdefault(channel.metric, []).append(channel.name)
        if channel.unit == "W" and channel.metric in ("energy_j", "machine_energy_j"):
            row.measure(channel.name, "power_peak_w", "W", gauge_peak(trace, start, end))
    row.measure("first to last sample", "duration_s", "s", max(durations, default=0.0))
    parts = [totals[part] for part in ("cpu_energy_j", "gpu_energy_j", "dram_energy_j") if part in totals]
    if parts and "energy_j" not in totals:
        totals["energy_j"], names["energy_j"] = (
            sum(parts),
            [name for part in ("cpu_energy_j", "gpu_energy_j", "dram_energy_j") for name in names.get(part, ())],
        )
    for metric, value in totals.items():
        row.measure(" + ".join(names[metric]), metric, _UNITS.get(metric, "J"), value)
    if "energy_j" in totals:
        row.measure("energy ÷ duration", "power_mean_w", "W", totals["energy_j"] / max(durations))
    return reports(path, kind, [row], mapping, row="run")


_UNITS = {"gpu_usage_pct": "%", "gpu_memory_used_b": "B", "cpu_usage_pct": "%", "ram_used_b": "B"}
