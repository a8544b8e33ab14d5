"""What servers of OpenAI's API send: completions and chat completions, whole or as events of a stream, checked where they arrive.

Each field has the type the API documents and a value that can be. Absent and null both mean "not sent".
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from greenreport.record import ServerStage

#: Kind of validation error of an answer that wants a function to be called instead of answering.
TOOL_CALL = "tool_call"


class Api(StrEnum):
    """The part of OpenAI's API that a workload uses."""

    COMPLETIONS = "completions"
    CHAT = "chat"

    @property
    def path(self) -> str:
        """Where requests go."""
        return "/v1/completions" if self is Api.COMPLETIONS else "/v1/chat/completions"


class _JsonObject(BaseModel):
    """A JSON object of the API; keys it does not document are ignored, and no type is converted into another."""

    model_config = ConfigDict(strict=True)


_Count = Annotated[int, Field(ge=0, lt=2**31)]
_Nanoseconds = Annotated[int, Field(ge=0, lt=2**62)]
_Spans = dict[ServerStage, Annotated[float, Field(ge=0, le=1e8, allow_inf_nan=False)]]


class _PromptDetails(_JsonObject):
    cached_tokens: _Count | None = None


class _CompletionDetails(_JsonObject):
    reasoning_tokens: _Count | None = None


class Usage(_JsonObject):
    """Token counts of all prompts together; those of reasoning are among those of the completion."""

    prompt_tokens: _Count | None = None
    completion_tokens: _Count | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    reasoning: _Count | None = Field(None, alias="reasoning_tokens")  # as SGLang counts them

    @property
    def cached_tokens(self) -> int | None:
        """Tokens of the prompts that were taken from a cache; None where the server does not say."""
        return None if self.prompt_tokens_details is None else self.prompt_tokens_details.cached_tokens

    @property
    def reasoning_tokens(self) -> int | None:
        """Tokens of the completion that are reasoning; None where the server does not say."""
        details = self.completion_tokens_details
        return self.reasoning if details is None or details.reasoning_tokens is None else details.reasoning_tokens

    @model_validator(mode="after")
    def _reasoning_is_a_part(self) -> Usage:
        if self.completion_tokens is not None and (self.reasoning_tokens or 0) > self.completion_tokens:
            raise ValueError("more tokens of reasoning than of the completion it is a part of")
        return self


def _none_called(calls: tuple[object, ...] | None) -> tuple[object, ...] | None:
    if calls:
        raise PydanticCustomError(TOOL_CALL, "it calls a tool, and none was offered")
    return calls


class _Message(_JsonObject):
    """A message of a chat, or what one event of a stream adds to it; servers name reasoning in one of two ways."""

    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: Annotated[tuple[object, ...] | None, AfterValidator(_none_called)] = None

    @property
    def said(self) -> tuple[str, str]:
        """The answer, and the reasoning by either name; some servers send it under both."""
        return self.content or "", self.reasoning or self.reasoning_content or ""


class _Choice(_JsonObject):
    index: _Count | None = None
    token_ids: tuple[_Count, ...] | None = None
    finish_reason: Annotated[str, Field(max_length=100)] | None = None

    @property
    def said(self) -> tuple[str, str]:
        """Text of the answer, and reasoning apart from it."""
        return "", ""


class _TextChoice(_Choice):
    text: str | None  # required, as in the choices of a chat `message` and `delta` are

    @property
    def said(self) -> tuple[str, str]:
        return self.text or "", ""


class _MessageChoice(_Choice):
    message: _Message

    @property
    def said(self) -> tuple[str, str]:
        return self.message.said


class _DeltaChoice(_Choice):
    delta: _Message | None

    @property
    def said(self) -> tuple[str, str]:
        return ("", "") if self.delta is None else self.delta.said


class ServerAccount(_JsonObject):
    """What greenreport's own server adds to its answers: nanoseconds of the monotonic clock, spans in seconds.

    Attributes:
        rendered: the text that the model saw, where the server made one from messages.
    """

    server_start_ns: _Nanoseconds | None = None
    server_end_ns: _Nanoseconds | None = None
    token_ns: tuple[_Nanoseconds, ...] | None = None
    prompt_tokens: tuple[_Count, ...] | None = None
    spans_s: _Spans | None = None
    concurrent_s: _Spans | None = None
    rendered: str | None = None

    @model_validator(mode="after")
    def _in_order(self) -> ServerAccount:
        times = [at for at in (self.server_start_ns, *(self.token_ns or ()), self.server_end_ns) if at is not None]
        if times != sorted(times):
            raise ValueError("times run backwards")
        return self

    @property
    def spans(self) -> tuple[tuple[str, float], ...]:
        """Name and seconds of each span; those of a stream while inference goes on are called ``concurrent_…``."""
        concurrent = {f"concurrent_{name}": spent for name, spent in (self.concurrent_s or {}).items()}
        return tuple(((self.spans_s or {}) | concurrent).items())


_AnyChoice = TypeVar("_AnyChoice", bound=_Choice)


class AnswerContent(_JsonObject, Generic[_AnyChoice]):
    """A whole answer or one event of a stream."""

    error: object = None
    model: Annotated[str, Field(max_length=1000)] | None = None
    choices: tuple[_AnyChoice, ...] | None = None
    usage: Usage | None = None
    greenreport: ServerAccount | None = None


# Made once: naming a generic type costs more than reading an event.
_COMPLETION, _CHAT = AnswerContent[_TextChoice], AnswerContent[_MessageChoice]
_CHAT_EVENT = AnswerContent[_DeltaChoice]


def content_type(api: Api, *, stream: bool) -> type[AnswerContent[Any]]:
    """Return the type of a whole answer, or of one event of a stream."""
    if api is Api.COMPLETIONS:
        return _COMPLETION
    return _CHAT_EVENT if stream else _CHAT
