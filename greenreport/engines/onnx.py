"""ONNX Runtime, on the model exported by Optimum with its key-value cache."""

from __future__ import annotations

import math
import os
from collections import Counter
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as onnxruntime_errors
from optimum.exporters.onnx import main_export
from optimum.onnxruntime import ORTModelForCausalLM

from greenreport.engines.base import EngineJob
from greenreport.engines.cuda import REMEDY, builds, preload
from greenreport.engines.devices import ONNX_PROVIDERS, onnxruntime_obstacle, require
from greenreport.engines.hf import HfEngine
from greenreport.engines.memory_errors import loading_error
from greenreport.engines.tokenized import LOCAL
from greenreport.errors import MeasurementInvalid
from greenreport.record import Facts
from greenreport.study import Configuration

#: By default the CUDA provider rounds the factors of float32 products to the 10 bits of TF32, and others compute in 16 bits; torch does not.
PROVIDER_OPTIONS = {
    "cuda": {"use_tf32": "0"},
    "tensorrt": {"trt_fp16_enable": "0", "trt_int8_enable": "0"},
    "migraphx": {"migraphx_fp16_enable": "0", "migraphx_int8_enable": "0"},
    "coreml": {"ModelFormat": "MLProgram", "MLComputeUnits": "CPUAndGPU", "AllowLowPrecisionAccumulationOnGPU": "0"},
}
#: Providers that take parts of a model and leave the others to the CPU, which must not happen unseen.
PARTIAL = ("tensorrt", "migraphx", "directml", "coreml")
NO_CPU_NODES = "session.disable_cpu_ep_fallback"
#: TensorRT has no option against TF32 in ONNX Runtime; NVIDIA's libraries heed this variable when they are loaded.
NO_TF32 = ("NVIDIA_TF32_OVERRIDE", "0")


class OnnxRuntime(HfEngine):
    """An ONNX Runtime session behind Optimum's causal language model."""

    failures = (
        *HfEngine.failures,  # its own errors are not RuntimeErrors
        onnxruntime_errors.RuntimeException,
        onnxruntime_errors.Fail,
        onnxruntime_errors.EPFail,
        onnxruntime_errors.EngineError,
    )

    @classmethod
    def convert(cls, job: EngineJob, target: Path) -> None:
        task = "text-generation-with-past" if job.configuration.kv_cache else "text-generation"
        main_export(str(job.weights), target, task=task, do_validation=False, no_post_process=False, **LOCAL)
        if job.configuration.dtype == "int8":
            for file in target.glob("*.onnx"):
                _quantise(file)

    def load(self) -> None:
        asked = self.job.configuration.provider
        require(onnxruntime_obstacle(asked))
        self.take_device()
        if asked == "tensorrt":
            os.environ.update([NO_TF32])
        if self.device.type == "cuda":
            preload()
        session = onnxruntime.SessionOptions()
        session.intra_op_num_threads = self.job.threads
        session.inter_op_num_threads = 1
        session.log_severity_level = 3
        if asked == "directml":  # what its documentation asks for
            session.enable_mem_pattern = False
        for name, value in {**({NO_CPU_NODES: 1} if asked in PARTIAL else {}), **self.job.configuration.options}.items():
            session.add_session_config_entry(name, str(value))
        provider = ONNX_PROVIDERS[asked][0]
        try:
            self.model = ORTModelForCausalLM.from_pretrained(
                self.job.artefact,
                provider=provider,
                provider_options=PROVIDER_OPTIONS.get(asked),
                session_options=session,
                use_cache=self.job.configuration.kv_cache,
                **LOCAL,
            )
        except self.failures as error:
            raise loading_error(error, "ONNX Runtime", f"create a session on {provider}") from None
        self.model.session.disable_fallback()  # the CPU must not do what the GPU cannot

    def facts(self) -> Facts:
        session: Any = self.model.session
        expected = ONNX_PROVIDERS[self.job.configuration.provider][0]
        used = session.get_providers()
        if used[0] != expected:
            mending = f"; {builds()}; {REMEDY}" if self.device.type == "cuda" else ""
            raise MeasurementInvalid(f"ONNX Runtime fell back to {used[0]}; the study says {expected}{mending}")
        caches = {i.type for i in session.get_inputs() if i.name.startswith("past_key_values")}
        if caches - {"tensor(float)"}:
            raise MeasurementInvalid(f"the ONNX model computes in {', '.join(sorted(caches))}, the study says float32")
        options = session.get_session_options()
        parameters, weights_b = self.artefact_size()
        return Facts(
            dtype=_weights_dtype(self.job.artefact),
            kv_cache=bool(caches),
            threads=options.intra_op_num_threads,
            device=self.job.configuration.provider,
            parameters=parameters,
            weights_b=weights_b,
            details=(
                ("graph optimisation", str(options.graph_optimization_level).rsplit(".", 1)[-1]),
                ("io binding", str(self.model.use_io_binding).lower()),
                ("onnxruntime", onnxruntime.__version__),
                ("session providers", ", ".join(used)),
                *_rounding(session, self.job.configuration),
            ),
        )


def _rounding(session: Any, configuration: Configuration) -> tuple[tuple[str, str], ...]:
    """Return the detail that float32 products are not rounded to TF32, on the provider that can do so.

    Raises:
        MeasurementInvalid: they are, or ONNX Runtime does not say.
    """
    if configuration.provider == "tensorrt":
        return (("TF32", f"off by {'='.join(NO_TF32)}"),)
    if configuration.provider != "cuda":
        return ()
    use_tf32 = session.get_provider_options().get(ONNX_PROVIDERS["cuda"][0], {}).get("use_tf32")
    if use_tf32 != "0":
        raise MeasurementInvalid(
            f"ONNX Runtime computes in TF32 (use_tf32 is {use_tf32}); the study says {configuration.dtype}"
        )
    return (("TF32", "off"),)


def _quantise(file: Path) -> None:
    """Replace a float32 model by one with 8-bit weights, whose activations are quantised while it runs."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    part = file.with_suffix(".int8")
    quantize_dynamic(file, part, weight_type=QuantType.QInt8)
    file.with_name(f"{file.name}_data").unlink(missing_ok=True)
    part.replace(file)


def _weights_dtype(artefact: Path | None) -> str:
    """Return the type most weights of the model have, read from its file.

    Raises:
        MeasurementInvalid: neither float32 nor int8.
    """
    sizes: Counter[int] = Counter()
    for file in (artefact or Path()).glob("*.onnx"):
        graph = onnx.load(str(file), load_external_data=False).graph
        for tensor in graph.initializer:
            if len(tensor.dims) == 2:
                sizes[tensor.data_type] += math.prod(tensor.dims)
    names: dict[int, str] = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.INT8: "int8"}
    ((kind, _),) = sizes.most_common(1) or ((onnx.TensorProto.FLOAT, 0),)
    if kind not in names:
        raise MeasurementInvalid(f"most weights of the ONNX model are of type {onnx.TensorProto.DataType.Name(kind)}")
    return names[kind]
