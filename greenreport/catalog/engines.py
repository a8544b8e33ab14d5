"""The table of runtime engines, with who serves the model of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from greenreport.catalog.providers import PROVIDERS
from greenreport.catalog.table import CatalogTable

DTYPES = ("float32", "bfloat16", "float16")
#: Types of the weights in a GGUF file.
GGUF_TYPES = (
    *DTYPES, "q8_0", "q6_k", "q5_k_m", "q5_k_s", "q5_1", "q5_0", "q4_k_m", "q4_k_s", "q4_1", "q4_0", "q3_k_l", "q3_k_m", "q3_k_s", "q2_k",
    "iq4_nl", "iq4_xs",
)  # fmt: skip


class Served(StrEnum):
    """Who serves the model of an engine."""

    OWN = "own"  # greenreport's server, with the engine loaded into it
    STARTED = "started"  # a server greenreport did not write and starts for each run
    RUNNING = "running"  # a server that runs already and goes on running


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """A runtime engine.

    Attributes:
        providers: execution providers the engine can use; any other pair is an error in a study file.
        dtypes: weight and compute types the adapter can load and verify.
        requires: importable modules the engine needs, with the extra that installs them.
        distributions: packages whose versions belong to the environment: runs under other versions are not pooled.
        artefact: what a model is converted to before serving, or None when it is loaded as it is.
        artefact_per_provider: whether the converted model holds constants of its device.
        weights: whether the engine needs the model's weights at all.
        gguf: whether it loads a GGUF file as it is; the others get a copy in transformers' format.
        batches: whether it answers several prompts at once.
        samples: whether it can draw tokens at a temperature, besides taking the likeliest.
        served: who serves the model; except for greenreport's own server, `target` is a subclass of `execute.serving.ExternalServer`.
        revision: raised whenever a change of the adapter changes what is measured; part of the fingerprint.
    """

    name: str
    label: str
    target: str
    providers: tuple[str, ...]
    dtypes: tuple[str, ...]
    requires: tuple[str, ...]
    extra: str
    summary: str
    distributions: tuple[str, ...] = ()
    artefact: str | None = None
    artefact_per_provider: bool = False
    revision: int = 1
    weights: bool = True
    gguf: bool = False
    batches: bool = True
    samples: bool = False
    served: Served = Served.OWN


# Tables are read by row.
# fmt: off
_HF = ("torch", "transformers", "tokenizers")
_BOTH = ("cpu", "cuda")
_TORCH = (*_BOTH, "rocm", "xpu")
_OPENVINO = ("cpu", "gpu", "npu")

_ENGINES = (
    EngineInfo("torch", "Torch", "greenreport.engines.torch_eager:TorchEager", (*_TORCH, "mps"), DTYPES, _HF, "torch",
        "PyTorch, eager mode, through transformers' generate()", _HF, samples=True),
    EngineInfo("torch_compile", "torch.compile", "greenreport.engines.torch_compile:TorchCompile", _TORCH, DTYPES, _HF,
        "torch", "PyTorch with the model's forward pass compiled by TorchInductor", (*_HF, "triton"), samples=True),
    EngineInfo("torchscript", "TorchScript", "greenreport.engines.torchscript:TorchScript", _BOTH, ("float32",), _HF,
        "torch", "the model traced to TorchScript with its KV cache as inputs and outputs", _HF, artefact="torchscript",
        artefact_per_provider=True, samples=True),
    EngineInfo("onnx", "ONNX Runtime", "greenreport.engines.onnx:OnnxRuntime",
        (*_BOTH, "tensorrt", "migraphx", "directml", "coreml"), ("float32", "int8"),
        (*_HF, "onnxruntime", "optimum.onnxruntime"), "onnx", "ONNX Runtime on the model exported by Optimum",
        (*_HF, "optimum", "optimum-onnx", "onnxruntime-gpu", "onnxruntime", "onnxruntime-migraphx", "onnxruntime-directml"), artefact="onnx", samples=True),
    EngineInfo("openvino", "OpenVINO", "greenreport.engines.openvino:OpenVino", _OPENVINO, ("float32", "bfloat16", "float16", "int8"),
        (*_HF, "openvino", "optimum.intel", "nncf"), "openvino",
        "OpenVINO on the model exported by Optimum Intel, stateful KV cache", (*_HF, "optimum", "optimum-intel", "openvino"),
        artefact="openvino", samples=True),
    EngineInfo("onnxruntime-genai", "ONNX Runtime GenAI", "greenreport.engines.onnxruntime_genai:OnnxRuntimeGenAI", ("cpu",),
        ("float32", "int8", "int4"), (*_HF, "onnxruntime_genai", "onnx_ir"), "onnx",
        "ONNX Runtime's own generation loop, on the model of its own builder", ("transformers", "tokenizers", "onnxruntime-gpu",
        "onnxruntime", "onnxruntime-genai-cuda", "onnxruntime-genai"), artefact="onnxruntime-genai", batches=False),
    EngineInfo("openvino-genai", "OpenVINO GenAI", "greenreport.engines.openvino_genai:OpenVinoGenAI", _OPENVINO,
        ("float32", "bfloat16", "float16", "int8"), (*_HF, "openvino_genai", "optimum.intel", "nncf"), "openvino",
        "OpenVINO's own generation loop with paged attention, on the same model", ("transformers", "tokenizers", "openvino",
        "openvino-genai"), artefact="openvino", batches=False),
    EngineInfo("llamacpp", "llama.cpp", "greenreport.engines.llamacpp:LlamaCpp", ("cpu",), GGUF_TYPES, ("xllamacpp",), "llamacpp",
        "llama.cpp in process, on the GGUF file of the model as it is", ("xllamacpp",), gguf=True, batches=False, samples=True),
    EngineInfo("fake", "Fake", "greenreport.engines.fake:Fake", ("cpu",), DTYPES, (), "",
        "no model: answers after a declared service time; for tests of the protocol, never for results", weights=False, samples=True),
    EngineInfo("endpoint", "Endpoint", "greenreport.execute.endpoint_server:EndpointServer", PROVIDERS, DTYPES, (), "run",
        "an OpenAI-compatible server that runs already; what it cannot tell is not verified", weights=False, samples=True,
        served=Served.RUNNING),
    EngineInfo("command", "Command", "greenreport.execute.command_server:CommandServer", PROVIDERS, DTYPES, (), "run",
        "an OpenAI-compatible server started by a command; what it cannot tell is not verified", weights=False, samples=True,
        served=Served.STARTED),
)
# fmt: on

#: The built-in engines by name, then those of installed plug-ins.
ENGINES = CatalogTable("greenreport.engines", EngineInfo, _ENGINES)
