"""Tests of execution providers besides CPU and CUDA, with stand-ins for what the libraries say of their devices."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from greenreport.analysis.measure.energy import does_the_work
from greenreport.catalog import ENGINES, METERS, PROVIDER_INFO, PROVIDERS
from greenreport.engines import devices
from greenreport.engines.base import EngineJob
from greenreport.engines.devices import LIBRARIES, MPS_FALLBACK, ONNX_PROVIDERS, OPENVINO_DEVICES, require
from greenreport.errors import EngineMissing, EngineUnavailable, MeasurementInvalid
from greenreport.execute import prepare
from greenreport.study import Configuration


def library(monkeypatch: pytest.MonkeyPatch, name: str, **content: Any) -> None:
    """Put a module with this content in the place of a library."""
    module = ModuleType(name)
    vars(module).update(content)
    monkeypatch.setitem(sys.modules, name, module)


def torch(
    monkeypatch: pytest.MonkeyPatch, *, hip: str | None = None, cuda: bool = False, xpu: bool = False, mps: bool = False
) -> None:
    """Let torch see these devices."""
    library(
        monkeypatch, "torch", __version__="2.13.0", version=SimpleNamespace(hip=hip), cuda=SimpleNamespace(is_available=lambda: cuda),
        xpu=SimpleNamespace(is_available=lambda: xpu), backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
    )  # fmt: skip


def refusal(provider: str) -> str:
    """Return the cause for which torch does not compute on a provider, "" when it does."""
    return (devices.torch_obstacle(provider) or ("", ""))[0]


def test_torch_says_what_it_computes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """ROCm is no CUDA although torch names its device so; a fall-back of Apple's GPU to the CPU is refused."""
    torch(monkeypatch)
    assert [bool(refusal(name)) for name in ("cuda", "rocm", "xpu", "mps")] == [False, True, True, True]
    torch(monkeypatch, hip="6.4", cuda=True, xpu=True, mps=True)
    assert [refusal(name) for name in ("rocm", "xpu", "mps")] == ["", "", ""]
    assert refusal("cuda") == "torch is built for ROCm 6.4, and its device is an AMD GPU"
    monkeypatch.setenv(MPS_FALLBACK, "1")
    assert refusal("mps") == "PYTORCH_ENABLE_MPS_FALLBACK lets the CPU compute what the GPU cannot"
    torch(monkeypatch, hip="6.4")
    assert refusal("rocm") == "torch sees no AMD GPU"
    with pytest.raises(EngineUnavailable, match="no Intel GPU"):
        require(devices.torch_obstacle("xpu"))


def test_other_libraries_say_what_they_offer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider of ONNX Runtime and a device of OpenVINO is there, numbered or not, or the sentence says which package or driver has it."""
    library(monkeypatch, "onnxruntime", get_available_providers=lambda: ["MIGraphXExecutionProvider", "CPUExecutionProvider"])
    assert devices.onnxruntime_obstacle("migraphx") is None
    assert devices.onnxruntime_obstacle("directml") == (
        "this onnxruntime has no DmlExecutionProvider", "install onnxruntime-directml, under Windows in its place",
    )  # fmt: skip
    library(monkeypatch, "openvino", Core=lambda: SimpleNamespace(available_devices=["CPU", "GPU.0", "GPU.1"]))
    assert devices.openvino_obstacle("gpu") is None
    assert devices.openvino_obstacle("npu") == (
        "OpenVINO sees no NPU (it sees: CPU, GPU.0, GPU.1)",
        "install Intel's driver of the NPU",
    )


def test_a_library_that_cannot_be_asked_offers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that asks ends with an error: its last line is the cause, for each provider of that library."""
    monkeypatch.setitem(LIBRARIES, "no-such-library", (str, ("gpu",)))  # type: ignore[arg-type]
    found = devices.obstacles("no-such-library")
    assert found["gpu"][0] == "no-such-library cannot be asked: KeyError: 'no-such-library'"


def test_plans_say_it_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch of another build is not even started; what a library lacks is the reason of the cell; servers of others are not asked."""
    host: Any = SimpleNamespace(gpus=(), libraries=(("torch", "2.13.0+cpu"),))
    monkeypatch.setattr(prepare, "_importable", lambda module: True)
    monkeypatch.setattr(prepare, "obstacles", lambda name: {"npu": (f"{name} sees no NPU", "a driver")})
    missing = prepare.capability(ENGINES["torch"], "rocm", host)
    assert isinstance(missing, EngineMissing)
    assert missing.cause == "torch 2.13.0+cpu is no ROCm build"
    assert str(prepare.capability(ENGINES["openvino"], "npu", host)).startswith("openvino sees no NPU")
    assert prepare.capability(ENGINES["openvino"], "gpu", host) is None
    assert prepare.capability(ENGINES["command"], "npu", host) is None


def test_openvino_on_another_device_than_asked_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Properties that a device lacks are not set; the device that the compiled model names is that of the study, or the run is invalid."""
    found = pytest.importorskip("greenreport.engines.openvino_properties", reason="openvino is not installed (extra `all`)")
    known = {"INFERENCE_PRECISION_HINT": "RW", "PERFORMANCE_HINT": "RW", "CACHE_DIR": "RW"}
    core = SimpleNamespace(available_devices=["CPU", "GPU"], get_property=lambda device, name: known)
    monkeypatch.setattr(found.openvino, "Core", lambda: core)
    monkeypatch.setattr(found, "weight_types", lambda model: {"f32"})
    job = EngineJob(Configuration(engine="openvino", provider="gpu", dtype="float16"), 3)
    assert set(found.properties(job, {"X": 1})) == {*known, "X"}
    assert found.properties(job, {})["INFERENCE_PRECISION_HINT"] == "f16"
    engine: Any = SimpleNamespace(job=job, artefact_size=lambda: (None, 7))
    told = {"INFERENCE_PRECISION_HINT": "f16", "EXECUTION_DEVICES": "GPU.0"}
    facts = found.precision_facts(engine, None, told, {}, cached=True)
    assert (facts.device, facts.threads, facts.dtype) == ("GPU.0", 3, "float16")
    with pytest.raises(MeasurementInvalid, match="OpenVINO computes on GPU, CPU; the study says GPU"):
        found.precision_facts(engine, None, {**told, "EXECUTION_DEVICES": "GPU, CPU"}, {}, cached=True)
    with pytest.raises(EngineUnavailable, match="OpenVINO sees no NPU"):
        found.properties(EngineJob(Configuration(engine="openvino", provider="npu"), 3), {})


def test_every_provider_has_a_row_a_meter_and_an_engine() -> None:
    """Tables of providers agree: whoever lists one knows its device, its meter, and how its library is asked."""
    asked = {provider for _, providers in LIBRARIES.values() for provider in providers} | {"cpu", "cuda"}
    assert asked == set(PROVIDERS)
    assert {info.meter for info in PROVIDER_INFO.values()} <= set(METERS)
    for name, engine in ENGINES.items():
        for provider in set(engine.providers) - {"cpu", "cuda"} if engine.weights else ():
            assert any(
                provider in providers and library in engine.distributions for library, (_, providers) in LIBRARIES.items()
            ), name
    assert set(ENGINES["onnx"].providers) == set(ONNX_PROVIDERS)
    assert set(ENGINES["openvino"].providers) == set(OPENVINO_DEVICES)
    work = {name: does_the_work(SimpleNamespace(provider=name), "package-0") for name in PROVIDERS}  # type: ignore[arg-type]
    assert [name for name, in_package in work.items() if in_package] == ["cpu", "npu"]
