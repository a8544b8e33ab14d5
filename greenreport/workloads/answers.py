"""Answers of servers of OpenAI's API, whole or streamed, taken apart as they arrive.

greenreport did not write every server it measures, so an answer may hold anything. What `api_content` does not accept is a failed request;
nothing behind this module meets an unexpected shape, a number that no column of the store holds, or an answer without end.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import ValidationError

from greenreport.record import RequestErrorKind
from greenreport.workloads.api_content import TOOL_CALL, AnswerContent, Api, ServerAccount, Usage, content_type
from greenreport.workloads.event_stream import events, without_mark
from greenreport.workloads.exchanges import require_plain, require_within
from greenreport.workloads.request_errors import RequestFailed, asked_wait_s, malformed, refused, reported, server_error

#: How long a request waits in all when servers say that they are overloaded and when to come back.
LONGEST_WAIT_S = 60.0
#: What is read of an answer with an error status.
LARGEST_ERROR_B = 65_536


@dataclass(slots=True)
class Completion:
    """The answer to one prompt; `token_ids` is empty where the server sends none, `reasoning` where it tells none apart."""

    text: str = ""
    reasoning: str = ""
    token_ids: tuple[int, ...] = ()
    finish_reason: str | None = None


@dataclass(slots=True)
class ServerAnswer:
    """The answer to one HTTP request: a completion per prompt, by the index of the prompt.

    Attributes:
        arrived_ns: arrival of each streamed token, reasoning too. A piece without token ids counts as one token: how many it holds is
            not known.
        answered_ns: arrival of the first streamed text that is not reasoning.
        retried: whether it was asked for again: the server had closed the connection kept from the request before, or asked to come back.
    """

    api: Api = Api.COMPLETIONS
    stream: bool = False
    completions: dict[int, Completion] = field(default_factory=dict)
    model: str | None = None
    usage: Usage = field(default_factory=Usage)
    account: ServerAccount = field(default_factory=ServerAccount)
    arrived_ns: list[int] = field(default_factory=list)
    answered_ns: int | None = None
    retried: bool = False
    content: type[AnswerContent[Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.content = content_type(self.api, stream=self.stream)

    @property
    def said_something(self) -> bool:
        """Whether any completion has a text, reasoning, token ids, or a count of tokens that says there were some."""
        said = any(part.text or part.reasoning or part.token_ids for part in self.completions.values())
        return said or bool(self.usage.completion_tokens)

    def add(self, raw: bytes | str) -> None:
        """Add a whole answer or one event of a stream, which arrived just now.

        The last event of our own server repeats all token ids; those of other servers hold only new ones.

        Raises:
            RequestFailed: it has another shape, reports an error, or calls a tool.
        """
        now = time.monotonic_ns()
        content = self._parsed(raw)
        if content.error:
            raise server_error(content.error)
        self.model = content.model or self.model
        self.usage = content.usage or self.usage
        self.account = content.greenreport or self.account
        for position, choice in enumerate(content.choices or ()):
            index = position if choice.index is None else choice.index
            completion = self.completions.setdefault(index, Completion())
            (text, reasoning), token_ids = choice.said, choice.token_ids or ()
            completion.text += text
            completion.reasoning += reasoning
            completion.token_ids = token_ids if content.greenreport and token_ids else completion.token_ids + token_ids
            completion.finish_reason = choice.finish_reason or completion.finish_reason
            self.arrived_ns += [now] * (len(token_ids) or bool(text or reasoning))
            if text and self.answered_ns is None:
                self.answered_ns = now

    def _parsed(self, raw: bytes | str) -> AnswerContent[Any]:
        try:
            return self.content.model_validate_json(raw)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
        place = ".".join(map(str, problem["loc"])) or "it"
        if problem["type"] == "json_invalid":
            raise malformed(f"it is not JSON: {raw[:80]!r}")
        if problem["type"] == TOOL_CALL:
            raise malformed(problem["msg"])
        raise malformed(f"`{place}` is {'missing' if problem['type'] == 'missing' else repr(problem['input'])[:60]}")


def post(client: httpx.Client, api: Api, body: Mapping[str, object], largest_b: int) -> ServerAnswer:
    """Send a request and return the answer when it is complete.

    Args:
        largest_b: a larger answer is none.

    Raises:
        RequestFailed: there is no answer, or none of the documented shape.
    """
    answer, complete = ServerAnswer(api, bool(body["stream"])), True
    try:
        with _asked(client, body, answer) as response:
            if response.status_code != 200:
                raise refused(response.status_code, _beginning(response), api)
            require_plain(response)
            if answer.stream:
                complete = _add_events(answer, _parts(response, largest_b))
            else:
                answer.add(b"".join(without_mark(_parts(response, largest_b))))
                answer.arrived_ns, answer.answered_ns = [], None  # all of it arrived at the end
    except httpx.TimeoutException:
        raise RequestFailed(RequestErrorKind.TIMED_OUT, "the request took longer than its limit") from None
    except httpx.TransportError as error:
        text = f"the server closed the connection ({type(error).__name__}: {error})"
        raise RequestFailed(RequestErrorKind.DISCONNECTED, text) from None
    except (httpx.HTTPError, UnicodeDecodeError) as error:
        raise malformed(f"{type(error).__name__}: {error}") from None
    if not answer.completions:
        raise malformed("the stream ended without an answer")
    if not complete:
        raise RequestFailed(RequestErrorKind.DISCONNECTED, "the stream broke off: neither a finish reason nor [DONE] came")
    if not answer.said_something:
        raise malformed("it is empty: no text, no tokens")
    return answer


@contextmanager
def _asked(client: httpx.Client, body: Mapping[str, object], answer: ServerAnswer) -> Iterator[httpx.Response]:
    """Give the response to a request, sent again after a closed connection, and when a server that is overloaded asks for it.

    Servers close connections that nobody has used for some seconds, and a request may just have been on its way then: it is sent once more
    where the connection ended before any byte of a response came. A request that was asked to come back waits as long as it was told, in all
    no longer than `LONGEST_WAIT_S`.
    """
    left_s, reconnected = LONGEST_WAIT_S, False
    while True:
        with ExitStack() as stack:
            try:
                response = stack.enter_context(client.stream("POST", answer.api.path, json=body))
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                if reconnected:
                    raise
                answer.retried = reconnected = True
                response = stack.enter_context(client.stream("POST", answer.api.path, json=body))
            wait_s = asked_wait_s(response.status_code, response.headers.get("Retry-After"))
            if wait_s is None or wait_s > left_s:
                yield response
                return
        answer.retried = True
        left_s -= wait_s
        time.sleep(wait_s)


def _add_events(answer: ServerAnswer, parts: Iterator[bytes]) -> bool:
    """Add the events of a stream to an answer; return whether its end was said, by ``[DONE]`` or a finish reason of each completion."""
    done = False
    for event in events(parts):
        if event.name == "error":
            raise server_error(reported(event.data))
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
