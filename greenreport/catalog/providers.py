"""The table of execution providers: what an engine computes on, and which instrument measures that."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """An execution provider.

    Attributes:
        label: its name in tables and figures.
        device: what it is, for a person.
        meter: the meter that reads the component which does the work, where several could.
        in_package: whether that component is part of the CPU package, whose energy holds its own.
        torch_device: the type of device torch has for it.
    """

    label: str
    device: str
    meter: str
    in_package: bool = False
    torch_device: str = "cpu"


# Tables are read by row.
# fmt: off
PROVIDER_INFO = {
    "cpu": ProviderInfo("CPU", "CPU", "rapl", in_package=True),
    "cuda": ProviderInfo("CUDA", "an NVIDIA GPU", "nvml", torch_device="cuda"),
    "rocm": ProviderInfo("ROCm", "an AMD GPU", "amd", torch_device="cuda"),  # torch names it so
    "xpu": ProviderInfo("XPU", "an Intel GPU", "hwmon", torch_device="xpu"),
    "mps": ProviderInfo("MPS", "the GPU of an Apple chip", "apple", torch_device="mps"),
    "gpu": ProviderInfo("GPU", "the GPU that OpenVINO finds", "hwmon"),
    "npu": ProviderInfo("NPU", "the neural processor in an Intel CPU", "rapl", in_package=True),
    "tensorrt": ProviderInfo("TensorRT", "an NVIDIA GPU, compiled by TensorRT", "nvml", torch_device="cuda"),
    "migraphx": ProviderInfo("MIGraphX", "an AMD GPU, compiled by MIGraphX", "amd"),
    "directml": ProviderInfo("DirectML", "a GPU under Windows", "nvml"),
    "coreml": ProviderInfo("Core ML", "CPU and GPU of an Apple chip, as Core ML divides them", "apple"),
}
# fmt: on

PROVIDERS = tuple(PROVIDER_INFO)
