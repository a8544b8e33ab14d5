"""Tests of what engines do about CUDA, as far as a machine without a GPU can tell."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from greenreport.engines import cuda
from greenreport.engines.base import EngineJob
from greenreport.engines.cuda import PROVIDER, REMEDY, attempt
from greenreport.engines.devices import ONNX_PROVIDERS
from greenreport.errors import EngineUnavailable, MeasurementInvalid
from greenreport.study import Configuration

torch = pytest.importorskip("torch", reason="torch is not installed (extra `all`)")

from greenreport.engines import onnx as onnx_engine  # noqa: E402 - after the check for torch
from tests.engines.test_engines import loaded, untrained  # noqa: E402

pytestmark = [pytest.mark.engines, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


class Session:
    """What the adapter asks of an ONNX Runtime session."""

    def __init__(self, used: str = PROVIDER, tf32: str = "0") -> None:
        self.used = used
        self.tf32 = tf32
        self.falls_back = True

    def get_providers(self) -> list[str]:
        """Return the provider in use."""
        return [self.used]

    def get_provider_options(self) -> dict[str, dict[str, str]]:
        """Return the options as ONNX Runtime tells them."""
        return {self.used: {"device_id": "0", "use_tf32": self.tf32}}

    def disable_fallback(self) -> None:
        """Never compute on another provider."""
        self.falls_back = False


@pytest.fixture
def job(tmp_path: Path) -> EngineJob:
    """Return a job of ONNX Runtime on a GPU."""
    return EngineJob(Configuration(engine="onnx", provider="cuda"), 1, untrained("gpt2", tmp_path), tmp_path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let ONNX Runtime and torch have a GPU; return what sessions are asked for."""
    found: dict[str, Any] = {"session": Session(), "preloaded": 0}

    def preload() -> None:
        found["preloaded"] += 1

    def made(*_: Any, **options: Any) -> Any:
        found["options"] = options
        return SimpleNamespace(session=found["session"], use_io_binding=True)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(onnx_engine.onnxruntime, "get_available_providers", lambda: [PROVIDER, "CPUExecutionProvider"])
    monkeypatch.setattr(onnx_engine, "preload", preload)
    monkeypatch.setattr(onnx_engine, "ORTModelForCausalLM", SimpleNamespace(from_pretrained=made))
    return found


def test_onnx_runtime_computes_in_float32_on_a_gpu(job: EngineJob, asked: dict[str, Any]) -> None:
    """TF32 is switched off as in torch, the CUDA libraries are loaded beforehand, and nothing is left to the CPU silently."""
    engine = onnx_engine.OnnxRuntime(job)
    engine.load()
    assert (asked["options"]["provider"], asked["options"]["provider_options"]) == (PROVIDER, {"use_tf32": "0"})
    assert asked["preloaded"] == 1
    assert not asked["session"].falls_back


def test_what_onnx_runtime_says_of_tf32_is_believed(job: EngineJob) -> None:
    """Off is a detail of the facts; on, or nothing said, is no float32. On the CPU nobody asks."""
    on_cpu = Configuration(engine="onnx")
    assert onnx_engine._rounding(Session(), job.configuration) == (("TF32", "off"),)
    assert onnx_engine._rounding(Session(used="CPUExecutionProvider"), on_cpu) == ()
    with pytest.raises(MeasurementInvalid, match=r"computes in TF32 \(use_tf32 is 1\); the study says float32"):
        onnx_engine._rounding(Session(tf32="1"), job.configuration)
    with pytest.raises(MeasurementInvalid, match="use_tf32 is None"):
        onnx_engine._rounding(Session(used="CPUExecutionProvider"), job.configuration)


@pytest.mark.parametrize("provider", ["tensorrt", "directml"])
def test_providers_that_leave_parts_to_the_cpu_are_held_to_all_of_it(
    provider: str, job: EngineJob, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session refuses nodes on the CPU unless the study allows them, and one that is on the CPU altogether is no measurement."""
    name = ONNX_PROVIDERS[provider][0]
    monkeypatch.setattr(onnx_engine.onnxruntime, "get_available_providers", lambda: [name])
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    for allowed, expected in (({}, "1"), ({onnx_engine.NO_CPU_NODES: "0"}, "0")):
        configuration = Configuration(engine="onnx", provider=provider, options=allowed)
        engine = onnx_engine.OnnxRuntime(replace(job, configuration=configuration))
        engine.load()
        assert asked["options"]["provider"] == name
        assert asked["options"]["session_options"].get_session_config_entry(onnx_engine.NO_CPU_NODES) == expected
    assert os.environ.pop("NVIDIA_TF32_OVERRIDE", None) == ("0" if provider == "tensorrt" else None)
    asked["session"].used = "CPUExecutionProvider"
    with pytest.raises(MeasurementInvalid, match=f"fell back to CPUExecutionProvider; the study says {name}"):
        engine.facts()


def test_a_session_on_another_provider_says_what_mends_it(job: EngineJob, asked: dict[str, Any]) -> None:
    """The versions the libraries were built for, and the driver."""
    asked["session"] = Session(used="CPUExecutionProvider")
    engine = onnx_engine.OnnxRuntime(job)
    engine.load()
    with pytest.raises(MeasurementInvalid) as caught:
        engine.facts()
    reason = str(caught.value)
    assert reason.startswith(f"ONNX Runtime fell back to CPUExecutionProvider; the study says {PROVIDER}; torch is built for ")
    assert reason.endswith(REMEDY)


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch sees a GPU here")
@pytest.mark.parametrize("name", ["torch", "torchscript"])
def test_an_engine_without_a_device_says_what_mends_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The build of torch, the driver, and that the outcome stays until the run is forced."""
    driver = tmp_path / "version"
    driver.write_text("570.86.15\n", encoding="ascii")
    monkeypatch.setattr(cuda, "DRIVER_FILE", driver)
    with pytest.raises(EngineUnavailable) as caught:
        loaded(name, untrained("gpt2", tmp_path), tmp_path, provider="cuda")
    reason = str(caught.value)
    assert reason.startswith("torch sees no CUDA device: torch is built for ")
    assert "and the driver is 570.86.15; " in reason
    assert reason.endswith("then run again")


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch sees a GPU here")
def test_an_attempt_without_a_gpu_names_each_library() -> None:
    """The real attempt, in its own process: torch first, which is lasting, then ONNX Runtime."""
    attempt.cache_clear()
    found = attempt()
    attempt.cache_clear()
    assert [(trouble.library, trouble.lasting) for trouble in found] == [("torch", True), ("onnxruntime", False)]
    assert "torch is built for " in found[0].cause


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU here")
def test_every_library_computes_on_a_gpu() -> None:
    """Where torch sees a GPU, both libraries compute on it."""
    attempt.cache_clear()
    assert attempt() == ()
