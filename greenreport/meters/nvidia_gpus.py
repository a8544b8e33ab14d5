"""The NVIDIA GPUs of this machine, through NVML: which are visible, what they are, and which processes compute on them.

Which GPUs are visible follows ``CUDA_VISIBLE_DEVICES`` as CUDA reads it: indices, UUIDs or their first characters; what follows
an entry that names no GPU is invisible.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greenreport.errors import MeterUnavailable

REMEDY_LIBRARY = (
    "Install the NVIDIA driver, or start the container with `--gpus all` and NVIDIA_DRIVER_CAPABILITIES=utility,compute"
)
REMEDY_PERMISSION = "Give this user access to /dev/nvidiactl and /dev/nvidia*, or start the container with `--gpus all`"
REMEDY_MISMATCH = "The driver was updated while it was loaded: reboot, or reload its kernel modules"
#: First letters of the programs of NVIDIA's multi-process service, as the kernel names them (it keeps 15).
MPS = "nvidia-cuda-mps"


@dataclass(frozen=True, slots=True)
class VisibleGpu:
    """A GPU programs see; what NVML does not report is None.

    Attributes:
        uuid: identifies the GPU, so it is kept nowhere.
        power_limit_w: the limit the driver enforces now, to a whole watt.
        persistent: whether the driver stays loaded while no program uses the GPU.
        exclusive: whether only one process at a time may compute on it.
    """

    index: int
    name: str
    uuid: str
    memory_b: int | None
    power_limit_w: int | None
    persistent: bool | None
    exclusive: bool | None


def look() -> tuple[tuple[VisibleGpu, ...], str | None]:
    """Return the visible GPUs and the version of the driver; nothing where NVML cannot be used (the meter says why)."""
    try:
        nvml = initialise()
    except MeterUnavailable:
        return (), None
    try:
        seen = [_seen(nvml, index, handle) for index, handle in visible_gpus(nvml)]
        return tuple(gpu for gpu in seen if gpu is not None), text(nvml.nvmlSystemGetDriverVersion())
    except nvml.NVMLError:
        return (), None
    finally:
        with suppress(nvml.NVMLError):
            nvml.nvmlShutdown()


def _seen(nvml: Any, index: int, handle: Any) -> VisibleGpu | None:
    """Return what a GPU reports about itself, or None for a lost one, which takes no other GPU with it."""

    def answer(read: Callable[[Any], Any]) -> Any:
        with suppress(nvml.NVMLError):
            return read(handle)
        return None

    name, uuid = answer(nvml.nvmlDeviceGetName), answer(nvml.nvmlDeviceGetUUID)
    if name is None or uuid is None:
        return None
    memory, limit = answer(nvml.nvmlDeviceGetMemoryInfo), answer(nvml.nvmlDeviceGetEnforcedPowerLimit)
    persistence, mode = answer(nvml.nvmlDeviceGetPersistenceMode), answer(nvml.nvmlDeviceGetComputeMode)
    return VisibleGpu(
        index, text(name), text(uuid),
        None if memory is None else int(memory.total),
        None if limit is None else round(limit / 1e3),
        None if persistence is None else persistence == nvml.NVML_FEATURE_ENABLED,
        None if mode is None else mode == nvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS,
    )  # fmt: skip


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
        raise unavailable(pynvml, error) from None
    return pynvml


def unavailable(nvml: Any, error: Any) -> MeterUnavailable:
    """Return cause and remedy of an NVML error."""
    remedies = {
        nvml.NVML_ERROR_NO_PERMISSION: REMEDY_PERMISSION,
        nvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: REMEDY_MISMATCH,
        nvml.NVML_ERROR_GPU_IS_LOST: "The GPU fell off the bus: see `dmesg` for Xid errors, then reboot",
    }
    return MeterUnavailable(f"NVML cannot be used: {error}", remedies.get(error.value, REMEDY_LIBRARY))


def visible_gpus(nvml: Any) -> list[tuple[int, Any]]:
    """Return (index, handle) of the GPUs CUDA programs see: all, or those of ``CUDA_VISIBLE_DEVICES``."""
    handles = [(index, nvml.nvmlDeviceGetHandleByIndex(index)) for index in range(nvml.nvmlDeviceGetCount())]
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is None:
        return handles
    uuids = {text(nvml.nvmlDeviceGetUUID(handle)): index for index, handle in handles}
    wanted = set()
    for name in (name.strip() for name in listed.split(",")):
        index = _named(nvml, name, uuids)
        if index is None:
            break
        wanted.add(index)
    return [(index, handle) for index, handle in handles if index in wanted]


def _named(nvml: Any, name: str, uuids: dict[str, int]) -> int | None:
    """Return the index of the one GPU that an entry names; the GPU that carries it, for a MIG slice."""
    if name.isdigit():
        return int(name) if int(name) in uuids.values() else None
    if name.startswith("MIG-"):
        with suppress(nvml.NVMLError):
            gpu = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvml.nvmlDeviceGetHandleByUUID(name))
            return uuids.get(text(nvml.nvmlDeviceGetUUID(gpu)))
        return None
    indices = [index for uuid, index in uuids.items() if name.startswith("GPU-") and uuid.startswith(name)]
    return indices[0] if len(indices) == 1 else None


def several(number: int) -> tuple[str, str]:
    """Return what it means that so many GPUs are visible, and the remedy."""
    cause = f"{number} GPUs are visible: an engine computes on the first, and the energy is that of all"
    return cause, "export CUDA_VISIBLE_DEVICES=0, unless the server uses them all"


def computing(nvml: Any, handle: Any) -> set[int]:
    """Return the processes that compute on a GPU.

    Under NVIDIA's multi-process service it is the service that holds the GPU, and the programs that compute are listed apart, as
    its clients: these are returned, the service is not.

    Raises:
        NVMLError: the GPU does not answer.
    """
    pids = {process.pid for process in nvml.nvmlDeviceGetComputeRunningProcesses_v3(handle)}
    with suppress(nvml.NVMLError):  # the driver has no such list
        pids |= {process.pid for process in nvml.nvmlDeviceGetMPSComputeRunningProcesses_v3(handle)}
    return {pid for pid in pids if not _is_service(pid)}


def _is_service(pid: int) -> bool:
    with suppress(OSError):  # gone, or the number of a process outside this container
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").startswith(MPS)
    return False


def text(value: str | bytes) -> str:
    """Return a string of NVML, which older bindings give as bytes."""
    return value.decode() if isinstance(value, bytes) else value
