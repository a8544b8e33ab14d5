"""Diagnosis of this machine: which engines, providers and meters work, why the others do not, and how to fix it.

Nothing is changed. A meter counts as working only when it was opened and read just now.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from greenreport.catalog import ENGINES, METERS, PROVIDER_INFO, load_target
from greenreport.errors import MeterUnavailable
from greenreport.execute.host import environment, require_linux
from greenreport.execute.prepare import capability, cuda_problem
from greenreport.meters.base import Channel, Meter
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
    """Return the environment and what works on it.

    Raises:
        Unavailable: this is no Linux.
    """
    require_linux()
    host = environment()
    return host, [*_meters(), *_engines(host), *_hub(), *_gpu_processes(), *_gpu_advice(look()[0]), *_advice(host)]


def _meters() -> Iterator[Check]:
    for name, info in METERS.items():
        try:
            samples = _samples(name)
        except MeterUnavailable as error:
            yield Check("meter", info.label, False, error.cause, error.remedy)
            continue
        read = [f"{channel.domain} {channel.quantity}" for channel, value in samples if value is not None]
        shown = ", ".join(read[:8]) + (f" and {len(read) - 8} more" if len(read) > 8 else "")
        mark = "" if info.method == "measured" else "estimated, never a measurement: "
        yield Check("meter", info.label, True, mark + shown)


def _samples(name: str) -> list[tuple[Channel, float | None]]:
    """Return one value of each channel of a meter, read now.

    Raises:
        MeterUnavailable: it cannot be opened.
    """
    meter: Meter = load_target(METERS[name].target)(meter_use(name))
    channels = meter.open()
    values = meter.read()
    meter.close()
    return list(zip(channels, values, strict=True))


def _engines(host: Environment) -> Iterator[Check]:
    for engine in ENGINES.values():
        for provider in engine.providers if engine.weights else ():
            obstacle = capability(engine, provider, host) or (cuda_problem(engine) if provider == "cuda" else None)
            name = f"{engine.label} · {provider}"
            device = ", ".join(gpu.name for gpu in host.gpus) if provider == "cuda" else PROVIDER_INFO[provider].device
            detail, remedy = (obstacle.cause, obstacle.remedy) if obstacle else (f"on {device}", "")
            yield Check("engine", name, obstacle is None, detail, remedy)


def _hub() -> Iterator[Check]:
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface")) / "hub"
    offline = os.environ.get("HF_HUB_OFFLINE", "") in ("1", "true")
    detail = f"{len(list(home.glob('models--*')))} models in the local hub cache" + (
        "; HF_HUB_OFFLINE is set" if offline else ""
    )
    yield Check("weights", "model hub", not offline, detail, "unset HF_HUB_OFFLINE to download" if offline else "")


def _gpu_processes() -> Iterator[Check]:
    """Yield a warning about programs that compute on a GPU now: runs at the same time would be excluded."""
    with suppress(MeterUnavailable):
        processes = [(channel, number) for channel, number in _samples("nvml") if channel.quantity == Quantity.PROCESSES]
        if busy := [f"{int(number)} on {channel.domain}" for channel, number in processes if number]:
            text = f"programs compute on a GPU: {', '.join(busy)}; runs at the same time are excluded (foreign_gpu_process)"
            yield Check("host", "GPU processes", False, text, "stop them; nvidia-smi lists them")


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


def _advice(host: Environment) -> Iterator[Check]:
    """Yield settings of this host that make results less exact, and its present load."""
    yield from (Check("host", item.name, False, item.found, item.remedy) for item in advice(host))
    load = os.getloadavg()[0]
    quiet = load <= 0.1 * host.logical_cpus
    yield Check("host", "background load", quiet, f"load average {load:.2f}", "" if quiet else "stop other programs first")
