"""Streams of servers that people run, in the form their documentation gives: each is read as it is meant, whatever its habits."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from greenreport.record import RequestErrorKind
from greenreport.workloads.api_content import Api
from greenreport.workloads.load_loops import Answered
from greenreport.workloads.sender import ClientJob, Sender

HERE = Path(__file__).parent / "conversations"


def read(name: str) -> Answered:
    """Return what the client makes of a stream, which arrives in pieces that end anywhere."""
    raw = (HERE / f"{name}.sse").read_bytes()

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=(raw[at : at + 37] for at in range(0, len(raw), 37)))

    job = ClientJob(("http://one",), "one", (("Why?",),), (9,), exact=False, stream=True, timeout_s=5, api=Api.CHAT)
    with httpx.Client(base_url="http://one", transport=httpx.MockTransport(answer)) as client:
        return Sender([client], job).send(0, 0, None)


@pytest.mark.parametrize(
    ("name", "reasoning", "output_tokens", "reasoning_tokens", "told", "ended", "cached"),
    [
        ("ollama", "Hm.", 5, None, 5, "stop", None),
        ("tgi", None, 3, None, 3, "length", None),
        ("sglang", "Hm.", 5, 1, 4, "stop", 8),
        ("lm-studio", "Hm.", 5, 2, 5, "stop", None),
        ("litellm", None, 3, None, 3, "stop", 0),
    ],
)
def test_an_answer_is_what_was_said(
    name: str,
    reasoning: str | None,
    output_tokens: int,
    reasoning_tokens: int | None,
    told: int,
    ended: str,
    cached: int | None,
) -> None:
    """Roles, empty pieces, nulls and counts are no tokens; reasoning by any name is kept apart, and an event may hold two tokens."""
    answered = read(name)
    [request], [output] = answered.requests, answered.outputs
    assert answered.error is None
    assert (output.text, output.reasoning) == ("It is so.", reasoning)
    assert (request.prompt_tokens, request.output_tokens, request.reasoning_tokens) == (9, output_tokens, reasoning_tokens)
    assert (len(request.token_ns), request.finish_reason, request.answered_by) == (told, ended, "one")
    assert answered.cached_tokens == cached
    assert request.first_token_ns is not None
    assert request.first_answer_ns is not None
    assert (request.first_answer_ns > request.first_token_ns) is (reasoning is not None)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("litellm-error", "litellm.RateLimitError: the model is overloaded"),
        ("lm-studio-error", "The model has crashed"),
        ("tgi-error", "Request failed during generation"),
    ],
)
def test_an_error_within_a_stream_is_no_answer(name: str, words: str) -> None:
    """Each server reports it in its own shape, after a token that looked like an answer."""
    answered = read(name)
    assert answered.error is not None
    assert answered.error.kind is RequestErrorKind.SERVER
    assert words in answered.error.text
