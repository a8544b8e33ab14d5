"""What a hostile server may send: values that cannot be, answers without end, everything that goes wrong on the way."""

from __future__ import annotations

import gzip
import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

#: What is sent, part by part; None cuts the connection with a reset.
Parts = Iterable[bytes | None]
Behaviour = Callable[[bool], Parts]

MODELS = {"object": "list", "data": [{"id": "one", "object": "model"}]}
GOOD = {"model": "one", "choices": [{"index": 0, "text": "abcdefgh", "finish_reason": "length"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 8}}  # fmt: skip
GOOD_CHAT = GOOD | {"choices": [{"index": 0, "finish_reason": "length", **{
    name: {"role": "assistant", "content": "abcdefgh"} for name in ("message", "delta")}}]}  # fmt: skip
DRIP_S = 0.1
#: Numbers that are none, or that no column holds.
NUMBERS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-1",
    "2147483648",
    "1" + "0" * 40,
    "1" + "0" * 5000,
    "1.5",
    "{}",
    "[]",
    '"8"',
    "true",
)
#: Texts that are none, or that cannot be stored, shown or kept.
TEXTS = (r'"\ud800"', r'"\udfff\ud800"', r'"\u0000"', r'"\u001b[2J"', '"' + "x" * 5_000_000 + '"', "3", "{}", "[1]", r'"\x"')


def head(status: str = "200 OK", **headers: object) -> bytes:
    """Return the head of an answer after which the connection is closed."""
    lines = [
        f"HTTP/1.1 {status}",
        "Connection: close",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def whole(content: bytes | str | dict[str, Any], *, stream: bool = False) -> list[bytes]:
    """Return a good frame around some content."""
    raw = (
        json.dumps(content).encode() if isinstance(content, dict) else content.encode() if isinstance(content, str) else content
    )
    return [head(), b"data: " + raw + b"\n\ndata: [DONE]\n\n" if stream else raw]


def endless(part: bytes, pause_s: float = 0.0) -> Iterator[bytes]:
    """Send a part again and again."""
    while True:
        yield part
        time.sleep(pause_s)


@cache
def bomb() -> bytes:
    """Return 50 MB of zeros in 49 kB."""
    return gzip.compress(b"0" * 50_000_000)


def answer(template: str) -> Behaviour:
    """Return what sends an answer of which one value is hostile."""
    return lambda stream: whole(template, stream=stream)


def wire(*parts: bytes | Iterable[bytes] | None) -> Behaviour:
    """Return what sends some parts, whatever was asked."""

    def send(_: bool) -> Iterator[bytes | None]:
        for part in parts:
            if part is None or isinstance(part, bytes):
                yield part
            else:
                yield from part

    return send


def _values() -> Iterator[tuple[str, Behaviour]]:
    """Yield answers to completions with hostile values."""
    usage = '{"model": "one", "choices": [{"index": 0, "text": "abcdefgh"}], "usage": {"completion_tokens": %s}}'
    choice = '{"model": "one", "choices": [{"index": %s, "text": %s, "token_ids": %s, "finish_reason": %s}]}'
    times = '{"model": "one", "choices": [{"index": 0, "text": "abc", "token_ids": [1]}], "greenreport": %s}'
    model = '{"model": %s, "choices": [{"index": 0, "text": "abcdefgh"}]}'
    error = '{"error": {"type": "x", "message": %s}}'
    for number in NUMBERS:
        yield f"completion_tokens {number[:20]}", answer(usage % number)
        yield f"token id {number[:20]}", answer(choice % (0, '"abc"', f"[{number}]", "null"))
        yield f"server_start_ns {number[:20]}", answer(times % f'{{"server_start_ns": {number}}}')
        yield f"spans_s {number[:20]}", answer(times % f'{{"spans_s": {{"queue": {number}}}}}')
    for number in ("-1", "7", "1" + "0" * 40):
        yield f"index {number[:20]}", answer(choice % (number, '"abc"', "[]", "null"))
    for text in TEXTS:
        yield f"text {text[:20]}", answer(choice % (0, text, "[]", "null"))
        yield f"finish_reason {text[:20]}", answer(choice % (0, '"abc"', "[]", text))
        yield f"model {text[:20]}", answer(model % text)
        yield f"error {text[:20]}", answer(error % text)
        yield f"greenreport {text[:20]}", answer(times % text)
    for name, content in {
        "times backwards": '{"server_start_ns": 9, "token_ns": [5, 3], "server_end_ns": 1}',
        "many spans": json.dumps({"spans_s": {f"stage {n}": 1.0 for n in range(10_000)}}),
        "deep": "[" * 100_000,
    }.items():
        yield name, answer(times % content)
    yield "many choices", answer(json.dumps({"model": "one", "choices": [{"text": "a"}] * 50_000}))
    yield "many events", lambda _: [head(), *[b'data: {"choices": [{"index": 0, "text": "a"}]}\n\n'] * 20_000]


def _messages() -> Iterator[tuple[str, Behaviour]]:
    """Yield answers in chat with hostile values, in the shape of a whole one and of an event of a stream."""

    def said(fields: str, rest: str = "") -> Behaviour:
        choice = f'{{"index": 0, "message": {fields}, "delta": {fields}, "finish_reason": "stop"}}'
        return answer(f'{{"model": "one", "choices": [{choice}]{rest}}}')

    for text in TEXTS:
        yield f"content {text[:20]}", said(f'{{"content": {text}}}')
        yield f"reasoning {text[:20]}", said(f'{{"content": "abc", "reasoning": {text}}}')
        yield f"rendered {text[:20]}", said('{"content": "abc"}', f', "greenreport": {{"rendered": {text}}}')
    for number in NUMBERS:
        details = f'"completion_tokens_details": {{"reasoning_tokens": {number}}}'
        yield f"reasoning_tokens {number[:20]}", said('{"content": "abc"}', f', "usage": {{"completion_tokens": 8, {details}}}')
    for name, fields in {
        "no message": "null",
        "deep": "[" * 100_000,
        "calls": '{"tool_calls": [' + "{}," * 9999 + "{}]}",
    }.items():
        yield name, said(fields)


def _transports(content: bytes) -> Iterator[tuple[str, Behaviour]]:
    """Yield what goes wrong on the way; `content` would be a good answer."""
    yield "closed at once", wire()
    yield "reset at once", wire(None)
    yield "reset in the head", wire(b"HTTP/1.1 200 OK\r\nCont", None)
    yield "reset in the content", wire(head(Content_Length=1000), content[:10], None)
    yield "no HTTP", wire(b"SSH-2.0-OpenSSH_9.0\r\n")
    yield "zeros", wire(b"\0" * 100_000)
    yield "HTTP/2", wire(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    yield "drips the head", wire(b"HTTP/1.1 200 OK\r\nX: ", endless(b"x", DRIP_S))
    yield "drips the content", wire(head(), endless(b" ", DRIP_S))
    yield "endless head", wire(b"HTTP/1.1 200 OK\r\n", endless(b"X: y\r\n" * 1000))
    yield "endless line of the head", wire(b"HTTP/1.1 200 OK\r\nX: ", endless(b"x" * 65_536))
    yield "endless continue", wire(endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000))
    yield "endless content", wire(head(), endless(b" " * 65_536))
    yield "endless chunks", wire(head(Transfer_Encoding="chunked"), endless(b"10000\r\n" + b" " * 65_536 + b"\r\n"))
    yield "endless small chunks", wire(head(Transfer_Encoding="chunked"), endless(b"1\r\n \r\n" * 1000))
    yield "endless trailer", wire(head(Transfer_Encoding="chunked"), b"0\r\n", endless(b"X: y\r\n" * 1000))
    yield "gzip bomb", lambda _: [head(Content_Encoding="gzip"), bomb()]
    yield "chunked gzip bombs", lambda _: itertools.chain([head(Content_Encoding="gzip, gzip")], endless(bomb()))
    yield "wrong gzip", wire(head(Content_Encoding="gzip"), content)
    yield "unknown encoding", wire(head(Content_Encoding="zstd, br, x"), content)
    yield "shorter than told", wire(head(Content_Length=len(content) + 1000), content)
    yield "longer than told", wire(head(Content_Length=3), content)
    yield "huge length", wire(head(Content_Length=10**30), content)
    yield "negative length", wire(head(Content_Length=-1), content)
    yield "two lengths", wire(head(Content_Length=3)[:-2] + b"Content-Length: 4\r\n\r\n", content)
    yield "wrong chunk", wire(head(Transfer_Encoding="chunked"), b"zz\r\n", content)
    yield "huge chunk", wire(head(Transfer_Encoding="chunked"), b"f" * 30 + b"\r\n", content)
    yield "cut chunk", wire(head(Transfer_Encoding="chunked"), b"400\r\n", content)
    yield "unknown transfer", wire(head(Transfer_Encoding="x, chunked"), content)
    yield "charset", wire(head(Content_Type="application/json; charset=x\xff"), content)
    yield (
        "cookies",
        wire(b"HTTP/1.1 200 OK\r\n", *(f"Set-Cookie: c{n}={'x' * 900}\r\n".encode() for n in range(90)), b"\r\n", content),
    )
    yield "controls in the head", wire(b"HTTP/1.1 200 OK\r\nServer: \x1b[2J\x01\r\n\r\n", content)
    yield "latin in the head", wire(b"HTTP/1.1 200 \xff\xfe\r\nServer: \xff\xfe\r\nConnection: close\r\n\r\n", content)
    for status in ("000 x", "abc x", "99999 x", "101 Switching Protocols", "204 No Content", "206 Partial", "304 Not Modified",
                   "401 No", "407 Proxy", "418 Teapot", "500 " + "x" * 90_000, "503 Later"):  # fmt: skip
        yield f"status {status[:20]}", wire(head(status), content)
    for place in (
        "/",
        "/v1/models",
        "http://127.0.0.1:1/",
        "//",
        "http://[",
        "x" * 5000,
        "\x7f",
        "file:///etc/passwd",
        "http://\xff",
    ):
        yield f"redirect {place[:20]}", wire(head("307 Elsewhere", Location=place))
    yield "endless error", wire(head("500 No"), endless(b"x" * 65_536))
    yield "dripped error", wire(head("500 No"), endless(b"x", DRIP_S))


def _events() -> Iterator[tuple[str, Behaviour]]:
    """Yield oddities of event streams."""
    event = b"data: " + json.dumps(GOOD).encode()
    for name, parts in {
        "only the end": (b"data: [DONE]\n\n",),
        "after the end": (event, b"\n\ndata: [DONE]\n\ndata: {}\n\n"),
        "no end": (event,),
        "carriage returns": (event.replace(b"\n", b"\r\n"), b"\r\n\r\n"),
        "other fields": (b"id: 1\nretry: 0\nevent: x\n", event, b"\n\n"),
        "byte order mark": (b"\xef\xbb\xbf", event, b"\n\n"),
        "not UTF-8": (b"data: \xff\xfe\n\n",),
        "half a character": (b'data: {"choices": [{"text": "\xe2\x82',),
        "empty events": (b"data:\n\n" * 1000,),
        "endless comments": (endless(b": x\n\n" * 1000),),
        "dripped comments": (endless(b": x\n\n", DRIP_S),),
        "endless line": (b"data: ", endless(b"x" * 65_536)),
        "endless events": (endless(event + b"\n\n"),),
        "error in the middle": (b'data: {"choices": [{"text": "a"}]}\n\ndata: {"error": "', b"x" * 100_000, b'"}\n\n'),
    }.items():
        yield name, wire(head(Content_Type="text/event-stream"), *parts)


def _lists() -> Iterator[tuple[str, Behaviour]]:
    """Yield lists of models with hostile values."""
    described, named = '{"data": [{"id": "one", "n_params": %s, "owned_by": %s}]}', '{"data": [{"id": %s}]}'
    for value in (*NUMBERS, *TEXTS):
        yield f"n_params {value[:20]}", answer(described % (value, value))
        yield f"id {value[:20]}", answer(named % value)
    yield "deep", answer('{"data": ' + "[" * 100_000)
    yield "many", answer(json.dumps({"data": [{"id": f"model {n}"} for n in range(100_000)]}))


def _metrics() -> Iterator[tuple[str, Behaviour]]:
    """Yield metrics with hostile counts."""
    for value in ("NaN", "+Inf", "-1", "1e999", "9" * 5000, "x"):
        yield f"count {value[:20]}", answer(f"vllm:num_preemptions_total {value}\nvllm:prefix_cache_hits_total {value}\n")
    yield "many", answer("vllm:num_preemptions_total 1\n" * 100_000)


#: What a server does, by the path that is asked, and whether answers are streamed: one for each trial.
BEHAVIOURS: tuple[tuple[str, bool, str, Behaviour], ...] = tuple(
    (path, stream, name, behaviour)
    for path, stream, behaviours in (
        ("/v1/completions", False, (*_values(), *_transports(json.dumps(GOOD).encode()))),
        ("/v1/completions", True, (*_events(), *itertools.islice(_values(), 0, None, 4))),
        ("/v1/chat/completions", False, tuple(_messages())),
        ("/v1/chat/completions", True, tuple(_messages())),
        ("/v1/models", False, (*_lists(), *_transports(json.dumps(MODELS).encode()))),
        ("/metrics", False, (*_metrics(), *itertools.islice(_transports(b""), 0, None, 5))),
        ("/version", False, tuple(itertools.islice(_transports(b"{}"), 0, None, 7))),
    )
    for name, behaviour in behaviours
)
