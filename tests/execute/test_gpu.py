"""Studies on a machine with GPUs, through the real NVML bindings on a stand-in for NVIDIA's library.

What runs here runs on the CPU beside a GPU that draws a known power; CUDA cells end as recorded outcomes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from greenreport.analysis.measure.metrics import observations
from greenreport.store import Store
from tests import fake_nvml
from tests.conftest import minimal_study
from tests.execute.test_run import serves, started, wait_for

Command = Callable[..., Any]
Write = Callable[..., Path]

pytestmark = pytest.mark.skipif(fake_nvml.compiler() is None, reason=fake_nvml.NO_COMPILER)


def protocol(**changes: Any) -> dict[str, Any]:
    """Return a protocol of one repetition."""
    return minimal_study()["protocol"] | {"repetitions": 1} | changes


def records(tmp_path: Path) -> list[Any]:
    """Return every run of the store."""
    store = Store(tmp_path / "cache" / "greenreport.duckdb")
    return list(store.records([row.run_id for row in store.index()]))


def test_gpu_energy_stands_beside_cpu_energy_and_cuda_cells_say_why_not(
    command: Command, write_study: Write, tmp_path: Path
) -> None:
    """Two GPUs of 100 W and 50 W: their energy over the window, in the boundary; torch for the CPU cannot use them."""
    control = tmp_path / "nvml"
    fake_nvml.write_control(control, gpus=2, name="Fake GPU", power_w_0=100, power_w_1=50)
    workload = minimal_study()["workload"] | {"prompts": {"source": "builtin", "count": 20, "seed": 1}}
    file = write_study(
        configurations=[
            {"engine": "fake", "options": {"token_s": 0.01}},
            {"engine": "torch", "provider": "cuda"},
            {"engine": "torch_compile", "provider": "cuda"},
            {"engine": "torchscript", "provider": "cuda"},
        ],
        workload=workload,
        protocol=protocol(),
        meters=["nvml", "utilisation", {"estimate": "fallback"}],
    )
    result = command("run", str(file), check=1, env=fake_nvml.environment(control))
    assert "1 of 4 runs ok; 3 not run" in result.stdout
    found = {record.engine: record for record in records(tmp_path)}
    for engine in ("torch", "torch_compile", "torchscript"):
        assert found[engine].outcome.value == "not_run"
        assert "is a CPU build; install the CUDA build of torch" in str(found[engine].reason)
    values = {o.metric: o for o in observations(found["fake"])}
    duration = values["duration_s"].value
    assert values["gpu_energy_j"].value == pytest.approx(150 * duration, rel=0.05)
    assert values["energy_j"].boundary == "CPU (power model) + GPU gpu-0 + GPU gpu-1"
    assert values["gpu_usage_pct"].value == pytest.approx(50)
    assert [gpu.name for gpu in found["fake"].environment.gpus] == ["Fake GPU", "Fake GPU"]
    assert "UUID" not in json.dumps([gpu.uuid_sha256 for gpu in found["fake"].environment.gpus])


def test_a_gpu_that_is_lost_in_the_window_invalidates_the_run(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Its counter ends; the run is kept, excluded, and names the meter."""
    control = tmp_path / "nvml"
    fake_nvml.write_control(control, gpus=1, power_w=100)
    workload = minimal_study()["workload"] | {"prompts": {"source": "builtin", "count": 24, "seed": 1}}
    file = write_study(
        configurations=[{"engine": "fake", "options": {"token_s": 0.02}}],
        workload=workload,
        protocol=protocol(),
        meters=["nvml", "utilisation"],
    )

    with started("run", str(file), "--quiet", folder=tmp_path, env=fake_nvml.environment(control)) as process:
        wait_for(lambda: serves(tmp_path))
        time.sleep(1.5)  # past start, idle baseline and warm-up of 0.2 s, into the window of 3.8 s or more
        fake_nvml.write_control(control, gpus=1, power_w=100, lost=1)
        assert process.wait(120) == 1
    [record] = records(tmp_path)
    assert record.outcome.value == "invalid"
    assert "nvml gpu-0" in str(record.reason)
    assert any(item.meter == "nvml" for item in record.missing)


def test_without_a_gpu_cuda_cells_are_unsupported(command: Command, write_study: Write, tmp_path: Path) -> None:
    """The reason points to doctor, and nothing stands in for the GPU."""
    file = write_study(configurations=[{"engine": "torch", "provider": "cuda"}], protocol=protocol())
    command("run", str(file), "--quiet", check=1)
    [record] = records(tmp_path)
    assert record.outcome.value == "unsupported"
    assert "no NVIDIA GPU is visible on this machine" in str(record.reason)
    assert record.requests == ()


def test_another_program_on_the_gpu_excludes_the_run(command: Command, write_study: Write, tmp_path: Path) -> None:
    """It is there before the server starts: invalid with its number and its GPU; a study may admit it, and the run counts."""
    control = tmp_path / "nvml"
    fake_nvml.write_control(control, gpus=2, processes_1="4194305")
    options: dict[str, Any] = {
        "configurations": [{"engine": "fake", "options": {"token_s": 0.01}}],
        "protocol": protocol(cooldown={"until": "elapsed", "max_s": 0.5}),
        "meters": ["nvml", {"estimate": "fallback"}],
    }
    file = write_study(**options)
    command("run", str(file), "--quiet", check=1, env=fake_nvml.environment(control))
    [record] = records(tmp_path)
    assert record.outcome.value == "invalid"
    assert {flag.code for flag in record.flags if flag.fatal} == {"foreign_gpu_process"}
    assert "1 process of another program on gpu-1 before the server started (at most 0)" in str(record.reason)
    assert "while the server was up" in str(record.reason)
    for rules in ({"foreign_gpu_processes": 1}, {"admit": ["foreign_gpu_process"]}):
        admitted = write_study(**options, validity={"foreign_load": 1.0} | rules)
        assert "nothing to do" in command("run", str(admitted), "--recheck", env=fake_nvml.environment(control)).stdout
    fake_nvml.write_control(control, gpus=2)
    command("run", str(file), "--quiet", env=fake_nvml.environment(control))


def test_a_server_that_runs_already_may_be_on_the_gpu(command: Command, write_study: Write, tmp_path: Path) -> None:
    """A process on the GPU before the run begins may be the server itself: with three lines in the study, the run counts."""
    control = tmp_path / "nvml"
    line = [sys.executable, str(Path(__file__).parent / "small_server.py"), "--port", "0"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            for processes in (str(server.pid), "4194305"):  # found by its number, and hidden as in a container
                fake_nvml.write_control(control, gpus=1, processes_0=processes)
                there = {"url": f"http://127.0.0.1:{port}", "local": True}
                file = write_study(
                    configurations=[{"engine": "endpoint", "name": "small", "server": there}],
                    models=[{"id": "one"}],
                    protocol=protocol(cooldown={"until": "elapsed", "max_s": 0.5}),
                    meters=["nvml", {"estimate": "fallback"}],
                )
                command("run", str(file), "--quiet", "--force", env=fake_nvml.environment(control))
        finally:
            server.kill()
    assert [record.outcome.value for record in records(tmp_path)] == ["ok", "ok"]
    assert all(any(t.quantity == "processes" and any(t.value) for t in record.traces) for record in records(tmp_path))
