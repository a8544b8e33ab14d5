"""OpenVINO, on the model exported by Optimum Intel with a stateful key-value cache.

Precision is explicit everywhere. By default OpenVINO computes in bfloat16 on CPUs that have it, stores the cache in 8 bits, and
Optimum compresses large models to 8-bit weights; each of these would make the comparison one of precisions. ``float32`` and
``bfloat16`` are the precision computed in, ``int8`` is that of the weights alone: they are widened to float32 as they are used.
Activations are quantised only where the configuration says so (`options: {DYNAMIC_QUANTIZATION_GROUP_SIZE: 32}`).
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # OpenVINO's converter would report its use

import openvino
import torch
from optimum.exporters.openvino import main_export
from optimum.intel.openvino import OVConfig, OVModelForCausalLM

from greenreport.engines.base import EngineJob
from greenreport.engines.hf import LOCAL, HfEngine
from greenreport.engines.memory_errors import loading_error
from greenreport.errors import MeasurementInvalid
from greenreport.record import Facts

MODEL_FILE = "openvino_model.xml"
# What OpenVINO calls the precision it computes in and the types its weights may have, by the name in a study.
PRECISIONS = {"float32": ("f32", {"f32"}), "bfloat16": ("bf16", {"f32", "bf16"}), "int8": ("f32", {"u8", "i8"})}


class OpenVino(HfEngine):
    """An OpenVINO compiled model behind Optimum Intel's causal language model."""

    @classmethod
    def convert(cls, job: EngineJob, target: Path) -> None:
        cached = job.configuration.kv_cache
        main_export(
            str(job.weights),
            target,
            task="text-generation-with-past" if cached else "text-generation",
            stateful=cached,
            ov_config=OVConfig(dtype="fp32"),
            convert_tokenizer=False,
            **LOCAL,
        )
        if job.configuration.dtype == "int8":
            _compress(target / MODEL_FILE)

    def load(self) -> None:
        torch.set_num_threads(self.job.threads)
        computed, _ = PRECISIONS[self.job.configuration.dtype]
        config = {
            "INFERENCE_PRECISION_HINT": computed,
            "KV_CACHE_PRECISION": computed,
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
            "INFERENCE_NUM_THREADS": str(self.job.threads),
            "NUM_STREAMS": "1",
            "PERFORMANCE_HINT": "LATENCY",
            "CACHE_DIR": "",
            **{name: str(value) for name, value in self.job.configuration.options.items()},
        }
        try:
            self.model = OVModelForCausalLM.from_pretrained(
                self.job.artefact,
                device="CPU",
                ov_config=config,
                use_cache=self.job.configuration.kv_cache,
                **LOCAL,
                export=False,
                load_in_8bit=False,
            )
        except self.failures as error:
            raise loading_error(error, "OpenVINO", "compile the model") from None

    def facts(self) -> Facts:
        compiled: Any = self.model.request
        compiled = compiled.get_compiled_model() if hasattr(compiled, "get_compiled_model") else compiled
        precision = str(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())
        cache_precision = str(compiled.get_property("KV_CACHE_PRECISION").get_type_name())
        weights = weight_types(self.model.model)
        asked = self.job.configuration.dtype
        computed, stored = PRECISIONS[asked]
        if precision != computed or not weights <= stored:
            actual = f"computes in {precision} on weights of {', '.join(sorted(weights))}"
            raise MeasurementInvalid(f"OpenVINO {actual}; the study says {asked}")
        parameters, weights_b = self.artefact_size()
        return Facts(
            dtype=asked,
            kv_cache=bool(self.model.stateful),
            threads=int(compiled.get_property("INFERENCE_NUM_THREADS")),
            device=", ".join(compiled.get_property("EXECUTION_DEVICES")),
            parameters=parameters,
            weights_b=weights_b,
            details=(
                ("KV cache precision", cache_precision),
                ("inference precision", precision),
                ("openvino", openvino.get_version()),
                ("weight types", ", ".join(sorted(weights))),
            ),
        )


def _compress(file: Path) -> None:
    """Replace a float32 model by one whose weights are 8-bit integers with a scale and a zero point per channel."""
    import nncf

    nncf.set_log_level(logging.ERROR)
    part = file.with_name("compressed.xml")
    smaller = nncf.compress_weights(openvino.Core().read_model(file), mode=nncf.CompressWeightsMode.INT8_ASYM)
    openvino.save_model(smaller, part, compress_to_fp16=False)
    for suffix in (".bin", ".xml"):
        part.with_suffix(suffix).replace(file.with_suffix(suffix))


def weight_types(model: openvino.Model) -> set[str]:
    """Return the element types of the model's large constants: those are its weights, and not the scales of their columns."""
    constants = [op for op in model.get_ops() if op.get_type_name() == "Constant"]
    large = [op for op in constants if len(shape := list(op.get_output_shape(0))) == 2 and min(shape) > 8]
    return {op.get_output_element_type(0).get_type_name() for op in large} - {"i64", "i32", "boolean"}
