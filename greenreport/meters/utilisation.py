"""CPU load, clock, temperature and memory of the machine and of the serving process tree; the sampler's own CPU time.

CPU time is recorded as a counter in seconds, so the mean load of any window is exact whatever the sampling interval. Memory is
a momentary value in bytes. Clock, temperatures, the list of processes and PSS (memory with shared pages divided among their
users) are costly to read, so they are read once a second, and with them by how much somebody moved the wall clock.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import psutil

from greenreport.meters.base import Channel, Meter
from greenreport.meters.procfs import Machine, Process, children
from greenreport.record import Domain, Quantity, TraceKind
from greenreport.study import MeterUse

SLOW_READ_S = 1.0


class Utilisation(Meter):
    """Reads /proc, and sensors through psutil."""

    def __init__(self, use: MeterUse) -> None:
        super().__init__(use)
        self.machine = Machine()
        self.roots: tuple[int, ...] = ()
        self.tree: dict[int, Process] = {}
        self.packages: tuple[str, ...] = ()
        self.has_clock = False
        self.slow_due = 0.0
        self.cpu_s = 0.0
        self.lost_cpu_s = 0.0
        self.dip_s: float | None = None
        self.clock_base_ns: int | None = None

    def open(self) -> tuple[Channel, ...]:
        self.packages = tuple(package_temperatures())
        self.has_clock = _clock_hz() is not None
        return (
            Channel(Domain.MACHINE, Quantity.CPU_TIME, TraceKind.COUNTER, "s"),
            Channel(Domain.MACHINE, Quantity.MEMORY, TraceKind.GAUGE, "B"),
            Channel(Domain.SERVER, Quantity.CPU_TIME, TraceKind.COUNTER, "s"),
            Channel(Domain.SERVER, Quantity.RSS, TraceKind.GAUGE, "B"),
            Channel(Domain.SERVER, Quantity.PSS, TraceKind.GAUGE, "B"),
            Channel(Domain.SAMPLER, Quantity.CPU_TIME, TraceKind.COUNTER, "s"),
            Channel(Domain.MACHINE, Quantity.CLOCK_OFFSET, TraceKind.GAUGE, "s"),
            *((Channel(Domain.MACHINE, Quantity.CLOCK, TraceKind.GAUGE, "Hz"),) if self.has_clock else ()),
            *(Channel(package, Quantity.TEMPERATURE, TraceKind.GAUGE, "°C") for package in self.packages),
        )

    def watch(self, pids: tuple[int, ...]) -> None:
        self._forget(list(self.tree))
        self.roots = pids
        self._follow(pids)
        self.cpu_s, self.lost_cpu_s, self.dip_s = 0.0, 0.0, None
        self.slow_due = 0.0

    def read(self) -> Sequence[float | None]:
        now = time.monotonic()
        slow = now >= self.slow_due
        if slow:
            self.slow_due = now + SLOW_READ_S
            self._follow(pid for root in self.roots if root in self.tree for pid in descendants()(root))
        own_s, offset_s = time.process_time(), self._clock_offset_s() if slow else None
        return [self.machine.busy_s(), self.machine.used_b(), *self._server(slow), own_s, offset_s, *self._sensors(slow)]

    def _clock_offset_s(self) -> float:
        """Return by how many seconds the wall clock has moved against the monotonic clock since the first look."""
        difference_ns = time.time_ns() - time.monotonic_ns()
        if self.clock_base_ns is None:
            self.clock_base_ns = difference_ns
        return (difference_ns - self.clock_base_ns) / 1e9

    def _follow(self, pids: Iterable[int]) -> None:
        """Add processes to the tree. One that was in it stays until it ends, also when its parent goes first."""
        for pid in pids:
            if pid not in self.tree:
                with contextlib.suppress(OSError):
                    self.tree[pid] = Process(pid)

    def _forget(self, pids: Iterable[int]) -> None:
        for pid in pids:
            self.tree.pop(pid).close()

    def _server(self, slow: bool) -> list[float | None]:
        """Return CPU time, RSS and PSS of the process tree; None once no process of it is alive.

        The time of a child that ended is counted by the parent that waited for it, so short-lived children are counted too.
        """
        cpu_s, rss_b = 0.0, 0
        alive, ended = [], []
        for pid, process in self.tree.items():
            try:
                spent = process.spent()
            except OSError:
                ended.append(pid)
                continue
            cpu_s += spent.cpu_s
            if spent.alive:
                rss_b += spent.rss_b
                alive.append(process)
        self._forget(ended)
        if not alive:
            return [None, None, None]
        return [self._never_falling(cpu_s), float(rss_b), _pss_b(alive) if slow else None]

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
        temperatures = package_temperatures() if self.packages else {}
        clock: list[float | None] = [_clock_hz()] if self.has_clock else []
        return clock + [temperatures.get(package) for package in self.packages]

    def close(self) -> None:
        self._forget(list(self.tree))
        self.machine.close()


def descendants() -> Callable[[int], Iterable[int]]:
    """Return what lists the descendants of a process: the kernel's own list, or a walk over all processes without it."""
    return children if Path(f"/proc/self/task/{os.getpid()}/children").exists() else _listed_by_walking


def _listed_by_walking(pid: int) -> list[int]:
    with contextlib.suppress(psutil.Error):
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return []


def _pss_b(processes: Iterable[Process]) -> float | None:
    """Return the PSS of processes in bytes, None when one may not be read."""
    memories = [process.pss_b() for process in processes]
    return None if None in memories else float(sum(filter(None, memories)))


def package_temperatures() -> dict[str, float]:
    """Return the temperature of each CPU package in °C, where the machine shows it: Intel coretemp, AMD k10temp, ARM."""
    temperatures: dict[str, float] = {}
    read = getattr(psutil, "sensors_temperatures", None)  # psutil has it on Linux and FreeBSD only
    if read is None:
        return temperatures
    with contextlib.suppress(OSError):
        sensors = read()
        for entry in sensors.get("coretemp", ()):
            package = re.fullmatch(r"Package id (\d+)", entry.label or "")
            if package:
                temperatures[f"package-{package[1]}"] = float(entry.current)
        for number, entry in enumerate(e for e in sensors.get("k10temp", ()) if e.label in ("Tdie", "Tctl")):
            temperatures.setdefault(f"package-{number}", float(entry.current))
        for entry in sensors.get("cpu_thermal", ())[:1]:
            temperatures.setdefault("package-0", float(entry.current))
    return temperatures


def _clock_hz() -> float | None:
    """Return the mean clock of all CPUs in Hz, where the machine shows it."""
    with contextlib.suppress(OSError, NotImplementedError):  # psutil raises the latter where sysfs shows no clock
        clock = psutil.cpu_freq()
        return float(clock.current) * 1e6 if clock is not None and clock.current > 0 else None
    return None
