"""Apple silicon through the package zeus-apple-silicon, which reads the counters of macOS's IOReport.

Apple's own manual calls these energies estimated; they are counters of a model in the chip, as RAPL's are on older processors. They
need no administrator. The package is imported only when this meter opens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from greenreport.errors import MeterUnavailable
from greenreport.meters.base import Channel, Meter
from greenreport.record import Domain, Quantity, TraceKind
from greenreport.study import MeterUse

REMEDY = "on a Mac with Apple silicon: pip install 'greenreport[apple]'"
#: The parts of the chip: a domain, and the fields in mJ that add up to it; the first of them must be there.
PARTS = {Domain.CPU.value: ("cpu_total_mj",), "dram-0": ("dram_mj",), "gpu-0": ("gpu_mj", "gpu_sram_mj"), "ane": ("ane_mj",)}


class Apple(Meter):
    """Reads the cumulative energies of the chip's parts."""

    def __init__(self, use: MeterUse) -> None:
        super().__init__(use)
        self.monitor: Any = None
        self.parts: tuple[str, ...] = ()

    def open(self) -> tuple[Channel, ...]:
        try:
            from zeus_apple_silicon import AppleEnergyMonitor
        except ImportError:
            raise MeterUnavailable("the package zeus-apple-silicon is not installed", REMEDY) from None
        try:
            self.monitor = AppleEnergyMonitor()
            first = self._joules()
        except RuntimeError as error:
            raise MeterUnavailable(f"IOReport cannot be read: {error}", "this needs a Mac with Apple silicon") from None
        self.parts = tuple(part for part, joules in first.items() if joules is not None)
        if Domain.CPU not in self.parts:
            raise MeterUnavailable("this chip shows no energy of its CPU", "a newer release of zeus-apple-silicon may know it")
        return tuple(Channel(part, Quantity.ENERGY, TraceKind.COUNTER, "J") for part in self.parts)

    def _joules(self) -> dict[str, float | None]:
        metrics = self.monitor.get_cumulative_energy()
        found = {part: [getattr(metrics, field, None) for field in fields] for part, fields in PARTS.items()}
        return {
            part: None if values[0] is None else sum(value or 0 for value in values) / 1e3 for part, values in found.items()
        }

    def read(self) -> Sequence[float | None]:
        try:
            joules = self._joules()
        except RuntimeError as error:
            self.note(f"IOReport could not be read at times: {error}")
            return [None] * len(self.parts)
        return [joules[part] for part in self.parts]
