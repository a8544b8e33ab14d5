"""The client process: sends the requests of a run and keeps the time of each.

::

    parent ── WarmUp(n) ──▶  … ◀── Warmed          answers discarded
           ── Go() ──▶       … ◀── Finished        closed loop, one request after the other

The client talks to any OpenAI-compatible server. It sends nothing to the parent while the window runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import httpx

from greenreport.record import Output, Request


@dataclass(frozen=True, slots=True)
class ClientJob:
    """What to send and where.

    Attributes:
        url: base address of the server, without ``/v1``.
        model: name every answer must carry.
        timeout_s: limit of one request.
    """

    url: str
    model: str
    prompts: tuple[str, ...]
    output_tokens: int
    exact: bool
    stream: bool
    timeout_s: float


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Send this many requests and discard the answers."""

    requests: int


@dataclass(frozen=True, slots=True)
class Go:
    """Send every prompt once."""


@dataclass(frozen=True, slots=True)
class Warmed:
    """The warm-up is over; `error` says why it is not complete."""

    start_ns: int
    end_ns: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Finished:
    """The window is over: requests in the order sent; the last one carries the error that ended it early.

    Attributes:
        cpu_s: CPU time this process spent on the window, so that it is not taken for load of other programs.
    """

    requests: tuple[Request, ...]
    outputs: tuple[Output, ...]
    cpu_s: float


def client_main(connection: Connection, job: ClientJob) -> None:
    """Entry of the client process; ends when the parent closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.setsid()
    with httpx.Client(base_url=job.url, timeout=job.timeout_s, trust_env=False) as client:
        sender = Sender(client, job)
        while True:
            try:
                match connection.recv():
                    case WarmUp(requests=number):
                        connection.send(_warm_up(sender, number))
                    case Go():
                        connection.send(_window(sender))
            except (EOFError, BrokenPipeError, ConnectionResetError):
                return


def _warm_up(sender: Sender, number: int) -> Warmed:
    start = time.monotonic_ns()
    error = None
    for index in range(number):
        request, _ = sender.send(index, sender.job.prompts[index % len(sender.job.prompts)])
        error = request.error
        if error is not None:
            break
    return Warmed(start, time.monotonic_ns(), error)


def _window(sender: Sender) -> Finished:
    requests, outputs = [], {}
    spent = time.process_time()
    for index, prompt in enumerate(sender.job.prompts):
        request, output = sender.send(index, prompt)
        requests.append(request)
        if output is not None:
            outputs[output.sha256] = output
        if request.error is not None:
            break
    return Finished(tuple(requests), tuple(outputs.values()), time.process_time() - spent)


class Sender:
    """Sends one request at a time over a kept connection."""

    def __init__(self, client: httpx.Client, job: ClientJob) -> None:
        self.client = client
        self.job = job

    def send(self, index: int, prompt: str) -> tuple[Request, Output | None]:
        """Send a prompt; return the timed request and its output, or the request with its error."""
        body = {
            "model": self.job.model,
            "prompt": prompt,
            "max_tokens": self.job.output_tokens,
            "temperature": 0,
            "ignore_eos": self.job.exact,
            "return_token_ids": True,
            "stream": self.job.stream,
        }
        if self.job.stream:
            body["stream_options"] = {"include_usage": True}
        start = time.monotonic_ns()
        first = None
        try:
            if self.job.stream:
                answer, text, ids, first = self._streamed(body)
            else:
                answer, text, ids = self._whole(body)
        except (httpx.HTTPError, ValueError, KeyError, _ServerError) as error:
            return Request(index, start, time.monotonic_ns(), error=_sentence(error)), None
        end = time.monotonic_ns()
        output = Output(output_digest(text, ids), text, tuple(ids))
        return _timed(index, start, end, first, answer, output), output

    def _whole(self, body: dict[str, Any]) -> tuple[dict[str, Any], str, list[int]]:
        response = self.client.post("/v1/completions", json=body)
        answer = _checked(response.status_code, response.content)
        choice = answer["choices"][0]
        return answer, str(choice["text"]), [int(token) for token in choice.get("token_ids") or []]

    def _streamed(self, body: dict[str, Any]) -> tuple[dict[str, Any], str, list[int], int | None]:
        text, ids, first = "", [], None
        last: dict[str, Any] = {}
        with self.client.stream("POST", "/v1/completions", json=body) as response:
            if response.status_code != 200:
                _checked(response.status_code, response.read())
            for line in response.iter_lines():
                if not line.startswith("data: ") or line == "data: [DONE]":
                    continue
                event = json.loads(line[6:])
                if "error" in event:
                    raise _ServerError(str(event["error"].get("message", event["error"])))
                first = time.monotonic_ns() if first is None else first
                for choice in event.get("choices", ()):
                    text += choice["text"]
                    final = choice.get("finish_reason")
                    if final is None:
                        ids += [int(token) for token in choice.get("token_ids") or []]
                    else:
                        last = {**last, "finish_reason": final}
                        ids = [int(token) for token in choice.get("token_ids") or ids]
                last = {**event, **{key: value for key, value in last.items() if key == "finish_reason"}}
        if not last:
            raise _ServerError("the stream ended without an answer")
        last.setdefault("choices", [{}])
        return last, text, ids, first


class _ServerError(Exception):
    """The server answered with an error."""


def _checked(status: int, content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError:
        raise _ServerError(f"HTTP {status}, no JSON: {content[:200]!r}") from None
    if status != 200:
        detail = answer.get("error", answer) if isinstance(answer, dict) else answer
        if isinstance(detail, dict) and "type" in detail:
            raise _ServerError(f"{detail['type']}: {detail.get('message')}")
        raise _ServerError(f"HTTP {status}: {str(detail)[:300]}")
    return dict(answer)


def _timed(index: int, start: int, end: int, first: int | None, answer: dict[str, Any], output: Output) -> Request:
    usage = answer.get("usage") or {}
    times = answer.get("greenreport") or {}
    choices = answer.get("choices") or [{}]
    return Request(
        index,
        start,
        end,
        first_token_ns=first,
        server_start_ns=times.get("server_start_ns"),
        server_end_ns=times.get("server_end_ns"),
        token_ns=tuple(times.get("token_ns") or ()),
        prompt_tokens=usage.get("prompt_tokens"),
        output_tokens=usage.get("completion_tokens", len(output.token_ids) or None),
        finish_reason=choices[0].get("finish_reason") if choices else answer.get("finish_reason"),
        output_sha256=output.sha256,
        answered_by=answer.get("model"),
    )


def output_digest(text: str, token_ids: list[int]) -> str:
    """Return the sha256 of the token ids, or of the text where the server gives no ids."""
    return hashlib.sha256(json.dumps(token_ids or text).encode()).hexdigest()


def _sentence(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "the request outlasted its limit"
    if isinstance(error, httpx.TransportError):
        return f"the server closed the connection ({type(error).__name__})"
    return str(error) or type(error).__name__
