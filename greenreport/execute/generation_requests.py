"""Requests to the model server: completions and chat completions of OpenAI's API, as far as text generation needs them.

Extensions follow vLLM's names (`ignore_eos`, `return_token_ids`).
"""

from __future__ import annotations

import secrets
from abc import abstractmethod
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from greenreport.engines.base import Message, TokenSampling

_Tokens = Annotated[int, Field(ge=1, le=1_000_000)]
#: Tokens of an answer in chat whose request names no limit.
CHAT_TOKENS = 512


class _Asked(BaseModel):
    """A part of a request; keys that generation does not need are ignored."""

    model_config = ConfigDict(extra="ignore")


class _StreamOptions(_Asked):
    include_usage: bool = False


class GenerationRequest(_Asked):
    """What both APIs ask."""

    model: str
    temperature: Annotated[float, Field(ge=0, le=5)] = 0.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stream: bool = False
    stream_options: _StreamOptions | None = None
    ignore_eos: bool = False
    return_token_ids: bool = False

    def sampling(self, sequences: int) -> tuple[TokenSampling, ...]:
        """Return how the tokens of each sequence are drawn; () where the likeliest are taken."""
        if self.temperature == 0:
            return ()
        seed = secrets.randbits(31) if self.seed is None else self.seed
        return tuple(TokenSampling(self.temperature, self.top_p, (seed + row) % 2**63) for row in range(sequences))

    @property
    @abstractmethod
    def output_tokens(self) -> int:
        """The most tokens of an answer."""


class CompletionRequest(GenerationRequest):
    """Texts to be continued."""

    prompt: str | list[str]
    max_tokens: _Tokens = 16

    @property
    def output_tokens(self) -> int:
        return self.max_tokens

    @property
    def texts(self) -> list[str]:
        """The prompts."""
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt


class _TextPart(_Asked):
    type: Literal["text"]
    text: str


class _ChatMessage(_Asked):
    role: Literal["system", "user", "assistant"]
    content: str | list[_TextPart]


class ChatRequest(GenerationRequest):
    """A conversation to be continued with an answer."""

    messages: Annotated[list[_ChatMessage], Field(min_length=1)]
    max_tokens: _Tokens | None = None
    max_completion_tokens: _Tokens | None = None

    @property
    def output_tokens(self) -> int:
        return self.max_completion_tokens or self.max_tokens or CHAT_TOKENS

    @property
    def conversation(self) -> list[Message]:
        """The messages, each with its text in one piece."""
        contents = (
            m.content if isinstance(m.content, str) else "".join(part.text for part in m.content) for m in self.messages
        )
        return [Message(message.role, content) for message, content in zip(self.messages, contents, strict=True)]
