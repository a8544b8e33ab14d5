"""The instruments, in order of preference."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MeterInfo:
    """An instrument: what it reads, and whether its numbers are measured or estimated."""

    name: str
    label: str
    target: str
    summary: str
    method: str = "measured"


# Tables are read by row.
# fmt: off
_METERS = (
    MeterInfo("rapl", "RAPL", "greenreport.meters.rapl:Rapl", "energy counters of CPU packages and memory (Intel, AMD)"),
    MeterInfo("nvml", "NVML", "greenreport.meters.nvml:Nvml", "power, energy, memory and load of NVIDIA GPUs"),
    MeterInfo(
        "utilisation", "Utilisation", "greenreport.meters.utilisation:Utilisation",
        "CPU load, clock, temperature and memory of the machine and of the serving process tree",
    ),
    MeterInfo(
        "energibridge", "EnergiBridge", "greenreport.meters.energibridge:EnergiBridge",
        "what the program EnergiBridge records: CPU energy, load and memory",
    ),
    MeterInfo(
        "wattmeter", "Wall meter", "greenreport.meters.wattmeter:Wattmeter",
        "power at the wall socket, from a NETIO device or any other that answers in JSON",
    ),
    MeterInfo(
        "estimate", "Power model", "greenreport.meters.estimate:Estimate",
        "CPU energy from a declared power model and the CPU load; an estimate, marked as one everywhere", "estimated",
    ),
    MeterInfo("replay", "Replay", "greenreport.meters.replay:Replay", "plays a recording; for tests and demonstrations"),
)
# fmt: on

#: In order of preference: where two measure one component in the same way, the first gives the value.
METERS = {meter.name: meter for meter in _METERS}
