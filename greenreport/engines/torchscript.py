"""TorchScript: the model traced once, with its key-value cache as inputs and outputs.

A trace of the plain model fails in mask creation and, run as one padded forward pass, would not generate text. Traced with an
explicit additive mask and an explicit cache, the module does one decoding step of any length, and the common `generate` loop
drives it as it drives every other engine.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, DynamicCache
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.models.bloom.modeling_bloom import BloomGelu, bloom_gelu_forward

from greenreport.engines.base import EngineJob
from greenreport.engines.hf import HfEngine
from greenreport.engines.tokenized import LOCAL
from greenreport.errors import EngineUnavailable, MeasurementInvalid
from greenreport.record import Facts

TRACE_FILE = "model.ts"
SHAPES_FILE = "cache.json"
#: What transformers calls the cache in calls and answers of a model: another name since 5.24.
CACHE = "cache" if "cache" in {field.name for field in fields(CausalLMOutputWithPast)} else "past_key_values"


class TorchScript(HfEngine):
    """A transformers model whose forward pass is a TorchScript module."""

    @classmethod
    def convert(cls, job: EngineJob, target: Path) -> None:
        engine = cls(job)
        model = engine.read_torch_model()
        with torch.inference_mode(False), torch.no_grad():
            one = torch.ones(1, 1, dtype=torch.long, device=engine.device)
            cache = model(one, use_cache=True, **{CACHE: DynamicCache()})[CACHE]
            shapes = [
                [tensor.shape[1], tensor.shape[3]] for tensor in _flat(cache)
            ]  # heads and width of keys and values in turn
            example = _example(model, shapes, engine.device)
            traced = torch.jit.trace(_Step(model), example, check_trace=False, strict=False)
            torch.jit.save(traced, str(target / TRACE_FILE))
        (target / SHAPES_FILE).write_text(json.dumps(shapes), encoding="utf-8")

    def load(self) -> None:
        if self.job.artefact is None:
            raise EngineUnavailable("the model was not converted to TorchScript")
        if not self.job.configuration.kv_cache:
            raise EngineUnavailable("the TorchScript adapter traces the model with its KV cache; it has no mode without")
        self.take_device()
        with self.fitting("the traced model does"):
            module = torch.jit.load(str(self.job.artefact / TRACE_FILE), map_location=self.device)
        shapes = json.loads((self.job.artefact / SHAPES_FILE).read_text(encoding="utf-8"))
        self.types = {str(parameter.dtype).removeprefix("torch.") for parameter in module.parameters()}
        self.weights_b = sum(parameter.numel() * parameter.element_size() for parameter in module.parameters())
        self.module = torch.jit.freeze(module.eval())
        self.model = _shell(self.weights, self.device)
        self.model.forward = _Forward(self.model, self.module, shapes, self.device)

    def facts(self) -> Facts:
        if self.types != {self.job.configuration.dtype}:
            raise MeasurementInvalid(f"the trace holds {', '.join(self.types)} weights, not {self.job.configuration.dtype}")
        cached = self.module.graph.findNode("aten::scaled_dot_product_attention") is not None
        return Facts(
            dtype=self.job.configuration.dtype,
            kv_cache=True,
            threads=torch.get_num_threads(),
            device=str(self.device),
            parameters=sum(parameter.numel() for parameter in self.model.parameters()),
            weights_b=self.weights_b,
            details=(("fused attention in graph", str(cached).lower()), ("torch", str(torch.__version__))),
        )


def _shell(weights: Path, device: torch.device) -> Any:
    """Return the Python model without weights: it supplies the configuration and the generation loop."""
    config = AutoConfig.from_pretrained(weights, **LOCAL)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, trust_remote_code=False).eval()
    kind = type(model)  # a model without weights would report "meta" as its device
    model.__class__ = type(kind.__name__, (kind,), {"device": property(lambda _: device)})
    return model


class _Step(torch.nn.Module):  # type: ignore[misc]
    """One forward step as a function of tensors only: what is traced."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.takes_positions = "position_ids" in inspect.signature(model.forward).parameters
        if model.config.model_type == "bloom":  # transformers 5 calls a function with a gradient there, which no trace can hold
            for module in model.modules():
                if isinstance(module, BloomGelu):
                    module.forward = bloom_gelu_forward

    def forward(
        self,
        input_ids: Tensor,
        mask: Tensor,
        additive_mask: Tensor,
        position_ids: Tensor,
        cache_position: Tensor,
        *past: Tensor,
    ) -> tuple[Tensor, ...]:
        cache = _cache(past)
        body = self.model.base_model
        if self.model.config.model_type == "bloom":  # ALiBi is computed from the two-dimensional mask
            body.build_alibi_tensor = lambda _, num_heads, dtype: type(body).build_alibi_tensor(body, mask, num_heads, dtype)
        positions = {"position_ids": position_ids} if self.takes_positions else {}
        output = self.model(
            input_ids=input_ids,
            attention_mask=additive_mask,
            cache_position=cache_position,
            use_cache=True,
            return_dict=True,
            **positions,
            **{CACHE: cache},
        )
        return (output.logits, *_flat(output[CACHE]))


class _Forward:
    """Stands in for ``model.forward``: unpacks what `generate` passes, calls the traced step, packs what it expects."""

    def __init__(self, model: Any, module: Any, shapes: list[list[int]], device: torch.device) -> None:
        self.module = module
        self.shapes = shapes
        self.device = device
        self.dtype = model.dtype
        self.__signature__ = inspect.signature(type(model).forward)

    def __call__(self, input_ids: Tensor, attention_mask: Tensor | None = None, **other: Any) -> CausalLMOutputWithPast:
        cache = other[CACHE] if other.get(CACHE) is not None else DynamicCache()
        seen = cache.get_seq_length()
        batch, device = input_ids.shape[0], self.device
        empty = [torch.zeros(batch, heads, 0, width, dtype=self.dtype, device=device) for heads, width in self.shapes]
        past = empty if seen == 0 else _flat(cache)
        if attention_mask is None:
            attention_mask = torch.ones(batch, seen + input_ids.shape[1], dtype=torch.long, device=device)
        logits, *flat = self.module(*step_inputs(input_ids, attention_mask, past, seen, self.dtype))
        cache.__dict__.update(_cache(flat).__dict__)  # `generate` holds this object: the new keys and values go into it
        return CausalLMOutputWithPast(logits=logits, **{CACHE: cache})


def step_inputs(input_ids: Tensor, mask: Tensor, past: list[Tensor], seen: int, dtype: torch.dtype) -> tuple[Tensor, ...]:
    """Return the inputs of a step: ids, 2-D mask, additive 4-D mask, positions, cache positions, cache.

    Args:
        input_ids: new tokens, (batch, new).
        mask: 1 for real tokens, (batch, seen + new).
        seen: tokens already in the cache.
    """
    new = input_ids.shape[1]
    cache_position = torch.arange(seen, seen + new, device=input_ids.device)
    causal = torch.arange(seen + new, device=input_ids.device)[None, :] <= cache_position[:, None]
    allowed = causal[None, None] & mask[:, None, None, :].bool()
    additive = torch.zeros(allowed.shape, dtype=dtype, device=input_ids.device).masked_fill(~allowed, torch.finfo(dtype).min)
    positions = (mask.long().cumsum(-1) - 1).clamp(min=0)[:, -new:]
    return (input_ids, mask, additive, positions, cache_position, *past)


def _example(model: Any, shapes: list[list[int]], device: torch.device) -> tuple[Tensor, ...]:
    """Return inputs with a batch of 2, 3 new and 5 cached tokens, so that no size is traced as the constant 1."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1, 100, (2, 3), generator=generator).to(device)
    past = [torch.randn(2, heads, 5, width, generator=generator).to(device, model.dtype) for heads, width in shapes]
    return step_inputs(ids, torch.ones(2, 8, dtype=torch.long, device=device), past, 5, model.dtype)


def _flat(cache: DynamicCache) -> list[Tensor]:
    return [tensor for layer in cache.layers for tensor in (layer.keys, layer.values)]


def _cache(flat: Sequence[Tensor]) -> DynamicCache:
    cache = DynamicCache()
    for layer, (keys, values) in enumerate(zip(flat[0::2], flat[1::2], strict=True)):
        cache.update(keys, values, layer)
    return cache
