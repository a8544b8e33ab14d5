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
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from greenreport.engines.base import Engine, Generated
from greenreport.errors import GreenReportError, OutOfMemory


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


class _Answer:
    """Collects what one request produced, with the time of every step."""

    def __init__(self) -> None:
        self.id = f"cmpl-{uuid4().hex[:24]}"
        self.created = int(time.time())
        self.start_ns = time.monotonic_ns()
        self.token_ns: list[int] = []
        self.end_ns = 0

    def times(self) -> dict[str, Any]:
        return {"server_start_ns": self.start_ns, "server_end_ns": self.end_ns, "token_ns": self.token_ns}


def make_app(engine: Engine, model_id: str, thread: ThreadPoolExecutor) -> FastAPI:
    """Return the application.

    Args:
        thread: executor with one thread; the engine is used from no other.
    """
    app = FastAPI(title="greenreport model server", openapi_url=None)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok", "model": model_id}

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": model_id, "object": "model", "owned_by": "greenreport"}]}

    @app.post("/v1/completions", response_model=None)
    async def completions(request: CompletionRequest) -> JSONResponse | StreamingResponse:
        if request.model != model_id:
            return _error(404, f"the model {request.model!r} does not exist here; this server has {model_id!r}")
        if request.temperature != 0:
            return _error(400, "this server generates greedily: temperature must be 0")
        texts = [request.prompt] if isinstance(request.prompt, str) else request.prompt
        if not texts:
            return _error(400, "prompt: at least one text is needed")
        if request.stream and len(texts) > 1:
            return _error(400, "a streamed request carries one prompt")
        answer = _Answer()
        if request.stream:
            return StreamingResponse(
                _stream(engine, model_id, thread, request, texts[0], answer), media_type="text/event-stream"
            )
        return await _whole(engine, model_id, thread, request, texts, answer)

    return app


async def _whole(
    engine: Engine, model_id: str, thread: ThreadPoolExecutor, request: CompletionRequest, texts: list[str], answer: _Answer
) -> JSONResponse:
    def work() -> tuple[list[list[int]], list[Generated], list[str]]:
        prompts = [engine.encode(text) for text in texts]
        results = engine.generate(
            prompts,
            request.max_tokens,
            exact=request.ignore_eos,
            on_token=lambda _: answer.token_ns.append(time.monotonic_ns()),
        )
        return prompts, results, [engine.decode(result.token_ids) for result in results]

    try:
        prompts, results, decoded = await asyncio.get_running_loop().run_in_executor(thread, work)
    except GreenReportError as error:
        return _engine_error(error)
    answer.end_ns = time.monotonic_ns()
    choices = [
        _choice(index, text, result.finish_reason, result.token_ids if request.return_token_ids else None)
        for index, (text, result) in enumerate(zip(decoded, results, strict=True))
    ]
    usage = _usage(sum(map(len, prompts)), sum(len(result.token_ids) for result in results))
    return JSONResponse(_body(answer, model_id, choices) | {"usage": usage, "greenreport": answer.times()})


async def _stream(
    engine: Engine, model_id: str, thread: ThreadPoolExecutor, request: CompletionRequest, text: str, answer: _Answer
) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    tokens: asyncio.Queue[int | None] = asyncio.Queue()
    prompt = engine.encode(text)

    def on_token(step: Sequence[int]) -> None:
        answer.token_ns.append(time.monotonic_ns())
        loop.call_soon_threadsafe(tokens.put_nowait, step[0])

    def work() -> list[Generated]:
        try:
            return engine.generate([prompt], request.max_tokens, exact=request.ignore_eos, on_token=on_token)
        finally:
            loop.call_soon_threadsafe(tokens.put_nowait, None)

    done = loop.run_in_executor(thread, work)
    held: list[int] = []
    sent = ""
    while (token := await tokens.get()) is not None:
        held.append(token)
        whole = engine.decode(held)
        if whole.endswith("\ufffd"):  # a character is not complete yet
            continue
        yield _event(_body(answer, model_id, [_choice(0, whole[len(sent) :], None, [token])]))
        sent = whole
    try:
        result = (await done)[0]
    except GreenReportError as error:
        yield _event({"error": {"message": str(error), "type": type(error).__name__}})
        return
    answer.end_ns = time.monotonic_ns()
    rest = engine.decode(result.token_ids)[len(sent) :]
    final = _choice(0, rest, result.finish_reason, result.token_ids)
    usage = _usage(len(prompt), len(result.token_ids))
    yield _event(_body(answer, model_id, [final]) | {"usage": usage, "greenreport": answer.times()})
    yield "data: [DONE]\n\n"


def _choice(index: int, text: str, finish_reason: str | None, token_ids: Sequence[int] | None) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": index, "text": text, "finish_reason": finish_reason, "logprobs": None}
    return choice if token_ids is None else choice | {"token_ids": list(token_ids)}


def _body(answer: _Answer, model_id: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": answer.id, "object": "text_completion", "created": answer.created, "model": model_id, "choices": choices}


def _usage(prompt: int, completion: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body)}\n\n"


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": "invalid_request_error"}}, status)


def _engine_error(error: GreenReportError) -> JSONResponse:
    status = 507 if isinstance(error, OutOfMemory) else 500
    return JSONResponse({"error": {"message": str(error), "type": type(error).__name__}}, status)
