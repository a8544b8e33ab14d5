"""Tests of what is told of a GPU that libraries cannot compute on, by an attempt in a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace

import pytest

from greenreport.catalog import ENGINES
from greenreport.engines import cuda
from greenreport.engines.cuda import HELD, REMEDY, CudaProblem, attempt
from greenreport.execute import doctor, prepare
from greenreport.execute.prepare import capability, cuda_problem
from greenreport.meters.nvidia_gpus import VisibleGpu, several
from greenreport.record import Gpu
from tests.records import ENVIRONMENT

HOST = replace(ENVIRONMENT, gpus=(Gpu(0, "GPU", 10**9, "u", 300),), gpu_driver="570.1", libraries=(("torch", "2.13.0"),))
OLD_DRIVER = CudaProblem("torch", "torch sees no CUDA device: torch is built for CUDA 13.0", REMEDY, lasting=True)
HELD_GPU = CudaProblem("torch", "torch does not compute on the GPU: busy", HELD)
NO_LIBRARY = CudaProblem("onnxruntime", "ONNX Runtime falls back to CPUExecutionProvider: built for CUDA 13.0", REMEDY)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every test make an attempt of its own, on a machine with all engines."""
    monkeypatch.setattr(prepare, "_importable", lambda _: True)
    attempt.cache_clear()
    yield
    attempt.cache_clear()


def let(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Replace the attempt by a script."""
    monkeypatch.setattr(cuda, "ATTEMPT", (sys.executable, "-c", script))


def finding(monkeypatch: pytest.MonkeyPatch, *troubles: CudaProblem, stderr: str = "") -> None:
    """Let the attempt print some noise, then these troubles."""
    printed = json.dumps([asdict(trouble) for trouble in troubles])
    let(monkeypatch, f"import sys; print('EP Error'); print({printed!r}); sys.stderr.write({stderr!r})")


def test_a_gpu_the_libraries_do_not_see_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch is too new for the driver: no engine of greenreport can run, servers of others may."""
    finding(monkeypatch, OLD_DRIVER, NO_LIBRARY)
    for name in ("torch", "torchscript", "onnx"):
        reason = str(capability(ENGINES[name], "cuda", HOST))
        assert reason == f"{OLD_DRIVER.cause}; {REMEDY}, then run again"
    assert capability(ENGINES["torch"], "cpu", HOST) is None
    assert capability(ENGINES["command"], "cuda", HOST) is None


def test_what_may_pass_is_told_and_keeps_no_run_from_trying(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that is held just now is a finding of doctor; a run finds out for itself, since its outcome would stay."""
    finding(monkeypatch, HELD_GPU)
    assert capability(ENGINES["torch"], "cuda", HOST) is None
    assert cuda_problem(ENGINES["torch"]) == HELD_GPU
    told = {item.name: item for item in doctor._engines(HOST)}
    cuda_torch, cpu_torch = told["Torch · cuda"], told["Torch · cpu"]
    assert (cuda_torch.works, cuda_torch.detail, cuda_torch.remedy) == (False, HELD_GPU.cause, HELD)
    assert (cpu_torch.works, cpu_torch.detail) == (True, "on CPU")


def test_onnx_runtime_says_which_library_it_misses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch computes, ONNX Runtime falls back: the engines on torch work, and the name of the library comes from its log."""
    finding(
        monkeypatch,
        NO_LIBRARY,
        stderr="[E:onnxruntime] with error: libcudnn.so.9: cannot open shared object file: No such file",
    )
    assert cuda_problem(ENGINES["torch"]) is None
    trouble = cuda_problem(ENGINES["onnx"])
    assert trouble is not None
    assert trouble.cause == f"{NO_LIBRARY.cause} (libcudnn.so.9: cannot open shared object file)"


def test_an_attempt_that_hangs_or_crashes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that never answers must not hold up doctor; an attempt that dies says its last words."""
    monkeypatch.setattr(cuda, "TIME_OUT_S", 0.2)
    let(monkeypatch, "import time; time.sleep(60)")
    assert attempt()[0].cause == "CUDA did not answer within 0.2 s"
    attempt.cache_clear()
    monkeypatch.setattr(cuda, "TIME_OUT_S", 60.0)
    let(monkeypatch, "raise ImportError('libcudart.so.13: no such file')")
    assert attempt()[0].cause == "an attempt to use CUDA failed: ImportError: libcudart.so.13: no such file"
    assert not attempt()[0].lasting


def test_without_a_gpu_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without one, and with a CPU build of torch, no process is started."""
    let(monkeypatch, "raise SystemExit('tried')")
    assert "no NVIDIA GPU is visible" in str(capability(ENGINES["torch"], "cuda", ENVIRONMENT))
    cpu_build = replace(HOST, libraries=(("torch", "2.13.0+cpu"),))
    assert "is a CPU build" in str(capability(ENGINES["torch"], "cuda", cpu_build))
    assert attempt.cache_info().misses == 0


def test_advice_on_gpus() -> None:
    """Several GPUs, persistence off, a GPU for one process at a time: each with its command; what is not known is no advice."""
    plain = VisibleGpu(0, "GPU", "GPU-1", 10**9, 300, persistent=True, exclusive=False)
    assert list(doctor._gpu_advice([plain])) == []
    assert list(doctor._gpu_advice([replace(plain, persistent=None, exclusive=None)])) == []
    found = list(doctor._gpu_advice([plain, replace(plain, index=1, persistent=False, exclusive=True)]))
    assert [(item.name, item.works) for item in found] == [
        ("several GPUs", False),
        ("GPU persistence", False),
        ("GPU compute mode", False),
    ]
    assert (found[0].detail, found[0].remedy) == several(2)
    assert [item.remedy for item in found[1:]] == ["sudo nvidia-smi -i 1 -pm 1", "sudo nvidia-smi -i 1 -c DEFAULT"]
