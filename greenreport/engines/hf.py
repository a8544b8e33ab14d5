"""The base of engines built on transformers' generation loop, with the time of each token.

All of them generate through the same `transformers` loop and differ in the forward pass alone, so that a measured difference is one between
engines and not between harnesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import AutoModelForCausalLM, GenerationConfig, LogitsProcessorList
from transformers.generation.streamers import BaseStreamer

from greenreport.catalog import PROVIDER_INFO
from greenreport.engines.base import EngineJob, Generated, OnToken, TokenSampling
from greenreport.engines.cuda import no_device
from greenreport.engines.devices import require, torch_obstacle
from greenreport.engines.sampling import DrawnToken
from greenreport.engines.tokenized import LOCAL, TokenizedEngine
from greenreport.errors import MeasurementInvalid
from greenreport.record import Facts

TORCH_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class HfEngine(TokenizedEngine):
    """Base of the engines whose model has transformers' ``generate``."""

    def __init__(self, job: EngineJob) -> None:
        super().__init__(job)
        self.device = torch.device(PROVIDER_INFO[job.configuration.provider].torch_device)
        self.model: Any = None

    def read_torch_model(self) -> Any:
        """Read the transformers model in the configured dtype onto the device."""
        self.take_device()
        with self.fitting("the weights do"):
            model = AutoModelForCausalLM.from_pretrained(
                self.weights, dtype=TORCH_DTYPES[self.job.configuration.dtype], use_safetensors=True, **LOCAL
            )
            return model.eval().to(self.device)

    def take_device(self) -> None:
        """Set the number of threads, and make sure that torch has the device."""
        torch.set_num_threads(self.job.threads)
        require(torch_obstacle(self.job.configuration.provider))
        if self.device.type == "cuda" and not torch.cuda.is_available():
            raise no_device().unavailable()

    def generate(
        self, prompts: Sequence[Sequence[int]], output_tokens: int, *, exact: bool, on_token: OnToken
    ) -> list[Generated]:
        return self._continued(prompts, output_tokens, exact, on_token, LogitsProcessorList())

    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        output_tokens: int,
        sampling: Sequence[TokenSampling],
        *,
        exact: bool,
        on_token: OnToken,
    ) -> list[Generated]:
        return self._continued(prompts, output_tokens, exact, on_token, LogitsProcessorList([DrawnToken(sampling)]))

    def _continued(
        self,
        prompts: Sequence[Sequence[int]],
        output_tokens: int,
        exact: bool,
        on_token: OnToken,
        processors: LogitsProcessorList,
    ) -> list[Generated]:
        longest = max(len(prompt) for prompt in prompts)
        ids = torch.full((len(prompts), longest), self.pad_id, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):  # padding goes to the left: every sequence ends where generation starts
            ids[row, longest - len(prompt) :] = torch.tensor(prompt)
            mask[row, longest - len(prompt) :] = 1
        settings = GenerationConfig(
            max_new_tokens=output_tokens,
            do_sample=False,
            num_beams=1,
            eos_token_id=None if exact or not self.end_ids else list(self.end_ids),
            pad_token_id=self.pad_id,
            use_cache=self.job.configuration.kv_cache,
        )
        self.model.generation_config = GenerationConfig()  # what is not set above would be taken from the model's own settings
        with self.fitting("generation does"), torch.inference_mode():
            result = self.model.generate(
                ids.to(self.device),
                attention_mask=mask.to(self.device),
                generation_config=settings,
                streamer=_TokenTimes(on_token),
                logits_processor=processors,
            )
        return [self.finished(row[longest:].tolist(), exact) for row in result.cpu()]

    def torch_facts(self, details: dict[str, str]) -> Facts:
        """Return the facts of a model whose weights are torch parameters, checking their type."""
        parameters = list(self.model.parameters())
        dtypes = {str(parameter.dtype).removeprefix("torch.") for parameter in parameters}
        if dtypes != {self.job.configuration.dtype}:
            raise MeasurementInvalid(f"weights are {', '.join(sorted(dtypes))}, the study says {self.job.configuration.dtype}")
        devices = {parameter.device.type for parameter in parameters}
        if devices != {self.device.type}:
            raise MeasurementInvalid(
                f"weights are on {', '.join(sorted(devices))}, the study says {self.job.configuration.provider}"
            )
        return Facts(
            dtype=self.job.configuration.dtype,
            kv_cache=self.job.configuration.kv_cache,
            threads=torch.get_num_threads(),
            device=str(parameters[0].device),
            parameters=sum(parameter.numel() for parameter in parameters),
            weights_b=sum(parameter.numel() * parameter.element_size() for parameter in parameters),
            details=tuple(sorted({"torch": str(torch.__version__), **details}.items())),
        )


class _TokenTimes(BaseStreamer):  # type: ignore[misc]
    """Passes each step's tokens on; the first call of transformers carries the prompt and is ignored."""

    def __init__(self, on_token: OnToken) -> None:
        self.on_token = on_token
        self.prompt_seen = False

    def put(self, value: Any) -> None:
        if self.prompt_seen:
            self.on_token(value.tolist())
        self.prompt_seen = True

    def end(self) -> None:
        return
