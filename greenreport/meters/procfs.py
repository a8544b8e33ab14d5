"""Files of /proc that stay open between reads.

At ten reads a second it is opening files, not reading them, that costs: a read here takes a quarter of what it takes through a
library that opens the file each time, and the process that is measured shares the machine with this one. A file of a process is
bound to that process: once it ends, a read fails, also when its number is given to another.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")
PAGE_B = os.sysconf("SC_PAGE_SIZE")
#: Columns of the first line of /proc/stat in which a CPU is busy: user, nice, system, irq, softirq, steal (guest is in user).
BUSY = (1, 2, 3, 6, 7, 8)


class ProcFile:
    """A small file that is read again and again."""

    def __init__(self, path: str, size: int) -> None:
        self.size = size
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self) -> bytes:
        """Return the content now.

        Raises:
            OSError: the process it belongs to has ended.
        """
        return os.pread(self.descriptor, self.size, 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)


class Machine:
    """CPU time and memory of the whole machine."""

    def __init__(self) -> None:
        self.stat = ProcFile("/proc/stat", 256)
        self.meminfo = ProcFile("/proc/meminfo", 256)

    def busy_s(self) -> float:
        """Return the seconds all CPUs together have been busy since boot."""
        fields = self.stat.read().split(b"\n", 1)[0].split()
        return sum(int(fields[column]) for column in BUSY) * TICK_S

    def used_b(self) -> float:
        """Return the memory in use in bytes: what is installed without what is available to programs."""
        lines = dict(line.split(b":", 1) for line in self.meminfo.read().split(b"\n") if b":" in line)
        total, available = (int(lines[name].split()[0]) for name in (b"MemTotal", b"MemAvailable"))
        return float(total - available) * 1024

    def close(self) -> None:
        """Close the files."""
        self.stat.close()
        self.meminfo.close()


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process has used.

    Attributes:
        cpu_s: its CPU time, with that of the children it has waited for.
        alive: False for a process that has ended and that nobody has waited for yet.
    """

    cpu_s: float
    rss_b: int
    alive: bool


class Process:
    """One process, told from a later one with the same number.

    Raises:
        OSError: there is no such process.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.stat = ProcFile(f"/proc/{pid}/stat", 1024)

    def spent(self) -> Spent:
        """Return what the process has used by now.

        Raises:
            OSError: it has ended.
        """
        fields = self.stat.read().rpartition(b")")[2].split()  # its name may hold spaces and brackets
        cpu_s = sum(int(fields[column]) for column in (11, 12, 13, 14)) * TICK_S
        return Spent(cpu_s, int(fields[21]) * PAGE_B, fields[0] != b"Z")

    def pss_b(self) -> int | None:
        """Return its memory with shared pages divided among their users, in bytes; None where that may not be read."""
        with suppress(OSError):
            for line in Path(f"/proc/{self.pid}/smaps_rollup").read_bytes().split(b"\n"):
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
        return None

    def close(self) -> None:
        """Close the file."""
        self.stat.close()


def children(pid: int) -> Iterator[int]:
    """Return the numbers of all descendants of a process."""
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_bytes().split():
                yield int(child)
                yield from children(int(child))
