"""Tests of what NVML tells of the GPUs programs see, on a stand-in for NVIDIA's library."""

from __future__ import annotations

from typing import Any

from tests.meters.conftest import FakeGpus

#: Prints the visible GPUs and the driver.
SEE = """
import json
from dataclasses import asdict
from greenreport.meters.nvidia_gpus import look
gpus, driver = look()
print(json.dumps([[asdict(gpu) for gpu in gpus], driver]))
"""


def seen(gpus: FakeGpus, **variables: str) -> dict[int, dict[str, Any]]:
    """Return what is told of each visible GPU."""
    found, driver = gpus.run(SEE, **variables)
    assert driver == "999.1"
    return {gpu["index"]: gpu for gpu in found}


def test_gpus_tell_memory_power_limit_and_modes(gpus: FakeGpus) -> None:
    """Of each GPU its own, in whole watts; only those that CUDA_VISIBLE_DEVICES names."""
    gpus.set(gpus=2, power_limit_w_0=250.6, power_limit_w_1=400, persistence_1=0, compute_mode_1=3)
    both = seen(gpus)
    assert [(both[index]["memory_b"], both[index]["power_limit_w"]) for index in (0, 1)] == [
        (80_000_000_000, 251),
        (80_000_000_000, 400),
    ]
    assert [(both[index]["persistent"], both[index]["exclusive"]) for index in (0, 1)] == [(True, False), (False, True)]
    assert seen(gpus, CUDA_VISIBLE_DEVICES="1") == {1: both[1]}
    assert seen(gpus, CUDA_VISIBLE_DEVICES="") == {}


def test_what_one_gpu_does_not_tell_hides_nothing_else(gpus: FakeGpus) -> None:
    """A GPU on shared memory has none of its own, and one that is lost takes no other with it."""
    gpus.set(gpus=3, no_memory_0=1, no_power_limit_0=1, lost_2=1)
    found = seen(gpus)
    assert (found[0]["name"], found[0]["memory_b"], found[0]["power_limit_w"]) == ("Fake GPU", None, None)
    assert found[1]["memory_b"] == 80_000_000_000
    assert set(found) == {0, 1}
