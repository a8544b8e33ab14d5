"""RAPL energy counters through perf events, where powercap is closed to this user but perf is open.

The kernel shows the same registers twice. Here they are events of the unit ``power``: each is opened on one CPU of each package, counts from
then on, and does not wrap, since the kernel adds up the register's wraps. Where `rapl` reads a domain as well, its value counts.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import re
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from greenreport.errors import MeterUnavailable
from greenreport.meters.base import Channel, Meter
from greenreport.record import Domain, Quantity, TraceKind
from greenreport.study import MeterUse

ROOT_VARIABLE = "GREENREPORT_SYS"
ROOT = "/sys"
REMEDY_ABSENT = (
    "`sudo modprobe rapl` on a physical machine with a CPU of Intel or AMD; virtual machines and containers usually hide it"
)
REMEDY_PERMISSION = (
    "`sudo sysctl kernel.perf_event_paranoid=0`, or give the interpreter the capability: `sudo setcap cap_perfmon=ep $(readlink -f $(which python3))`; "
    "in a container: --cap-add PERFMON, and a seccomp profile that admits perf_event_open"
)
#: Events that are read, and the domain of a package or of the whole platform that each counts.
EVENTS = {"energy-pkg": "package", "energy-ram": "dram", "energy-psys": Domain.PLATFORM.value}
#: Numbers of the system call; RAPL exists on x86 only.
PERF_EVENT_OPEN = {"x86_64": 298}
#: The oldest layout of `perf_event_attr`, which every kernel takes.
ATTRIBUTES = struct.Struct("=IIQQQQQIIQ")
CLOSE_ON_EXEC = 8


class RaplPerf(Meter):
    """Reads one event for each domain."""

    def __init__(self, use: MeterUse) -> None:
        super().__init__(use)
        self.events: dict[str, tuple[int, float]] = {}  # domain → descriptor, joules a count

    def open(self) -> tuple[Channel, ...]:
        root = Path(os.environ.get(ROOT_VARIABLE, ROOT))
        unit = root / "bus/event_source/devices/power"
        kind, cpus = _text(unit / "type"), _text(unit / "cpumask")
        if not kind.isdecimal() or re.fullmatch(r"\d+([-,]\d+)*", cpus) is None:
            raise MeterUnavailable(f"this machine shows no energy events in {unit}", REMEDY_ABSENT)
        packages = {
            int(cpu): _text(root / f"devices/system/cpu/cpu{cpu}/topology/physical_package_id") for cpu in _listed(cpus)
        }
        if len(set(packages.values())) < len(packages):
            raise MeterUnavailable(
                "the kernel counts several dies of one package, which may show one counter", "use the meter rapl"
            )
        try:
            for event, domain in EVENTS.items():
                config, scale = _event(unit / "events", event)
                if config is not None:
                    self._open(int(kind), config, scale, domain, packages)
        except OSError as error:
            self.close()
            if error.errno in (errno.EACCES, errno.EPERM):
                raise MeterUnavailable("energy events are not open to this user", REMEDY_PERMISSION) from None
            raise MeterUnavailable(f"energy events cannot be opened ({os.strerror(error.errno or 0)})", REMEDY_ABSENT) from None
        if not any(domain.startswith("package") for domain in self.events):
            self.close()
            raise MeterUnavailable("there is no energy event of CPU packages", REMEDY_ABSENT)
        return tuple(Channel(domain, Quantity.ENERGY, TraceKind.COUNTER, "J") for domain in self.events)

    def _open(self, kind: int, config: int, scale: float, domain: str, packages: dict[int, str]) -> None:
        """Open an event on one CPU of each package; the platform has one counter, which every package shows."""
        for cpu, package in packages.items():
            name = domain if domain == Domain.PLATFORM else f"{domain}-{package}"
            if name not in self.events:
                self.events[name] = (open_event(kind, config, cpu), scale)

    def read(self) -> Sequence[float | None]:
        return [self._joules(domain, *event) for domain, event in self.events.items()]

    def _joules(self, domain: str, file: int, scale: float) -> float | None:
        with suppress(OSError, struct.error):
            (count,) = struct.unpack("=Q", os.read(file, 8))
            return float(count) * scale
        self.note(f"the energy event of {domain} could not be read at times")
        return None

    def close(self) -> None:
        for file, _ in self.events.values():
            os.close(file)
        self.events = {}


def open_event(kind: int, config: int, cpu: int) -> int:
    """Return the descriptor of an event that counts on one CPU, for all processes.

    Raises:
        OSError: not permitted, or not known to this kernel.
    """
    number = PERF_EVENT_OPEN.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    attributes = ctypes.create_string_buffer(
        ATTRIBUTES.pack(kind, ATTRIBUTES.size, config, 0, 0, 0, 0, 0, 0, 0), ATTRIBUTES.size
    )
    library = ctypes.CDLL(None, use_errno=True)
    arguments = (
        ctypes.c_long(number),
        attributes,
        ctypes.c_int(-1),
        ctypes.c_int(cpu),
        ctypes.c_int(-1),
        ctypes.c_ulong(CLOSE_ON_EXEC),
    )
    file = int(library.syscall(*arguments))
    if file < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return file


def _event(folder: Path, event: str) -> tuple[int | None, float]:
    """Return the number of an event and the joules of one count; None where the CPU has no such counter."""
    found = re.fullmatch(r"event=(0x[0-9a-f]{1,8})", _text(folder / event))
    with suppress(ValueError):
        scale = float(_text(folder / f"{event}.scale"))
        if found is not None and 0 < scale < 1 and _text(folder / f"{event}.unit") == "Joules":
            return int(found[1], 16), scale
    return None, 0.0


def _listed(cpus: str) -> list[int]:
    """Return the numbers in a list of the kernel: "0-1,18"."""
    ranges = [[int(end) for end in part.split("-")] for part in cpus.split(",")]
    return [cpu for ends in ranges for cpu in range(ends[0], min(ends[-1], ends[0] + 4096) + 1)]


def _text(file: Path) -> str:
    with suppress(OSError):
        return file.read_text(encoding="utf-8", errors="replace").strip()[:200]
    return ""
