"""The model server: an OpenAI-compatible completions API over one model of one engine.

The same client drives this server and any other that speaks the protocol. Extensions follow vLLM's names (`ignore_eos`,
`return_token_ids`); the server's own times travel under the key ``greenreport``. A request for another model than the loaded
one is an error, so an answer can never come from a model that was loaded before.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import ASGIApp, Receive, Scope, Send

from greenreport.engines.base import Engine, Generated, OnToken
from greenreport.errors import GreenReportError, OutOfMemory
from greenreport.execute.batcher import Batcher, Ticket


class CompletionRequest(BaseModel):
    """The part of OpenAI's completions request that greedy generation needs."""

    model_config = ConfigDict(extra="ignore")

    model: str
    prompt: str | list[str]
    max_tokens: int = Field(16, ge=1, le=1_000_000)
    temperature: float = 0.0
    stream: bool = False
    ignore_eos: bool = False
    return_token_ids: bool = False


class KeyRequired:
    """Refuses requests without the key of the run: every user of a machine can reach its loopback addresses."""

    def __init__(self, app: ASGIApp, api_key: str) -> None:
        self.app = app
        self.expected = f"Bearer {api_key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        told = dict(scope.get("headers", ())).get(b"authorization", b"")
        allowed = scope["type"] != "http" or hmac.compare_digest(told, self.expected)
        await (self.app if allowed else _refusal(401, "this server belongs to a run, which has its key"))(scope, receive, send)


def make_app(
    engine: Engine,
    model_id: str,
    thread: ThreadPoolExecutor,
    max_batch: int = 1,
    max_wait_s: float = 0.0,
    api_key: str | None = None,
) -> FastAPI:
    """Return the application.

    Args:
        max_batch, max_wait_s: those of `Batcher`.
        api_key: key that every request must carry; None: anybody may ask.
    """
    app = FastAPI(title="greenreport model server", openapi_url=None)
    if api_key is not None:
        app.add_middleware(KeyRequired, api_key=api_key)
    batcher = Batcher(engine, thread, max_batch, max_wait_s)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok", "model": model_id}

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": model_id, "object": "model", "owned_by": "greenreport"}]}

    @app.post("/v1/completions", response_model=None)
    async def completions(request: CompletionRequest) -> Response:
        if request.model != model_id:
            return _refusal(404, f"the model {request.model!r} does not exist here; this server has {model_id!r}")
        if request.temperature != 0:
            return _refusal(400, "this server generates greedily: temperature must be 0")
        if request.prompt == []:
            return _refusal(400, "prompt: at least one text is needed")
        answer = _Answer(batcher, request)
        if request.stream:
            return StreamingResponse(answer.stream(), media_type="text/event-stream")
        return await answer.whole()

    return app


class _StreamedText:
    """The growing text of one prompt's answer."""

    def __init__(self, engine: Engine, *, exact: bool) -> None:
        self.engine = engine
        self.exact = exact
        self.ended = False
        self.ids: list[int] = []
        self.sent = ""

    def add(self, token: int | None) -> str | None:
        """Return the text a token adds; None while a character is incomplete, and for the padding after the end.

        After a token that the engine does not tell yet, the rest of the text comes with the last event.
        """
        self.ended = self.ended or token is None or (not self.exact and token in self.engine.end_ids)
        if self.ended or token is None:
            return None
        self.ids.append(token)
        whole = self.engine.decode(self.ids)
        if whole.endswith("\ufffd"):
            return None
        piece, self.sent = whole[len(self.sent) :], whole
        return piece


class _Answer:
    """The answer to one request, with its times for the server's own account."""

    def __init__(self, batcher: Batcher, request: CompletionRequest) -> None:
        self.batcher = batcher
        self.engine = batcher.engine
        self.request = request
        self.texts = [request.prompt] if isinstance(request.prompt, str) else request.prompt
        self.body = {
            "id": f"cmpl-{uuid4().hex[:24]}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": request.model,
        }
        self.start_ns = time.monotonic_ns()
        self.token_ns: list[int] = []
        #: Time spent on a stream while inference goes on, in ns; it includes waits for the interpreter lock.
        self.concurrent_ns = {"detokenise": 0, "serialise": 0}

    async def generated(self, on_step: OnToken) -> tuple[Ticket, list[Generated]]:
        return await self.batcher.answer(self.texts, self.request.max_tokens, exact=self.request.ignore_eos, on_step=on_step)

    async def whole(self) -> Response:
        try:
            ticket, results = await self.generated(lambda _: self.token_ns.append(time.monotonic_ns()))
        except GreenReportError as error:
            return JSONResponse(_error(type(error).__name__, error), 507 if isinstance(error, OutOfMemory) else 500)
        dumps = partial(json.dumps, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return Response(self.complete(ticket, results, [""] * len(results), dumps), media_type="application/json")

    async def stream(self) -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        steps: asyncio.Queue[list[int | None] | None] = asyncio.Queue()

        def on_step(tokens: Sequence[int | None]) -> None:
            self.token_ns.append(time.monotonic_ns())
            loop.call_soon_threadsafe(steps.put_nowait, list(tokens))

        done = loop.create_task(self.generated(on_step))
        done.add_done_callback(lambda _: steps.put_nowait(None))
        rows = [_StreamedText(self.engine, exact=self.request.ignore_eos) for _ in self.texts]
        while (tokens := await steps.get()) is not None:
            start = time.monotonic_ns()
            pieces = [(index, row.add(token), token) for index, (row, token) in enumerate(zip(rows, tokens, strict=True))]
            decoded = time.monotonic_ns()
            choices = [
                _choice(index, piece, None, [token])
                for index, piece, token in pieces
                if piece is not None and token is not None
            ]
            event = json.dumps(self.body | {"choices": choices}) if choices else None
            self.concurrent_ns["detokenise"] += decoded - start
            self.concurrent_ns["serialise"] += time.monotonic_ns() - decoded
            if event is not None:
                yield f"data: {event}\n\n"
        try:
            ticket, results = await done
        except GreenReportError as error:
            yield f"data: {json.dumps(_error(type(error).__name__, error))}\n\n"
            return
        yield f"data: {self.complete(ticket, results, [row.sent for row in rows], json.dumps)}\n\n"
        yield "data: [DONE]\n\n"

    def complete(self, ticket: Ticket, results: list[Generated], sent: list[str], dumps: Callable[[object], str]) -> str:
        """Return a whole answer, or the last event of a stream, with the server's own account of it.

        Args:
            sent: what has been streamed of each text.
        """
        start = time.monotonic_ns()
        texts = [self.engine.decode(result.token_ids)[len(before) :] for result, before in zip(results, sent, strict=True)]
        decoded = time.monotonic_ns()
        with_ids = self.request.return_token_ids or self.request.stream
        choices = [
            _choice(index, text, result.finish_reason, result.token_ids if with_ids else None)
            for index, (text, result) in enumerate(zip(texts, results, strict=True))
        ]
        prompt, completion = sum(map(len, ticket.prompts)), sum(len(result.token_ids) for result in results)
        usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        body = dumps(self.body | {"choices": choices, "usage": usage})
        spans_ns = {
            "queue": ticket.started_ns - self.start_ns,
            "tokenise": ticket.encoded_ns - ticket.started_ns,
            "infer": ticket.ended_ns - ticket.encoded_ns,
            "detokenise": decoded - start,
            "serialise": time.monotonic_ns() - decoded,  # without this account
        }
        account: dict[str, object] = {
            "server_start_ns": self.start_ns,
            "server_end_ns": time.monotonic_ns(),
            "token_ns": self.token_ns,
            "prompt_tokens": [len(prompt) for prompt in ticket.prompts],
            "batch": ticket.batch,
            "spans_s": {name: spent / 1e9 for name, spent in spans_ns.items()},
        }
        if any(self.concurrent_ns.values()):
            account["concurrent_s"] = {name: spent / 1e9 for name, spent in self.concurrent_ns.items()}
        return f'{body[:-1]},"greenreport":{dumps(account)}}}'


def _choice(index: int, text: str, finish_reason: str | None, token_ids: Sequence[int] | None) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": index, "text": text, "finish_reason": finish_reason, "logprobs": None}
    return choice if token_ids is None else choice | {"token_ids": list(token_ids)}


def _error(kind: str, message: object) -> dict[str, dict[str, str]]:
    return {"error": {"message": str(message), "type": kind}}


def _refusal(status: int, message: str) -> JSONResponse:
    return JSONResponse(_error("invalid_request_error", message), status)
