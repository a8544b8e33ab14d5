"""Checks of free disk and memory before minutes are spent on a run; only what cannot work is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import psutil

from greenreport.engines.base import EngineJob
from greenreport.errors import OutOfMemory, Unavailable
from greenreport.models.weights import folder_bytes
from greenreport.units import quantity

#: A run leaves some megabytes of traces, and is lost when the store cannot be written.
SPARE_DISK_B = 200_000_000


def require_ready(job: EngineJob, cache: Path) -> None:
    """Check that a run can be tried.

    Raises:
        Unavailable: the disk is full.
        OutOfMemory: the weights are larger than the free memory.
    """
    free_b = shutil.disk_usage(cache).free
    if free_b < SPARE_DISK_B:
        raise Unavailable(f"{quantity(free_b, 'B')} are free in the cache folder; a run needs {quantity(SPARE_DISK_B, 'B')}")
    if job.configuration.provider != "cpu":
        return
    replicas, folder = job.configuration.replicas, job.artefact or job.weights
    weights_b = 0 if folder is None else folder_bytes(folder) * replicas
    available_b = psutil.virtual_memory().available
    if weights_b > available_b:
        taken = quantity(weights_b, "B") + (f" in {replicas} replicas" if replicas > 1 else "")
        raise OutOfMemory(f"the weights take {taken} and {quantity(available_b, 'B')} of memory are free")
