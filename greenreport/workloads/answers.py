"""Answers of OpenAI-compatible completion servers, whole or streamed, checked where they arrive.

greenreport did not write every server it measures, so an answer may hold anything. Each field has the type the API documents and a
value that can be, or the request has failed; nothing behind this module meets an unexpected shape, a number that no column of the
store holds, or an answer without end. Absent and null both mean "not sent".
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Annotated

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from greenreport.errors import OutOfMemory
from greenreport.record import RequestError, RequestErrorKind, ServerStage
from greenreport.workloads.event_stream import events, without_mark
from greenreport.workloads.exchanges import printable, require_plain, require_within

PATH = "/v1/completions"
LONGEST_ERROR = 300
#: What is read of an answer with an error status.
LARGEST_ERROR_B = 65_536
#: Statuses of a server, or of a proxy in front of it, that takes no more requests.
OVERLOADED = (429, 503)


class RequestFailed(Exception):
    """A request without a usable answer."""

    def __init__(self, kind: RequestErrorKind, text: str) -> None:
        self.error = RequestError(kind, printable(text, LONGEST_ERROR))
        super().__init__(self.error.text)


class _JsonObject(BaseModel):
    """A JSON object of the API; keys it does not document are ignored, and no type is converted into another."""

    model_config = ConfigDict(strict=True)


_Count = Annotated[int, Field(ge=0, lt=2**31)]
_Nanoseconds = Annotated[int, Field(ge=0, lt=2**62)]
_Spans = dict[ServerStage, Annotated[float, Field(ge=0, le=1e8, allow_inf_nan=False)]]


class _PromptDetails(_JsonObject):
    cached_tokens: _Count | None = None


class Usage(_JsonObject):
    """Token counts of all prompts together."""

    prompt_tokens: _Count | None = None
    completion_tokens: _Count | None = None
    prompt_tokens_details: _PromptDetails | None = None

    @property
    def cached_tokens(self) -> int | None:
        """Tokens of the prompts that were taken from a cache; None where the server does not say."""
        return None if self.prompt_tokens_details is None else self.prompt_tokens_details.cached_tokens


class _Choice(_JsonObject):
    text: str | None  # required: a chat completion, for example, has none
    index: _Count | None = None
    token_ids: tuple[_Count, ...] | None = None
    finish_reason: Annotated[str, Field(max_length=100)] | None = None


class ServerTimes(_JsonObject):
    """Times greenreport's own server adds to its answers: nanoseconds of the monotonic clock, spans in seconds."""

    server_start_ns: _Nanoseconds | None = None
    server_end_ns: _Nanoseconds | None = None
    token_ns: tuple[_Nanoseconds, ...] | None = None
    prompt_tokens: tuple[_Count, ...] | None = None
    spans_s: _Spans | None = None
    concurrent_s: _Spans | None = None

    @model_validator(mode="after")
    def _in_order(self) -> ServerTimes:
        times = [at for at in (self.server_start_ns, *(self.token_ns or ()), self.server_end_ns) if at is not None]
        if times != sorted(times):
            raise ValueError("times run backwards")
        return self

    @property
    def spans(self) -> tuple[tuple[str, float], ...]:
        """Name and seconds of each span; those of a stream while inference goes on are called ``concurrent_…``."""
        concurrent = {f"concurrent_{name}": spent for name, spent in (self.concurrent_s or {}).items()}
        return tuple(((self.spans_s or {}) | concurrent).items())


class _AnswerContent(_JsonObject):
    """A whole answer or one event of a stream."""

    error: object = None
    model: Annotated[str, Field(max_length=1000)] | None = None
    choices: tuple[_Choice, ...] | None = None
    usage: Usage | None = None
    greenreport: ServerTimes | None = None


@dataclass(slots=True)
class Completion:
    """The answer to one prompt; `token_ids` is empty where the server sends none."""

    text: str = ""
    token_ids: tuple[int, ...] = ()
    finish_reason: str | None = None


@dataclass(slots=True)
class ServerAnswer:
    """The answer to one HTTP request: a completion per prompt, by the index of the prompt.

    Attributes:
        arrived_ns: arrival of each streamed token. A piece without token ids counts as one token: how many it holds is not known.
        retried: whether it was asked for twice, since the server had closed the connection that was kept from the request before.
    """

    completions: dict[int, Completion] = field(default_factory=dict)
    model: str | None = None
    usage: Usage = field(default_factory=Usage)
    times: ServerTimes = field(default_factory=ServerTimes)
    arrived_ns: list[int] = field(default_factory=list)
    retried: bool = False

    @property
    def said_something(self) -> bool:
        """Whether any completion has a text, token ids, or a count of tokens that says there were some."""
        return bool(self.usage.completion_tokens) or any(part.text or part.token_ids for part in self.completions.values())

    def add(self, raw: bytes | str) -> None:
        """Add a whole answer or one event of a stream, which arrived just now.

        The last event of our own server repeats all token ids; those of other servers hold only new ones.

        Raises:
            RequestFailed: it has another shape, or reports an error.
        """
        now = time.monotonic_ns()
        content = _parsed(raw)
        if content.error:
            raise _server_error(content.error)
        self.model = content.model or self.model
        self.usage = content.usage or self.usage
        self.times = content.greenreport or self.times
        for position, choice in enumerate(content.choices or ()):
            index = position if choice.index is None else choice.index
            completion = self.completions.setdefault(index, Completion())
            text, token_ids = choice.text or "", choice.token_ids or ()
            completion.text += text
            completion.token_ids = token_ids if content.greenreport and token_ids else completion.token_ids + token_ids
            completion.finish_reason = choice.finish_reason or completion.finish_reason
            self.arrived_ns += [now] * (len(token_ids) or bool(text))


def post(client: httpx.Client, body: Mapping[str, object], largest_b: int) -> ServerAnswer:
    """Send a request and return the answer when it is complete.

    Args:
        largest_b: a larger answer is none.

    Raises:
        RequestFailed: there is no answer, or none of the documented shape.
    """
    answer, complete = ServerAnswer(), True
    try:
        with _asked(client, body, answer) as response:
            if response.status_code != 200:
                raise _refused(response.status_code, _beginning(response))
            require_plain(response)
            if body["stream"]:
                complete = _add_events(answer, _parts(response, largest_b))
            else:
                answer.add(b"".join(without_mark(_parts(response, largest_b))))
                answer.arrived_ns.clear()  # they all arrived at the end
    except httpx.TimeoutException:
        raise RequestFailed(RequestErrorKind.TIMED_OUT, "the request took longer than its limit") from None
    except httpx.TransportError as error:
        text = f"the server closed the connection ({type(error).__name__}: {error})"
        raise RequestFailed(RequestErrorKind.DISCONNECTED, text) from None
    except (httpx.HTTPError, UnicodeDecodeError) as error:
        raise _malformed(f"{type(error).__name__}: {error}") from None
    if not answer.completions:
        raise _malformed("the stream ended without an answer")
    if not complete:
        raise RequestFailed(RequestErrorKind.DISCONNECTED, "the stream broke off: neither a finish reason nor [DONE] came")
    if not answer.said_something:
        raise _malformed("it is empty: no text, no tokens")
    return answer


@contextmanager
def _asked(client: httpx.Client, body: Mapping[str, object], answer: ServerAnswer) -> Iterator[httpx.Response]:
    """Give the response to a request, sent once more where the connection ended before any byte of a response came.

    Servers close connections that nobody has used for some seconds, and a request may just have been on its way then.
    """
    with ExitStack() as stack:
        try:
            response = stack.enter_context(client.stream("POST", PATH, json=body))
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            answer.retried = True
            response = stack.enter_context(client.stream("POST", PATH, json=body))
        yield response


def _add_events(answer: ServerAnswer, parts: Iterator[bytes]) -> bool:
    """Add the events of a stream to an answer; return whether its end was said, by ``[DONE]`` or a finish reason of each completion."""
    done = False
    for event in events(parts):
        if event.name == "error":
            raise _server_error(_reported(event.data))
        if event.data == "[DONE]":
            done = True
        else:
            answer.add(event.data)
    return done or all(completion.finish_reason for completion in answer.completions.values())


def _parts(response: httpx.Response, largest_b: int) -> Iterator[bytes]:
    """Yield an answer as it arrives, as long as it is not too large."""
    size_b = 0
    for part in response.iter_raw():
        size_b += len(part)
        require_within(size_b, largest_b)
        yield part


def _beginning(response: httpx.Response) -> bytes:
    """Return what counts of an answer with an error status; what comes after its first kilobytes is not waited for."""
    read = b""
    for part in response.iter_raw():
        read += part
        if len(read) >= LARGEST_ERROR_B:
            break
    return read


def _parsed(raw: bytes | str) -> _AnswerContent:
    try:
        return _AnswerContent.model_validate_json(raw)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
    place = ".".join(map(str, problem["loc"])) or "it"
    if problem["type"] == "json_invalid":
        raise _malformed(f"it is not JSON: {raw[:80]!r}")
    raise _malformed(f"`{place}` is {'missing' if problem['type'] == 'missing' else repr(problem['input'])[:60]}")


def _refused(status: int, raw: bytes) -> RequestFailed:
    """Return what an answer with an error status means."""
    detail = _reported(raw)
    text = (
        f"HTTP {status}, not JSON: {raw[:200]!r}" if detail is raw else f"HTTP {status}: {_error_text(detail)[:LONGEST_ERROR]}"
    )
    if status in OVERLOADED:
        advice = "; the server refused the load: fewer requests at once, or a server that lets more wait"
        return RequestFailed(RequestErrorKind.OVERLOADED, text + advice)
    if isinstance(detail, dict) and "type" in detail:  # the type says more than the status
        return _server_error(detail)
    return RequestFailed(RequestErrorKind.SERVER, text)


def _reported(raw: bytes | str) -> object:
    """Return what a server reports as an error, or the content itself where it is not JSON."""
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    return content.get("error", content) if isinstance(content, dict) else content


def _server_error(detail: object) -> RequestFailed:
    # Our own server names the class of its error; other servers say in their own words that memory ran out.
    if isinstance(detail, dict) and detail.get("type") == OutOfMemory.__name__:
        return RequestFailed(RequestErrorKind.OUT_OF_MEMORY, str(detail.get("message")))
    return RequestFailed(RequestErrorKind.SERVER, _error_text(detail))


def _error_text(detail: object) -> str:
    """Return an error as a sentence; servers send a text or an object."""
    if isinstance(detail, dict) and "type" in detail:
        return f"{detail['type']}: {detail.get('message')}"
    if isinstance(detail, dict) and isinstance(detail.get("message"), str):
        return str(detail["message"])
    return str(detail)


def _malformed(cause: str) -> RequestFailed:
    return RequestFailed(RequestErrorKind.MALFORMED, f"the answer is not a completion of OpenAI's API ({cause})")
