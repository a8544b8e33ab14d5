"""Sensor chips (``/sys/class/hwmon``) and batteries (``/sys/class/power_supply``), whose channels the study declares.

No file says what a channel measures: a board, a GPU, one rail of many. The study names each channel with its domain, and only those
are read. A chip shows energy (µJ), power (µW), or voltage (mV) and current (mA) of the same number, whose product is the power. A
battery shows the power of the machine only while it is discharging.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from greenreport.errors import MeterUnavailable
from greenreport.meters.base import Channel, Meter
from greenreport.record import Quantity, TraceKind
from greenreport.study.hardware_options import HwmonChannel, HwmonUse
from greenreport.study.meter_options import MeterUse

ROOT_VARIABLE = "GREENREPORT_SYS_CLASS"
ROOT = "/sys/class"
REMEDY_DECLARE = "name the channels in the study: `- hwmon: {channels: [{chip: ina3221, channel: VDD_IN, domain: machine}]}`"
REMEDY_ABSENT = "load the driver of the sensor; virtual machines and containers usually show none"
REMEDY_PERMISSION = "some kernels let only root read energy: `sudo chmod a+r` on the file, after each boot"
REMEDY_BATTERY = "unplug the charger: a battery shows the power of the machine only while it is discharging"
DISCHARGING = b"Discharging"
#: A chip that averages over more than this smears the edges of a window, so no energy is computed from it.
LONGEST_AVERAGE_MS = 1000
MICRO, MICROWATTHOUR_J = 1e-6, 3.6e-3


@dataclass(frozen=True, slots=True)
class _DeclaredReading:
    """The value of a channel: the product of its files times `factor`, turned into what is recorded."""

    channel: Channel
    files: tuple[Path, ...]
    factor: float
    adjust: Callable[[float], float] = float


class Hwmon(Meter):
    """Reads the declared channels."""

    use: HwmonUse

    def __init__(self, use: MeterUse) -> None:
        super().__init__(use)
        self.readings: list[_DeclaredReading] = []
        self.descriptors: dict[Path, int] = {}
        self.status: dict[str, int] = {}  # domain → descriptor of what its battery is doing

    def open(self) -> tuple[Channel, ...]:
        root = Path(os.environ.get(ROOT_VARIABLE, ROOT))
        if not self.use.channels:
            shown = ", ".join(available(root))
            if not shown:
                raise MeterUnavailable("this machine shows no sensor of power or energy and no battery", REMEDY_ABSENT)
            raise MeterUnavailable(f"no channel is declared; this machine shows {shown}", REMEDY_DECLARE)
        try:
            for declared in self.use.channels:
                self._open(root, declared)
            for reading, value in zip(self.readings, self.read(), strict=True):
                if value is None and reading.channel.domain not in self.status:
                    raise MeterUnavailable(
                        f"the {reading.channel.quantity} of {reading.channel.domain} cannot be read", REMEDY_ABSENT
                    )
        except MeterUnavailable:
            self.close()
            raise
        return tuple(reading.channel for reading in self.readings)

    def _open(self, root: Path, declared: HwmonChannel) -> None:
        if declared.battery is not None:
            readings = _battery(root / "power_supply" / Path(declared.battery).name, declared)
            status = root / "power_supply" / Path(declared.battery).name / "status"
            self.status[declared.domain] = self._descriptor(status)
            if not os.pread(self.status[declared.domain], 32, 0).startswith(DISCHARGING):
                raise MeterUnavailable(f"the battery {declared.battery} is not discharging", REMEDY_BATTERY)
        else:
            readings = self._chip(root, declared)
        for reading in readings:
            for file in reading.files:
                self.descriptors[file] = self._descriptor(file)
        self.readings += readings

    def _descriptor(self, file: Path) -> int:
        if file in self.descriptors:
            return self.descriptors[file]
        try:
            return os.open(file, os.O_RDONLY)
        except PermissionError:
            raise MeterUnavailable(f"{file.parent.name}/{file.name} may not be read", REMEDY_PERMISSION) from None
        except OSError as error:
            raise MeterUnavailable(
                f"{file.parent.name}/{file.name} cannot be opened ({error.strerror})", REMEDY_ABSENT
            ) from None

    def _chip(self, root: Path, declared: HwmonChannel) -> list[_DeclaredReading]:
        folder = _folder(root, declared)
        channels = channels_of(folder)
        wanted = [name for name, label in channels.items() if declared.channel in (None, name, label)]
        if len(wanted) != 1:
            shown = ", ".join(channels.values()) or "none that measures power or energy"
            what = "no channel is chosen" if declared.channel is None else f"no single channel is called {declared.channel!r}"
            cause = f"{what}, and the chip {declared.chip} has: {shown}"
            raise MeterUnavailable(cause, "name one of them with `channel:`")
        readings = _readings(folder, wanted[0], declared.domain)
        for reading in readings:
            if reading.files[0].name.endswith("_average"):
                cause = f"power of {declared.domain} is a mean that {declared.chip} takes over a time of its own"
                self.note(cause, "make the window many times as long")
        return readings

    def read(self) -> Sequence[float | None]:
        charging = {domain for domain, file in self.status.items() if not self._is_discharging(domain, file)}
        return [None if reading.channel.domain in charging else self._value(reading) for reading in self.readings]

    def _is_discharging(self, domain: str, file: int) -> bool:
        with suppress(OSError):
            if os.pread(file, 32, 0).startswith(DISCHARGING):
                return True
        self.note(f"the battery of {domain} was not discharging at times", REMEDY_BATTERY)
        return False

    def _value(self, reading: _DeclaredReading) -> float | None:
        value = reading.factor
        try:
            for file in reading.files:
                value *= int(os.pread(self.descriptors[file], 32, 0))
        except (OSError, ValueError):
            self.note(f"the {reading.channel.quantity} of {reading.channel.domain} could not be read at times")
            return None
        return reading.adjust(value)

    def close(self) -> None:
        for file in {*self.descriptors.values(), *self.status.values()}:
            os.close(file)
        self.descriptors, self.status, self.readings = {}, {}, []


def available(root: Path) -> list[str]:
    """Return what could be declared: "chip channel" of each sensor of power or energy, and batteries."""
    found = [f"{_text(folder / 'name')} {label}" for folder in _folders(root) for label in channels_of(folder).values()]
    with suppress(OSError):
        supplies = sorted((root / "power_supply").iterdir())
        found += [f"battery {supply.name}" for supply in supplies if _text(supply / "type") == "Battery"]
    return found


def channels_of(folder: Path) -> dict[str, str]:
    """Return the channels of a chip that show power or energy: number → label, or the number where it has none."""
    channels = {}
    with suppress(OSError):
        files = {file.name for file in folder.iterdir()}
        numbers = {digits for name in files if (digits := "".join(filter(str.isdecimal, name)))}
        for number in sorted(numbers, key=int):
            direct = [
                f"{kind}{number}"
                for kind in ("energy", "power")
                if files & {f"{kind}{number}_input", f"{kind}{number}_average"}
            ]
            if direct or {f"in{number}_input", f"curr{number}_input"} <= files:
                labels = [_text(folder / f"{stem}_label") for stem in (*direct, f"in{number}", f"curr{number}")]
                channels[number] = next((label for label in labels if label), number)
    return channels


def _readings(folder: Path, number: str, domain: str) -> list[_DeclaredReading]:
    """Return what a channel shows: energy and power where the chip has them, else voltage times current."""
    power = Channel(domain, Quantity.POWER, TraceKind.GAUGE, "W")
    readings = []
    if (file := folder / f"energy{number}_input").exists():
        readings.append(_DeclaredReading(Channel(domain, Quantity.ENERGY, TraceKind.COUNTER, "J"), (file,), MICRO))
    if (file := folder / f"power{number}_input").exists():
        readings.append(_DeclaredReading(power, (file,), MICRO))
    elif (file := folder / f"power{number}_average").exists():
        interval = _text(folder / f"power{number}_average_interval")
        smeared = interval.isdecimal() and int(interval) > LONGEST_AVERAGE_MS
        averaged = Channel(domain, Quantity.POWER_AVERAGE, TraceKind.GAUGE, "W")
        readings.append(_DeclaredReading(averaged if smeared else power, (file,), MICRO))
    return readings or [_DeclaredReading(power, (folder / f"in{number}_input", folder / f"curr{number}_input"), MICRO)]


def _battery(folder: Path, declared: HwmonChannel) -> list[_DeclaredReading]:
    """Return power, and the energy taken out so far; drivers differ in the sign of what flows out."""
    if _text(folder / "type") != "Battery":
        raise MeterUnavailable(f"there is no battery {declared.battery}", REMEDY_ABSENT)
    power = Channel(declared.domain, Quantity.POWER, TraceKind.GAUGE, "W")
    readings = []
    if (file := folder / "power_now").exists():
        readings.append(_DeclaredReading(power, (file,), MICRO, abs))
    elif (folder / "voltage_now").exists() and (folder / "current_now").exists():
        readings.append(_DeclaredReading(power, (folder / "voltage_now", folder / "current_now"), MICRO * MICRO, abs))
    if (file := folder / "energy_now").exists():
        quantity = Quantity.ENERGY_REGISTER if readings else Quantity.ENERGY  # its steps are tens of joules
        channel = Channel(declared.domain, quantity, TraceKind.COUNTER, "J")
        full = _text(folder / "energy_full")
        full_j = int(full) * MICROWATTHOUR_J if full.isdecimal() else 0.0
        readings.append(_DeclaredReading(channel, (file,), MICROWATTHOUR_J, lambda left: full_j - left))
    if not readings:
        raise MeterUnavailable(f"the battery {declared.battery} shows neither power nor energy", REMEDY_ABSENT)
    return readings


def _folder(root: Path, declared: HwmonChannel) -> Path:
    folders = [folder for folder in _folders(root) if _text(folder / "name") == declared.chip]
    devices = {folder: _device(folder) for folder in folders}
    chosen = [folder for folder in folders if declared.device in (None, devices[folder])]
    if len(chosen) == 1:
        return chosen[0]
    if not folders:
        known = ", ".join(sorted({_text(folder / "name") for folder in _folders(root)})) or "none"
        raise MeterUnavailable(f"this machine has no chip {declared.chip}; it has: {known}", REMEDY_ABSENT)
    shown = ", ".join(sorted(devices.values()))
    raise MeterUnavailable(f"the chips {declared.chip} are at {shown}", "choose one with `device:`")


def _device(folder: Path) -> str:
    with suppress(OSError):
        return (folder / "device").resolve().name
    return folder.name


def _folders(root: Path) -> list[Path]:
    with suppress(OSError):
        return sorted((root / "hwmon").iterdir())
    return []


def _text(file: Path) -> str:
    with suppress(OSError):
        return file.read_text(encoding="utf-8", errors="replace").strip()[:80]
    return ""
