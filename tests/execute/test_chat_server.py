"""Tests of the model server in chat, on the fake engine, through HTTP; with OpenAI's own client where it is installed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from greenreport.engines.base import EngineJob, Message
from greenreport.engines.fake import Fake
from greenreport.errors import ModelUnavailable
from greenreport.execute import model_server
from greenreport.execute.model_server import make_app
from greenreport.study import Configuration
from tests.execute.test_model_server import ask, client, send

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
#: What the fake engine makes of them.
RENDERED = "system: Be brief.\nuser: Why?\nassistant: "


def chat(server: Starlette, **body: Any) -> httpx.Response:
    """Send a chat request."""
    usual = {"model": "one", "messages": MESSAGES, "max_tokens": 4, "ignore_eos": True}
    return send(server, "POST", "/v1/chat/completions", json=usual | body)


def events(answer: httpx.Response) -> list[dict[str, Any]]:
    """Return the events of a stream, whose end was said."""
    lines = [line for line in answer.text.split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def test_a_conversation_is_answered_with_a_message() -> None:
    """The answer is that to the rendered text, which comes back with the server's account."""
    server = client()
    body = chat(server).json()
    assert body["object"] == "chat.completion"
    [choice] = body["choices"]
    whole = ask(server, prompt=RENDERED).json()
    assert choice["message"] == {"role": "assistant", "content": whole["choices"][0]["text"]}
    assert choice["finish_reason"] == "length"
    assert (
        body["usage"]
        == whole["usage"]
        == {"prompt_tokens": len(RENDERED), "completion_tokens": 4, "total_tokens": len(RENDERED) + 4}
    )
    assert body["greenreport"]["rendered"] == RENDERED
    assert "rendered" not in whole["greenreport"]
    assert len(chat(server, return_token_ids=True).json()["choices"][0]["token_ids"]) == 4


def test_a_stream_begins_with_the_role_and_ends_with_the_reason() -> None:
    """Every token is a delta; usage has an event without choices, and only where it is asked for."""
    server = client()
    told = events(chat(server, stream=True, stream_options={"include_usage": True}))
    assert {event["object"] for event in told} == {"chat.completion.chunk"}
    assert len({event["id"] for event in told}) == 1
    assert told[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    text = "".join(event["choices"][0]["delta"]["content"] for event in told[:-1])
    assert text == chat(server).json()["choices"][0]["message"]["content"]
    assert [event["choices"][0]["finish_reason"] for event in told[:-1]] == [None] * 5 + ["length"]
    assert (told[-1]["choices"], told[-1]["usage"]["completion_tokens"]) == ([], 4)
    assert told[-2]["greenreport"]["rendered"] == RENDERED
    without = events(chat(server, stream=True))
    assert len(without) == len(told) - 1
    assert not any("usage" in event for event in without)


def test_a_limit_has_two_names() -> None:
    """The newer one counts where a request has both."""
    server = client()

    def tokens(**limits: int | None) -> int:
        return int(chat(server, **limits).json()["usage"]["completion_tokens"])

    assert tokens(max_tokens=None, max_completion_tokens=3) == 3
    assert tokens(max_tokens=5, max_completion_tokens=3) == 3
    assert tokens(max_tokens=5) == 5


def test_a_text_may_come_in_parts() -> None:
    """They are one text; a conversation may have answers in it."""
    parts = [{"type": "text", "text": "Wh"}, {"type": "text", "text": "y?"}]
    server = client()
    assert (
        chat(server, messages=[MESSAGES[0], {"role": "user", "content": parts}]).json()["greenreport"]["rendered"] == RENDERED
    )
    longer = [*MESSAGES, {"role": "assistant", "content": "So."}, {"role": "user", "content": "No."}]
    rendered = chat(server, messages=longer).json()["greenreport"]["rendered"]
    assert rendered == "system: Be brief.\nuser: Why?\nassistant: So.\nuser: No.\nassistant: "


@pytest.mark.parametrize(
    ("change", "status", "what"),
    [
        ({"model": "two"}, 404, "the model 'two' does not exist here"),
        ({"temperature": -0.7}, 422, "greater than or equal to 0"),
        ({"temperature": 0.7, "top_p": 0}, 422, "greater than 0"),
        ({"messages": []}, 422, "at least 1 item"),
        ({"messages": [{"role": "tool", "content": "a"}]}, 422, "'system', 'user' or 'assistant'"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "a"}}]}]}, 422, "'text'"),
        ({"messages": [{"role": "user"}]}, 422, "content"),
        ({"max_completion_tokens": 0}, 422, "greater than or equal to 1"),
    ],
)
def test_requests_that_cannot_be_answered_say_why(change: dict[str, Any], status: int, what: str) -> None:
    """What this server cannot do is refused, not left out."""
    answer = chat(client(), **change)
    assert answer.status_code == status
    assert what in answer.text


class _Without(Fake):
    """An engine whose model has no template, or one that does not come to an end in time."""

    pause_s = 0.0

    def render(self, messages: Sequence[Message]) -> str:
        time.sleep(self.pause_s)
        raise ModelUnavailable("the model has no chat template", "complete")


def test_a_model_that_cannot_chat_is_an_error_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """No template, or one that takes too long: a sentence, and completions work all the same."""
    engine = _Without(EngineJob(Configuration(engine="fake"), threads=1))
    server = make_app(engine, "one", ThreadPoolExecutor(1))
    answer = chat(server)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "the model has no chat template; complete")
    monkeypatch.setattr(model_server, "TEMPLATE_LIMIT_S", 0.05)
    engine.pause_s = 0.5
    answer = chat(server)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "the model's chat template took longer than 0.05 s")
    assert ask(server).status_code == 200


def test_rendering_counts_as_work_on_the_tokens_of_the_prompt() -> None:
    """The stages of a request still add up to the time it took, so that it counts once."""

    class Slow(Fake):
        def render(self, messages: Sequence[Message]) -> str:
            time.sleep(0.05)
            return super().render(messages)

    told = chat(make_app(Slow(EngineJob(Configuration(engine="fake"), threads=1)), "one", ThreadPoolExecutor(1))).json()[
        "greenreport"
    ]
    assert told["spans_s"]["tokenise"] >= 0.05
    assert told["spans_s"]["queue"] >= 0
    assert sum(told["spans_s"].values()) <= (told["server_end_ns"] - told["server_start_ns"]) / 1e9


@pytest.fixture
def address() -> Iterator[str]:
    """Give the address of a server on loopback."""
    config = uvicorn.Config(client(), host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    server.should_exit = True
    thread.join()


def test_openais_own_client_understands_the_server(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole and streamed, in chat and in completions, and its errors."""
    openai = pytest.importorskip("openai", reason="OpenAI's client is not installed (pip install openai)")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    api = openai.OpenAI(base_url=address, api_key="none", max_retries=0)
    asked: dict[str, Any] = {"model": "one", "messages": MESSAGES, "max_completion_tokens": 4, "temperature": 0}
    whole = api.chat.completions.create(**asked)
    text = whole.choices[0].message.content
    assert (len(text), whole.choices[0].message.role, whole.choices[0].finish_reason) == (4, "assistant", "length")
    assert whole.usage.total_tokens == len(RENDERED) + 4
    chunks = list(api.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == text
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"
    assert chunks[-1].usage.completion_tokens == 4
    with api.chat.completions.stream(**asked) as stream:
        assert [event.type for event in stream][-1] == "content.done"
        assert stream.current_completion_snapshot.choices[0].message.content == text
    completion = api.completions.create(model="one", prompt=RENDERED, max_tokens=4, temperature=0)
    assert completion.choices[0].text == text
    with pytest.raises(openai.NotFoundError, match="does not exist here"):
        api.chat.completions.create(**asked | {"model": "two"})
