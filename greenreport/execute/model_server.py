"""The model server: OpenAI's API for completions and chat completions over one model of one engine.

The same client drives this server and any other that speaks the protocol. A conversation is rendered by the model's own chat template and then
answered like any other text. A request for another model than the loaded one is an error, so an answer can never come from a model that was
loaded before.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from concurrent.futures import ThreadPoolExecutor

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from greenreport.engines.base import Engine
from greenreport.errors import ModelUnavailable
from greenreport.execute.batcher import Batcher
from greenreport.execute.generation_answer import Asked, GenerationAnswer, error_body
from greenreport.execute.generation_requests import ChatRequest, CompletionRequest, GenerationRequest

#: How long a chat template may take; it is a program of somebody else.
TEMPLATE_LIMIT_S = 10.0


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
) -> Starlette:
    """Return the application.

    Args:
        max_batch, max_wait_s: those of `Batcher`.
        api_key: key that every request must carry; None: anybody may ask.
    """
    batcher, templates = Batcher(engine, thread, max_batch, max_wait_s), ThreadPoolExecutor(1, "template")

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok", "model": model_id})

    async def models(_: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": model_id, "object": "model", "owned_by": "greenreport"}]})

    async def completions(sent: Request) -> Response:
        try:
            request = CompletionRequest.model_validate_json(await sent.body())
        except ValidationError as error:
            return _invalid(error)
        start_ns = time.monotonic_ns()
        if request.prompt == []:
            return _refusal(400, "prompt: at least one text is needed")
        return await _answered(batcher, model_id, request, Asked(request.texts, start_ns))

    async def chat(sent: Request) -> Response:
        try:
            request = ChatRequest.model_validate_json(await sent.body())
        except ValidationError as error:
            return _invalid(error)
        start_ns = time.monotonic_ns()
        rendering = asyncio.get_running_loop().run_in_executor(templates, engine.render, request.conversation)
        try:
            text = await asyncio.wait_for(rendering, TEMPLATE_LIMIT_S)
        except ModelUnavailable as error:
            return _refusal(400, str(error))
        except TimeoutError:
            return _refusal(400, f"the model's chat template took longer than {TEMPLATE_LIMIT_S:g} s")
        return await _answered(batcher, model_id, request, Asked([text], start_ns, time.monotonic_ns() - start_ns))

    routes = [
        Route("/health", health),
        Route("/v1/models", models),
        Route("/v1/completions", completions, methods=["POST"]),
        Route("/v1/chat/completions", chat, methods=["POST"]),
    ]
    return Starlette(routes=routes, middleware=[] if api_key is None else [Middleware(KeyRequired, api_key=api_key)])


async def _answered(batcher: Batcher, model_id: str, request: GenerationRequest, asked: Asked) -> Response:
    if request.model != model_id:
        return _refusal(404, f"the model {request.model!r} does not exist here; this server has {model_id!r}")
    if request.temperature > 0 and type(batcher.engine).sample is Engine.sample:
        return _refusal(400, "this engine always takes the likeliest token: temperature must be 0")
    answer = GenerationAnswer(batcher, request, asked)
    if request.stream:
        return StreamingResponse(answer.stream(), media_type="text/event-stream")
    return await answer.whole()


def _refusal(status: int, message: str) -> JSONResponse:
    return JSONResponse(error_body("invalid_request_error", message), status)


def _invalid(error: ValidationError) -> JSONResponse:
    """Refuse a request that is not one of the API, and name each wrong part."""
    parts = (f"{'.'.join(map(str, part['loc'])) or 'body'}: {part['msg']}" for part in error.errors(include_url=False))
    return _refusal(422, "; ".join(parts))
