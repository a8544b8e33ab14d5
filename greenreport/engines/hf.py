"""The base of engines built on transformers: tokenizer, greedy generation with per-token times, error translation.

All of them generate through the same `transformers` loop and differ in the forward pass alone, so that a measured difference is one between
engines and not between harnesses.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.generation.streamers import BaseStreamer

from greenreport.engines.base import Engine, EngineJob, Generated, Message, OnToken
from greenreport.engines.chat_template import rendered
from greenreport.engines.cuda import no_device
from greenreport.engines.memory_errors import is_out_of_memory, memory_words
from greenreport.errors import EngineUnavailable, MeasurementInvalid, OutOfMemory
from greenreport.models.weights import INFO_FILE, folder_bytes
from greenreport.record import Facts
from greenreport.regular_files import read_regular

#: Nothing is downloaded while a run is measured, and no code that comes with weights is executed.
LOCAL = {"local_files_only": True, "trust_remote_code": False}
MAX_SETTINGS_B = 1_000_000
TORCH_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class HfEngine(Engine):
    """Base of the engines whose model has transformers' ``generate``."""

    #: What the runtime raises when an allocation fails, and for other reasons; the text decides.
    failures: tuple[type[Exception], ...] = (RuntimeError, MemoryError)

    def __init__(self, job: EngineJob) -> None:
        super().__init__(job)
        if job.weights is None:
            raise EngineUnavailable(f"{type(self).__name__} needs weights")
        self.weights: Path = job.weights
        self.device = torch.device(job.configuration.provider)
        self.model: Any = None
        self.tokenizer = AutoTokenizer.from_pretrained(job.weights, **LOCAL)
        end = self.tokenizer.eos_token_id
        self.end_ids: tuple[int, ...] = tuple(
            dict.fromkeys([*([] if end is None else [int(end)]), *_declared_ends(job.weights)])
        )
        self.pad_id = int(self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else end or 0)

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
        if self.device.type == "cuda" and not torch.cuda.is_available():
            raise no_device().unavailable()

    @contextmanager
    def fitting(self, what: str) -> Iterator[None]:
        """Turn a failed allocation into `OutOfMemory`; `what`: subject and verb of its text ("the weights do")."""
        try:
            yield
        except self.failures as error:
            if not is_out_of_memory(error):
                raise
            raise OutOfMemory(f"{what} not fit on {self.device}: {memory_words(error)}") from None

    def encode(self, text: str) -> list[int]:
        ids = self.tokenizer(text, return_token_type_ids=False)["input_ids"]
        return [int(token) for token in ids] or [self.pad_id]

    def decode(self, token_ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(token_ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def render(self, messages: Sequence[Message]) -> str:
        return rendered(self.tokenizer, messages)

    def encode_rendered(self, text: str) -> list[int]:
        ids = self.tokenizer(text, add_special_tokens=False, return_token_type_ids=False)["input_ids"]
        return [int(token) for token in ids] or [self.pad_id]

    def decode_answer(self, token_ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def generate(
        self, prompts: Sequence[Sequence[int]], output_tokens: int, *, exact: bool, on_token: OnToken
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
        with self.fitting("generation does"), torch.inference_mode():
            result = self.model.generate(
                ids.to(self.device),
                attention_mask=mask.to(self.device),
                generation_config=settings,
                use_model_defaults=False,
                streamer=_TokenTimes(on_token),
            )
        return [self._finished(row[longest:].tolist(), exact) for row in result.cpu()]

    def _finished(self, token_ids: list[int], exact: bool) -> Generated:
        end = None if exact else next((place for place, token in enumerate(token_ids) if token in self.end_ids), None)
        return Generated(tuple(token_ids), "length") if end is None else Generated(tuple(token_ids[:end]), "stop")

    def torch_facts(self, details: dict[str, str]) -> Facts:
        """Return the facts of a model whose weights are torch parameters, checking their type."""
        parameters = list(self.model.parameters())
        dtypes = {str(parameter.dtype).removeprefix("torch.") for parameter in parameters}
        if dtypes != {self.job.configuration.dtype}:
            raise MeasurementInvalid(f"weights are {', '.join(sorted(dtypes))}, the study says {self.job.configuration.dtype}")
        return Facts(
            dtype=self.job.configuration.dtype,
            kv_cache=self.job.configuration.kv_cache,
            threads=torch.get_num_threads(),
            device=str(parameters[0].device),
            parameters=sum(parameter.numel() for parameter in parameters),
            weights_b=sum(parameter.numel() * parameter.element_size() for parameter in parameters),
            details=tuple(sorted({"torch": torch.__version__, **details}.items())),
        )

    def artefact_size(self) -> tuple[int | None, int | None]:
        """Return the parameters, known of weights that greenreport wrote, and the bytes of a converted model."""
        notes = self.weights / INFO_FILE
        parameters = json.loads(notes.read_text(encoding="utf-8"))["parameters"] if notes.is_file() else None
        return parameters, folder_bytes(self.job.artefact) if self.job.artefact else None


def _declared_ends(weights: Path) -> list[int]:
    """Return the ids that end an answer by the model's own settings: besides the end of a text often that of a turn."""
    file = weights / "generation_config.json"
    try:
        settings = json.loads(read_regular(file, MAX_SETTINGS_B)) if file.is_file() else {}
    except (OSError, ValueError, RecursionError) as error:
        raise EngineUnavailable(f"{file.name} of the model cannot be read: {error}") from None
    ends = settings.get("eos_token_id") if isinstance(settings, dict) else None
    listed = ends if isinstance(ends, list) else [ends]
    return [end for end in listed if isinstance(end, int) and not isinstance(end, bool)]


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
