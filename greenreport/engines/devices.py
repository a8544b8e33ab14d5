"""Check which devices the libraries of engines offer, besides the CPU and CUDA, and why not the others.

A study names its provider, and nothing stands in for it: an engine asks here before it loads, and `doctor` and `plan` do so in a process of their
own, since the libraries are heavy: ``python -m greenreport.engines.devices torch`` prints the obstacles as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache

from greenreport.errors import EngineUnavailable

#: By provider of ONNX Runtime's names, and the package that has it.
ONNX_PROVIDERS = {
    "cpu": ("CPUExecutionProvider", "onnxruntime"),
    "cuda": ("CUDAExecutionProvider", "onnxruntime-gpu"),
    "tensorrt": ("TensorrtExecutionProvider", "onnxruntime-gpu and tensorrt"),
    "migraphx": ("MIGraphXExecutionProvider", "onnxruntime-migraphx, of AMD"),
    "directml": ("DmlExecutionProvider", "onnxruntime-directml, under Windows"),
    "coreml": ("CoreMLExecutionProvider", "onnxruntime, under macOS"),
}
#: OpenVINO's names of devices; several of a kind are numbered (GPU.0, GPU.1).
OPENVINO_DEVICES = {"cpu": "CPU", "gpu": "GPU", "npu": "NPU"}
#: Lets torch compute on the CPU what the GPU of an Apple chip cannot.
MPS_FALLBACK = "PYTORCH_ENABLE_MPS_FALLBACK"
TIME_OUT_S = 180.0

#: Cause and remedy.
Obstacle = tuple[str, str]


def torch_obstacle(provider: str) -> Obstacle | None:
    """Return why torch does not compute on a provider's device, or None; CUDA is checked further in `cuda`."""
    import torch

    hip = getattr(torch.version, "hip", None)
    if provider == "cuda" and hip is not None:
        return f"torch is built for ROCm {hip}, and its device is an AMD GPU", "write `provider: rocm`"
    if provider == "rocm":
        if hip is None:
            return f"torch {torch.__version__} is no ROCm build", "install the ROCm build of torch"
        if not torch.cuda.is_available():
            return "torch sees no AMD GPU", "see `rocminfo`, and access to /dev/kfd and /dev/dri"
    if provider == "xpu" and not (hasattr(torch, "xpu") and torch.xpu.is_available()):
        return (
            f"torch {torch.__version__} sees no Intel GPU",
            "install the XPU build of torch and Intel's driver for Level Zero",
        )
    if provider == "mps":
        if not torch.backends.mps.is_available():
            return "torch sees no GPU of an Apple chip", "this provider exists under macOS on Apple silicon"
        if os.environ.get(MPS_FALLBACK, "0") != "0":
            return f"{MPS_FALLBACK} lets the CPU compute what the GPU cannot", f"unset {MPS_FALLBACK}"
    return None


def onnxruntime_obstacle(provider: str) -> Obstacle | None:
    """Return why ONNX Runtime has no such provider, or None."""
    import onnxruntime

    name, package = ONNX_PROVIDERS[provider]
    if name not in onnxruntime.get_available_providers():
        return f"this onnxruntime has no {name}", f"install {package} in its place"
    return None


def openvino_obstacle(provider: str) -> Obstacle | None:
    """Return why OpenVINO has no such device, or None."""
    import openvino

    kind, devices = OPENVINO_DEVICES[provider], openvino.Core().available_devices
    if not any(device.split(".")[0] == kind for device in devices):
        return f"OpenVINO sees no {kind} (it sees: {', '.join(devices)})", f"install Intel's driver of the {kind}"
    return None


#: By library: how it is asked, and about which providers.
LIBRARIES: Mapping[str, tuple[Callable[[str], Obstacle | None], tuple[str, ...]]] = {
    "torch": (torch_obstacle, ("rocm", "xpu", "mps")),
    "onnxruntime": (onnxruntime_obstacle, ("tensorrt", "migraphx", "directml", "coreml")),
    "openvino": (openvino_obstacle, ("gpu", "npu")),
}


def require(obstacle: Obstacle | None) -> None:
    """Refuse a provider that has an obstacle.

    Raises:
        EngineUnavailable: with cause and remedy.
    """
    if obstacle is not None:
        raise EngineUnavailable(*obstacle)


@cache
def obstacles(library: str) -> Mapping[str, Obstacle]:
    """Return by provider why an installed library does not offer it; asked once, in a process of its own."""
    command = (sys.executable, "-P", "-m", "greenreport.engines.devices", library)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_OUT_S, check=False)
    except subprocess.TimeoutExpired:
        return _all(library, f"{library} did not answer within {TIME_OUT_S:g} s")
    if done.returncode != 0:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
        return _all(library, f"{library} cannot be asked: {said[-1]}")
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return {provider: (cause, remedy) for provider, (cause, remedy) in found.items()}


def _all(library: str, cause: str) -> Mapping[str, Obstacle]:
    return dict.fromkeys(LIBRARIES[library][1], (cause, "try to import it by hand"))


if __name__ == "__main__":
    ask, providers = LIBRARIES[sys.argv[1]]
    print(json.dumps({provider: found for provider in providers if (found := ask(provider)) is not None}))
