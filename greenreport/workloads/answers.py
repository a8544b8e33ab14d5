"""Answers of OpenAI-compatible completion servers, whole or streamed, checked where they arrive.

greenreport did not write every server it measures, so an answer may hold anything. Each field has the type the API documents or the
request has failed; nothing behind this module meets an unexpected shape.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, TypeVar

import httpx

from greenreport.errors import OutOfMemory
from greenreport.record import RequestError, RequestErrorKind

PATH = "/v1/completions"
LONGEST_ERROR = 300
#: Statuses of a server, or of a proxy in front of it, that takes no more requests.
OVERLOADED = (429, 503)

Field = TypeVar("Field", str, int)
_NOT_JSON = (json.JSONDecodeError, UnicodeDecodeError, RecursionError)


class RequestFailed(Exception):
    """A request without a usable answer."""

    def __init__(self, kind: RequestErrorKind, text: str) -> None:
        self.error = RequestError(kind, text[:LONGEST_ERROR])
        super().__init__(self.error.text)


@dataclass(slots=True)
class Completion:
    """The answer to one prompt; `token_ids` is empty where the server sends none."""

    text: str = ""
    token_ids: tuple[int, ...] = ()
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ServerTimes:
    """Times greenreport's own server adds to its answers: nanoseconds of the monotonic clock, spans in seconds."""

    start_ns: int | None = None
    end_ns: int | None = None
    token_ns: tuple[int, ...] = ()
    prompt_tokens: tuple[int, ...] = ()
    spans: tuple[tuple[str, float], ...] = ()


@dataclass(slots=True)
class ServerAnswer:
    """The answer to one HTTP request: a completion per prompt, by the index of the prompt.

    Attributes:
        prompt_tokens: of all prompts together, like `output_tokens`.
        arrived_ns: arrival of each streamed token. A piece without token ids counts as one token: how many it holds is not known.
    """

    completions: dict[int, Completion] = field(default_factory=dict)
    model: str | None = None
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    times: ServerTimes = field(default_factory=ServerTimes)
    arrived_ns: list[int] = field(default_factory=list)

    def add(self, content: Mapping[str, object]) -> int:
        """Add a whole answer or one event of a stream; return how many tokens it brought.

        The last event of our own server repeats all token ids; those of other servers hold only new ones.
        """
        ours = "greenreport" in content
        self.model = _value(content, "model", str) or self.model
        if usage := _mapping(content, "usage"):
            self.prompt_tokens = _value(usage, "prompt_tokens", int)
            self.output_tokens = _value(usage, "completion_tokens", int)
        if ours:
            self.times = _server_times(_mapping(content, "greenreport"))
        tokens = 0
        for position, choice in enumerate(_list(content, "choices", dict)):
            if "text" not in choice:  # a chat completion, for example
                raise _malformed(f"a choice has no `text`: {choice!r:.60}")
            index = _value(choice, "index", int)
            completion = self.completions.setdefault(position if index is None else index, Completion())
            text, token_ids = _value(choice, "text", str) or "", _list(choice, "token_ids", int)
            completion.text += text
            completion.token_ids = token_ids if ours and token_ids else completion.token_ids + token_ids
            completion.finish_reason = _value(choice, "finish_reason", str) or completion.finish_reason
            tokens += len(token_ids) or bool(text)
        return tokens


def post(client: httpx.Client, body: Mapping[str, object]) -> ServerAnswer:
    """Send a request and return the answer when it is complete.

    Raises:
        RequestFailed: there is no answer, or none of the documented shape.
    """
    try:
        return _streamed(client, body) if body["stream"] else _whole(client, body)
    except httpx.TimeoutException:
        raise RequestFailed(RequestErrorKind.TIMED_OUT, "the request took longer than its limit") from None
    except httpx.TransportError as error:
        text = f"the server closed the connection ({type(error).__name__}: {error})"
        raise RequestFailed(RequestErrorKind.DISCONNECTED, text) from None
    except (httpx.HTTPError, UnicodeDecodeError) as error:
        raise _malformed(f"{type(error).__name__}: {error}") from None


def _whole(client: httpx.Client, body: Mapping[str, object]) -> ServerAnswer:
    response = client.post(PATH, json=body)
    content = _checked(response.status_code, response.content)
    answer = ServerAnswer()
    answer.add(content)
    return answer


def _streamed(client: httpx.Client, body: Mapping[str, object]) -> ServerAnswer:
    answer = ServerAnswer()
    with client.stream("POST", PATH, json=body) as response:
        if response.status_code != 200:
            _checked(response.status_code, response.read())
        for line in _lines(response):
            data = line.removeprefix("data:").strip()
            if not line.startswith("data:") or data == "[DONE]":  # comments keep a connection alive
                continue
            event = _parsed(data)
            if not isinstance(event, dict):
                raise _malformed(f"an event is {data[:80]!r}")
            if event.get("error"):
                raise _server_error(event["error"])
            now = time.monotonic_ns()
            answer.arrived_ns += [now] * answer.add(event)
    if not answer.completions:
        raise _malformed("the stream ended without an answer")
    return answer


def _lines(response: httpx.Response) -> Iterator[str]:
    """Yield the lines of an event stream, which end with a line feed alone.

    Python's `splitlines` also ends a line at U+2028 and others, which JSON need not escape.
    """
    rest = b""
    for part in response.iter_bytes():
        *whole, rest = (rest + part).split(b"\n")
        yield from (line.decode().rstrip("\r") for line in whole)
    yield rest.decode()


def _checked(status: int, raw: bytes) -> dict[str, Any]:
    """Return the content of an answer with status 200."""
    overloaded = status in OVERLOADED
    advice = "; the server refused the load: fewer requests at once, or a server that lets more wait" if overloaded else ""
    kind = RequestErrorKind.OVERLOADED if overloaded else RequestErrorKind.SERVER
    try:
        content = json.loads(raw)
    except _NOT_JSON:
        raise RequestFailed(kind, f"HTTP {status}, not JSON: {raw[:200]!r}{advice}") from None
    if status != 200:
        detail = content.get("error", content) if isinstance(content, dict) else content
        if isinstance(detail, dict) and "type" in detail and not overloaded:  # the type says more than the status
            raise _server_error(detail)
        raise RequestFailed(kind, f"HTTP {status}: {_error_text(detail)[:LONGEST_ERROR]}{advice}")
    if not isinstance(content, dict):
        raise _malformed(f"it is {raw[:80]!r}")
    return content


def _parsed(data: str) -> object:
    try:
        return json.loads(data)
    except _NOT_JSON:
        raise _malformed(f"an event is not JSON: {data[:80]!r}") from None


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


# --- fields: absent and null mean "not sent"; another type than the documented one is an error ----------------------------


def _value(content: Mapping[str, object], name: str, kind: type[Field]) -> Field | None:
    value = content.get(name)
    if value is None:
        return None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise _malformed(f"`{name}` is {value!r:.60}")
    return value


def _mapping(content: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = content.get(name)
    if value is not None and not isinstance(value, dict):
        raise _malformed(f"`{name}` is {value!r:.60}")
    return value or {}


def _list(content: Mapping[str, object], name: str, kind: type[Any] | UnionType) -> tuple[Any, ...]:
    value = content.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
        raise _malformed(f"`{name}` is {value!r:.60}")
    return tuple(value)


def _server_times(content: Mapping[str, object]) -> ServerTimes:
    return ServerTimes(
        _value(content, "server_start_ns", int),
        _value(content, "server_end_ns", int),
        _list(content, "token_ns", int),
        _list(content, "prompt_tokens", int),
        (*_spans(content, "spans_s"), *((f"concurrent_{name}", value) for name, value in _spans(content, "concurrent_s"))),
    )


def _spans(content: Mapping[str, object], name: str) -> tuple[tuple[str, float], ...]:
    spans = _mapping(content, name)
    return tuple(zip(spans, _list({name: list(spans.values())}, name, int | float), strict=True))
