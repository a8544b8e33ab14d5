"""RAPL energy counters through Linux powercap (``/sys/class/powercap``), Intel and AMD; docs/instruments.md describes the domains.

The platform domain (psys) contains the packages and is never added to them; core and uncore are parts of a package and are not
read. Copies are left out: that of a package over MMIO, and dies that repeat their package or each other (on Zen 1 and 2 every die
shows the counter of the whole socket [codecarbon#1274]). Counters wrap at ``max_energy_range_uj``, which the trace carries.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from greenreport.errors import MeterUnavailable
from greenreport.meters.base import SPREAD, Channel, Meter
from greenreport.record import Domain, Quantity, TraceKind
from greenreport.study import MeterUse

ROOT_VARIABLE = "GREENREPORT_POWERCAP"
ROOT = "/sys/class/powercap"
REMEDY_READ = (
    "Counters are root-only since PLATYPUS. For this boot: `sudo chmod a+r /sys/class/powercap/*/energy_uj`. For good: "
    '`echo \'SUBSYSTEM=="powercap", ACTION=="add", RUN+="/bin/chmod a+r /sys%p/energy_uj"\' | '
    "sudo tee /etc/udev/rules.d/70-rapl.rules` and reboot"
)
REMEDY_ABSENT = (
    "On a physical machine: `sudo modprobe intel_rapl_msr` (Linux ≥ 5.13 for AMD). In a container, mount "
    "/sys/class/powercap and /sys/devices/virtual/powercap read-only; most virtual machines hide RAPL for good"
)
#: More than any CPU package draws; between two reads a counter advances by less than half its range at that power.
HIGHEST_W = 1_000.0
#: Counters of one socket are read within microseconds: copies differ by millijoules, independent counters by kilojoules.
SAME_J = 1.0


class Rapl(Meter):
    """Reads ``energy_uj`` of each domain."""

    def __init__(self, use: MeterUse) -> None:
        super().__init__(use)
        self.files: dict[str, int] = {}  # domain → descriptor
        self.shortest_wrap_j = float("inf")

    def open(self) -> tuple[Channel, ...]:
        root = Path(os.environ.get(ROOT_VARIABLE, ROOT))
        zones = find_zones(root)
        if not any(domain.startswith("package") for domain in zones):
            raise MeterUnavailable(f"this machine shows no RAPL package in {root}", REMEDY_ABSENT)
        channels = [channel for domain, copies in zones.items() if (channel := self._open(domain, copies)) is not None]
        for domain, value in zip(self.files, self.read(), strict=True):
            if value is None and domain.startswith("package"):
                self.close()
                raise MeterUnavailable(f"the RAPL counter of {domain} cannot be read", REMEDY_ABSENT)
        return tuple(channels)

    def _open(self, domain: str, copies: Sequence[Path]) -> Channel | None:
        """Open the first readable copy; a package that cannot be read ends the meter, so that no boundary shrinks unseen."""
        obstacle: OSError | None = None
        for zone in copies:
            try:
                self.files[domain] = os.open(zone / "energy_uj", os.O_RDONLY)
            except OSError as error:
                obstacle = error
                continue
            return Channel(domain, Quantity.ENERGY, TraceKind.COUNTER, "J", wrap_at=self._wrap_j(domain, zone))
        remedy = REMEDY_READ if isinstance(obstacle, PermissionError) else REMEDY_ABSENT
        if domain.startswith("package"):
            self.close()
            if isinstance(obstacle, PermissionError):
                raise MeterUnavailable("RAPL counters are readable by root only", remedy)
            raise MeterUnavailable(f"the RAPL counter of {domain} cannot be opened ({_reason(obstacle)})", remedy)
        self.note(f"the RAPL counter of {domain} cannot be opened ({_reason(obstacle)}), so it is not read", remedy)
        return None

    def _wrap_j(self, domain: str, zone: Path) -> float | None:
        try:
            wrap = int((zone / "max_energy_range_uj").read_text()) / 1e6
        except (OSError, ValueError):
            wrap = 0.0
        if wrap <= 0:
            self.note(f"max_energy_range_uj of {domain} cannot be read, so a run in which the counter wraps has no energy")
            return None
        self.shortest_wrap_j = min(self.shortest_wrap_j, wrap)
        return wrap

    def interval_s(self, default_s: float) -> float:
        wanted, longest = super().interval_s(default_s), self.shortest_wrap_j / HIGHEST_W / (2 * SPREAD[1])
        if wanted <= longest:
            return wanted
        wrap = f"a counter wraps at {self.shortest_wrap_j:.0f} J"
        self.note(f"sampled every {longest:.3g} s instead of {wanted:.3g} s, because {wrap}")
        return longest

    def read(self) -> Sequence[float | None]:
        return [self._joules(domain, file) for domain, file in self.files.items()]

    def _joules(self, domain: str, file: int) -> float | None:
        try:
            return int(os.pread(file, 32, 0)) / 1e6
        except (OSError, ValueError):
            self.note(f"the RAPL counter of {domain} could not be read at times")
            return None

    def close(self) -> None:
        for file in self.files.values():
            os.close(file)
        self.files = {}


def _reason(error: OSError | None) -> str:
    return "no file" if error is None or error.strerror is None else error.strerror.lower()


def find_zones(root: Path) -> dict[str, tuple[Path, ...]]:
    """Return the powercap folders of each domain (``package-0``, ``dram-0``, ``platform``): MSR first, then copies of it."""
    zones: dict[str, list[Path]] = {}
    unique: dict[str, Path] = {}
    with suppress(OSError):  # a folder that may not be entered
        folders = [*root.glob("intel-rapl*:*"), *root.glob("intel-rapl*/intel-rapl*:*"), *root.glob("amd-rapl*:*")]
        unique = {folder.name: folder for folder in folders if (folder / "energy_uj").exists()}
    for _, folder in sorted(unique.items(), key=lambda item: ("mmio" in item[0], item[0])):
        if (domain := _domain(folder)) is not None:
            zones.setdefault(domain, []).append(folder)
    return {domain: tuple(zones[domain]) for domain in sorted(set(zones) - _repeated(zones))}


def _domain(folder: Path) -> str | None:
    try:
        name = (folder / "name").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None
    if re.fullmatch(r"package-\d+(-die-\d+)?", name):
        return name
    if name == "psys":
        return Domain.PLATFORM
    if name == "dram":
        parent = re.match(r"(.*:\d+):\d+$", folder.name)
        package = _domain(folder.with_name(parent[1])) if parent else None
        return "dram" if package is None else package.replace("package", "dram", 1)
    return None


def _repeated(zones: dict[str, list[Path]]) -> set[str]:
    """Return the dies whose package is there as a whole, and those that show the counter of another die of their package."""
    dies = sorted(domain for domain in zones if domain.startswith("package") and "-die-" in domain)
    parts = {die for die in dies if _package(die) in zones}
    alone = [die for die in dies if die not in parts]
    shown = _energies({die: zones[die][0] for die in alone})
    mirrored = {
        die
        for index, die in enumerate(alone)
        for other in alone[:index]
        if _package(other) == _package(die) and _same(shown[die], shown[other])
    }
    drams = {die.replace("package", "dram", 1) for die in parts if _package(die).replace("package", "dram", 1) in zones}
    return parts | mirrored | drams


def _package(die: str) -> str:
    return die.split("-die-")[0]


def _energies(folders: dict[str, Path]) -> dict[str, list[float]]:
    """Return two readings of each counter in J, all counters at once, 20 ms apart; fewer where one cannot be read."""
    readings: dict[str, list[float]] = {domain: [] for domain in folders}
    for pause in (0.02, 0.0) if len(folders) > 1 else ():
        for domain, folder in folders.items():
            with suppress(OSError, ValueError):
                readings[domain].append(int((folder / "energy_uj").read_text()) / 1e6)
        time.sleep(pause)
    return readings


def _same(one: Sequence[float], other: Sequence[float]) -> bool:
    return len(one) == len(other) == 2 and all(a > 0 and abs(a - b) < SAME_J for a, b in zip(one, other, strict=True))
