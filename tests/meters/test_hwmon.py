"""Tests of sensor chips and batteries on a fake /sys/class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from greenreport.errors import MeterUnavailable
from greenreport.meters.hwmon import REMEDY_BATTERY, REMEDY_DECLARE, Hwmon
from greenreport.study import meter_use
from tests.meters.sys_class import SysClass


@pytest.fixture
def sys_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SysClass:
    """Return an empty /sys/class."""
    return SysClass(tmp_path, monkeypatch)


def opened(*channels: dict[str, Any]) -> tuple[Hwmon, dict[tuple[str, str], float | None]]:
    """Return an open meter and what it reads, by domain and quantity."""
    meter = Hwmon(meter_use("hwmon", channels=channels))
    found = meter.open()
    return meter, {(c.domain, c.quantity): value for c, value in zip(found, meter.read(), strict=True)}


def test_a_jetson_shows_voltage_and_current(sys_class: SysClass) -> None:
    """INA3221 has no power file: mV times mA of the channel with the declared label is its power, and shunt voltages are none."""
    sys_class.chip(
        3, "ina3221", "1-0040",
        in1_label="VDD_IN", in1_input=19000, curr1_input=1500, in2_label="VDD_CPU_GPU_CV", in2_input=5000, curr2_input=400,
        in4_input=9, in4_label="sum of shunt voltages",
    )  # fmt: skip
    meter, values = opened(
        {"chip": "ina3221", "channel": "VDD_IN", "domain": "machine"}, {"chip": "ina3221", "channel": "2", "domain": "gpu-0"}
    )
    assert values == {("machine", "power"): pytest.approx(28.5), ("gpu-0", "power"): pytest.approx(2.0)}
    sys_class.chip(3, "ina3221", in1_input="garbage")
    assert meter.read() == [None, pytest.approx(2.0)]
    assert any("machine" in cause for cause, _ in meter.notes())
    meter.close()


def test_energy_power_and_means_of_graphics_cards(sys_class: SysClass) -> None:
    """A counter is read with power beside it; a mean over more than a second gives no energy; chips of one name need their device."""
    sys_class.chip(0, "amdgpu", "0000:03:00.0", power1_average=45_000_000, power1_label="PPT")
    sys_class.chip(1, "amdgpu", "0000:83:00.0", power1_average=55_000_000, power1_average_interval=60_000)
    sys_class.chip(2, "xe", energy1_input=123_000_000, energy1_label="card", energy2_input=7, energy2_label="pkg", power1_max=1)
    sys_class.chip(4, "power_meter", power1_input=200_500_000)
    with pytest.raises(MeterUnavailable, match=r"0000:03:00\.0, 0000:83:00\.0"):
        opened({"chip": "amdgpu", "domain": "gpu-0"})
    meter, values = opened(
        {"chip": "amdgpu", "device": "0000:03:00.0", "channel": "PPT", "domain": "gpu-0"},
        {"chip": "amdgpu", "device": "0000:83:00.0", "domain": "gpu-1"},
        {"chip": "xe", "channel": "card", "domain": "gpu-2"},
        {"chip": "power_meter", "domain": "machine"},
    )
    assert values == {
        ("gpu-0", "power"): 45, ("gpu-1", "power_average"): 55, ("gpu-2", "energy"): 123, ("machine", "power"): 200.5,
    }  # fmt: skip
    assert any("gpu-0" in cause for cause, _ in meter.notes())


def test_a_battery_counts_only_while_it_discharges(sys_class: SysClass) -> None:
    """Power out of a battery is that of the machine; with the charger in, there is a gap with the remedy, and no start."""
    battery = {"battery": "BAT0", "domain": "machine"}
    sys_class.supply("AC", type="Mains", online=0)
    sys_class.supply(
        "BAT0", type="Battery", status="Discharging", voltage_now=12_000_000, current_now=-1_000_000,
        energy_now=40_000_000, energy_full=50_000_000,
    )  # fmt: skip
    meter, values = opened(battery)
    assert values == {("machine", "power"): pytest.approx(12.0), ("machine", "energy_register"): pytest.approx(36_000)}
    sys_class.supply("BAT0", status="Charging")
    assert meter.read() == [None, None]
    assert meter.notes() == (("the battery of machine was not discharging at times", REMEDY_BATTERY),)
    with pytest.raises(MeterUnavailable, match="BAT0 is not discharging"):
        opened(battery)
    with pytest.raises(MeterUnavailable, match="no battery AC"):
        opened({"battery": "AC", "domain": "machine"})


def test_without_channels_it_says_what_could_be_declared(sys_class: SysClass) -> None:
    """The diagnosis of a machine lists its sensors of power and batteries, and nothing else that hwmon has."""
    with pytest.raises(MeterUnavailable, match="shows no sensor"):
        opened()
    sys_class.chip(0, "coretemp", temp1_input=40_000, in0_input=900)
    sys_class.chip(1, "ina3221", in1_label="VDD_IN", in1_input=1, curr1_input=1)
    sys_class.supply("BAT1", type="Battery")
    with pytest.raises(MeterUnavailable) as raised:
        opened()
    assert raised.value.cause == "no channel is declared; this machine shows ina3221 VDD_IN, battery BAT1"
    assert raised.value.remedy == REMEDY_DECLARE
    with pytest.raises(MeterUnavailable, match="no chip ina226; it has: coretemp, ina3221"):
        opened({"chip": "ina226", "domain": "machine"})
    with pytest.raises(MeterUnavailable, match="no single channel is called 'VDD_SOC', and the chip ina3221 has: VDD_IN"):
        opened({"chip": "ina3221", "channel": "VDD_SOC", "domain": "machine"})


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ([{"chip": "a", "domain": "gpu-0"}, {"chip": "b", "domain": "gpu-0"}], "gpu-0 is declared twice"),
        ([{"chip": "a", "domain": "cpu"}, {"chip": "b", "domain": "package-1"}], "cpu and package-1 hold the same component"),
        ([{"chip": "a", "battery": "BAT0", "domain": "machine"}], "name a `chip` or a `battery`"),
        ([{"chip": "a", "domain": "fans"}], "pattern"),
    ],
)
def test_what_would_count_twice_is_refused(channels: list[dict[str, Any]], message: str) -> None:
    """Two channels of one component are refused when the study is read, as is a channel of nothing that is known."""
    with pytest.raises(ValidationError, match=message):
        meter_use("hwmon", channels=channels)
