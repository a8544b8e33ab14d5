"""CPU load, clock, temperature and memory of the machine and of the serving process tree.

CPU time is recorded as a counter in seconds, so the mean load of any window is exact whatever the sampling interval. Memory is
a momentary value in bytes. Clock, temperatures, the list of processes and PSS (memory with shared pages divided among their
users) are costly to read, so they are read once a second.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Sequence

import psutil

from greenreport.meters.base import Channel, Meter
from greenreport.record import Kind
from greenreport.study import MeterUse

SLOW_READ_S = 1.0


class Utilisation(Meter):
    """Reads /proc and /sys through psutil."""

    def __init__(self, use: MeterUse) -> None:
        super().__init__(use)
        self.roots: tuple[psutil.Process, ...] = ()
        self.tree: list[psutil.Process] = []
        self.packages: tuple[str, ...] = ()
        self.has_clock = False
        self.slow_due = 0.0
        self.cpu_s = 0.0
        self.lost_cpu_s = 0.0
        self.dip_s: float | None = None

    def open(self) -> tuple[Channel, ...]:
        self.packages = tuple(package_temperatures())
        self.has_clock = _clock_hz() is not None
        return (
            Channel("machine", "cpu_time", Kind.COUNTER, "s"),
            Channel("machine", "memory", Kind.GAUGE, "B"),
            Channel("server", "cpu_time", Kind.COUNTER, "s"),
            Channel("server", "rss", Kind.GAUGE, "B"),
            Channel("server", "pss", Kind.GAUGE, "B"),
            *((Channel("machine", "clock", Kind.GAUGE, "Hz"),) if self.has_clock else ()),
            *(Channel(package, "temperature", Kind.GAUGE, "°C") for package in self.packages),
        )

    def watch(self, pids: tuple[int, ...]) -> None:
        found = []
        for pid in pids:
            with contextlib.suppress(psutil.Error):
                found.append(psutil.Process(pid))
        self.roots = tuple(found)
        self.tree = list(found)
        self.cpu_s, self.lost_cpu_s, self.dip_s = 0.0, 0.0, None
        self.slow_due = 0.0

    def read(self) -> Sequence[float | None]:
        now = time.monotonic()
        slow = now >= self.slow_due
        if slow:
            self.slow_due = now + SLOW_READ_S
            self._find_children()
        memory = psutil.virtual_memory()
        return [
            machine_busy_s(),
            float(memory.total - memory.available),
            *self._server(slow),
            *self._sensors(slow),
        ]

    def _find_children(self) -> None:
        """List the tree anew; a process that ended stays out even when its number is given to another."""
        tree = {process.pid: process for process in self.roots if process.is_running()}
        for root in self.roots:
            with contextlib.suppress(psutil.Error):
                tree.update({child.pid: child for child in root.children(recursive=True)})
        self.tree = list(tree.values())

    def _server(self, slow: bool) -> list[float | None]:
        """Return CPU time, RSS and PSS of the process tree; None once no process of it is alive.

        The time of a child that ended is counted by the parent that waited for it, so short-lived children are counted too.
        """
        cpu_s, rss = 0.0, 0
        alive: list[psutil.Process] = []
        for process in self.tree:
            with contextlib.suppress(psutil.Error), process.oneshot():
                times = process.cpu_times()
                cpu_s += times.user + times.system + times.children_user + times.children_system
                if process.status() != psutil.STATUS_ZOMBIE:
                    rss += process.memory_info().rss
                    alive.append(process)
        if not alive:
            return [None, None, None]
        return [self._never_falling(cpu_s), float(rss), _pss(alive) if slow else None]

    def _never_falling(self, cpu_s: float) -> float:
        """Keep the time of processes that left the tree uncounted: what is missing twice in a row was lost with one.

        Missing once only means that a child ended between the looks at its parent and at itself.
        """
        total = cpu_s + self.lost_cpu_s
        if total >= self.cpu_s:
            self.cpu_s, self.dip_s = total, None
        elif self.dip_s is None:
            self.dip_s = total
        else:
            self.lost_cpu_s += self.cpu_s - self.dip_s
            self.cpu_s, self.dip_s = max(self.cpu_s, cpu_s + self.lost_cpu_s), None
        return self.cpu_s

    def _sensors(self, slow: bool) -> list[float | None]:
        if not slow:
            return [None] * (int(self.has_clock) + len(self.packages))
        found = package_temperatures() if self.packages else {}
        clock: list[float | None] = [_clock_hz()] if self.has_clock else []
        return clock + [found.get(package) for package in self.packages]


def _pss(processes: Sequence[psutil.Process]) -> float | None:
    """Return the PSS of processes in bytes, None when one may not be read."""
    total = 0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied:
            return None
    return float(total)


def machine_busy_s() -> float:
    """Return the seconds all CPUs together have been busy since boot (guest time is part of user time)."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)


def package_temperatures() -> dict[str, float]:
    """Return the temperature of each CPU package in °C, where the machine shows it: Intel coretemp, AMD k10temp, ARM."""
    found: dict[str, float] = {}
    with contextlib.suppress(OSError, AttributeError):
        sensors = psutil.sensors_temperatures()
        for entry in sensors.get("coretemp", ()):
            package = re.fullmatch(r"Package id (\d+)", entry.label or "")
            if package:
                found[f"package-{package[1]}"] = float(entry.current)
        for number, entry in enumerate(e for e in sensors.get("k10temp", ()) if e.label in ("Tdie", "Tctl")):
            found.setdefault(f"package-{number}", float(entry.current))
        for entry in sensors.get("cpu_thermal", ())[:1]:
            found.setdefault("package-0", float(entry.current))
    return found


def _clock_hz() -> float | None:
    """Return the mean clock of all CPUs in Hz, where the machine shows it."""
    with contextlib.suppress(OSError, AttributeError, NotImplementedError):
        clock = psutil.cpu_freq()
        return float(clock.current) * 1e6 if clock is not None and clock.current > 0 else None
    return None
