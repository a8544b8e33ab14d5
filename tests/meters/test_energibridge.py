"""Tests of the EnergiBridge meter with a program that behaves like the real one."""

from __future__ import annotations

import os
import signal
import sys
import time
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from greenreport.errors import MeterUnavailable
from greenreport.meters import energibridge
from greenreport.meters.base import Channel, Sample
from greenreport.meters.energibridge import REMEDY_INSTALL, REMEDY_REGISTERS, Counters, EnergiBridge, columns_of
from greenreport.record import Method, Trace, TraceKind
from greenreport.study import meter_use
from greenreport.traces import energy

#: Like the real program: starts the command, and writes each row one interval after it was collected, the last one at the end.
PROGRAM = """#!{python} -S
import argparse, os, subprocess, sys, time
parser = argparse.ArgumentParser()
for option in ("--interval", "--output", "--command-output"):
    parser.add_argument(option)
parser.add_argument("command", nargs=argparse.REMAINDER)
args = parser.parse_args()
POWER, START_J, UNIT, BITS, CRASH_S, LIMIT_S = {settings}
open({pids!r}, "w").write(str(os.getpid()))
if CRASH_S == 0:
    sys.exit("called `Result::unwrap()` on an `Err` value: Os {{ code: 13, kind: PermissionDenied }}")
begun = time.time()

def collect():
    now = int(time.time() * 1e3)
    units = round((START_J + POWER * (now / 1e3 - begun)) / UNIT)
    return now, "%d,%s,25,75,%r,%d,%d" % (now, "12.5", (units % 2**BITS) * UNIT, 64 * 10**9, 4 * 10**9)

output = open(args.output, "w", buffering=1)
output.write("Delta,Time,CORE0_FREQ (MHZ),CPU_USAGE_0,CPU_USAGE_1,{energy} (J),TOTAL_MEMORY,USED_MEMORY\\n")
child = subprocess.Popen(args.command, stdout=subprocess.DEVNULL)
row, code = collect(), None
while code is None:
    if LIMIT_S and time.time() - begun > LIMIT_S:
        child.kill()
        code = 0
        break
    if CRASH_S and time.time() - begun > CRASH_S:
        output.write("7,17164")
        os._exit(101)
    output.write("7," + row[1] + "\\n")
    row, code = collect(), child.poll()
    if code is None:
        time.sleep(int(args.interval) / 1e3)
output.write("7," + row[1] + "\\n")
sys.exit(code)
"""


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that writes the program and returns the use of it."""

    def write(
        power: float = 40,
        start_j: float = 1000,
        unit: float = 2**-16,
        bits: int = 32,
        column: str = "CPU_ENERGY",
        crash_s: float | None = None,
        limit_s: float | None = None,
    ) -> dict[str, Any]:
        file = tmp_path / "energibridge"
        settings = (power, start_j, unit, bits, crash_s, limit_s)
        pids = str(tmp_path / "pid")
        file.write_text(PROGRAM.format(python=sys.executable, settings=settings, pids=pids, energy=column))
        file.chmod(0o755)
        return {"name": "energibridge", "path": str(file), "interval_ms": 20}

    return write


Program = Callable[..., dict[str, Any]]


def run(use: dict[str, Any], seconds: float = 1.0) -> tuple[EnergiBridge, Trace]:
    """Let the meter record for a while; return it closed, with the trace of its energy."""
    meter = EnergiBridge(meter_use(**use))
    channels = meter.open()
    samples: list[Sample] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.1)
        samples += meter.sample()
    samples += meter.finish()
    meter.close()
    return meter, traced(meter.final(channels), samples)


def traced(channels: Sequence[Channel], samples: Sequence[Sample]) -> Trace:
    """Return the trace of the energy channel."""
    (index,) = [i for i, c in enumerate(channels) if c.quantity == "energy"]
    return Trace(
        "energibridge", channels[index].domain, "energy", TraceKind.COUNTER, "J", Method.MEASURED,
        array("q", [s.t_ns for s in samples if s.channel == index]),
        array("d", [s.value for s in samples if s.channel == index]),
        channels[index].wrap_at,
    )  # fmt: skip


def power_w(trace: Trace) -> float | None:
    """Return the mean power between the first and the last sample."""
    joules = energy(trace, trace.t_ns[0], trace.t_ns[-1])
    return None if joules is None else joules / ((trace.t_ns[-1] - trace.t_ns[0]) / 1e9)


@pytest.mark.parametrize(
    ("settings", "wrap_at"),
    [
        ({}, 65_536),  # AMD: 2⁻¹⁶ J
        ({"start_j": 65_530}, 65_536),  # … and a wrap during the run
        ({"start_j": 262_130, "unit": 2**-14, "column": "PACKAGE_ENERGY"}, 262_144),  # Intel: 2⁻¹⁴ J, with a wrap
        ({"start_j": 313_240, "bits": 64}, None),  # AMD before the counter was masked, as in the seed study's file
    ],
)
def test_energy_is_that_of_the_registers(program: Program, settings: dict[str, Any], wrap_at: float | None) -> None:
    """Energy is exact with and without a wrap, whose place follows from the unit of the values."""
    begun = time.monotonic_ns()
    meter, trace = run(program(power=40, **settings))
    assert power_w(trace) == pytest.approx(40, rel=0.01)
    assert trace.wrap_at == wrap_at
    assert trace.domain.startswith("package-")
    assert begun < trace.t_ns[0] < trace.t_ns[-1] < time.monotonic_ns()
    assert not meter.notes()
    assert meter.process is not None
    assert meter.process.returncode == 0


def test_it_records_beside_the_other_meters(program: Program, sampling: Callable[..., Any]) -> None:
    """Its samples come with their own times, the last one after the last phase; its program ends with the run."""
    with sampling(program(), {"name": "estimate"}) as sampler:
        time.sleep(0.5)
        before = time.monotonic_ns()
        recorded = sampler.stop()
    found = {(t.meter, t.quantity): t for t in recorded.traces}
    assert {("energibridge", "energy"), ("energibridge", "load"), ("energibridge", "memory"), ("estimate", "energy")} == set(
        found
    )
    assert found["energibridge", "energy"].t_ns[-1] >= before
    assert set(found["energibridge", "load"].value) == {50.0}
    assert set(found["energibridge", "memory"].value) == {4e9}
    assert recorded.events == ()


def test_it_ends_with_the_sampler(program: Program, sampling: Callable[..., Any], tmp_path: Path) -> None:
    """However the sampling process ends, the program does not stay behind."""
    with sampling(program()) as sampler:
        pid = int((tmp_path / "pid").read_text())
        os.kill(pid, 0)
        os.kill(sampler.process.pid, signal.SIGKILL)
    while Path(f"/proc/{pid}/stat").exists() and ") Z" not in Path(f"/proc/{pid}/stat").read_text():
        time.sleep(0.01)


@pytest.mark.parametrize(("settings", "code"), [({"crash_s": 0.4}, 101), ({"limit_s": 0.4}, 0)])
def test_a_program_that_ends_early_is_no_success(program: Program, settings: dict[str, Any], code: int) -> None:
    """A crash and a time limit, which exits with 0, are both said; what comes after is not covered."""
    meter, trace = run(program(**settings))
    assert meter.notes()[0][0] == f"EnergiBridge ended by itself during the run, with exit code {code}"
    assert power_w(trace) == pytest.approx(40, rel=0.02)
    assert energy(trace, trace.t_ns[0], time.monotonic_ns()) is None


def test_a_clock_that_is_set_during_the_run(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the moment the wall clock moves against the monotonic one, samples are left out and the reason is said."""
    meter = EnergiBridge(meter_use(**program()))
    meter.open()
    kept: list[Sample] = []
    while not kept:
        time.sleep(0.05)
        kept += meter.sample()
    moved = energibridge.wall_offset_ns() + 3_600_000_000_000
    monkeypatch.setattr(energibridge, "wall_offset_ns", lambda: moved)
    time.sleep(0.2)
    assert not meter.sample()
    assert not meter.finish()
    meter.close()
    assert [cause for cause, _ in meter.notes()] == [
        "the wall clock was set during the run, so the samples of EnergiBridge from then on are left out"
    ]


def test_why_it_cannot_be_used(program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not installed, no such path, no right to read the registers: each with its remedy."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    wrong = {"name": "energibridge", "path": str(tmp_path / "none")}
    for use, cause, remedy in (
        ({"name": "energibridge"}, "the program energibridge is not installed", REMEDY_INSTALL),
        (wrong, "`path` names no program", REMEDY_INSTALL),
        (program(crash_s=0), "EnergiBridge may not read the energy registers of the CPU (/dev/cpu/*/msr)", REMEDY_REGISTERS),
    ):
        with pytest.raises(MeterUnavailable) as caught:
            EnergiBridge(meter_use(**use)).open()
        assert (caught.value.cause, caught.value.remedy) == (cause, remedy)


def test_a_release_that_scales_wrongly_is_not_used(program: Program) -> None:
    """The release that misspells its column also reads the energy unit from the wrong bits."""
    meter = EnergiBridge(meter_use(**program(column="PACAKGE_ENERGY")))
    channels = meter.open()
    meter.close()
    assert "energy" not in {c.quantity for c in channels}
    assert "scales the counters of Intel CPUs wrongly" in meter.notes()[0][0]


def test_columns_of_its_file() -> None:
    """Packages, memory, GPU power in mW and the mean load are read; cores and parts of a package are not."""
    header = "Delta,Time,CORE0_ENERGY (J),CPU_USAGE_0,CPU_USAGE_1,DRAM_ENERGY (J),GPU0_POWER (mWatts),GPU1_POWER,PP0_ENERGY (J)"
    row = ["1", "2", "3", "10", "30", "5", "21000", "42000", "9"]
    found = {f"{c.channel.domain} {c.channel.quantity}": c.value(row) for c in columns_of(header.split(","))}
    assert found == {"dram-0 energy": 5, "gpu-0 power": 21, "gpu-1 power": 42, "machine load": 20}
    assert columns_of(["CPU_USAGE_0"])[0].value(["NaN"]) is None


def test_the_unit_is_believed_only_when_it_was_seen_often() -> None:
    """A few values may all be even by chance; all columns together show the unit."""
    counters = Counters((0, 1))
    for number in range(4):
        counters.see([str(number * 2**-14), str(number * 2**-16)])
    assert counters.wrap_j(0) is None
    for number in range(40):
        counters.see([str(number * 2**-14), str(number * 2**-16)])
    assert counters.wrap_j(0) == counters.wrap_j(1) == 65_536
    counters.see(["70000.5", "1"])
    assert (counters.wrap_j(0), counters.wrap_j(1)) == (None, 65_536)
