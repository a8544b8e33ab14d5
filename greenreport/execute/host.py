"""The environment of runs: hardware, software, and which of their values must agree for runs to be pooled.

Nothing here changes the machine. Identifying values (machine id, GPU UUIDs) are hashed where they are read and never kept.
"""

from __future__ import annotations

import getpass
import hashlib
import math
import os
import platform
import re
import socket
import sys
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib import metadata
from pathlib import Path

import psutil

from greenreport.catalog import ENGINES
from greenreport.errors import Unavailable
from greenreport.pooling import key_of
from greenreport.record import Environment, Gpu
from greenreport.study.servers import KEPT_SECRET

#: Shorter values are not keys, and removing them would cut words out of sentences.
SHORTEST_KEY = 6
#: Name of this machine among others that have the same machine id, as copies of one image do.
HOST_VARIABLE = "GREENREPORT_HOST"
#: The order in which keys of environments digest these libraries; those of further engines follow by name.
LIBRARY_ORDER = (
    "torch", "transformers", "tokenizers", "optimum", "optimum-onnx", "optimum-intel", "onnxruntime-gpu", "onnxruntime",
    "openvino", "triton",
)  # fmt: skip


def require_linux() -> None:
    """Make sure that this is the system whose interfaces measuring is written for.

    Raises:
        Unavailable: it is another one.
    """
    if platform.system() != "Linux":
        cause = f"measuring needs Linux, and this machine runs {platform.system() or 'another system'}"
        raise Unavailable(cause, "studies can be checked, results imported and audited, and sites built here")


def environment() -> Environment:
    """Return the environment of this machine as it is now, with the GPUs that programs and the meter see here."""
    from greenreport.meters import amd, nvidia_gpus

    gpus, driver = nvidia_gpus.look()
    gpus = gpus or amd.look()
    cpu_model = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", _read("/proc/cpuinfo") or "", re.MULTILINE)
    os_name = platform.system()
    with suppress(OSError):
        os_name = platform.freedesktop_os_release().get("PRETTY_NAME", os_name)
    no_turbo, boost = (_read(f"/sys/devices/system/cpu/{file}") for file in ("intel_pstate/no_turbo", "cpufreq/boost"))
    environment = Environment(
        key="",
        host_sha256=host_digest(),
        cpu_model=cpu_model[1].strip() if cpu_model else platform.processor() or platform.machine(),
        physical_cores=physical_cores(),
        logical_cpus=psutil.cpu_count() or 1,
        memory_b=round(psutil.virtual_memory().total / 2**28) * 2**28,  # to 256 MiB: firmware reserves a varying part
        gpus=tuple(Gpu(gpu.index, gpu.name, gpu.memory_b, _digest(gpu.uuid), gpu.power_limit_w) for gpu in gpus),
        gpu_driver=driver,
        os=os_name,
        kernel=platform.release(),
        virtualisation=_virtualisation(),
        python=platform.python_version(),
        libraries=_libraries(),
        governor=_read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        turbo=_flag(boost) if no_turbo is None else no_turbo == "0",
        smt=_flag(_read("/sys/devices/system/cpu/smt/active")),
        numa_nodes=len(list(Path("/sys/devices/system/node").glob("node[0-9]*"))) or None,
        swap_b=psutil.swap_memory().total,
    )
    return replace(environment, key=key_of(environment))


def host_digest() -> str:
    """Return a digest that tells this machine from others: of the name it is given in `HOST_VARIABLE`, else of its machine id."""
    return _digest(os.environ.get(HOST_VARIABLE) or _read("/etc/machine-id") or platform.node())


def physical_cores() -> int:
    """Return the physical cores this process may use, by its affinity and its quota: the default number of compute threads."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(psutil.cpu_count(logical=False) or allowed, allowed, cpu_quota())))


def cpu_quota(root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> float:
    """Return how many CPUs' time this process may use by the control groups it is in (v2, as containers set it); infinite without a quota."""
    quotas = [math.inf]
    with suppress(OSError):
        paths = [
            line.partition("::")[2].strip("/") for line in membership.read_text(encoding="ascii").splitlines() if "::" in line
        ]
        for folder in (
            folder for path in paths for folder in (root / path, *(root / path).parents) if folder.is_relative_to(root)
        ):
            with suppress(OSError, ValueError):  # the root has no such file, and "max" is no number
                most, period = map(float, (folder / "cpu.max").read_text(encoding="ascii").split())
                quotas.append(most / period)
    return min(quotas)


def busy_share(seconds: float) -> float:
    """Return the share of all CPUs' time that is used during some seconds from now."""
    return psutil.cpu_percent(seconds) / 100


def redact(text: str) -> str:
    """Remove secrets, and the folders, user name, host name and addresses of this machine, from a text."""
    for pattern, stand_in in _private():
        text = pattern.sub(stand_in, text)
    return text


@cache
def _private() -> tuple[tuple[re.Pattern[str], str], ...]:
    folders = [(str(Path.cwd()), "."), (sys.prefix, "<python>"), (sys.base_prefix, "<python>"), (str(Path.home()), "~")]
    keys = [value for name, value in os.environ.items() if KEPT_SECRET.search(name) and len(value) >= SHORTEST_KEY]
    patterns = [(re.escape(key), "<key>") for key in sorted(keys, key=len, reverse=True)]
    patterns += [(re.escape(folder), stand_in) for folder, stand_in in folders if len(folder) > 1]
    with suppress(OSError, KeyError):
        user = getpass.getuser()
        patterns += [(rf"\b{re.escape(user)}\b", "<user>")] if user != "root" else []
    patterns.append((rf"\b{re.escape(socket.gethostname())}\b", "<host>"))
    patterns.append((r"\b(?!127\.0\.0\.1\b|0\.0\.0\.0\b)(?:\d{1,3}\.){3}\d{1,3}\b", "<address>"))
    return tuple((re.compile(pattern), stand_in) for pattern, stand_in in patterns)


def _digest(identity: str) -> str:
    """Return a digest that identifies a machine or a GPU without revealing its id."""
    return hashlib.sha256(f"greenreport:{identity}".encode()).hexdigest()[:16]


def _virtualisation() -> str | None:
    """Return the kind of virtual machine or container, None on a machine that looks physical."""
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return "container"
    product = _read("/sys/class/dmi/id/product_name") or ""
    if re.search(r"virtual|kvm|vmware|xen|bochs|hvm", product, re.IGNORECASE):
        return f"virtual machine ({product})"
    return "virtual machine" if " hypervisor" in (_read("/proc/cpuinfo") or "") else None


def _libraries() -> tuple[tuple[str, str], ...]:
    """Return the installed distributions of all known engines with their versions."""
    rank = {name: place for place, name in enumerate(LIBRARY_ORDER)}
    names = {name for engine in ENGINES.values() for name in engine.distributions}
    versions = []
    for name in sorted(names, key=lambda name: (rank.get(name, len(rank)), name)):
        with suppress(metadata.PackageNotFoundError):
            versions.append((name, metadata.version(name)))
    return tuple(versions)


def _flag(text: str | None) -> bool | None:
    return None if text is None else text == "1"


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None
