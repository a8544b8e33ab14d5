"""What OpenVINO is told of precision and threads, and what it did: for both engines that run its models.

Precision is explicit everywhere. By default OpenVINO computes in bfloat16 on CPUs that have it, stores the cache in 8 bits, and
Optimum compresses large models to 8-bit weights; each of these would make the comparison one of precisions. ``float32`` and
``bfloat16`` are the precision computed in, ``int8`` is that of the weights alone: they are widened to float32 as they are used.
Activations are quantised only where the configuration says so (`options: {DYNAMIC_QUANTIZATION_GROUP_SIZE: 32}`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # OpenVINO's converter would report its use

import openvino

from greenreport.engines.base import EngineJob
from greenreport.engines.devices import OPENVINO_DEVICES, openvino_obstacle, require
from greenreport.engines.tokenized import TokenizedEngine
from greenreport.errors import MeasurementInvalid
from greenreport.record import Facts

MODEL_FILE = "openvino_model.xml"
# What OpenVINO calls the precision it computes in and the types its weights may have, by the name in a study.
_PRECISIONS = {
    "float32": ("f32", {"f32"}), "bfloat16": ("bf16", {"f32", "bf16"}), "float16": ("f16", {"f32", "f16"}), "int8": ("f32", {"u8", "i8"}),
}  # fmt: skip
#: Properties of a compiled model that say what it does.
READ_BACK = ("INFERENCE_PRECISION_HINT", "KV_CACHE_PRECISION", "INFERENCE_NUM_THREADS", "EXECUTION_DEVICES")
#: Those that every device has.
ALWAYS_READ = frozenset({"INFERENCE_PRECISION_HINT", "EXECUTION_DEVICES"})


def properties(job: EngineJob, options: Mapping[str, object]) -> dict[str, str]:
    """Return the properties to compile a model with; `options` of the configuration replace those of the same name.

    Those that a GPU or an NPU does not have, such as the number of CPU threads, are left out.

    Raises:
        EngineUnavailable: there is no such device.
    """
    require(openvino_obstacle(job.configuration.provider))
    computed, _ = _PRECISIONS[job.configuration.dtype]
    ours = {
        "INFERENCE_PRECISION_HINT": computed,
        "KV_CACHE_PRECISION": computed,
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
        "INFERENCE_NUM_THREADS": str(job.threads),
        "NUM_STREAMS": "1",
        "PERFORMANCE_HINT": "LATENCY",
        "CACHE_DIR": "",
    }
    if job.configuration.provider != "cpu":
        known = openvino.Core().get_property(device_of(job), "SUPPORTED_PROPERTIES")
        ours = {name: value for name, value in ours.items() if name in known}
    return {**ours, **{name: str(value) for name, value in options.items()}}


def device_of(job: EngineJob) -> str:
    """Return OpenVINO's name of the device that a configuration computes on."""
    return OPENVINO_DEVICES[job.configuration.provider]


def precision_facts(
    engine: TokenizedEngine, model: openvino.Model, found: Mapping[str, str], details: Mapping[str, str], *, cached: bool
) -> Facts:
    """Return the facts of a compiled model.

    Args:
        model: as it was before it was compiled, with its weights.
        found: the properties `READ_BACK` of the compiled model, as far as its device has them.
        details: what else is to be shown of it.
        cached: whether it has a KV cache.

    Raises:
        MeasurementInvalid: it computes in another precision, on other weights or on another device than the configuration says.
    """
    asked = engine.job.configuration.dtype
    computed, stored = _PRECISIONS[asked]
    precision, weights = found["INFERENCE_PRECISION_HINT"], weight_types(model)
    used, device = found["EXECUTION_DEVICES"], device_of(engine.job)
    if set(re.findall(r"[A-Z]+", used)) != {device}:  # several are numbered: GPU.0
        raise MeasurementInvalid(f"OpenVINO computes on {used}; the study says {device}")
    if precision != computed or not weights <= stored:
        actual = f"computes in {precision} on weights of {', '.join(sorted(weights))}"
        raise MeasurementInvalid(f"OpenVINO {actual}; the study says {asked}")
    parameters, weights_b = engine.artefact_size()
    shown = {
        "KV cache precision": found.get("KV_CACHE_PRECISION", "not told"),
        "inference precision": precision,
        "openvino": openvino.get_version(),
        "weight types": ", ".join(sorted(weights)),
        **details,
    }
    return Facts(
        dtype=asked,
        kv_cache=cached,
        threads=int(found.get("INFERENCE_NUM_THREADS", engine.job.threads)),
        device=used,
        parameters=parameters,
        weights_b=weights_b,
        details=tuple(sorted(shown.items())),
    )


def weight_types(model: openvino.Model) -> set[str]:
    """Return the element types of the model's large constants: those are its weights, and not the scales of their columns."""
    constants = [op for op in model.get_ops() if op.get_type_name() == "Constant"]
    large = [op for op in constants if len(shape := list(op.get_output_shape(0))) == 2 and min(shape) > 8]
    return {op.get_output_element_type(0).get_type_name() for op in large} - {"i64", "i32", "boolean"}
