"""AMD GPUs through AMD SMI.

For each visible GPU: the energy accumulator times its resolution, socket power, used and installed memory, load, memory load and
temperature. The accumulator is preferred for energy. Current socket power is momentary; where a GPU shows only the average, that is
read and the run says so.

The package ``amdsmi`` binds the library of the driver when it is imported, so it is imported only by `library`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from typing import Any

from greenreport.errors import MeterUnavailable
from greenreport.meters.base import Channel, Meter
from greenreport.meters.nvidia_gpus import VisibleGpu
from greenreport.record import Quantity, TraceKind
from greenreport.study import MeterUse

REMEDY_PACKAGE = "pip install 'greenreport[amd]', or the package that comes with ROCm in /opt/rocm/share/amd_smi"
REMEDY_LIBRARY = (
    "install ROCm's amd-smi-lib in the version of the package; in a container pass --device /dev/kfd --device /dev/dri"
)
REMEDY_VISIBLE = "see `amd-smi list`, ROCR_VISIBLE_DEVICES and HIP_VISIBLE_DEVICES"
#: What the library answers where a GPU has no such sensor: all bits of 16, 32 or 64.
ABSENT = frozenset({0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF})


@dataclass(frozen=True, slots=True)
class _AmdSensor:
    """One call of the library and the channels it fills; None where the answer says that there is no such value."""

    channels: tuple[Channel, ...]
    read: Callable[[], tuple[float | None, ...]]


class Amd(Meter):
    """Reads every sensor each GPU has."""

    def __init__(self, use: MeterUse) -> None:
        super().__init__(use)
        self.sensors: list[_AmdSensor] = []
        self.smi: Any = None

    def open(self) -> tuple[Channel, ...]:
        self.smi = smi = library()
        try:
            for index, handle in _visible(smi):
                self._open_gpu(f"gpu-{index}", handle)
        except smi.AmdSmiException as error:
            self.close()
            raise MeterUnavailable(f"AMD SMI cannot be used: {_said(error)}", REMEDY_LIBRARY) from None
        if not any(channel.quantity in (Quantity.ENERGY, Quantity.POWER) for s in self.sensors for channel in s.channels):
            self.close()
            raise MeterUnavailable("AMD SMI shows no GPU with energy or power", REMEDY_VISIBLE)
        if (number := len({sensor.channels[0].domain for sensor in self.sensors})) > 1:
            cause = f"{number} GPUs are visible: an engine computes on the first, and the energy is that of all"
            self.note(cause, "export ROCR_VISIBLE_DEVICES=0, unless the server uses them all")
        return tuple(channel for sensor in self.sensors for channel in sensor.channels)

    def _open_gpu(self, domain: str, handle: Any) -> None:
        power, averaged = _power(self.smi, handle, domain)
        for sensor in (_energy(self.smi, handle, domain), power, *_gauges(self.smi, handle, domain)):
            # A GPU without such a sensor gets no channel; a channel without values would look like a gap.
            with suppress(self.smi.AmdSmiException):
                if None not in sensor.read():
                    self.sensors.append(sensor)
                    if sensor is power and averaged:
                        cause = f"power of {domain} is a mean that the GPU takes over a time of its own"
                        self.note(cause, "make the window many times as long, where there is no energy counter")

    def read(self) -> Sequence[float | None]:
        values: list[float | None] = []
        for sensor in self.sensors:
            try:
                values += sensor.read()
            except self.smi.AmdSmiException as error:
                values += [None] * len(sensor.channels)
                self.note(f"{sensor.channels[0].domain} stopped answering: {_said(error)}", "see `dmesg` for errors of amdgpu")
        return values

    def close(self) -> None:
        if self.smi is not None:
            with suppress(self.smi.AmdSmiException):
                self.smi.amdsmi_shut_down()
            self.smi = None


def library() -> Any:
    """Return the initialised module of AMD SMI.

    Raises:
        MeterUnavailable: no package, no library of the driver, or one that lacks what the package needs.
    """
    try:
        with redirect_stdout(io.StringIO()):  # it prints that it finds no library
            import amdsmi
    except ModuleNotFoundError:
        raise MeterUnavailable("the package amdsmi is not installed", REMEDY_PACKAGE) from None
    except (KeyError, OSError):  # how it says that there is no library
        raise MeterUnavailable("the library libamd_smi.so is not there", REMEDY_LIBRARY) from None
    except AttributeError as error:
        raise MeterUnavailable(f"libamd_smi.so is older than the package amdsmi ({error})", REMEDY_LIBRARY) from None
    try:
        amdsmi.amdsmi_init()
    except amdsmi.AmdSmiException as error:
        raise MeterUnavailable(f"AMD SMI cannot be used: {_said(error)}", REMEDY_LIBRARY) from None
    return amdsmi


def look() -> tuple[VisibleGpu, ...]:
    """Return the visible AMD GPUs, or nothing where the library cannot be used (the meter says why)."""
    try:
        smi = library()
    except MeterUnavailable:
        return ()
    try:
        return tuple(_seen(smi, index, handle) for index, handle in _visible(smi))
    except smi.AmdSmiException:
        return ()
    finally:
        with suppress(smi.AmdSmiException):
            smi.amdsmi_shut_down()


def _seen(smi: Any, index: int, handle: Any) -> VisibleGpu:
    facts, limit_w = smi.amdsmi_get_gpu_asic_info(handle), None
    with suppress(smi.AmdSmiException):
        cap = smi.amdsmi_get_power_cap_info(handle)["power_cap"]
        limit_w = round(cap / 1e6) if cap >= 1e6 else int(cap)  # µW; W in the libraries of some releases
    uuid = smi.amdsmi_get_gpu_device_uuid(handle)
    memory_b = int(smi.amdsmi_get_gpu_memory_total(handle, smi.AmdSmiMemoryType.VRAM))
    return VisibleGpu(index, str(facts["market_name"]), str(uuid), memory_b, limit_w, None, None)


def _visible(smi: Any) -> list[tuple[int, Any]]:
    """Return (index, handle) of the GPUs that HIP programs see: all, or those whose numbers the environment lists."""
    gpus = list(enumerate(smi.amdsmi_get_processor_handles()))
    for variable in ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"):  # the second counts among those of the first
        listed = os.environ.get(variable)
        if listed is not None:
            numbers = [name.strip() for name in listed.split(",")]
            gpus = [gpus[int(number)] for number in numbers if number.isdecimal() and int(number) < len(gpus)]
    return gpus


def _energy(smi: Any, handle: Any, domain: str) -> _AmdSensor:
    def joules() -> tuple[float | None]:
        answer = smi.amdsmi_get_energy_count(handle)
        count, microjoules = answer["energy_accumulator"], answer["counter_resolution"]
        return (None if count in ABSENT or not microjoules > 0 else count * microjoules / 1e6,)

    return _AmdSensor((Channel(domain, Quantity.ENERGY, TraceKind.COUNTER, "J"),), joules)


def _power(smi: Any, handle: Any, domain: str) -> tuple[_AmdSensor, bool]:
    """Return a reader of power, and whether it is a mean: GPUs show momentary socket power or an average."""

    def of(key: str) -> Callable[[], tuple[float | None]]:
        return lambda: (_number(smi.amdsmi_get_power_info(handle)[key]),)

    channels = (Channel(domain, Quantity.POWER, TraceKind.GAUGE, "W"),)
    with suppress(smi.AmdSmiException):
        if of("current_socket_power")()[0]:
            return _AmdSensor(channels, of("current_socket_power")), False
    return _AmdSensor(channels, of("average_socket_power")), True


def _gauges(smi: Any, handle: Any, domain: str) -> list[_AmdSensor]:
    def sensor(read: Callable[[], tuple[float | None, ...]], *names: tuple[str, str]) -> _AmdSensor:
        return _AmdSensor(tuple(Channel(domain, quantity, TraceKind.GAUGE, unit) for quantity, unit in names), read)

    def memory() -> tuple[float | None, ...]:
        kind = smi.AmdSmiMemoryType.VRAM
        return float(smi.amdsmi_get_gpu_memory_usage(handle, kind)), float(smi.amdsmi_get_gpu_memory_total(handle, kind))

    def load() -> tuple[float | None, ...]:
        answer = smi.amdsmi_get_gpu_activity(handle)
        return _number(answer["gfx_activity"]), _number(answer["umc_activity"])

    def temperature() -> tuple[float | None, ...]:
        kind, metric = smi.AmdSmiTemperatureType.HOTSPOT, smi.AmdSmiTemperatureMetric.CURRENT
        return (float(smi.amdsmi_get_temp_metric(handle, kind, metric)),)

    return [
        sensor(memory, (Quantity.MEMORY, "B"), (Quantity.MEMORY_TOTAL, "B")),
        sensor(load, (Quantity.LOAD, "%"), (Quantity.MEMORY_LOAD, "%")),
        sensor(temperature, (Quantity.TEMPERATURE, "°C")),
    ]


def _number(answer: object) -> float | None:
    """Return a number of the library; its binding says "N/A" or all bits where there is none."""
    return float(answer) if isinstance(answer, int) and answer not in ABSENT else None


def _said(error: Any) -> str:
    return " ".join(str(error).split())
