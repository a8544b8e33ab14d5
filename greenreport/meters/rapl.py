"""RAPL energy counters through Linux powercap (``/sys/class/powercap``), Intel and AMD.

Every package of every socket is read, with its DRAM domain where there is one, and the platform domain (psys) as a quantity of
its own: psys contains the packages and is never added to them; core and uncore are parts of a package and are not read. The
MMIO copy of a package and dies that repeat a package are left out. The counter starts again at ``max_energy_range_uj``; the
trace carries that value and `analysis.metrics` unwraps.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from greenreport.errors import MeterUnavailable
from greenreport.meters.base import Channel, Meter
from greenreport.record import Kind
from greenreport.study import MeterUse

ROOT_VARIABLE = "GREENREPORT_POWERCAP"
ROOT = "/sys/class/powercap"
REMEDY_READ = (
    "Counters are root-only since PLATYPUS. For this boot: `sudo chmod -R a+r /sys/class/powercap/intel-rapl`. For good: "
    '`echo \'SUBSYSTEM=="powercap", ACTION=="add", RUN+="/bin/chmod a+r /sys%p/energy_uj"\' | '
    "sudo tee /etc/udev/rules.d/70-rapl.rules` and reboot"
)
REMEDY_ABSENT = (
    "On a physical machine: `sudo modprobe intel_rapl_msr` (Linux ≥ 5.13 for AMD). In a container, mount "
    "/sys/class/powercap and /sys/devices/virtual/powercap read-only; most virtual machines hide RAPL for good"
)


class Rapl(Meter):
    """Reads ``energy_uj`` of each domain."""

    def __init__(self, use: MeterUse) -> None:
        super().__init__(use)
        self.files: list[int] = []

    def open(self) -> tuple[Channel, ...]:
        root = Path(os.environ.get(ROOT_VARIABLE, ROOT))
        zones = find_zones(root)
        if not any(domain.startswith("package") for domain in zones):
            raise MeterUnavailable(f"this machine shows no RAPL package in {root}", REMEDY_ABSENT)
        channels = []
        try:
            for domain, zone in zones.items():
                wrap = int((zone / "max_energy_range_uj").read_text()) / 1e6
                self.files.append(os.open(zone / "energy_uj", os.O_RDONLY))
                channels.append(Channel(domain, "energy", Kind.COUNTER, "J", wrap_at=wrap))
        except PermissionError:
            self.close()
            raise MeterUnavailable("RAPL counters are readable by root only", REMEDY_READ) from None
        except (OSError, ValueError) as error:
            self.close()
            raise MeterUnavailable(f"RAPL counters cannot be read: {error}", REMEDY_ABSENT) from None
        if all(value is None for value in self.read()):
            self.close()
            raise MeterUnavailable("no RAPL counter can be read", REMEDY_READ)
        return tuple(channels)

    def read(self) -> Sequence[float | None]:
        return [_microjoules(file) for file in self.files]

    def close(self) -> None:
        for file in self.files:
            os.close(file)
        self.files = []


def _microjoules(file: int) -> float | None:
    try:
        return int(os.pread(file, 32, 0)) / 1e6
    except (OSError, ValueError):
        return None


def find_zones(root: Path) -> dict[str, Path]:
    """Return the powercap folder of each domain (``package-0``, ``dram-0``, ``platform``), without duplicates."""
    zones: dict[str, Path] = {}
    folders = sorted((folder for folder in _folders(root) if (folder / "energy_uj").exists()), key=_rank)
    for folder in folders:
        domain = _domain(folder)
        if domain is not None:
            zones.setdefault(domain, folder)
    whole = {domain for domain in zones if re.fullmatch(r"package-\d+", domain)}
    return {d: z for d, z in zones.items() if "-die-" not in d or d.split("-die-")[0] not in whole}


def _folders(root: Path) -> list[Path]:
    try:
        return [*root.glob("intel-rapl*:*"), *root.glob("intel-rapl*/intel-rapl*:*"), *root.glob("amd-rapl*:*")]
    except OSError:
        return []


def _rank(folder: Path) -> tuple[bool, str]:
    """The MSR interface comes before its MMIO copy."""
    return ("mmio" in folder.name, folder.name)


def _domain(folder: Path) -> str | None:
    try:
        name = (folder / "name").read_text().strip()
    except OSError:
        return None
    if name.startswith("package"):
        return name
    if name == "psys":
        return "platform"
    if name == "dram":
        parent = re.match(r"(.*:\d+):\d+$", folder.name)
        package = _domain(folder.with_name(parent[1])) if parent else None
        return "dram" if package is None else package.replace("package", "dram", 1)
    return None
