"""The model server: an OpenAI-compatible completions API over one model of one engine.

The same client drives this server and any other that speaks the protocol. Extensions follow vLLM's names (`ignore_eos`,
`return_token_ids`); the server's own times travel under the key ``greenreport``. A request for another model than the loaded
one is an error, so an answer can never come from a model that was loaded before.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from greenreport.engines.base import Engine, Generated
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


class _Timing:
    """The times of one request, for the server's own account in its answer."""

    def __init__(self) -> None:
        self.id = f"cmpl-{uuid4().hex[:24]}"
        self.created = int(time.time())
        self.start_ns = time.monotonic_ns()
        self.token_ns: list[int] = []
        #: Time spent on a stream while inference goes on, in ns; it includes waits for the interpreter lock.
        self.concurrent_ns = {"detokenise": 0, "serialise": 0}

    def account(self, ticket: Ticket, decode_s: float, serialise_s: float) -> dict[str, Any]:
        """Return the server's own account: times of the monotonic clock, and spans of its work besides generating.

        Args:
            decode_s: time to turn tokens into text once inference is over.
            serialise_s: time to write the answer, or the last piece of a stream, without this account.
        """
        spans = {
            "queue": (ticket.started_ns - self.start_ns) / 1e9,
            "tokenise": (ticket.encoded_ns - ticket.started_ns) / 1e9,
            "infer": (ticket.ended_ns - ticket.encoded_ns) / 1e9,
            "detokenise": decode_s,
            "serialise": serialise_s,
        }
        concurrent = {name: spent / 1e9 for name, spent in self.concurrent_ns.items()}
        return {
            "server_start_ns": self.start_ns,
            "server_end_ns": time.monotonic_ns(),
            "token_ns": self.token_ns,
            "prompt_tokens": [len(prompt) for prompt in ticket.prompts],
            "batch": ticket.batch,
            "spans_s": spans,
        } | ({"concurrent_s": concurrent} if any(concurrent.values()) else {})


def make_app(engine: Engine, model_id: str, thread: ThreadPoolExecutor, max_batch: int = 1, max_wait_s: float = 0.0) -> FastAPI:
    """Return the application.

    Args:
        thread: executor with one thread, the only one that uses the engine.
        max_batch: most sequences of a dynamic batch.
        max_wait_s: how long to wait for a batch to fill.
    """
    app = FastAPI(title="greenreport model server", openapi_url=None)
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
            return _error(404, f"the model {request.model!r} does not exist here; this server has {model_id!r}")
        if request.temperature != 0:
            return _error(400, "this server generates greedily: temperature must be 0")
        texts = [request.prompt] if isinstance(request.prompt, str) else request.prompt
        if not texts:
            return _error(400, "prompt: at least one text is needed")
        answer = _Timing()
        if request.stream:
            return StreamingResponse(_stream(batcher, model_id, request, texts, answer), media_type="text/event-stream")
        return await _whole(batcher, model_id, request, texts, answer)

    return app


async def _whole(batcher: Batcher, model_id: str, request: CompletionRequest, texts: list[str], answer: _Timing) -> Response:
    try:
        ticket, results = await batcher.answer(
            texts,
            request.max_tokens,
            exact=request.ignore_eos,
            on_step=lambda _: answer.token_ns.append(time.monotonic_ns()),
        )
    except GreenReportError as error:
        return _engine_error(error)
    start = time.monotonic_ns()
    decoded = [batcher.engine.decode(result.token_ids) for result in results]
    decoded_ns = time.monotonic_ns()
    choices = [
        _choice(index, text, result.finish_reason, result.token_ids if request.return_token_ids else None)
        for index, (text, result) in enumerate(zip(decoded, results, strict=True))
    ]
    text = _compact(_body(answer, model_id, choices) | {"usage": _usage(ticket.prompts, results)})
    account = answer.account(ticket, (decoded_ns - start) / 1e9, (time.monotonic_ns() - decoded_ns) / 1e9)
    return Response(f'{text[:-1]},"greenreport":{_compact(account)}}}', media_type="application/json")


def _compact(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class _StreamedText:
    """The growing text of one prompt's answer."""

    def __init__(self, engine: Engine, *, exact: bool) -> None:
        self.engine = engine
        self.exact = exact
        self.ended = False
        self.ids: list[int] = []
        self.sent = ""

    def add(self, token: int) -> str | None:
        """Return the text a token adds; None while a character is incomplete, and for the padding after the end."""
        self.ended = self.ended or (not self.exact and token in self.engine.end_ids)
        if self.ended:
            return None
        self.ids.append(token)
        whole = self.engine.decode(self.ids)
        if whole.endswith("\ufffd"):
            return None
        piece, self.sent = whole[len(self.sent) :], whole
        return piece


async def _stream(
    batcher: Batcher, model_id: str, request: CompletionRequest, texts: list[str], answer: _Timing
) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    steps: asyncio.Queue[list[int] | None] = asyncio.Queue()

    def on_step(tokens: Sequence[int]) -> None:
        answer.token_ns.append(time.monotonic_ns())
        loop.call_soon_threadsafe(steps.put_nowait, list(tokens))

    done = loop.create_task(batcher.answer(texts, request.max_tokens, exact=request.ignore_eos, on_step=on_step))
    done.add_done_callback(lambda _: steps.put_nowait(None))
    rows = [_StreamedText(batcher.engine, exact=request.ignore_eos) for _ in texts]
    while (tokens := await steps.get()) is not None:
        start = time.monotonic_ns()
        pieces = [(index, row.add(token), token) for index, (row, token) in enumerate(zip(rows, tokens, strict=True))]
        decoded = time.monotonic_ns()
        choices = [_choice(index, piece, None, [token]) for index, piece, token in pieces if piece is not None]
        event = _event(_body(answer, model_id, choices)) if choices else None
        answer.concurrent_ns["detokenise"] += decoded - start
        answer.concurrent_ns["serialise"] += time.monotonic_ns() - decoded
        if event is not None:
            yield event
    try:
        ticket, results = await done
    except GreenReportError as error:
        yield _event({"error": {"message": str(error), "type": type(error).__name__}})
        return
    start = time.monotonic_ns()
    final = [
        _choice(index, batcher.engine.decode(result.token_ids)[len(row.sent) :], result.finish_reason, result.token_ids)
        for index, (row, result) in enumerate(zip(rows, results, strict=True))
    ]
    decoded = time.monotonic_ns()
    text = json.dumps(_body(answer, model_id, final) | {"usage": _usage(ticket.prompts, results)})
    account = answer.account(ticket, (decoded - start) / 1e9, (time.monotonic_ns() - decoded) / 1e9)
    yield f'data: {text[:-1]}, "greenreport": {json.dumps(account)}}}\n\n'
    yield "data: [DONE]\n\n"


def _choice(index: int, text: str, finish_reason: str | None, token_ids: Sequence[int] | None) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": index, "text": text, "finish_reason": finish_reason, "logprobs": None}
    return choice if token_ids is None else choice | {"token_ids": list(token_ids)}


def _body(answer: _Timing, model_id: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": answer.id, "object": "text_completion", "created": answer.created, "model": model_id, "choices": choices}


def _usage(prompts: Sequence[Sequence[int]], results: Sequence[Generated]) -> dict[str, int]:
    prompt, completion = sum(map(len, prompts)), sum(len(result.token_ids) for result in results)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body)}\n\n"


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": "invalid_request_error"}}, status)


def _engine_error(error: GreenReportError) -> JSONResponse:
    status = 507 if isinstance(error, OutOfMemory) else 500
    return JSONResponse({"error": {"message": str(error), "type": type(error).__name__}}, status)
