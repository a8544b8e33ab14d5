"""Tests of the client in chat: what it sends, what of an answer is reasoning, and when the first tokens came."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest

from greenreport.record import RequestErrorKind
from greenreport.workloads.api_content import Api
from greenreport.workloads.client import _finished
from greenreport.workloads.load_loops import Answered
from greenreport.workloads.sender import ClientJob, Sender

USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "completion_tokens_details": {"reasoning_tokens": 2}}


def job(*, stream: bool = False, **fields: Any) -> ClientJob:
    """Return a job of one prompt in chat."""
    given = {"api": Api.CHAT, "exact": False, "stream": stream, "timeout_s": 5} | fields
    return ClientJob(("http://one",), "one", (("Why?",),), (3,), **given)


def sent(content: Any, status: int = 200, *, asked: list[Any] | None = None, **fields: Any) -> Answered:
    """Return what a sender makes of an answer: events where it is a list, bytes as they are, anything else as JSON."""

    def answer(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append((request.url.path, json.loads(request.content)))
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        if isinstance(content, list):
            raw = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in content) + b"data: [DONE]\n\n"
        return httpx.Response(status, content=iter([raw[:50], raw[50:]]))

    with httpx.Client(base_url="http://one", transport=httpx.MockTransport(answer)) as client:
        return Sender([client], job(stream=isinstance(content, list), **fields)).send(0, 0, None)


def message(**fields: Any) -> dict[str, Any]:
    """Return a whole answer."""
    return {"model": "one", "choices": [{"index": 0, "message": {"role": "assistant"} | fields, "finish_reason": "stop"}]}


def delta(**fields: Any) -> dict[str, Any]:
    """Return an event of a stream."""
    return {"model": "one", "choices": [{"index": 0, "delta": fields, "finish_reason": None}]}


def error_of(answered: Answered, kind: RequestErrorKind = RequestErrorKind.MALFORMED) -> str:
    """Return why a request failed, which is of this kind."""
    assert answered.error is not None
    assert answered.error.kind is kind
    return answered.error.text


@pytest.mark.parametrize("system", [None, "Answer in one word."])
def test_the_prompt_is_a_message_of_the_user(system: str | None) -> None:
    """The system's message comes before it; nothing is asked the way of completions."""
    asked: list[Any] = []
    assert sent(message(content="So."), asked=asked, system=system).error is None
    [(path, body)] = asked
    first = [] if system is None else [{"role": "system", "content": system}]
    assert path == "/v1/chat/completions"
    assert body["messages"] == [*first, {"role": "user", "content": "Why?"}]
    assert "prompt" not in body
    assert body["max_tokens"] == 3


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_is_kept_apart_from_the_answer(name: str) -> None:
    """By either name; its tokens are those the server counts."""
    answered = sent(message(content="So.", **{name: "Because…"}) | {"usage": USAGE})
    [request], [output] = answered.requests, answered.outputs
    assert (output.text, output.reasoning) == ("So.", "Because…")
    assert (request.output_tokens, request.reasoning_tokens, request.first_answer_ns) == (3, 2, None)


def test_a_server_that_sends_reasoning_under_both_names_says_it_once() -> None:
    """As vLLM does while it changes the name."""
    answered = sent([delta(reasoning="Be", reasoning_content="Be"), delta(reasoning="cause", reasoning_content="cause")])
    assert answered.outputs[0].reasoning == "Because"
    assert len(answered.requests[0].token_ns) == 2


def test_answers_that_differ_in_reasoning_alone_are_two_outputs() -> None:
    """Outputs are kept once per digest, which therefore covers both."""
    digests = {sent(message(content="So.", reasoning=text)).outputs[0].sha256 for text in ("a", "b", None)}
    assert len(digests) == 3
    assert sent(message(content="So.")).outputs[0].sha256 == hashlib.sha256(b'"So."').hexdigest()


@pytest.mark.parametrize(
    "content",
    [
        {"choices": [{"text": "abc"}]}, message(content=3), message(content="a", reasoning=[]), message(content="a", tool_calls="x"),
        {"choices": [{"message": None}]}, {"choices": [{"message": "abc"}]}, {"choices": [{"delta": {"content": "abc"}}]},
        message(content="a") | {"usage": {"completion_tokens_details": {"reasoning_tokens": -1}}},
        message(content="a") | {"usage": {"completion_tokens_details": {"reasoning_tokens": 2**31}}},
        message(content="a") | {"usage": {"completion_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 2}}},
        message(content="a") | {"greenreport": {"rendered": 3}}, message(content="\ud800"), message(content="a", reasoning="\ud800"),
        [{"choices": [{"message": {"content": "abc"}}]}], [{"choices": [{"text": "abc"}]}], [delta(content={})],
    ],
)  # fmt: skip
def test_an_answer_of_another_shape_is_an_error_of_the_request(content: Any) -> None:
    """A completion is no chat completion, an event of a stream no whole answer; counts are those that can be."""
    error_of(sent(content))


def test_a_message_may_be_empty_where_something_else_says_that_it_is_none() -> None:
    """Null and absent contents are nothing; reasoning, tokens and their count are something."""
    for nothing in (message(content=None), message(), message(content=""), message(content=None, reasoning="")):
        assert "it is empty" in error_of(sent(nothing))
    assert sent(message(content=None, reasoning="Because…")).error is None
    assert sent(message(content=None) | {"usage": {"completion_tokens": 1}}).error is None
    assert "it is empty" in error_of(sent([delta(role="assistant", content=""), {"choices": [{"delta": None}]}]))


def test_an_answer_that_calls_a_tool_is_none() -> None:
    """None was offered, and nobody would answer it; an empty list is no call."""
    call = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    for content in (message(content=None, tool_calls=call), [delta(content="a"), delta(tool_calls=call)]):
        assert "it calls a tool, and none was offered" in error_of(sent(content))
    assert sent(message(content="a", tool_calls=[])).error is None


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize(
    "error", [{"detail": "Not Found"}, {"error": {"message": "x" * 400, "type": "not_found_error"}}, b"no"]
)
def test_a_server_without_the_route_is_met_with_advice(status: int, error: Any) -> None:
    """The other API is named, however long or short the server's own words are; other errors come without."""
    for api, other in ((Api.CHAT, Api.COMPLETIONS), (Api.COMPLETIONS, Api.CHAT)):
        text = error_of(sent(error, status, api=api), RequestErrorKind.SERVER)
        assert text.endswith(f"is measured with `workload: {{api: {other}}}`")
    assert "workload" not in error_of(sent(error, 400), RequestErrorKind.SERVER)


def test_the_text_the_model_saw_is_kept_once() -> None:
    """Requests name it by its digest, which is made after the window."""
    answers = [sent(message(content="So.") | {"greenreport": {"rendered": "<user>Why?"}}) for _ in range(2)]
    finished = _finished([*answers, sent(message(content="So."))], 0.0)
    digest = hashlib.sha256(b"<user>Why?").hexdigest()
    assert [request.rendered_sha256 for request in finished.requests] == [digest, digest, None]
    assert [(prompt.sha256, prompt.text) for prompt in finished.rendered] == [(digest, "<user>Why?")]


FIRST_S, STEP_S = 0.08, 0.02
#: Ten tokens of reasoning, then five of the answer.
THOUGHTS, WORDS = 10, 5


class _Thinker(BaseHTTPRequestHandler):
    """A server that thinks before it answers, at known times."""

    def log_message(self, *_: Any) -> None:
        return

    def do_POST(self) -> None:
        start = time.monotonic()
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.event(delta(role="assistant", content=""))
        for token in range(THOUGHTS + WORDS):
            time.sleep(max(0.0, start + FIRST_S + token * STEP_S - time.monotonic()))
            self.event(delta(reasoning_content="t") if token < THOUGHTS else delta(content="w"))
        self.wfile.write(b"data: [DONE]\n\n")

    def event(self, content: dict[str, Any]) -> None:
        """Send one event."""
        self.wfile.write(b"data: " + json.dumps(content).encode() + b"\n\n")
        self.wfile.flush()


@contextmanager
def thinking() -> Iterator[str]:
    """Give the address of such a server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Thinker) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.alone
def test_tokens_of_reasoning_are_tokens() -> None:
    """The first token is the first of any kind, and time between tokens counts them all; the answer begins after the last thought."""
    with thinking() as url, httpx.Client(base_url=url, trust_env=False) as client:
        answered = Sender([client], job(stream=True)).send(0, 0, None)
    [request], [output] = answered.requests, answered.outputs
    assert (output.text, output.reasoning) == ("w" * WORDS, "t" * THOUGHTS)
    assert len(request.token_ns) == THOUGHTS + WORDS
    assert request.first_token_ns is not None
    assert request.first_answer_ns is not None
    first_s, answer_s = ((at - request.start_ns) / 1e9 for at in (request.first_token_ns, request.first_answer_ns))
    between_s = (request.token_ns[-1] - request.token_ns[0]) / 1e9 / (len(request.token_ns) - 1)
    assert FIRST_S <= first_s < FIRST_S + THOUGHTS * STEP_S
    assert answer_s >= FIRST_S + THOUGHTS * STEP_S
    assert between_s == pytest.approx(STEP_S, rel=0.3)
