"""CPU energy, load and memory as the program EnergiBridge records them; one socket only is read.

The program is started beside the run, around a command that only waits, and its CSV is read while it grows. Only raw columns are
used: the summary omits the GPU and turns a counter wrap into a large negative number [EnergiBridge#17]. A counter has 32 bits of a
unit of 2⁻ⁿ J, but older releases did not mask AMD's wider ones: the unit is learnt from the values, and a counter wraps at 2³² units
unless it was seen above that. Times are wall-clock milliseconds, converted with the offset to CLOCK_MONOTONIC.
"""

from __future__ import annotations

import csv
import math
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import psutil

from greenreport.errors import MeterUnavailable
from greenreport.meters.base import Channel, Meter, Sample
from greenreport.record import Domain, Quantity, TraceKind
from greenreport.study.meter_options import EnergiBridgeUse

REMEDY_INSTALL = (
    "build EnergiBridge (github.com/tdurieux/EnergiBridge, `cargo build -r`) and put `energibridge` on PATH, "
    "or name it in the study: `- energibridge: {path: /opt/energibridge/energibridge}`"
)
REMEDY_REGISTERS = (
    "`sudo modprobe msr; sudo chmod a+r /dev/cpu/*/msr; sudo setcap cap_sys_rawio=ep $(which energibridge)`, after each boot"
)
REMEDY_CLOCK = "stop time synchronisation while measuring: `sudo timedatectl set-ntp false`"
#: The program warns below 200 ms; odd, so that it does not fall into step with periodic work.
INTERVAL_MS = 211
START_S = 5.0
#: Both clocks are slewed together; only a set clock moves one against the other.
STEP_NS = 10_000_000
#: Values that are looked at before a unit is believed: that all of n are even by chance has the probability 2⁻ⁿ.
ENOUGH = 24


@dataclass(frozen=True, slots=True)
class Reading:
    """Columns of the file that make one channel: their mean, times `factor`."""

    channel: Channel
    positions: tuple[int, ...]
    factor: float = 1.0

    def value(self, row: Sequence[str]) -> float | None:
        """Return the value of a row, None when one of the columns has no number."""
        try:
            mean = math.fsum(float(row[position]) for position in self.positions) / len(self.positions)
        except ValueError:
            return None
        return mean * self.factor if math.isfinite(mean) else None


class EnergiBridge(Meter):
    """Runs the program and reads what it writes."""

    use: EnergiBridgeUse

    own_interval_s = 1.009  # of reading the file; the program has its own

    def __init__(self, use: EnergiBridgeUse) -> None:
        super().__init__(use)
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.file: IO[bytes] | None = None
        self.rest = b""
        self.columns: tuple[Reading, ...] = ()
        self.newest: list[float | None] = []
        self.counters = Counters()
        self.offset_ns = 0
        self.last_ns = 0
        self.stepped = False
        self.ending = False

    def open(self) -> tuple[Channel, ...]:
        program = shutil.which(self.use.path or "energibridge")
        if program is None:
            cause = "the program energibridge is not installed" if self.use.path is None else "`path` names no program"
            raise MeterUnavailable(cause, REMEDY_INSTALL)
        self.offset_ns = wall_offset_ns()
        try:
            return self._opened(program)
        except OSError as error:
            self.close()
            raise MeterUnavailable(f"EnergiBridge cannot be started ({error.strerror})", REMEDY_INSTALL) from None
        except MeterUnavailable:
            self.close()
            raise

    def _opened(self, program: str) -> tuple[Channel, ...]:
        self.folder = tempfile.TemporaryDirectory(prefix="greenreport-", ignore_cleanup_errors=True)
        output, errors = Path(self.folder.name) / "samples.csv", Path(self.folder.name) / "errors"
        interval = str(self.use.interval_ms or INTERVAL_MS)
        with errors.open("wb") as log:
            self.process = subprocess.Popen(
                [program, "--interval", interval, "--output", str(output), "--command-output", "/dev/null", "cat"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                process_group=0,
            )
        header = self._header()
        self.columns = columns_of(header)
        self.newest = [None] * len(self.columns)
        self.counters = Counters(tuple(i for i, name in enumerate(header) if name.endswith("_ENERGY (J)")))
        if not self.columns:
            raise MeterUnavailable("the file of EnergiBridge has none of the known columns", REMEDY_INSTALL)
        self._say_boundary(header)
        return tuple(column.channel for column in self.columns)

    def _header(self) -> list[str]:
        """Wait for the first line of the file."""
        assert self.folder is not None
        assert self.process is not None
        output = Path(self.folder.name) / "samples.csv"
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if output.exists() and b"\n" in (content := output.read_bytes()):
                self.file = output.open("rb")
                self.file.seek(content.index(b"\n") + 1)
                return _cells(content.split(b"\n", 1)[0])
            time.sleep(0.01)
        raise MeterUnavailable(*_why_none(self.process.poll(), Path(self.folder.name) / "errors"))

    def _say_boundary(self, header: Sequence[str]) -> None:
        packages = {_package(cpu) for cpu in range(psutil.cpu_count() or 1)}
        if len(packages) > 1 and any(name in ENERGIES for name in header):
            self.note(f"EnergiBridge reads one of {len(packages)} CPU packages", "use the meter rapl, which reads all")
        if "PACAKGE_ENERGY (J)" in header:
            cause = "this release of EnergiBridge scales the counters of Intel CPUs wrongly, so they are not used"
            self.note(cause, "build a newer release, whose column is called `PACKAGE_ENERGY (J)`")

    def interval_s(self, default_s: float) -> float:
        return self.own_interval_s or default_s

    def read(self) -> Sequence[float | None]:
        self.sample()
        return list(self.newest)

    def sample(self, *, edge: bool = False) -> Sequence[Sample]:
        if abs(wall_offset_ns() - self.offset_ns) > STEP_NS and not self.stepped:
            self.stepped = True
            cause = "the wall clock was set during the run, so the samples of EnergiBridge from then on are left out"
            self.note(cause, REMEDY_CLOCK)
        if self.process is not None and self.process.poll() is not None and not self.ending:
            code = self.process.returncode
            cause = f"EnergiBridge ended by itself during the run, with exit code {code}"
            crash = "it crashes when a reading takes longer than its interval: give it a longer `interval_ms`"
            self.note(cause, "remove the time limit of the program" if code == 0 else crash)
        return [sample for row in self._rows() for sample in self._samples(row)]

    def _rows(self) -> list[list[str]]:
        """Return the rows that were completed since the last call."""
        *lines, self.rest = (self.rest + (self.file.read() if self.file is not None else b"")).split(b"\n")
        return [_cells(line) for line in lines]

    def _samples(self, row: Sequence[str]) -> list[Sample]:
        try:
            at = int(row[1]) * 1_000_000 + 500_000 - self.offset_ns  # the middle of the millisecond
            self.newest = [column.value(row) for column in self.columns]
        except (ValueError, IndexError):  # a row cut short by a crash
            return []
        if self.stepped or at <= self.last_ns:
            return []
        self.last_ns = at
        self.counters.see(row)
        return [Sample(index, at, value) for index, value in enumerate(self.newest) if value is not None]

    def finish(self) -> Sequence[Sample]:
        """End the waiting command; the program then writes one more row and ends."""
        samples = list(self.sample())
        self.ending = True
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(START_S / 2)
        return [*samples, *self.sample()]

    def final(self, channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
        # The columns of gauges have no wrap: they are not among the counters.
        wraps = [self.counters.wrap_j(column.positions[0]) for column in self.columns]
        return tuple(replace(channel, wrap_at=wrap) for channel, wrap in zip(channels, wraps, strict=True))

    def close(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.file is not None:
            self.file.close()
        if self.folder is not None:
            self.folder.cleanup()


class Counters:
    """Learns from the values of the energy columns where they wrap.

    Args:
        positions: the energy columns; all of them count in one unit.
    """

    def __init__(self, positions: tuple[int, ...] = ()) -> None:
        self.exponent = 0
        self.seen = 0
        self.highest = dict.fromkeys(positions, 0.0)

    def see(self, row: Sequence[str]) -> None:
        """Look at a row of the file."""
        for position in self.highest:
            with suppress(ValueError, IndexError):
                value = float(row[position])
                self.highest[position] = max(self.highest[position], value)
                self.seen += value > 0
                while self.exponent < 32 and not (value * 2**self.exponent).is_integer():
                    self.exponent += 1

    def wrap_j(self, position: int) -> float | None:
        """Return where a column wraps in J: 2³² units; None when that is not known or the counter is wider."""
        wrap = 2.0 ** (32 - self.exponent)
        believed = self.seen >= ENOUGH and 0 < self.exponent < 32 and position in self.highest
        return wrap if believed and self.highest[position] < wrap else None


#: Energy columns: the CPU that the register was read on, and the domain.
ENERGIES = {"CPU_ENERGY (J)": "package", "PACKAGE_ENERGY (J)": "package", "DRAM_ENERGY (J)": "dram"}


def columns_of(header: Sequence[str]) -> tuple[Reading, ...]:
    """Return what is read of a file with these column names: energy, load, memory, and GPU power where it was recorded."""
    readings = []
    for position, name in enumerate(header):
        if name in ENERGIES:
            cpu = (psutil.cpu_count(logical=False) or 1) - 1 if name.startswith("CPU") else 0
            domain = f"{ENERGIES[name]}-{_package(cpu)}"
            readings.append(Reading(Channel(domain, Quantity.ENERGY, TraceKind.COUNTER, "J"), (position,)))
        elif name.startswith("GPU") and name.split(" ")[0].endswith("_POWER"):
            number = name.removeprefix("GPU").split("_")[0]
            readings.append(Reading(Channel(f"gpu-{number}", Quantity.POWER, TraceKind.GAUGE, "W"), (position,), 1e-3))
        elif name == "USED_MEMORY":
            readings.append(Reading(Channel(Domain.MACHINE, Quantity.MEMORY, TraceKind.GAUGE, "B"), (position,)))
    loads = tuple(position for position, name in enumerate(header) if name.startswith("CPU_USAGE_"))
    if loads:
        readings.append(Reading(Channel(Domain.MACHINE, Quantity.LOAD, TraceKind.GAUGE, "%"), loads))
    return tuple(readings)


def wall_offset_ns() -> int:
    """Return CLOCK_REALTIME − CLOCK_MONOTONIC in ns, from the closest of three pairs of looks."""
    best = (1 << 62, 0)
    for _ in range(3):
        before, wall, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        best = min(best, (after - before, wall - (before + after) // 2))
    return best[1]


def _cells(line: bytes) -> list[str]:
    return next(csv.reader([line.decode("utf-8", "replace").rstrip("\r")]), [])


def _package(cpu: int) -> int:
    try:
        return int(Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/physical_package_id").read_text())
    except (OSError, ValueError):
        return 0


def _why_none(code: int | None, errors: Path) -> tuple[str, str]:
    said = errors.read_text(encoding="utf-8", errors="replace") if errors.exists() else ""
    if any(word in said for word in ("PermissionDenied", "Permission denied", "PermissionError", "NotFound", "/msr")):
        return "EnergiBridge may not read the energy registers of the CPU (/dev/cpu/*/msr)", REMEDY_REGISTERS
    if code is None:
        return f"EnergiBridge wrote no sample within {START_S:g} s", REMEDY_INSTALL
    return f"EnergiBridge ended at once, with exit code {code}", f"try it by hand: `energibridge sleep 1`. {REMEDY_REGISTERS}"
