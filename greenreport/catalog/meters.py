"""The instruments, in order of preference. Third parties add theirs through the entry point group ``greenreport.meters``."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.catalog.accuracy import AMD, APPLE, CONTROLLER, HWMON, NVML, RAPL, SCRAPED, WALL, Accuracy
from greenreport.catalog.table import CatalogTable

_OPTIONS = "greenreport.study.meter_options"
_HARDWARE = "greenreport.study.hardware_options"


@dataclass(frozen=True, slots=True)
class MeterInfo:
    """An instrument: what it reads, and whether its numbers are measured or estimated.

    Attributes:
        shortest_window_s: shortest window for an exact energy: ten refreshes of its counter or more.
        options: the type of its options in a study file, a subclass of `study.MeterUse`.
        wall_clock: whether its times follow the wall clock (or a recording of it), so that a step moves them against the run.
        accuracies: what is known of its errors, by domain and hardware; the first row that fits counts. () where nothing is known.
    """

    name: str
    label: str
    target: str
    summary: str
    method: str = "measured"
    shortest_window_s: float = 0.0
    options: str = f"{_OPTIONS}:MeterUse"
    wall_clock: bool = False
    accuracies: tuple[Accuracy, ...] = ()


# Tables are read by row.
# fmt: off
_METERS = (
    MeterInfo("rapl", "RAPL", "greenreport.meters.rapl:Rapl", "energy counters of CPU packages and memory (Intel, AMD)", shortest_window_s=1.0,
        accuracies=RAPL),
    MeterInfo("rapl_perf", "RAPL by perf events", "greenreport.meters.rapl_perf:RaplPerf", "the counters of RAPL, where powercap is closed and perf is open",
        shortest_window_s=1.0, accuracies=RAPL),
    MeterInfo("nvml", "NVML", "greenreport.meters.nvml:Nvml", "power, energy, memory and load of NVIDIA GPUs", shortest_window_s=5.0, accuracies=NVML),
    MeterInfo("amd", "AMD SMI", "greenreport.meters.amd:Amd", "power, energy, memory and load of AMD GPUs", shortest_window_s=5.0, accuracies=AMD),
    MeterInfo("apple", "Apple silicon", "greenreport.meters.apple:Apple", "energy of CPU, GPU, memory and neural engine of Apple's chips",
        shortest_window_s=1.0, accuracies=APPLE),
    MeterInfo("hwmon", "Sensor chips", "greenreport.meters.hwmon:Hwmon",
        "power and energy of declared channels of sensor chips (boards, Jetson, GPUs of AMD and Intel) and batteries", shortest_window_s=10.0,
        options=f"{_HARDWARE}:HwmonUse", accuracies=HWMON),
    MeterInfo("utilisation", "Utilisation", "greenreport.meters.utilisation:Utilisation",
        "CPU load, clock, temperature and memory of the machine and of the serving process tree"),
    MeterInfo("energibridge", "EnergiBridge", "greenreport.meters.energibridge:EnergiBridge",
        "what the program EnergiBridge records: CPU energy, load and memory", options=f"{_OPTIONS}:EnergiBridgeUse",
        wall_clock=True, accuracies=(*NVML, *RAPL)),
    MeterInfo("wattmeter", "Wall meter", "greenreport.meters.wattmeter:Wattmeter",
        "power at the wall socket, from a NETIO device or any other that answers in JSON", options=f"{_OPTIONS}:WattmeterUse",
        accuracies=WALL),
    MeterInfo("redfish", "Redfish", "greenreport.meters.redfish:Redfish", "power of a server by its management controller, over the network",
        options=f"{_HARDWARE}:RedfishUse", accuracies=CONTROLLER),
    MeterInfo("ipmi", "IPMI", "greenreport.meters.ipmi:Ipmi", "power of this server by its management controller, through the program ipmitool",
        options=f"{_HARDWARE}:IpmiUse", accuracies=CONTROLLER),
    MeterInfo("prometheus", "Prometheus", "greenreport.meters.prometheus:Prometheus",
        "power and energy by declared queries to a Prometheus server (Kepler, DCGM exporter, meters of a rack)", shortest_window_s=150.0,
        options=f"{_HARDWARE}:PrometheusUse", accuracies=SCRAPED),
    MeterInfo("estimate", "Power model", "greenreport.meters.estimate:Estimate",
        "CPU energy from a declared power model and the CPU load; an estimate, marked as one everywhere", "estimated",
        options=f"{_OPTIONS}:EstimateUse"),
    MeterInfo("replay", "Replay", "greenreport.meters.replay:Replay", "plays a recording; for tests and demonstrations", options=f"{_OPTIONS}:ReplayUse",
        wall_clock=True),
)
# fmt: on

#: In order of preference: where two measure one component in the same way, the first gives the value.
METERS = CatalogTable("greenreport.meters", MeterInfo, _METERS)
