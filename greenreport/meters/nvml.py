"""NVIDIA GPUs through NVML.

For each visible GPU: the energy counter (Volta and later), instantaneous power, memory, load, temperature, clock and throttle
reasons. The counter is preferred for energy; power is integrated beside it so that the two can be compared. GPUs are found by
UUID, so ``CUDA_VISIBLE_DEVICES`` may list indices or UUIDs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from greenreport.errors import MeterUnavailable
from greenreport.meters.base import Channel, Meter
from greenreport.record import Kind
from greenreport.study import MeterUse

REMEDY_LIBRARY = (
    "Install the NVIDIA driver, or start the container with `--gpus all` and NVIDIA_DRIVER_CAPABILITIES=utility,compute"
)
#: Power cap, hardware slowdown, thermal slowdown, power brake; idle clocks and clocks set by the user are no throttling.
THROTTLE_BITS = 0x4 | 0x8 | 0x20 | 0x40 | 0x80
Reader = Callable[[], float]


class Nvml(Meter):
    """Reads every channel each GPU supports."""

    def __init__(self, use: MeterUse) -> None:
        super().__init__(use)
        self.readers: list[Reader] = []
        self.nvml: Any = None

    def open(self) -> tuple[Channel, ...]:
        nvml = initialise()
        self.nvml = nvml
        channels: list[Channel] = []
        for index, handle in visible_gpus(nvml):
            for channel, reader in _channels(nvml, handle, f"gpu-{index}"):
                try:
                    reader()
                except nvml.NVMLError:
                    continue  # this GPU has no such sensor; a channel without values would look like a gap
                channels.append(channel)
                self.readers.append(reader)
        if not channels:
            nvml.nvmlShutdown()
            raise MeterUnavailable("NVML shows no GPU", "Check `nvidia-smi -L` and CUDA_VISIBLE_DEVICES")
        return tuple(channels)

    def read(self) -> Sequence[float | None]:
        return [self._value(reader) for reader in self.readers]

    def _value(self, reader: Reader) -> float | None:
        try:
            return reader()
        except self.nvml.NVMLError:
            return None

    def close(self) -> None:
        if self.nvml is not None:
            self.nvml.nvmlShutdown()


def initialise() -> Any:
    """Return the initialised NVML module.

    Raises:
        MeterUnavailable: no package, no driver library, no permission.
    """
    try:
        import pynvml
    except ImportError:
        raise MeterUnavailable("the package nvidia-ml-py is not installed", "pip install 'greenreport[run]'") from None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise MeterUnavailable(f"NVML cannot be used: {error}", REMEDY_LIBRARY) from None
    return pynvml


def visible_gpus(nvml: Any) -> list[tuple[int, Any]]:
    """Return (index, handle) of the GPUs CUDA programs see: all, or those of ``CUDA_VISIBLE_DEVICES``."""
    count = nvml.nvmlDeviceGetCount()
    handles = [(index, nvml.nvmlDeviceGetHandleByIndex(index)) for index in range(count)]
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES")
    if wanted is None:
        return handles
    names = [name.strip() for name in wanted.split(",") if name.strip()]

    def listed(index: int, handle: Any) -> bool:
        uuid = _text(nvml.nvmlDeviceGetUUID(handle))
        return any(name == str(index) or (not name.isdigit() and uuid.startswith(name)) for name in names)

    return [(index, handle) for index, handle in handles if listed(index, handle)]


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _channels(nvml: Any, handle: Any, domain: str) -> list[tuple[Channel, Reader]]:
    def gauge(quantity: str, unit: str, reader: Reader) -> tuple[Channel, Reader]:
        return Channel(domain, quantity, Kind.GAUGE, unit), reader

    return [
        (
            Channel(domain, "energy", Kind.COUNTER, "J"),
            lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3,
        ),
        gauge("power", "W", _power(nvml, handle)),
        gauge("memory", "B", lambda: float(nvml.nvmlDeviceGetMemoryInfo(handle).used)),
        gauge("memory_total", "B", lambda: float(nvml.nvmlDeviceGetMemoryInfo(handle).total)),
        gauge("load", "%", lambda: float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)),
        gauge("memory_load", "%", lambda: float(nvml.nvmlDeviceGetUtilizationRates(handle).memory)),
        gauge("temperature", "°C", lambda: float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))),
        gauge("clock", "Hz", lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM) * 1e6),
        gauge("throttle", "bits", lambda: float(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle) & THROTTLE_BITS)),
    ]


def _power(nvml: Any, handle: Any) -> Reader:
    """Return a reader of instantaneous power in W; plain power is a 1 s average on many GPUs and is the second choice."""
    field = getattr(nvml, "NVML_FI_DEV_POWER_INSTANT", None)

    def instant() -> float:
        value = nvml.nvmlDeviceGetFieldValues(handle, [field])[0]
        if value.nvmlReturn != nvml.NVML_SUCCESS:
            raise nvml.NVMLError(value.nvmlReturn)
        return float(value.value.uiVal) / 1e3

    def averaged() -> float:
        return float(nvml.nvmlDeviceGetPowerUsage(handle)) / 1e3

    try:
        if field is not None:
            instant()
            return instant
    except nvml.NVMLError:
        pass
    return averaged
