"""Tests of ``greenreport doctor`` and of what is known of a machine."""

from __future__ import annotations

import json
import math
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import psutil
import pytest

from greenreport.catalog import ENGINES
from greenreport.engines.base import EngineJob
from greenreport.errors import OutOfMemory, Unavailable
from greenreport.execute import host
from greenreport.execute.host import cpu_quota, environment, redact
from greenreport.execute.readiness import require_ready
from greenreport.pooling import key_of
from greenreport.store.codec import read_environment
from greenreport.study import Configuration
from greenreport.validity import advice
from tests import fake_nvml
from tests.conftest import ROOT
from tests.records import ENVIRONMENT

Command = Callable[..., Any]


def test_each_meter_says_yes_or_why_not_and_what_mends_it(command: Command, tmp_path: Path) -> None:
    """A RAPL tree that nobody may read: the remedy is the command, and requiring it fails."""
    zone = tmp_path / "powercap" / "intel-rapl:0"
    zone.mkdir(parents=True)
    (zone / "name").write_text("package-0\n")
    variables = os.environ | {"GREENREPORT_POWERCAP": str(tmp_path / "powercap")}
    failed = command("doctor", "--require", "rapl", check=3, env=variables)
    assert "yes Utilisation" in failed.stdout
    assert "no  RAPL" in failed.stdout
    assert "the required meter rapl does not work here" in failed.stderr
    assert "unknown meter 'rap'" in command("doctor", "--require", "rap", check=3).stderr


@pytest.mark.skipif(fake_nvml.compiler() is None, reason=fake_nvml.NO_COMPILER)
def test_programs_on_a_gpu_are_named(command: Command, tmp_path: Path) -> None:
    """Two processes on one of two GPUs: named, with what they would do to a run; nothing is said of the idle one. Requiring a meter that works changes nothing."""
    control = tmp_path / "nvml"
    fake_nvml.write_control(control, gpus=2, processes_1="4711 4712")
    busy = command("doctor", "--require", "utilisation", env=fake_nvml.environment(control)).stdout
    assert "2 on gpu-1" in busy.replace("\n", " ")
    assert "gpu-0;" not in busy


def test_nothing_that_names_this_machine_is_kept() -> None:
    """Host name, folders and addresses are taken out of texts; the environment holds digests only."""
    text = redact(f"{Path.home()}/x {socket.gethostname()} at 192.168.7.9, {Path.cwd()}/y, 127.0.0.1")
    assert socket.gethostname() not in text
    assert "192.168.7.9" not in text
    assert "127.0.0.1" in text
    assert str(Path.cwd()) not in text
    assert socket.gethostname() not in repr(environment())


def test_pooling_depends_on_the_declared_fields_alone() -> None:
    """The same machine has the same key twice."""
    assert environment().key == environment().key


def test_versions_of_an_engines_libraries_belong_to_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the first engines keep their order, and with it every key; those of further engines follow by name."""
    monkeypatch.setattr(host.metadata, "version", lambda name: f"{name} 1")
    assert [name for name, _ in host.environment().libraries] == [
        *host.LIBRARY_ORDER,
        "onnxruntime-directml",
        "onnxruntime-genai",
        "onnxruntime-genai-cuda",
        "onnxruntime-migraphx",
        "openvino-genai",
        "xllamacpp",
    ]
    plugin = replace(ENGINES["fake"], name="vllm", distributions=("vllm", "torch", "flashinfer"))
    monkeypatch.setattr(host, "ENGINES", {**ENGINES, "vllm": plugin})
    libraries = [
        *host.LIBRARY_ORDER,
        "flashinfer",
        "onnxruntime-directml",
        "onnxruntime-genai",
        "onnxruntime-genai-cuda",
        "onnxruntime-migraphx",
        "openvino-genai",
        "vllm",
        "xllamacpp",
    ]
    assert host.environment().libraries == tuple((name, f"{name} 1") for name in libraries)


@pytest.mark.parametrize(
    "file", sorted((ROOT / "studies").glob("*/results/environments.parquet")), ids=lambda file: file.parts[-3]
)
def test_published_environments_keep_their_key(file: Path) -> None:
    """What is known of GPUs beyond what was known then changes no key of a machine without one."""
    for (facts,) in duckdb.sql(f"SELECT facts FROM '{file}'").fetchall():
        found = read_environment(facts)
        assert found.gpus == ()
        assert key_of(found) == found.key


#: Prints the GPUs of the environment, and its key.
TELL = """
import json
from dataclasses import asdict
from greenreport.execute.host import environment
found = environment()
print(json.dumps([[asdict(gpu) for gpu in found.gpus], found.key]))
"""


@pytest.mark.skipif(fake_nvml.compiler() is None, reason=fake_nvml.NO_COMPILER)
def test_runs_are_pooled_on_one_gpu_under_one_power_limit(tmp_path: Path) -> None:
    """The environment holds the GPUs a run can see, each with its limit: other GPU, other limit, other key."""
    control = tmp_path / "nvml"

    def told(visible: str, limit_w: int = 300) -> tuple[list[int], str]:
        fake_nvml.write_control(control, gpus=2, power_limit_w=limit_w)
        variables = fake_nvml.environment(control) | {"CUDA_VISIBLE_DEVICES": visible}
        done = subprocess.run([sys.executable, "-c", TELL], env=variables, capture_output=True, text=True, check=True)
        gpus, key = json.loads(done.stdout)
        assert all(gpu["power_limit_w"] == limit_w for gpu in gpus)
        return [gpu["index"] for gpu in gpus], key

    found = [told("0"), told("1"), told("0,1"), told("0", limit_w=250)]
    assert [indices for indices, _ in found] == [[0], [1], [0, 1], [0]]
    assert len({key for _, key in found}) == 4
    assert told("0") == found[0]


def test_advice_names_what_it_means_and_changes_nothing() -> None:
    """A governor, swap and a virtual machine each get a sentence and a remedy; a quiet machine gets none."""
    assert advice(ENVIRONMENT) == ()
    disturbed = replace(
        ENVIRONMENT, governor="powersave", swap_b=10**9, virtualisation="container", numa_nodes=2, turbo=True, smt=True
    )
    assert [item.name for item in advice(disturbed)] == ["virtualisation", "governor", "turbo", "SMT", "swap", "NUMA"]
    assert all(item.remedy and item.found for item in advice(disturbed))


def test_a_run_that_cannot_work_is_not_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Weights larger than the free memory, and a full disk: the figures are named, nothing is started."""
    (tmp_path / "model.safetensors").write_bytes(b"x" * 1000)
    job = EngineJob(Configuration(engine="torch"), threads=1, weights=tmp_path)
    require_ready(job, tmp_path)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=999))
    with pytest.raises(OutOfMemory, match=r"the weights take 1.00.kB and 999.B of memory are free"):
        require_ready(job, tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5))
    with pytest.raises(Unavailable, match="are free in the cache folder"):
        require_ready(job, tmp_path)


def test_a_container_may_have_less_time_than_the_machine_has_cpus(tmp_path: Path) -> None:
    """The smallest quota of the group and of those above it counts; none is infinite, and damaged files are none."""
    group = tmp_path / "root" / "a" / "b"
    group.mkdir(parents=True)
    member = tmp_path / "cgroup"
    member.write_text("0::/a/b\n", encoding="ascii")
    assert cpu_quota(tmp_path / "root", member) == math.inf
    (group / "cpu.max").write_text("max 100000\n", encoding="ascii")
    (group.parent / "cpu.max").write_text("150000 100000\n", encoding="ascii")
    assert cpu_quota(tmp_path / "root", member) == 1.5
    (group / "cpu.max").write_text("50000 100000\n", encoding="ascii")
    assert cpu_quota(tmp_path / "root", member) == 0.5
    (group / "cpu.max").write_text("none", encoding="ascii")
    assert cpu_quota(tmp_path / "root", member) == 1.5
    assert cpu_quota(tmp_path / "root", tmp_path / "absent") == math.inf
