"""The base of engines that are given token ids: the tokenizer that comes with a model, conversations as text, and where an answer ends.

Nothing here imports torch: an engine with a generation loop of its own is deployed without it, and its memory is measured without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from greenreport.engines.base import Engine, EngineJob, Generated, Message
from greenreport.engines.chat_template import rendered
from greenreport.engines.memory_errors import is_out_of_memory, memory_words
from greenreport.errors import EngineUnavailable, OutOfMemory
from greenreport.models.weights import INFO_FILE, folder_bytes
from greenreport.regular_files import read_regular

#: Nothing is downloaded while a run is measured, and no code that comes with weights is executed.
LOCAL = {"local_files_only": True, "trust_remote_code": False}
MAX_SETTINGS_B = 1_000_000
#: What transformers 4 and 5 call the class of a tokenizer that is all in its file.
_GENERIC = ("PreTrainedTokenizerFast", "TokenizersBackend")


class TokenizedEngine(Engine):
    """Base of the engines whose texts transformers' tokenizer turns into token ids."""

    #: What the runtime raises when an allocation fails, and for other reasons; the text decides.
    failures: tuple[type[Exception], ...] = (RuntimeError, MemoryError)

    def __init__(self, job: EngineJob) -> None:
        from transformers import AutoTokenizer, PreTrainedTokenizerFast

        super().__init__(job)
        if job.weights is None:
            raise EngineUnavailable(f"{type(self).__name__} needs weights")
        self.weights: Path = job.weights
        named = _settings(job.weights, "tokenizer_config.json").get("tokenizer_class")
        # Where a model names no class of its own, or greenreport wrote it, its file says everything; transformers 5 would take the class of
        # its architecture instead.
        written_here = (job.weights / INFO_FILE).is_file()
        kind = PreTrainedTokenizerFast if named in _GENERIC or written_here else AutoTokenizer
        self.tokenizer = kind.from_pretrained(job.weights, **LOCAL)
        end = self.tokenizer.eos_token_id
        self.end_ids: tuple[int, ...] = tuple(
            dict.fromkeys([*([] if end is None else [int(end)]), *_declared_ends(job.weights)])
        )
        self.pad_id = int(self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else end or 0)

    @contextmanager
    def fitting(self, what: str) -> Iterator[None]:
        """Turn a failed allocation into `OutOfMemory`; `what`: subject and verb of its text ("the weights do")."""
        try:
            yield
        except self.failures as error:
            if not is_out_of_memory(error):
                raise
            raise OutOfMemory(f"{what} not fit on {self.job.configuration.provider}: {memory_words(error)}") from None

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

    def finished(self, token_ids: list[int], exact: bool) -> Generated:
        """Return the sequence up to where it ends: at the first end token, unless exactly as many tokens are asked for."""
        end = None if exact else next((place for place, token in enumerate(token_ids) if token in self.end_ids), None)
        return Generated(tuple(token_ids), "length") if end is None else Generated(tuple(token_ids[:end]), "stop")

    def artefact_size(self) -> tuple[int | None, int | None]:
        """Return the parameters, known of weights that greenreport wrote, and the bytes of a converted model."""
        notes = self.weights / INFO_FILE
        parameters = json.loads(notes.read_text(encoding="utf-8"))["parameters"] if notes.is_file() else None
        return parameters, folder_bytes(self.job.artefact) if self.job.artefact else None


def _declared_ends(weights: Path) -> list[int]:
    """Return the ids that end an answer by the model's own settings: besides the end of a text often that of a turn."""
    ends = _settings(weights, "generation_config.json").get("eos_token_id")
    listed = ends if isinstance(ends, list) else [ends]
    return [end for end in listed if isinstance(end, int) and not isinstance(end, bool)]


def _settings(weights: Path, name: str) -> dict[str, Any]:
    """Return one of the files of settings that come with a model; empty where there is none.

    Raises:
        EngineUnavailable: it cannot be read.
    """
    file = weights / name
    try:
        settings = json.loads(read_regular(file, MAX_SETTINGS_B)) if file.is_file() else {}
    except (OSError, ValueError, RecursionError) as error:
        raise EngineUnavailable(f"{file.name} of the model cannot be read: {error}") from None
    return settings if isinstance(settings, dict) else {}
