"""Check whether the libraries of engines can compute on an NVIDIA GPU, and why not.

A GPU listed by NVML is not enough: a library may be built without CUDA, for a version the driver does not support, or for another one than
the library next to it. So each is tried in a process of its own, whose context leaves the GPU when it ends:
``python -m greenreport.engines.cuda`` prints the problems as JSON.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from greenreport.errors import EngineMissing

PROVIDER = "CUDAExecutionProvider"
ATTEMPT = (sys.executable, "-P", "-m", "greenreport.engines.cuda")
#: The first import of torch from a cold disk takes tens of seconds; a GPU that hangs never answers.
TIME_OUT_S = 180.0
DRIVER_FILE = Path("/sys/module/nvidia/version")
#: Oldest drivers: release notes of the CUDA Toolkit, minor version compatibility.
REMEDY = (
    "install builds of torch and onnxruntime-gpu for one version of CUDA, and a driver that knows it "
    "(525 or newer for CUDA 12, 580 or newer for CUDA 13)"
)
HELD = "see `nvidia-smi` for what holds the GPU, and `dmesg` for Xid errors of the driver"
_NOT_FOUND = re.compile(r"\blib[\w.+-]+\.so[\w.]*: cannot open shared object file")


@dataclass(frozen=True, slots=True)
class CudaProblem:
    """The reason why a library does not compute on the GPU.

    Attributes:
        library: the module that was tried.
        lasting: the library sees no GPU at all, so runs need not try.
    """

    library: str
    cause: str
    remedy: str
    lasting: bool = False

    def unavailable(self) -> EngineMissing:
        """Return it as the reason of a run."""
        return EngineMissing(self.cause, f"{self.remedy}, then run again")


@cache
def attempt() -> tuple[CudaProblem, ...]:
    """Return why installed libraries do not compute on the GPU, torch first; tried once per process."""
    try:
        done = subprocess.run(ATTEMPT, capture_output=True, text=True, timeout=TIME_OUT_S, check=False)
    except subprocess.TimeoutExpired:
        return (CudaProblem("torch", f"CUDA did not answer within {TIME_OUT_S:g} s", HELD),)
    if done.returncode != 0:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
        return (CudaProblem("torch", f"an attempt to use CUDA failed: {said[-1]}", REMEDY),)
    reported = tuple(CudaProblem(**item) for item in json.loads(done.stdout.splitlines()[-1]))
    missing = _NOT_FOUND.search(done.stderr)  # ONNX Runtime only logs what it misses
    if missing is None:
        return reported
    return tuple(
        replace(item, cause=f"{item.cause} ({missing[0]})") if item.library == "onnxruntime" else item for item in reported
    )


def builds() -> str:
    """Return which CUDA the libraries were built for and which driver is loaded, as a clause."""
    import torch

    versions = [("torch", torch.version.cuda)]
    if find_spec("onnxruntime") is not None:
        import onnxruntime

        versions.append(("onnxruntime", getattr(onnxruntime, "cuda_version", None)))
    built = ", ".join(f"{name} is built for {f'CUDA {version}' if version else 'no CUDA'}" for name, version in versions)
    driver = None
    with suppress(OSError):
        driver = DRIVER_FILE.read_text(encoding="ascii").strip()
    return f"{built}, and the driver is {driver or 'not known'}"


def no_device() -> CudaProblem:
    """Return the problem that torch sees no CUDA device."""
    return CudaProblem("torch", f"torch sees no CUDA device: {builds()}", REMEDY, lasting=True)


def preload() -> None:
    """Let ONNX Runtime find the CUDA libraries that were installed beside torch."""
    import onnxruntime

    if hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()


def problems() -> Iterator[CudaProblem]:
    """Try each installed library, torch first: engines on other runtimes need it too."""
    if find_spec("torch") is not None:
        yield from _torch()
    if find_spec("onnxruntime") is not None and find_spec("onnx") is not None:
        yield from _onnxruntime()


def _torch() -> Iterator[CudaProblem]:
    import torch

    if not torch.cuda.is_available():
        yield no_device()
        return
    try:
        torch.ones(1, device="cuda").sum().item()
    except RuntimeError as error:
        yield CudaProblem("torch", f"torch does not compute on the GPU: {(str(error).splitlines() or [''])[0]}", HELD)


def _onnxruntime() -> Iterator[CudaProblem]:
    import onnxruntime
    from onnx import TensorProto, helper

    if PROVIDER not in onnxruntime.get_available_providers():
        yield CudaProblem("onnxruntime", f"this onnxruntime has no {PROVIDER}", "install onnxruntime-gpu in its place")
        return
    preload()
    inputs, outputs = ([helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])] for name in "xy")
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "attempt", inputs, outputs)
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)])
    used = onnxruntime.InferenceSession(model.SerializeToString(), providers=[PROVIDER]).get_providers()
    if used[0] != PROVIDER:
        yield CudaProblem("onnxruntime", f"ONNX Runtime falls back to {used[0]}: {builds()}", REMEDY)


if __name__ == "__main__":
    print(json.dumps([asdict(problem) for problem in problems()]))
