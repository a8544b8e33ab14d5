"""The seam every runtime engine implements.

::

    Engine(job) ─ load() ─ compile()? ─ facts() ─ generate() … ─ close()
    Engine.convert(job, target)       once per model, in a process of its own, never inside a run

Adding an engine is one file with a subclass and one row in `catalog`. An engine runs inside a worker process, is used by one
thread at a time, and raises the errors of `greenreport.errors`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from greenreport.errors import EngineUnavailable, MeasurementInvalid, ModelUnavailable
from greenreport.record import Facts
from greenreport.study import Configuration

#: What helps where a model cannot chat.
COMPLETE_INSTEAD = "measure it with `workload: {api: completions}`"

#: Called for each decoding step with the new token of every sequence, as soon as the engine has them; None for one that the engine does
#: not tell before the whole answer.
OnToken = Callable[[Sequence[int | None]], None]


@dataclass(frozen=True, slots=True)
class EngineJob:
    """A model for an engine to load.

    Attributes:
        weights: folder with config.json, safetensors and tokenizer; None for engines without weights.
        artefact: folder with the converted model, for engines that need one.
        threads: compute threads to use.
        python: of the environment that serves the model; None: greenreport's own.
    """

    configuration: Configuration
    threads: int
    weights: Path | None = None
    artefact: Path | None = None
    python: Path | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a conversation; its role is `system`, `user` or `assistant`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class TokenSampling:
    """How the tokens of a sequence are drawn.

    Attributes:
        temperature: above 0; logits are divided by it.
        top_p: only the likeliest tokens whose probabilities together reach it are drawn; 1: all.
    """

    temperature: float
    top_p: float
    seed: int


@dataclass(frozen=True, slots=True)
class Generated:
    """One generated sequence: new token ids only, and why it ended (`length` or `stop`)."""

    token_ids: tuple[int, ...]
    finish_reason: str


class Engine(ABC):
    """A runtime engine with one model."""

    #: Whether `compile` does anything; then it is a phase of its own.
    compiles = False
    #: Token ids that end a sequence, where the tokenizer has any.
    end_ids: tuple[int, ...] = ()

    def __init__(self, job: EngineJob) -> None:
        self.job = job

    @classmethod
    def convert(cls, job: EngineJob, target: Path) -> None:
        """Write the converted model into the existing empty folder `target`; only for engines with an artefact."""
        raise TypeError(f"{cls.__name__} needs no conversion")

    @abstractmethod
    def load(self) -> None:
        """Read the weights and build the model on the device.

        Raises:
            EngineUnavailable, OutOfMemory, MeasurementInvalid: when what was loaded is not what the configuration says.
        """

    def compile(self) -> None:
        """Compile just in time what would otherwise be compiled by the first requests."""
        return

    @abstractmethod
    def facts(self) -> Facts:
        """Return what was actually loaded, read back from the engine."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Return the token ids of a text."""

    @abstractmethod
    def decode(self, token_ids: Sequence[int]) -> str:
        """Return the text of token ids."""

    def render(self, messages: Sequence[Message]) -> str:
        """Return the text that a conversation is to the model, up to where its answer begins.

        Raises:
            ModelUnavailable: the model cannot chat, or its template does not take these messages.
        """
        raise ModelUnavailable(f"{type(self).__name__} knows no chat template", COMPLETE_INSTEAD)

    def encode_rendered(self, text: str) -> list[int]:
        """Return the token ids of a rendered conversation, which holds its special tokens already."""
        return self.encode(text)

    def decode_answer(self, token_ids: Sequence[int]) -> str:
        """Return the text of an answer in a conversation, without the special tokens that frame it."""
        return self.decode(token_ids)

    @abstractmethod
    def generate(
        self, prompts: Sequence[Sequence[int]], output_tokens: int, *, exact: bool, on_token: OnToken
    ) -> list[Generated]:
        """Continue each prompt greedily.

        Args:
            prompts: token ids, one sequence per prompt, answered as one batch.
            output_tokens: new tokens for each prompt.
            exact: generate exactly that many; otherwise stop at the end-of-sequence token.
            on_token: called after each step.

        Raises:
            OutOfMemory: the state does not fit.
        """

    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        output_tokens: int,
        sampling: Sequence[TokenSampling],
        *,
        exact: bool,
        on_token: OnToken,
    ) -> list[Generated]:
        """Continue each prompt with tokens that are drawn; the row of an engine in the catalog says whether it can.

        Args:
            sampling: of each prompt; the rest as in `generate`.
        """
        raise EngineUnavailable(f"{type(self).__name__} always takes the likeliest token", "leave out `temperature:`")

    def close(self) -> None:
        """Release what the model holds."""
        return


def verified(facts: Facts, job: EngineJob) -> Facts:
    """Return the facts if they match the configuration; every engine is checked before its first request.

    Raises:
        MeasurementInvalid: dtype, KV cache or (on the CPU) the number of threads differ.
    """
    asked = job.configuration
    pairs: list[tuple[str, object, object]] = [("type", facts.dtype, asked.dtype), ("KV cache", facts.kv_cache, asked.kv_cache)]
    pairs += [("number of threads", facts.threads, job.threads)] if asked.provider == "cpu" else []
    for name, loaded, specified in pairs:
        if loaded != specified:
            raise MeasurementInvalid(f"{asked.engine} was loaded with {name} {loaded}; the study says {specified}")
    return facts
