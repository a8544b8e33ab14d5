"""Tests of the meter for Apple silicon, with a package that stands in for zeus-apple-silicon."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from greenreport.errors import MeterUnavailable
from greenreport.meters.apple import REMEDY, Apple
from greenreport.study import meter_use


class AppleEnergyMonitor:
    """Counts up by a joule with each look, as the real class does with time; fields that a chip lacks are None."""

    fields: dict[str, int | None]
    fails = False

    def __init__(self) -> None:
        self.looks = 0

    def get_cumulative_energy(self) -> SimpleNamespace:
        """Return the energies in mJ."""
        if self.fails:
            raise RuntimeError("Failed to create IOReport subscription")
        self.looks += 1
        return SimpleNamespace(
            **{name: None if value is None else value + 1000 * self.looks for name, value in self.fields.items()}
        )


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> type[AppleEnergyMonitor]:
    """Return the monitor of the stand-in: a chip without energy of its memory."""
    module = ModuleType("zeus_apple_silicon")
    monitor = type("AppleEnergyMonitor", (AppleEnergyMonitor,), {})
    monitor.fields = {"cpu_total_mj": 5000, "dram_mj": None, "gpu_mj": 7000, "gpu_sram_mj": 500, "ane_mj": 0}
    module.AppleEnergyMonitor = monitor  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "zeus_apple_silicon", module)
    return monitor


def test_the_parts_of_a_chip(chip: type[AppleEnergyMonitor]) -> None:
    """Millijoules become joules, the memory of the GPU belongs to it, and what a chip lacks is no channel."""
    meter = Apple(meter_use("apple"))
    assert [(c.domain, c.kind) for c in meter.open()] == [("cpu", "counter"), ("gpu-0", "counter"), ("ane", "counter")]
    assert meter.read() == [7, 11.5, 2]
    chip.fails = True
    assert meter.read() == [None, None, None]
    assert "IOReport could not be read at times" in meter.notes()[0][0]


def test_what_is_missing_is_named(chip: type[AppleEnergyMonitor], monkeypatch: pytest.MonkeyPatch) -> None:
    """A chip without energy of its CPU, a machine without IOReport and a missing package are three causes."""
    chip.fields = {"cpu_total_mj": None, "gpu_mj": 7000}
    with pytest.raises(MeterUnavailable, match="no energy of its CPU"):
        Apple(meter_use("apple")).open()
    chip.fails = True
    with pytest.raises(MeterUnavailable, match="IOReport cannot be read"):
        Apple(meter_use("apple")).open()
    monkeypatch.setitem(sys.modules, "zeus_apple_silicon", None)
    with pytest.raises(MeterUnavailable) as caught:
        Apple(meter_use("apple")).open()
    assert caught.value.remedy == REMEDY
