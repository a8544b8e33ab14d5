"""Fixtures of the meter tests: a fake powercap tree, fake GPUs, and the real sampling process."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from greenreport.meters.rapl import ROOT_VARIABLE
from greenreport.meters.sampler import Opened, Recorded, Stop, sampler_main
from greenreport.study import meter_use
from tests.fake_nvml import NO_COMPILER, compiler, environment, write_control

WAIT_S = 60


class Powercap:
    """A folder like /sys/class/powercap."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def zone(self, folder: str, name: str, energy_j: float = 1000.0, wrap_j: float = 262_143.32885) -> Path:
        """Add a zone and return its folder."""
        path = self.root / folder
        path.mkdir(parents=True)
        (path / "name").write_text(f"{name}\n")
        (path / "max_energy_range_uj").write_text(f"{round(wrap_j * 1e6)}\n")
        self.set(folder, energy_j)
        return path

    def set(self, folder: str, energy_j: float) -> None:
        """Set the counter of a zone, in place, as the kernel does."""
        with (self.root / folder / "energy_uj").open("w") as file:
            file.write(f"{round(energy_j * 1e6)}\n")


@pytest.fixture
def powercap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Powercap:
    """Return an empty powercap folder that the RAPL meter reads instead of the real one."""
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "powercap"))
    (tmp_path / "powercap").mkdir()
    return Powercap(tmp_path / "powercap")


class FakeGpus:
    """Programs that see fake GPUs; `set` changes these while a program runs."""

    def __init__(self, folder: Path) -> None:
        self.control = folder / "gpus"
        self.environment = environment(self.control)

    def set(self, **settings: object) -> None:
        """Describe the GPUs, see fake_nvml.c."""
        write_control(self.control, **settings)

    def start(self, script: str, **variables: str) -> subprocess.Popen[str]:
        """Start a Python script that sees the GPUs."""
        return subprocess.Popen(
            [sys.executable, "-c", script],
            env={**self.environment, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, **variables: str) -> Any:
        """Run a Python script that sees the GPUs; return what it prints, as JSON."""
        with self.start(script, **variables) as process:
            output, _ = process.communicate(timeout=WAIT_S)
        assert process.returncode == 0
        return json.loads(output)


@pytest.fixture
def gpus(tmp_path: Path) -> FakeGpus:
    """Return one fake GPU."""
    if compiler() is None:
        pytest.skip(NO_COMPILER)
    made = FakeGpus(tmp_path)
    made.set(gpus=1)
    return made


class Sampling:
    """The real sampling process, seen from its parent."""

    def __init__(self, connection: Connection, process: multiprocessing.process.BaseProcess) -> None:
        self.connection = connection
        self.process = process
        self.opened = self.receive(Opened)

    def send(self, message: object) -> None:
        """Send a message."""
        self.connection.send(message)

    def receive(self, kind: type) -> Any:
        """Return the next message, which must be of this kind."""
        assert self.connection.poll(WAIT_S), f"no {kind.__name__} from the sampling process"
        message = self.connection.recv()
        assert isinstance(message, kind)
        return message

    def stop(self) -> Recorded:
        """End the process and return what it recorded."""
        self.send(Stop())
        recorded: Recorded = self.receive(Recorded)
        self.process.join(WAIT_S)
        assert self.process.exitcode == 0
        return recorded


@pytest.fixture
def sampling() -> Callable[..., Any]:
    """Return a context manager that runs the sampling process with some meters: ``sampling({"name": "rapl"})``."""

    @contextmanager
    def start(*uses: dict[str, Any], interval_s: float = 0.023) -> Iterator[Sampling]:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=sampler_main, args=(theirs, tuple(meter_use(**use) for use in uses), interval_s))
        process.start()
        theirs.close()
        try:
            yield Sampling(ours, process)
        finally:
            ours.close()
            process.join(WAIT_S)
            process.kill()

    return start
