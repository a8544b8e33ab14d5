"""NVIDIA GPUs through NVML.

For each visible GPU: the energy counter (Volta and later), instantaneous power, memory, load, temperature, clock, throttle
reasons, and how many processes compute on it. The counter is preferred for energy; power is recorded beside it so that the two
can be compared. The counter moves every 20 to 100 ms only, so at the edges of a phase it is read until it ticks: the sample then
is true to a millisecond.

NVML has no energy for a MIG slice, so a GPU that is split into slices is left out, with a note. `nvidia_gpus` says which GPUs are
visible.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from greenreport.errors import MeterUnavailable
from greenreport.meters.base import Channel, Meter, Sample
from greenreport.meters.nvidia_gpus import computing, initialise, several, text, unavailable, visible_gpus
from greenreport.meters.utilisation import descendants
from greenreport.record import Quantity, TraceKind
from greenreport.study import MeterUse

REMEDY_VISIBLE = "Check `nvidia-smi -L` and CUDA_VISIBLE_DEVICES"
#: Power cap, hardware slowdown, thermal slowdown, power brake; idle clocks and clocks set by the user are no throttling.
THROTTLE_BITS = 0x4 | 0x8 | 0x20 | 0x40 | 0x80
#: Slowest refresh of an energy counter, and the pause between two looks at it.
TICK_S = 0.1
LOOK_S = 0.001
#: Processes are listed so often: it takes the driver far longer than any other answer.
LIST_S = 1.0


@dataclass(frozen=True, slots=True)
class _Sensor:
    """One NVML call and the channels it fills; a slow one is made once in `LIST_S` and at edges."""

    channels: tuple[Channel, ...]
    read: Callable[[], tuple[float, ...]]
    slow: bool = False


class Nvml(Meter):
    """Reads every sensor each GPU has."""

    def __init__(self, use: MeterUse) -> None:
        super().__init__(use)
        self.sensors: list[_Sensor] = []
        self.nvml: Any = None
        self.roots: tuple[int, ...] = ()
        self.list_due = 0.0

    def open(self) -> tuple[Channel, ...]:
        self.nvml = nvml = initialise()
        try:
            gpus = visible_gpus(nvml)
            self._say_order()
            for index, handle in gpus:
                self._open_gpu(index, handle)
        except nvml.NVMLError as error:
            self.close()
            raise unavailable(nvml, error) from None
        if not self.sensors:
            self.close()
            raise MeterUnavailable(*_nothing_visible(self.notes()))
        opened = {sensor.channels[0].domain for sensor in self.sensors}
        if len(opened) > 1:
            self.note(*several(len(opened)))
        return tuple(channel for sensor in self.sensors for channel in sensor.channels)

    def _open_gpu(self, index: int, handle: Any) -> None:
        if _is_split(self.nvml, handle):
            cause = f"gpu-{index} is split into MIG slices, and NVML has no energy for a slice"
            self.note(cause, f"`sudo nvidia-smi -i {index} -mig 0` makes it one GPU again")
            return
        for sensor in (*_sensors(self.nvml, handle, f"gpu-{index}"), self._processes(handle, f"gpu-{index}")):
            # A GPU without such a sensor gets no channel; a channel without values would look like a gap.
            with suppress(self.nvml.NVMLError):
                sensor.read()
                self.sensors.append(sensor)

    def _processes(self, handle: Any, domain: str) -> _Sensor:
        """Return a sensor of the processes that compute on a GPU: all of them, and those of the serving process tree."""

        def count() -> tuple[float, float]:
            listed = computing(self.nvml, handle)
            own = {pid for root in self.roots for pid in (root, *descendants()(root))} if listed else set()
            return float(len(listed)), float(len(listed & own))

        counts = (Quantity.PROCESSES, Quantity.OWN_PROCESSES)
        channels = tuple(Channel(domain, quantity, TraceKind.GAUGE, "processes") for quantity in counts)
        return _Sensor(channels, count, slow=True)

    def watch(self, pids: tuple[int, ...]) -> None:
        self.roots = pids
        self.list_due = 0.0

    def _say_order(self) -> None:
        """CUDA counts GPUs from the fastest, NVML by bus address; the numbers agree only when all GPUs are of one kind."""
        listed = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        if any(name.strip().isdigit() for name in listed.split(",")) and os.environ.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
            handles = [self.nvml.nvmlDeviceGetHandleByIndex(i) for i in range(self.nvml.nvmlDeviceGetCount())]
            if len({text(self.nvml.nvmlDeviceGetName(handle)) for handle in handles}) > 1:
                cause = "GPUs of several kinds: the numbers in CUDA_VISIBLE_DEVICES may mean other GPUs to CUDA than to NVML"
                self.note(cause, "export CUDA_DEVICE_ORDER=PCI_BUS_ID, or list UUIDs (`nvidia-smi -L`)")

    def read(self) -> Sequence[float | None]:
        values: list[float | None] = []
        listing = time.monotonic() >= self.list_due
        if listing:
            self.list_due = time.monotonic() + LIST_S
        for sensor in self.sensors:
            if sensor.slow and not listing:
                values += [None] * len(sensor.channels)
                continue
            try:
                values += sensor.read()
            except self.nvml.NVMLError as error:
                values += [None] * len(sensor.channels)
                self.note(f"{sensor.channels[0].domain} stopped answering: {error}", "see `dmesg` for Xid errors of the driver")
        return values

    def sample(self, *, edge: bool = False) -> Sequence[Sample]:
        if not edge:
            return super().sample()
        self.list_due = 0.0
        samples = super().sample()
        counters = self._counters()
        return [s for s in samples if s.channel not in counters] + self._ticks([s for s in samples if s.channel in counters])

    def _counters(self) -> dict[int, _Sensor]:
        channels = [(sensor, channel) for sensor in self.sensors for channel in sensor.channels]
        return {position: sensor for position, (sensor, channel) in enumerate(channels) if channel.kind is TraceKind.COUNTER}

    def _ticks(self, stale: Sequence[Sample]) -> list[Sample]:
        """Read each counter until it moves, for `TICK_S` at most; the tick lies between the last two looks."""
        counters, waiting, ticked = self._counters(), {s.channel: s for s in stale}, []
        deadline = time.monotonic_ns() + int(TICK_S * 1e9)
        while waiting and time.monotonic_ns() < deadline:
            time.sleep(LOOK_S)
            for channel, last in list(waiting.items()):
                try:
                    value = counters[channel].read()[0]
                except self.nvml.NVMLError:
                    del waiting[channel]
                    continue
                now = time.monotonic_ns()
                if value == last.value:
                    waiting[channel] = Sample(channel, now, value)
                else:
                    ticked.append(Sample(channel, (last.t_ns + now) // 2, value))
                    del waiting[channel]
        return [*ticked, *waiting.values()]

    def close(self) -> None:
        if self.nvml is not None:
            with suppress(self.nvml.NVMLError):
                self.nvml.nvmlShutdown()


def _nothing_visible(notes: Sequence[tuple[str, str]]) -> tuple[str, str]:
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if notes:
        return notes[0]
    if listed is not None:
        cause = f"CUDA_VISIBLE_DEVICES={listed!r} hides every GPU"
        return cause, "unset CUDA_VISIBLE_DEVICES, or list a GPU of `nvidia-smi -L`"
    return "NVML shows no GPU", REMEDY_VISIBLE


def _is_split(nvml: Any, handle: Any) -> bool:
    with suppress(nvml.NVMLError):
        return bool(nvml.nvmlDeviceGetMigMode(handle)[0] == nvml.NVML_DEVICE_MIG_ENABLE)
    return False  # most GPUs know no MIG


def _sensors(nvml: Any, handle: Any, domain: str) -> list[_Sensor]:
    def gauges(read: Callable[[], tuple[float, ...]], *names: tuple[str, str]) -> _Sensor:
        return _Sensor(tuple(Channel(domain, quantity, TraceKind.GAUGE, unit) for quantity, unit in names), read)

    def memory() -> tuple[float, ...]:
        info = nvml.nvmlDeviceGetMemoryInfo(handle)
        return float(info.used), float(info.total)

    def load() -> tuple[float, ...]:
        rates = nvml.nvmlDeviceGetUtilizationRates(handle)
        return float(rates.gpu), float(rates.memory)

    return [
        _Sensor(
            (Channel(domain, Quantity.ENERGY, TraceKind.COUNTER, "J"),),
            lambda: (nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3,),
        ),
        gauges(*_power(nvml, handle)),
        gauges(memory, (Quantity.MEMORY, "B"), (Quantity.MEMORY_TOTAL, "B")),
        gauges(load, (Quantity.LOAD, "%"), (Quantity.MEMORY_LOAD, "%")),
        gauges(
            lambda: (float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)),), (Quantity.TEMPERATURE, "°C")
        ),
        gauges(lambda: (nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM) * 1e6,), (Quantity.CLOCK, "Hz")),
        gauges(
            lambda: (float(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle) & THROTTLE_BITS),),
            (Quantity.THROTTLE, "bits"),
        ),
    ]


def _power(nvml: Any, handle: Any) -> tuple[Callable[[], tuple[float, ...]], tuple[str, str]]:
    """Return a reader of power in W and the name of what it reads.

    Plain power is a 1 s average from Ampere on (GA100 apart), which smears the edges of a window: it then is a quantity of its
    own that no energy is computed from.
    """

    def instant() -> tuple[float, ...]:
        value = nvml.nvmlDeviceGetFieldValues(handle, [nvml.NVML_FI_DEV_POWER_INSTANT])[0]
        if value.nvmlReturn != nvml.NVML_SUCCESS:
            raise nvml.NVMLError(value.nvmlReturn)
        return (float(value.value.uiVal) / 1e3,)

    def plain() -> tuple[float, ...]:
        return (float(nvml.nvmlDeviceGetPowerUsage(handle)) / 1e3,)

    with suppress(nvml.NVMLError):
        instant()
        return instant, (Quantity.POWER, "W")
    averaged = False
    with suppress(nvml.NVMLError):
        averaged = nvml.nvmlDeviceGetArchitecture(handle) >= nvml.NVML_DEVICE_ARCH_AMPERE
        averaged = averaged and not {"A100", "A30"} & set(text(nvml.nvmlDeviceGetName(handle)).replace("-", " ").split())
    return plain, (Quantity.POWER_AVERAGE if averaged else Quantity.POWER, "W")
