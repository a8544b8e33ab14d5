"""Sends one HTTP request and times it: to any OpenAI-compatible server, whole or streamed, one prompt or a batch."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from greenreport.record import Output, Request
from greenreport.workloads.load_loops import Answered


@dataclass(frozen=True, slots=True)
class ClientJob:
    """What to send and where.

    Attributes:
        urls: base addresses of the servers, without ``/v1``; each client of a closed loop keeps to one, an open loop takes them in turn.
        model: name every answer must carry.
        batches: prompts of each request.
        output_tokens: of each request.
        timeout_s: limit of one request.
        concurrency: clients of the closed loop.
        due_s: when each request is due, for an open loop; None for a closed one.
        api_key_env: environment variable with the key that every request carries.
        extra: further keys of every request, for servers that know more than the protocol says.
    """

    urls: tuple[str, ...]
    model: str
    batches: tuple[tuple[str, ...], ...]
    output_tokens: tuple[int, ...]
    exact: bool
    stream: bool
    timeout_s: float
    concurrency: int = 1
    due_s: tuple[float, ...] | None = None
    api_key_env: str | None = None
    extra: tuple[tuple[str, str | bool | int | float], ...] = ()


class Sender:
    """Sends one batch at a time over kept connections: to one server, or to all in turn."""

    def __init__(self, clients: Sequence[httpx.Client], job: ClientJob, server: int | None = None) -> None:
        self.clients = clients
        self.job = job
        self.server = server

    def __call__(self, batch: int, due_ns: int | None) -> Answered:
        """Send a batch to the server whose turn it is."""
        return self.send(batch, batch % len(self.clients) if self.server is None else self.server, due_ns)

    def send(self, batch: int, server: int, due_ns: int | None) -> Answered:
        """Send a batch; return its timed requests and outputs, or the request with its error.

        Args:
            due_ns: when it was due; latency counts from then. Now when absent.
        """
        job = self.job
        prompts = job.batches[batch]
        first_index = len(job.batches[0]) * batch
        body: dict[str, Any] = {
            "model": job.model,
            "prompt": prompts[0] if len(prompts) == 1 else list(prompts),
            "max_tokens": job.output_tokens[batch],
            "temperature": 0,
            "return_token_ids": True,
            "stream": job.stream,
        }
        if job.exact:
            body["ignore_eos"] = True
        if job.stream:
            body["stream_options"] = {"include_usage": True}
        body |= dict(job.extra)
        if not body["return_token_ids"]:  # `options` say no, because the server refuses keys it does not know
            del body["return_token_ids"]
        client = self.clients[server]
        sent = time.monotonic_ns()
        start = sent if due_ns is None else due_ns
        try:
            answer = _streamed(client, body) if job.stream else _whole(client, body)
            if len(answer.choices) != len(prompts):
                raise _ServerError(f"{len(answer.choices)} answers came for {len(prompts)} prompts")
        except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError, _ServerError) as error:
            failed = Request(first_index, start, time.monotonic_ns(), error=_sentence(error), server=server)
            return Answered((failed,), (), sent)
        end = time.monotonic_ns()
        outputs = [Output(output_digest(c.text, c.ids), c.text, tuple(c.ids)) for c in answer.choices]
        requests = tuple(
            replace(_timed(first_index + row, start, end, answer, row, output.sha256, job.output_tokens[batch]), server=server)
            for row, output in enumerate(outputs)
        )
        return Answered(requests, tuple(outputs), sent, answer.spans)


class _Choice:
    """The answer to one prompt."""

    def __init__(self) -> None:
        self.text = ""
        self.ids: list[int] = []
        self.finish_reason: str | None = None


@dataclass(slots=True)
class _Answer:
    """What a server answered to one HTTP request.

    `arrived_ns` holds the arrival of each token of a stream, where the server tells no times of its own. A piece without token ids
    counts as one token: how many it holds is not known.
    """

    choices: list[_Choice]
    first_ns: int | None
    model: str | None
    usage: dict[str, Any]
    times: dict[str, Any]
    arrived_ns: list[int] = field(default_factory=list)

    @property
    def spans(self) -> tuple[tuple[str, float], ...]:
        told = [(str(name), value) for name, value in (self.times.get("spans_s") or {}).items()]
        told += [(f"concurrent_{name}", value) for name, value in (self.times.get("concurrent_s") or {}).items()]
        return tuple((name, float(value)) for name, value in told)


def _whole(client: httpx.Client, body: dict[str, Any]) -> _Answer:
    response = client.post("/v1/completions", json=body)
    answer = _checked(response.status_code, response.content)
    choices = []
    for given in sorted(answer["choices"], key=lambda choice: int(choice.get("index") or 0)):
        choice = _Choice()
        choice.text = str(given["text"])
        choice.ids = [int(token) for token in given.get("token_ids") or []]
        choice.finish_reason = given.get("finish_reason")
        choices.append(choice)
    return _Answer(choices, None, answer.get("model"), answer.get("usage") or {}, answer.get("greenreport") or {})


def _streamed(client: httpx.Client, body: dict[str, Any]) -> _Answer:
    choices: dict[int, _Choice] = {}
    answer = _Answer([], None, None, {}, {})
    with client.stream("POST", "/v1/completions", json=body) as response:
        if response.status_code != 200:
            _checked(response.status_code, response.read())
        for line in _lines(response):
            data = line.removeprefix("data:").strip()
            if not line.startswith("data:") or data == "[DONE]":  # comments keep a connection alive
                continue
            event = json.loads(data)
            if event.get("error"):
                raise _ServerError(_told(event["error"]))
            answer.model = event.get("model", answer.model)
            answer.usage = event.get("usage") or answer.usage
            answer.times = event.get("greenreport") or answer.times
            pieces = event.get("choices") or ()
            tokens = sum(len(given.get("token_ids") or ()) or bool(given.get("text")) for given in pieces)
            answer.arrived_ns += [time.monotonic_ns()] * tokens
            for given in pieces:
                _add(choices.setdefault(int(given.get("index") or 0), _Choice()), given, ours="greenreport" in event)
    if not choices:
        raise _ServerError("the stream ended without an answer")
    answer.choices = [choices[index] for index in sorted(choices)]
    answer.first_ns = next(iter(answer.arrived_ns), None)
    return answer


def _lines(response: httpx.Response) -> Iterator[str]:
    """Yield the lines of a stream of events, which end with a line feed alone.

    Answers may hold other characters at which Python ends a line (U+2028 among them), and JSON need not escape them.
    """
    rest = b""
    for part in response.iter_bytes():
        *whole, rest = (rest + part).split(b"\n")
        yield from (line.decode().rstrip("\r") for line in whole)
    yield rest.decode()


def _add(choice: _Choice, given: dict[str, Any], *, ours: bool) -> None:
    """Add a piece of a stream; the last piece of our own server repeats all token ids, that of others has only its own."""
    choice.text += given.get("text") or ""
    ids = [int(token) for token in given.get("token_ids") or []]
    choice.finish_reason = given.get("finish_reason") or choice.finish_reason
    choice.ids = ids if ids and ours else choice.ids + ids


class _ServerError(Exception):
    """The server answered with an error."""


#: Answers of a server, or of what stands before it, that takes no more requests.
_REFUSED = (429, 503)


def _checked(status: int, content: bytes) -> dict[str, Any]:
    refused = (
        "; the server refused the load: fewer requests at once, or a server that lets more wait" if status in _REFUSED else ""
    )
    try:
        answer = json.loads(content)
    except ValueError:
        raise _ServerError(f"HTTP {status}, no JSON: {content[:200]!r}{refused}") from None
    if status != 200:
        detail = answer.get("error", answer) if isinstance(answer, dict) else answer
        typed = (
            isinstance(detail, dict) and "type" in detail and not refused
        )  # the type tells enough, and our own server's outcome
        raise _ServerError(_told(detail) if typed else f"HTTP {status}: {_told(detail)}{refused}")
    return dict(answer)


def _told(error: object) -> str:
    """Return the sentence of an error; servers send a text or an object."""
    if isinstance(error, dict) and "type" in error:
        return f"{error['type']}: {error.get('message')}"[:300]
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        return str(error["message"])[:300]
    return str(error)[:300]


def _timed(index: int, start: int, end: int, answer: _Answer, row: int, digest: str, most: int) -> Request:
    choice, several = answer.choices[row], len(answer.choices) > 1
    times = answer.times
    counted = answer.usage.get("completion_tokens")
    if several:  # servers count a batch as a whole; when that is the most possible, so is every part of it
        counted = most if counted == most * len(answer.choices) and not choice.ids else None
    prompt_tokens = (times.get("prompt_tokens") or [None] * len(answer.choices))[row]
    return Request(
        index,
        start,
        end,
        first_token_ns=answer.first_ns,
        server_start_ns=times.get("server_start_ns"),
        server_end_ns=times.get("server_end_ns"),
        token_ns=tuple(times.get("token_ns") or (() if several else answer.arrived_ns))[: len(choice.ids) or None],
        prompt_tokens=prompt_tokens if several else answer.usage.get("prompt_tokens"),
        output_tokens=(len(choice.ids) or None) if counted is None else counted,
        finish_reason=choice.finish_reason,
        output_sha256=digest,
        answered_by=answer.model,
    )


def output_digest(text: str, token_ids: list[int]) -> str:
    """Return the sha256 of the token ids, or of the text where the server gives no ids."""
    return hashlib.sha256(json.dumps(token_ids or text).encode()).hexdigest()


def _sentence(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "the request outlasted its limit"
    if isinstance(error, httpx.TransportError):
        return f"the server closed the connection ({type(error).__name__}: {error})"[:300]
    if isinstance(error, LookupError | TypeError | AttributeError):
        return f"the answer is no completion of OpenAI's API ({type(error).__name__}: {error})"
    return str(error) or type(error).__name__
