"""What OpenVINO is told of precision and threads, and what it did: for both engines that run its models.

Precision is explicit everywhere. By default OpenVINO computes in bfloat16 on CPUs that have it, stores the cache in 8 bits, and
Optimum compresses large models to 8-bit weights; each of these would make the comparison one of precisions. ``float32`` and
``bfloat16`` are the precision computed in, ``int8`` is that of the weights alone: they are widened to float32 as they are used.
Activations are quantised only where the configuration says so (`options: {DYNAMIC_QUANTIZATION_GROUP_SIZE: 32}`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # OpenVINO's converter would report its use

import openvino

from greenreport.engines.base import EngineJob
from greenreport.engines.tokenized import TokenizedEngine
from greenreport.errors import MeasurementInvalid
from greenreport.record import Facts

MODEL_FILE = "openvino_model.xml"
# What OpenVINO calls the precision it computes in and the types its weights may have, by the name in a study.
_PRECISIONS = {"float32": ("f32", {"f32"}), "bfloat16": ("bf16", {"f32", "bf16"}), "int8": ("f32", {"u8", "i8"})}
#: Properties of a compiled model that say what it does.
READ_BACK = ("INFERENCE_PRECISION_HINT", "KV_CACHE_PRECISION", "INFERENCE_NUM_THREADS", "EXECUTION_DEVICES")


def properties(job: EngineJob, options: Mapping[str, object]) -> dict[str, str]:
    """Return the properties to compile a model with; `options` of the configuration replace those of the same name."""
    computed, _ = _PRECISIONS[job.configuration.dtype]
    return {
        "INFERENCE_PRECISION_HINT": computed,
        "KV_CACHE_PRECISION": computed,
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
        "INFERENCE_NUM_THREADS": str(job.threads),
        "NUM_STREAMS": "1",
        "PERFORMANCE_HINT": "LATENCY",
        "CACHE_DIR": "",
        **{name: str(value) for name, value in options.items()},
    }


def precision_facts(
    engine: TokenizedEngine, model: openvino.Model, found: Mapping[str, str], details: Mapping[str, str], *, cached: bool
) -> Facts:
    """Return the facts of a compiled model.

    Args:
        model: as it was before it was compiled, with its weights.
        found: the properties `READ_BACK` of the compiled model.
        details: what else is to be shown of it.
        cached: whether it has a KV cache.

    Raises:
        MeasurementInvalid: it computes in another precision, or on other weights, than the configuration says.
    """
    asked = engine.job.configuration.dtype
    computed, stored = _PRECISIONS[asked]
    precision, weights = found["INFERENCE_PRECISION_HINT"], weight_types(model)
    if precision != computed or not weights <= stored:
        actual = f"computes in {precision} on weights of {', '.join(sorted(weights))}"
        raise MeasurementInvalid(f"OpenVINO {actual}; the study says {asked}")
    parameters, weights_b = engine.artefact_size()
    shown = {
        "KV cache precision": found["KV_CACHE_PRECISION"],
        "inference precision": precision,
        "openvino": openvino.get_version(),
        "weight types": ", ".join(sorted(weights)),
        **details,
    }
    return Facts(
        dtype=asked,
        kv_cache=cached,
        threads=int(found["INFERENCE_NUM_THREADS"]),
        device=found["EXECUTION_DEVICES"],
        parameters=parameters,
        weights_b=weights_b,
        details=tuple(sorted(shown.items())),
    )


def weight_types(model: openvino.Model) -> set[str]:
    """Return the element types of the model's large constants: those are its weights, and not the scales of their columns."""
    constants = [op for op in model.get_ops() if op.get_type_name() == "Constant"]
    large = [op for op in constants if len(shape := list(op.get_output_shape(0))) == 2 and min(shape) > 8]
    return {op.get_output_element_type(0).get_type_name() for op in large} - {"i64", "i32", "boolean"}
