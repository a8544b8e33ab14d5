"""Diagnosis of this machine: which engines, providers and meters work, why the others do not, and how to fix it.

Nothing is changed. A meter counts as working only when it was opened and read just now.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from greenreport.catalog import METERS, known_engines, load_target
from greenreport.errors import MeterUnavailable
from greenreport.execute.host import environment
from greenreport.execute.prepare import capability, cuda_problem
from greenreport.meters.base import Meter
from greenreport.meters.nvidia_gpus import VisibleGpu, look, several
from greenreport.record import Environment, Quantity
from greenreport.study import meter_use
from greenreport.validity import advice


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report: what was tried, whether it works, what was seen, and the remedy."""

    group: str
    name: str
    works: bool
    detail: str
    remedy: str = ""


def examine() -> tuple[Environment, list[Check]]:
    """Return the environment and what works on it."""
    host = environment()
    return host, [*_meters(), *_engines(host), *_hub(), *_gpu_processes(), *_gpu_advice(look()[0]), *_advice(host)]


def _meters() -> list[Check]:
    checks = []
    for name, info in METERS.items():
        meter: Meter = load_target(info.target)(meter_use(name))
        try:
            channels = meter.open()
            values = meter.read()
            meter.close()
        except MeterUnavailable as error:
            checks.append(Check("meter", info.label, False, error.cause, error.remedy))
            continue
        read = [f"{c.domain} {c.quantity}" for c, value in zip(channels, values, strict=True) if value is not None]
        shown = ", ".join(read[:8]) + (f" and {len(read) - 8} more" if len(read) > 8 else "")
        mark = "" if info.method == "measured" else "estimated, never a measurement: "
        checks.append(Check("meter", info.label, True, mark + shown))
    return checks


def _engines(host: Environment) -> list[Check]:
    checks = []
    for engine in known_engines().values():
        if not engine.weights:
            continue
        for provider in engine.providers:
            obstacle = capability(engine, provider, host) or (cuda_problem(engine) if provider == "cuda" else None)
            name = f"{engine.label} · {provider}"
            if obstacle is not None:
                checks.append(Check("engine", name, False, obstacle.cause, obstacle.remedy))
            else:
                device = "CPU" if provider == "cpu" else ", ".join(gpu.name for gpu in host.gpus)
                checks.append(Check("engine", name, True, f"on {device}"))
    return checks


def _hub() -> list[Check]:
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface")) / "hub"
    models = len(list(home.glob("models--*"))) if home.is_dir() else 0
    offline = os.environ.get("HF_HUB_OFFLINE", "") in ("1", "true")
    detail = f"{models} models in the local hub cache" + ("; HF_HUB_OFFLINE is set" if offline else "")
    return [Check("weights", "model hub", not offline, detail, "unset HF_HUB_OFFLINE to download" if offline else "")]


def _gpu_processes() -> list[Check]:
    """Return a warning about programs that compute on a GPU now: runs at the same time would be excluded."""
    meter: Meter = load_target(METERS["nvml"].target)(meter_use("nvml"))
    try:
        channels = meter.open()
    except MeterUnavailable:
        return []
    numbers = zip(channels, meter.read(), strict=True)
    meter.close()
    busy = [f"{int(number)} on {c.domain}" for c, number in numbers if c.quantity == Quantity.PROCESSES and number]
    if not busy:
        return []
    text = f"programs compute on a GPU: {', '.join(busy)}; runs at the same time are excluded (foreign_gpu_process)"
    return [Check("host", "GPU processes", False, text, "stop them; nvidia-smi lists them")]


def _gpu_advice(gpus: Sequence[VisibleGpu]) -> Iterator[Check]:
    """Yield settings of the GPUs that make results less exact or runs fail."""
    if len(gpus) > 1:
        yield Check("host", "several GPUs", False, *several(len(gpus)))
    for gpu in gpus:
        if gpu.persistent is False:
            detail = f"persistence mode of gpu-{gpu.index} is off: between programs the driver is unloaded, and the next one waits for it"
            yield Check("host", "GPU persistence", False, detail, f"sudo nvidia-smi -i {gpu.index} -pm 1")
        if gpu.exclusive:
            detail = f"gpu-{gpu.index} is for one process at a time (EXCLUSIVE_PROCESS): without NVIDIA's multi-process service replicas fail"
            yield Check("host", "GPU compute mode", False, detail, f"sudo nvidia-smi -i {gpu.index} -c DEFAULT")


def _advice(host: Environment) -> list[Check]:
    """Return settings of this host that make results less exact, and its present load."""
    checks = [Check("host", item.name, False, item.found, item.remedy) for item in advice(host)]
    load = os.getloadavg()[0]
    quiet = load <= 0.1 * host.logical_cpus
    remedy = "" if quiet else "stop other programs first"
    return [*checks, Check("host", "background load", quiet, f"load average {load:.2f}", remedy)]
