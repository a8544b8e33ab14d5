"""Tests of CPU load and memory, on real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from greenreport.meters.utilisation import Utilisation
from greenreport.study import meter_use

pytestmark = pytest.mark.alone

#: Spends CPU time in children of its own, one after another, each gone before anybody looks; then waits.
PARENT = """
import os, subprocess, sys
burn = "import time\\nend = time.process_time() + 0.15\\nwhile time.process_time() < end: pass"
for _ in range(3):
    subprocess.run([sys.executable, "-S", "-c", burn])
print("done", flush=True)
input()
"""
HOLD = """
import os
held = bytearray(os.urandom(1) * 60_000_000)
print("done", flush=True)
input()
"""


@contextmanager
def running(script: str) -> Iterator[subprocess.Popen[str]]:
    """Run a script that prints a line and then waits."""
    process = subprocess.Popen([sys.executable, "-S", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        yield process
        process.kill()


def watching(pid: int) -> tuple[Utilisation, dict[str, int]]:
    """Return a meter that watches a process, and the positions of its channels."""
    meter = Utilisation(meter_use(name="utilisation"))
    positions = {f"{c.domain} {c.quantity}": position for position, c in enumerate(meter.open())}
    meter.watch((pid,))
    return meter, positions


def test_before_a_server_there_is_only_the_machine() -> None:
    """Without a process to watch, the server's channels have no value, never 0."""
    meter = Utilisation(meter_use(name="utilisation"))
    named = {f"{c.domain} {c.quantity}": value for c, value in zip(meter.open(), meter.read(), strict=True)}
    assert named["machine cpu_time"] > 0  # type: ignore[operator]
    assert 0 < named["machine memory"] < psutil.virtual_memory().total  # type: ignore[operator]
    assert [named[f"server {quantity}"] for quantity in ("cpu_time", "rss", "pss")] == [None] * 3


def test_children_that_come_and_go_are_counted() -> None:
    """The CPU time of children that lived between two looks is in the server's, and the sum never falls."""
    with running(PARENT) as process:
        meter, at = watching(process.pid)
        first = meter.read()[at["server cpu_time"]]
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        last = meter.read()[at["server cpu_time"]]
    assert first is not None
    assert last is not None
    assert last - first >= 3 * 0.15 - 0.03


def test_memory_of_the_tree() -> None:
    """RSS and PSS of the watched process are those of what it holds."""
    with running(HOLD) as process:
        assert process.stdout is not None
        process.stdout.readline()
        meter, at = watching(process.pid)
        values = meter.read()
        for quantity in ("rss", "pss"):
            assert 60e6 < values[at[f"server {quantity}"]] < 120e6  # type: ignore[operator]
        assert meter.read()[at["server pss"]] is None  # costly: once a second


def test_a_process_that_ends_is_a_gap() -> None:
    """From the end of the process on there is no value, also while nobody has waited for it."""
    with running("print(flush=True); input()") as process:
        meter, at = watching(process.pid)
        assert meter.read()[at["server rss"]] is not None
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the process table
        assert meter.read()[at["server rss"]] is None
        process.wait()
        assert meter.read()[at["server cpu_time"]] is None


def test_a_number_that_is_given_again_is_another_process() -> None:
    """A new process with the number of the watched one is not the server."""
    last = Path("/proc/sys/kernel/ns_last_pid")
    if not os.access(last, os.W_OK):
        pytest.skip("this user cannot choose the number of a new process")
    with running("print(flush=True); input()") as process:
        meter, at = watching(process.pid)
        time.sleep(0.05)  # the kernel tells processes of one number apart by when they started, to 0.01 s
        process.kill()
        process.wait()
        for _ in range(50):
            last.write_text(str(process.pid - 1))
            with running("print(flush=True); input()") as other:
                if other.pid == process.pid:
                    meter.slow_due = 0.0
                    assert meter.read()[at["server rss"]] is None
                    return
    pytest.skip("the number was always taken by somebody else")


def test_cpu_time_that_left_the_tree_is_kept() -> None:
    """A sum that is lower twice in a row lost a process; once only means a look at the wrong moment."""
    meter = Utilisation(meter_use(name="utilisation"))
    assert [meter._never_falling(value) for value in (5.0, 8.0, 7.0, 8.5)] == [5.0, 8.0, 8.0, 8.5]
    assert [meter._never_falling(value) for value in (6.0, 6.0, 6.5)] == [8.5, 8.5, 9.0]


def test_slow_sensors_are_read_once_a_second() -> None:
    """Clock and temperatures, where the machine has them, come with the first read and then once a second."""
    meter = Utilisation(meter_use(name="utilisation"))
    channels = meter.open()
    slow = [position for position, c in enumerate(channels) if c.quantity in ("clock", "temperature")]
    first, second = meter.read(), meter.read()
    assert all(first[position] is not None for position in slow)
    assert all(second[position] is None for position in slow)
    assert all(1e8 < first[p] < 1e10 for p in slow if channels[p].quantity == "clock")  # type: ignore[operator]


def test_temperatures_of_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages are told from cores, on Intel and AMD; other sensors are not the CPU's."""
    shwtemp = namedtuple("shwtemp", "label current high critical")
    sensors = {
        "coretemp": [
            shwtemp("Package id 0", 51.0, 90, 100),
            shwtemp("Core 0", 60.0, 90, 100),
            shwtemp("Package id 1", 52.0, 90, 100),
        ],
        "nvme": [shwtemp("Composite", 30.0, 80, 90)],
    }
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: sensors, raising=False)
    meter = Utilisation(meter_use(name="utilisation"))
    found = [(c.domain, value) for c, value in zip(meter.open(), meter.read(), strict=True) if c.quantity == "temperature"]
    assert found == [("package-0", 51.0), ("package-1", 52.0)]
    sensors.clear()
    sensors["k10temp"] = [shwtemp("Tctl", 61.0, None, None), shwtemp("Tccd1", 55.0, None, None)]
    meter = Utilisation(meter_use(name="utilisation"))
    found = [(c.domain, value) for c, value in zip(meter.open(), meter.read(), strict=True) if c.quantity == "temperature"]
    assert found == [("package-0", 61.0)]
