"""Tests of what may come back from a server: answers of every shape, errors, and faults of greenreport itself."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import Any

import httpx
import pytest

from greenreport.record import RequestErrorKind
from greenreport.workloads.load_loops import Answered, closed_loop, open_loop
from greenreport.workloads.sender import ClientJob, Sender

GOOD = {"model": "one", "choices": [{"index": 0, "text": "abc"}], "usage": {"prompt_tokens": 2, "completion_tokens": 3}}


def sent(
    content: Any, status: int = 200, *, stream: bool = False, prompts: int = 1, headers: Mapping[str, str] | None = None
) -> Answered:
    """Return what a sender makes of an answer: bytes as they are, anything else as JSON."""

    def answer(request: httpx.Request) -> httpx.Response:
        if isinstance(content, Exception):
            raise content
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        return httpx.Response(status, headers=headers, content=iter([raw[:50], raw[50:]]))

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
        # what is of the right type, and no column of the store holds
        *(GOOD | {"usage": {name: count}} for name in ("prompt_tokens", "completion_tokens") for count in (-1, 2**31, 10**40)),
        *({"choices": [{"text": "abc", "token_ids": ids}]} for ids in ([-1], [10**30])), {"choices": [{"index": 2**31, "text": "abc"}]},
        *(GOOD | {"greenreport": {name: at}} for name in ("server_start_ns", "server_end_ns") for at in (-1, 2**62)),
        GOOD | {"greenreport": {"token_ns": [2**64]}}, GOOD | {"greenreport": {"token_ns": [2, 1]}},
        GOOD | {"greenreport": {"server_start_ns": 2, "server_end_ns": 1}}, GOOD | {"greenreport": {"prompt_tokens": [2**40]}},
        *(GOOD | {"greenreport": {"spans_s": {"queue": spent}}} for spent in (-1, 1e300, math.nan, math.inf)),
        GOOD | {"greenreport": {"spans_s": {"x" * 10_000: 1.0}}}, GOOD | {"model": "x" * 1001},
        {"choices": [{"text": "abc", "finish_reason": "x" * 101}]}, {"choices": [{"text": "\ud800"}]}, GOOD | {"model": "\udfff"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_of_another_shape_is_an_error_of_the_request(content: Any, stream: bool) -> None:
    """Whatever a server sends with status 200, the request has failed and says so; nothing is raised."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    [request] = sent(b"data: " + raw + b"\n\ndata: [DONE]\n\n" if stream else raw, stream=stream).requests
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


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("stream", [False, True])
def test_text_of_an_error_can_be_stored_and_shown(status: int, stream: bool) -> None:
    """Half a surrogate pair, and controls that would reach a terminal, have a stand-in."""
    error = {"error": {"message": "bad \x1b[2J \x00 \u202e" + ("\ud800" if status == 500 else "")}}
    raw = json.dumps(error).encode()
    [request] = sent(b"data: " + raw + b"\n\n" if stream and status == 200 else raw, status, stream=stream).requests
    assert request.error is not None
    assert request.error.text.isprintable()
    assert "bad \ufffd[2J \ufffd \ufffd" in request.error.text


@pytest.mark.parametrize(
    ("status", "kind", "most"), [(200, RequestErrorKind.MALFORMED, 7), (503, RequestErrorKind.OVERLOADED, 2)]
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_without_end_is_given_up(status: int, kind: RequestErrorKind, most: int, stream: bool) -> None:
    """After as many bytes as an answer to the request can have; of an error, after those that are shown."""
    read = []

    def endless() -> Iterator[bytes]:
        for part in repeat(b"data: {}\n" * 5_000 if stream else b"x" * 50_000):
            read.append(len(part))
            yield part

    job = ClientJob(("http://one",), "one", (("def f",),), (3,), exact=True, stream=stream, timeout_s=1)
    transport = httpx.MockTransport(lambda request: httpx.Response(status, content=endless()))
    with httpx.Client(base_url="http://one", transport=transport) as client:
        error = Sender([client], job).send(0, 0, None).error
    assert error is not None
    assert error.kind is kind
    assert len(read) <= most


def test_compressed_content_is_refused() -> None:
    """Nothing is unpacked: the request asks for plain content, and a few bytes could stand for gigabytes."""
    error = sent(gzip.compress(json.dumps(GOOD).encode()), headers={"Content-Encoding": "gzip"}).error
    assert error is not None
    assert error.kind is RequestErrorKind.MALFORMED
    assert "it is compressed (gzip), which was not asked for" in error.text


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


PIECE = b'{"choices": [{"index": 0, "text": "abc"}]}'
LAST = b'{"choices": [{"index": 0, "text": "d", "finish_reason": "length"}]}'


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        (b"data: " + PIECE + b"\n\ndata: " + LAST + b"\n\n", "abcd"),  # no [DONE], and a finish reason
        (b"data: " + PIECE + b"\n\ndata: [DONE]\n\n", "abc"),
        (b"\xef\xbb\xbfdata: " + PIECE + b"\n\ndata: [DONE]\n\n", "abc"),  # a byte order mark
        (b": hello\r\n\r\nid: 1\r\ndata:" + PIECE + b"\r\n\r\ndata: [DONE]\r\n\r\n", "abc"),
    ],
)
def test_a_stream_is_whole_when_it_says_so(stream: bytes, text: str) -> None:
    """The first token is there whatever frames it."""
    answered = sent(stream, stream=True)
    assert answered.error is None
    assert answered.outputs[0].text == text


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        (b"data: " + PIECE + b"\n\n", RequestErrorKind.DISCONNECTED),
        (b"data: " + PIECE + b'\n\nevent: error\ndata: {"message": "broken"}\n\ndata: [DONE]\n\n', RequestErrorKind.SERVER),
        (b"event: error\ndata: " + PIECE + b"\n\ndata: [DONE]\n\n", RequestErrorKind.SERVER),
        (b"data: " + PIECE.replace(b"abc", b"") + b"\n\ndata: [DONE]\n\n", RequestErrorKind.MALFORMED),
    ],
    ids=["cut", "error", "error in the shape of an answer", "empty"],
)
def test_a_stream_that_breaks_off_or_reports_an_error_is_no_answer(stream: bytes, kind: RequestErrorKind) -> None:
    """What came before it does not count as the answer."""
    error = sent(stream, stream=True).error
    assert error is not None
    assert error.kind is kind


def test_an_empty_answer_is_none() -> None:
    """Neither a text nor a token, nor a count that says there were some."""
    error = sent({"choices": [{"text": ""}]}).error
    assert error is not None
    assert error.kind is RequestErrorKind.MALFORMED
    assert sent({"choices": [{"text": ""}], "usage": {"completion_tokens": 1}}).error is None


def test_prompts_from_a_cache_are_counted_where_the_answer_says_so() -> None:
    """As OpenAI's API documents it, in the details of the usage."""
    assert sent(GOOD).cached_tokens is None
    assert sent(GOOD | {"usage": {"prompt_tokens_details": {"cached_tokens": 2}}}).cached_tokens == 2


@pytest.mark.parametrize("lost", [httpx.RemoteProtocolError("gone"), httpx.ReadError("reset"), httpx.WriteError("pipe")])
def test_a_request_that_meets_a_closed_connection_is_sent_once_more(lost: Exception) -> None:
    """A server may close a kept connection at any time; a second loss is an error, and so is one within an answer."""
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) % 3:
            raise lost
        return httpx.Response(200, content=iter([json.dumps(GOOD).encode()]))

    job = ClientJob(("http://one",), "one", (("def f",),), (3,), exact=True, stream=False, timeout_s=1)
    with httpx.Client(base_url="http://one", transport=httpx.MockTransport(answer)) as client:
        send = Sender([client], job).send
        first, second = send(0, 0, None), send(0, 0, None)
    assert first.error is not None
    assert first.error.kind is RequestErrorKind.DISCONNECTED
    assert (second.error, second.retried, len(asked)) == (None, False, 3)


def test_a_repeated_request_is_counted() -> None:
    """The answer is that of the second attempt."""
    raised = iter([httpx.ReadError("reset")])

    def answer(request: httpx.Request) -> httpx.Response:
        for error in raised:
            raise error
        return httpx.Response(200, content=iter([json.dumps(GOOD).encode()]))

    job = ClientJob(("http://one",), "one", (("def f",),), (3,), exact=True, stream=False, timeout_s=1)
    with httpx.Client(base_url="http://one", transport=httpx.MockTransport(answer)) as client:
        answered = Sender([client], job).send(0, 0, None)
    assert (answered.error, answered.retried) == (None, True)


@pytest.mark.parametrize(
    ("status", "retry_after", "waits"),
    [
        (429, ["2", "3"], [2.0, 3.0]), (503, ["0"], [0.5]), (503, ["Wed, 21 Oct 2015 07:28:00 GMT"], [0.5]),
        (429, ["50", "11"], [50.0]), (503, ["61"], []), (500, ["1"], []), (429, ["-1"], []), (429, ["soon"], []), (429, ["1" * 101], []),
        (429, ["\u0663".encode()], []), (429, ["nan"], []), (429, ["Wed, 21 Oct 99999 07:28:00 GMT"], []), (429, [None], []),
    ],
)  # fmt: skip
def test_a_server_that_says_when_to_come_back_is_asked_then(
    status: int, retry_after: list[str | bytes | None], waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is overloaded, up to a minute in all; what cannot be a time, or would take longer, is an answer with an error status."""
    waited: list[float] = []
    monkeypatch.setattr("greenreport.workloads.answers.time.sleep", waited.append)
    told = iter(retry_after)

    def answer(request: httpx.Request) -> httpx.Response:
        for header in told:
            headers = {} if header is None else {"Retry-After": header}
            return httpx.Response(status, headers=headers, content=iter([b'{"error": {"message": "busy"}}']))  # type: ignore[arg-type]
        return httpx.Response(200, content=iter([json.dumps(GOOD).encode()]))

    job = ClientJob(("http://one",), "one", (("def f",),), (3,), exact=True, stream=False, timeout_s=1)
    with httpx.Client(base_url="http://one", transport=httpx.MockTransport(answer)) as client:
        answered = Sender([client], job).send(0, 0, None)
    assert waited == waits
    if len(waits) == len(retry_after):
        assert (answered.error, answered.retried) == (None, True)
    else:
        assert answered.error is not None
        assert answered.error.kind is (RequestErrorKind.SERVER if status == 500 else RequestErrorKind.OVERLOADED)
