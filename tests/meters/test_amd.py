"""Tests of the meter for AMD GPUs, with a compiled stand-in for AMD's library behind the real package."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fake_nvml import NO_COMPILER, compiler

SPEC = importlib.util.find_spec("amdsmi")
pytestmark = [
    pytest.mark.skipif(compiler() is None, reason=NO_COMPILER),
    pytest.mark.skipif(SPEC is None, reason="the package amdsmi is not installed"),
]
LOOK = """
import json, time
from greenreport.errors import MeterUnavailable
from greenreport.meters.amd import Amd, look
from greenreport.study import meter_use
meter = Amd(meter_use("amd"))
try:
    channels = [(c.domain, c.quantity) for c in meter.open()]
    reads = [(time.monotonic(), meter.read()) for _ in range(2) if not time.sleep(0.1)]
    print(json.dumps({"channels": channels, "reads": reads, "notes": meter.notes(), "names": [g.name for g in look()]}))
    meter.close()
except MeterUnavailable as error:
    print(json.dumps({"cause": error.cause, "remedy": error.remedy}))
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the compiled library; it has every function that the package binds."""
    assert SPEC is not None
    assert SPEC.origin is not None
    folder = tmp_path_factory.mktemp("amd")
    own = Path(__file__).with_name("fake_amdsmi.c").read_text(encoding="utf-8")
    bound = set(re.findall(r"\]\.(amdsmi_\w+)", Path(SPEC.origin).with_name("amdsmi_wrapper.py").read_text(encoding="utf-8")))
    others = bound - set(re.findall(r"^int (amdsmi_\w+)\(", own, re.MULTILINE))
    stubs = "".join(f"int {name}(void) {{ return NOT_SUPPORTED; }}\n" for name in sorted(others))
    (folder / "fake.c").write_text(own + stubs, encoding="utf-8")
    command = [compiler() or "", "-shared", "-fPIC", "-O1", "-o", str(folder / "libamd_smi.so"), str(folder / "fake.c")]
    subprocess.run(command, check=True)
    return folder


def seen(folder: Path, **variables: str) -> Any:
    """Return what a process with these environment variables reads."""
    hidden = ("ROCM_HOME", "ROCM_PATH", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
    rest = {name: value for name, value in os.environ.items() if name not in hidden}
    environment = {**rest, "LD_LIBRARY_PATH": str(folder), **variables}
    done = subprocess.run([sys.executable, "-c", LOOK], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_energy_is_the_accumulator_times_its_resolution(library: Path) -> None:
    """Between two reads the counter grows by power times time; sensors that a GPU lacks have no channel."""
    found = seen(library, FAKE_AMD_POWER_W="250")
    assert found["channels"] == [
        ["gpu-0", "energy"], ["gpu-0", "power"], ["gpu-0", "memory"], ["gpu-0", "memory_total"], ["gpu-0", "temperature"],
    ]  # fmt: skip
    (first, one), (second, other) = found["reads"]
    assert other[0] - one[0] == pytest.approx(250 * (second - first), rel=0.1)
    assert other[1:] == [250, 3e9, 64e9, 61]
    assert found["notes"] == []
    assert found["names"] == ["AMD Instinct MI250X"]


def test_visible_gpus_means_of_power_and_a_lost_gpu(library: Path) -> None:
    """HIP's variable counts among those of ROCr; a mean of power is said; a lost GPU is a gap and the others go on."""
    chosen = seen(
        library,
        FAKE_AMD_GPUS="3",
        ROCR_VISIBLE_DEVICES="2,1",
        HIP_VISIBLE_DEVICES="0",
        FAKE_AMD_AVERAGE="1",
        FAKE_AMD_NO_ENERGY="1",
    )
    assert [tuple(channel) for channel in chosen["channels"]][:2] == [("gpu-2", "power"), ("gpu-2", "memory")]
    assert chosen["notes"][0][0] == "power of gpu-2 is a mean that the GPU takes over a time of its own"
    lost = seen(library, FAKE_AMD_GPUS="2", FAKE_AMD_LOST_AFTER="1")
    (_, values), _ = lost["reads"]
    assert values[0] is None
    assert values[1] == 200
    assert values[5] > 0
    assert any("gpu-0 stopped answering" in cause for cause, _ in lost["notes"])


def test_what_is_missing_is_named(library: Path, tmp_path: Path) -> None:
    """No library, a library that is too old, a library that refuses and a machine without GPU are four causes."""
    assert seen(tmp_path)["cause"] == "the library libamd_smi.so is not there"
    (tmp_path / "old.c").write_text("int amdsmi_init(void) { return 0; }\n", encoding="utf-8")
    target = str(tmp_path / "libamd_smi.so")
    subprocess.run([compiler() or "", "-shared", "-fPIC", "-o", target, str(tmp_path / "old.c")], check=True)
    assert seen(tmp_path)["cause"].startswith("libamd_smi.so is older than the package amdsmi")
    assert "AMDSMI_STATUS_DRIVER_NOT_LOADED" in seen(library, FAKE_AMD_INIT="34")["cause"]
    assert seen(library, FAKE_AMD_GPUS="0")["cause"] == "AMD SMI shows no GPU with energy or power"
