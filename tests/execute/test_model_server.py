"""Tests of the model server's protocol, on the fake engine, through HTTP."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from greenreport.engines.base import Engine, EngineJob
from greenreport.engines.fake import Fake
from greenreport.execute.model_server import make_app
from greenreport.study import Configuration


def client(**options: Any) -> Starlette:
    """Return a server with a loaded fake engine."""
    engine = Fake(EngineJob(Configuration(engine="fake", options=options), threads=1))
    engine.load()
    return make_app(engine, "one", ThreadPoolExecutor(1))


def send(server: Starlette, method: str, path: str, **options: Any) -> httpx.Response:
    """Send one HTTP request to a server in this process."""

    async def exchange() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(server), base_url="http://server") as session:
            return await session.request(method, path, **options)

    with ThreadPoolExecutor(1) as thread:  # this thread may have the event loop of the browser tests
        return thread.submit(asyncio.run, exchange()).result()


def ask(server: Starlette, **body: Any) -> httpx.Response:
    """Send a completions request."""
    usual = {"model": "one", "prompt": "def f", "max_tokens": 4, "ignore_eos": True}
    return send(server, "POST", "/v1/completions", json=usual | body)


def test_an_answer_carries_text_tokens_usage_and_times() -> None:
    """OpenAI's fields, vLLM's extensions, and the server's own clock."""
    body = ask(client(), return_token_ids=True).json()
    assert body["object"] == "text_completion"
    assert body["model"] == "one"
    [choice] = body["choices"]
    assert choice["finish_reason"] == "length"
    assert len(choice["token_ids"]) == 4
    assert body["usage"] == {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9}
    times = body["greenreport"]
    assert times["server_start_ns"] < times["token_ns"][0] <= times["token_ns"][-1] <= times["server_end_ns"]
    assert len(times["token_ns"]) == 4
    assert "token_ids" not in ask(client()).json()["choices"][0]


def test_a_stream_adds_up_to_the_whole_answer() -> None:
    """Every token is an event, the last one carries usage, then the end."""
    server = client()
    whole = ask(server, return_token_ids=True).json()["choices"][0]
    lines = [line for line in ask(server, stream=True, return_token_ids=True).text.split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    events = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert "".join(event["choices"][0]["text"] for event in events) == whole["text"]
    assert [t for event in events[:-1] for t in event["choices"][0]["token_ids"]] == whole["token_ids"]
    assert events[-1]["usage"]["completion_tokens"] == 4
    assert events[-1]["choices"][0]["finish_reason"] == "length"


def test_several_prompts_are_one_batch() -> None:
    """Answers come in the order of the prompts."""
    body = ask(client(), prompt=["a", "b", "a"], return_token_ids=True).json()
    ids = [choice["token_ids"] for choice in body["choices"]]
    assert ids[0] == ids[2] != ids[1]
    assert body["usage"]["completion_tokens"] == 12


@pytest.mark.parametrize(
    ("change", "status", "what"),
    [
        ({"model": "two"}, 404, "the model 'two' does not exist here"),
        ({"temperature": -0.7}, 422, "greater than or equal to 0"),
        ({"temperature": 0.7, "top_p": 0}, 422, "greater than 0"),
        ({"prompt": []}, 400, "at least one text"),
        ({"max_tokens": 0}, 422, "greater than or equal to 1"),
    ],
)
def test_requests_that_cannot_be_answered_say_why(change: dict[str, Any], status: int, what: str) -> None:
    """An error is never an answer of another model, another length or another temperature."""
    answer = ask(client(), **change)
    assert answer.status_code == status
    assert what in answer.json()["error"]["message"]


def test_a_body_that_is_no_request_is_refused_with_each_wrong_part() -> None:
    """A client may send a body that is not JSON, one that is not an object, or one that lacks a key."""
    server = client()
    for body, what in (
        ("{", "body: Invalid JSON"),
        ("[]", "body: Input should be an object"),
        ('{"model": "one"}', "prompt: Field required"),
    ):
        answer = send(server, "POST", "/v1/completions", content=body)
        assert answer.status_code == 422
        assert what in answer.json()["error"]["message"]


def test_drawn_answers_follow_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed gives the same answer and another one another; prompts of a batch draw apart; engines that cannot draw say so."""
    server = client()

    def ids(seed: int | None, **body: Any) -> list[list[int]]:
        answer = ask(server, temperature=0.7, top_p=0.9, seed=seed, return_token_ids=True, **body).json()
        return [choice["token_ids"] for choice in answer["choices"]]

    assert ids(1) == ids(1) != ids(2)
    assert ids(None) != ids(None)
    first, second = ids(1, prompt=["a", "a"])
    assert first != second
    monkeypatch.setattr(Fake, "sample", Engine.sample)
    refused = ask(server, temperature=0.7)
    assert (refused.status_code, "temperature must be 0" in refused.text) == (400, True)


def test_an_engine_without_memory_is_an_error_of_its_own() -> None:
    """In a whole answer and in a stream."""
    answer = ask(client(out_of_memory_at=1))
    assert answer.status_code == 507
    assert answer.json()["error"]["type"] == "OutOfMemory"
    assert '"type": "OutOfMemory"' in ask(client(out_of_memory_at=1), stream=True).text


def test_health_and_models_name_the_model() -> None:
    """What a client asks first."""
    server = client()
    assert send(server, "GET", "/health").json() == {"status": "ok", "model": "one"}
    assert send(server, "GET", "/v1/models").json()["data"][0]["id"] == "one"


def test_a_stream_tells_what_goes_on_while_it_is_inferred() -> None:
    """Text and JSON of all pieces but the last take time beside inference, told apart from the stages that add up."""
    lines = [line for line in ask(client(token_s=0.002), stream=True).text.split("\n\n") if line]
    told = json.loads(lines[-2].removeprefix("data: "))["greenreport"]
    assert list(told["spans_s"]) == ["queue", "tokenise", "infer", "detokenise", "serialise"]
    assert set(told["concurrent_s"]) == {"detokenise", "serialise"}
    assert all(0 < seconds < told["spans_s"]["infer"] for seconds in told["concurrent_s"].values())
    assert "concurrent_s" not in ask(client()).json()["greenreport"]
