"""Tests of what may come back from a server: answers of every shape, errors, and faults of greenreport itself."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from greenreport.record import RequestErrorKind
from greenreport.workloads.load_loops import Answered, closed_loop, open_loop
from greenreport.workloads.sender import ClientJob, Sender

GOOD = {"model": "one", "choices": [{"index": 0, "text": "abc"}], "usage": {"prompt_tokens": 2, "completion_tokens": 3}}


def sent(content: Any, status: int = 200, *, stream: bool = False, prompts: int = 1) -> Answered:
    """Return what a sender makes of an answer: bytes as they are, anything else as JSON."""

    def answer(request: httpx.Request) -> httpx.Response:
        if isinstance(content, Exception):
            raise content
        return httpx.Response(status, content=content if isinstance(content, bytes) else json.dumps(content).encode())

    job = ClientJob(("http://one",), "one", (("def f",) * prompts,), (3,), exact=True, stream=stream, timeout_s=1)
    with httpx.Client(base_url="http://one", transport=httpx.MockTransport(answer)) as client:
        return Sender([client], job).send(0, 0, None)


@pytest.mark.parametrize(
    "content",
    [
        b"<html>", b"\xff\xfe", b"[" * 100_000, [], None, {}, {"choices": None}, {"choices": "abc"}, {"choices": ["abc"]},
        {"choices": [{"message": {"content": "abc"}}]}, {"choices": [{"text": 3}]}, {"choices": [{"index": "0", "text": "abc"}]},
        {"choices": [{"text": "abc", "token_ids": ["1", "2"]}]}, GOOD | {"usage": {"completion_tokens": "3"}},
        GOOD | {"usage": 3}, GOOD | {"model": 1}, GOOD | {"greenreport": {"spans_s": {"queue": "long"}}},
        {"choices": [{"text": "abc"}, {"text": "def"}]},
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_of_another_shape_is_an_error_of_the_request(content: Any, stream: bool) -> None:
    """Whatever a server sends with status 200, the request has failed and says so; nothing is raised."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    [request] = sent(b"data: " + raw + b"\n\n" if stream else raw, stream=stream).requests
    assert request.error is not None
    assert request.error.kind is RequestErrorKind.MALFORMED


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        ({"error": {"type": "OutOfMemory", "message": "3 do not fit"}}, 507, RequestErrorKind.OUT_OF_MEMORY),
        ({"error": {"message": "OutOfMemory: as another server says it"}}, 500, RequestErrorKind.SERVER),
        ({"error": {"type": "overloaded_error", "message": "wait"}}, 429, RequestErrorKind.OVERLOADED),
        ({"error": "the request took longer than its limit"}, 500, RequestErrorKind.SERVER),
        (httpx.ReadTimeout("slow"), 200, RequestErrorKind.TIMED_OUT),
        (httpx.RemoteProtocolError("gone"), 200, RequestErrorKind.DISCONNECTED),
        (httpx.DecodingError("no gzip"), 200, RequestErrorKind.MALFORMED),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_has_a_kind_that_no_wording_decides(content: Any, status: int, kind: RequestErrorKind, stream: bool) -> None:
    """A type of our own server, a status, an exception of the HTTP library: never the sentence."""
    [request] = sent(content, status, stream=stream).requests
    assert request.error is not None
    assert request.error.kind is kind


def test_a_good_answer_is_counted() -> None:
    """Numbers of the usage, text and model are those of the answer; absent and null fields are not errors."""
    [request] = sent(GOOD | {"greenreport": None, "service_tier": {}}).requests
    assert (request.error, request.prompt_tokens, request.output_tokens, request.answered_by) == (None, 2, 3, "one")
    batch = {"model": "one", "choices": [{"text": "abc"}, {"text": "def"}], "usage": {"completion_tokens": 6}}
    assert [request.output_tokens for request in sent(batch, prompts=2).requests] == [3, 3]


def test_a_fault_of_greenreport_is_not_an_error_of_the_server() -> None:
    """A bug in the client is raised, from one client, from a thread of several, and from an open loop."""

    def faulty(batch: int, due_ns: int | None) -> Answered:
        raise TypeError("a bug")

    for senders in ([faulty], [faulty, faulty]):
        with pytest.raises(TypeError, match="a bug"):
            closed_loop(senders, 4)
    with pytest.raises(TypeError, match="a bug"):
        open_loop(lambda: faulty, (0.0, 0.1))
    job = ClientJob(("http://one",), "one", (("def f",),), (), exact=True, stream=False, timeout_s=1)
    with httpx.Client() as client, pytest.raises(IndexError):
        Sender([client], job).send(0, 0, None)
    wrong = Sender([None], ClientJob(("http://one",), "one", (("def f",),), (3,), exact=True, stream=False, timeout_s=1))  # type: ignore[list-item]
    with pytest.raises(AttributeError):
        wrong.send(0, 0, None)
