"""OpenVINO, on the model exported by Optimum Intel with a stateful key-value cache."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from greenreport.engines.openvino_properties import (
    MODEL_FILE,
    READ_BACK,
    device_of,
    precision_facts,
    properties,
)  # before openvino itself

import openvino
import torch
from optimum.exporters.openvino import main_export
from optimum.intel.openvino import OVConfig, OVModelForCausalLM

from greenreport.engines.base import EngineJob
from greenreport.engines.hf import HfEngine
from greenreport.engines.memory_errors import loading_error
from greenreport.engines.tokenized import LOCAL
from greenreport.record import Facts


class OpenVino(HfEngine):
    """An OpenVINO compiled model behind Optimum Intel's causal language model."""

    @classmethod
    def convert(cls, job: EngineJob, target: Path) -> None:
        export(job, target)

    def load(self) -> None:
        torch.set_num_threads(self.job.threads)
        try:
            self.model = OVModelForCausalLM.from_pretrained(
                self.job.artefact,
                device=device_of(self.job),
                ov_config=properties(self.job, self.job.configuration.options),
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
        known = compiled.get_property("SUPPORTED_PROPERTIES")
        found = {name: _text(compiled.get_property(name)) for name in READ_BACK if name in known}
        return precision_facts(self, self.model.model, found, {}, cached=bool(self.model.stateful))


def export(job: EngineJob, target: Path) -> None:
    """Write a model in OpenVINO's format, its weights in 8 bits where the configuration says so."""
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


def _compress(file: Path) -> None:
    """Replace a float32 model by one whose weights are 8-bit integers with a scale and a zero point per channel."""
    import nncf

    nncf.set_log_level(logging.ERROR)
    part = file.with_name("compressed.xml")
    smaller = nncf.compress_weights(openvino.Core().read_model(file), mode=nncf.CompressWeightsMode.INT8_ASYM)
    openvino.save_model(smaller, part, compress_to_fp16=False)
    for suffix in (".bin", ".xml"):
        part.with_suffix(suffix).replace(file.with_suffix(suffix))


def _text(value: Any) -> str:
    """Return the value of a property as OpenVINO prints it."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value.get_type_name()) if isinstance(value, openvino.Type) else str(value)
