"""CPU load and memory of the machine and of the serving process tree.

CPU time is recorded as a counter in seconds, so the mean load of any window is exact whatever the sampling interval. Memory is
a momentary value in bytes. PSS (memory with shared pages divided among their users) is costly to read, so it is read once a
second.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

import psutil

from greenreport.meters.base import Channel, Meter
from greenreport.record import Kind
from greenreport.study import MeterUse

SLOW_READ_S = 1.0


class Utilisation(Meter):
    """Reads /proc through psutil."""

    def __init__(self, use: MeterUse) -> None:
        super().__init__(use)
        self.roots: tuple[psutil.Process, ...] = ()
        self.tree: list[psutil.Process] = []
        self.slow_due = 0.0
        self.ended_cpu_s = 0.0
        self.last_cpu_s: dict[int, float] = {}

    def open(self) -> tuple[Channel, ...]:
        return (
            Channel("machine", "cpu_time", Kind.COUNTER, "s"),
            Channel("machine", "memory", Kind.GAUGE, "B"),
            Channel("server", "cpu_time", Kind.COUNTER, "s"),
            Channel("server", "rss", Kind.GAUGE, "B"),
            Channel("server", "pss", Kind.GAUGE, "B"),
        )

    def watch(self, pids: tuple[int, ...]) -> None:
        found = []
        for pid in pids:
            with contextlib.suppress(psutil.Error):
                found.append(psutil.Process(pid))
        self.roots = tuple(found)
        self.tree = list(found)
        self.slow_due = 0.0

    def read(self) -> Sequence[float | None]:
        memory = psutil.virtual_memory()
        machine = [machine_busy_s(), float(memory.total - memory.available)]
        if not self.roots:
            return [*machine, None, None, None]
        now = time.monotonic()
        slow = now >= self.slow_due
        if slow:
            self.slow_due = now + SLOW_READ_S
            self._find_children()
        return [*machine, *self._server(slow)]

    def _find_children(self) -> None:
        tree = {process.pid: process for process in self.roots}
        for root in self.roots:
            with contextlib.suppress(psutil.Error):
                tree.update({child.pid: child for child in root.children(recursive=True)})
        self.tree = list(tree.values())

    def _server(self, slow: bool) -> list[float | None]:
        """Return CPU time, RSS and PSS of the process tree; the time of children that ended stays counted."""
        rss, pss, alive = 0, 0, False
        current: dict[int, float] = {}
        for process in self.tree:
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    rss += process.memory_info().rss
                    pss += process.memory_full_info().pss if slow else 0
                current[process.pid] = times.user + times.system
                alive = True
            except psutil.Error:
                continue
        self.ended_cpu_s += sum(spent for pid, spent in self.last_cpu_s.items() if pid not in current)
        self.last_cpu_s = current
        if not alive:
            return [None, None, None]
        return [self.ended_cpu_s + sum(current.values()), float(rss), float(pss) if slow else None]


def machine_busy_s() -> float:
    """Return the seconds all CPUs together have been busy since boot (guest time is part of user time)."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)
