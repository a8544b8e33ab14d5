"""Answers of the model server: whole or streamed, in the shape of the API that asked, with the server's own account under ``greenreport``."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from starlette.responses import JSONResponse, Response

from greenreport.engines.base import Engine, Generated, OnToken
from greenreport.errors import GreenReportError, OutOfMemory
from greenreport.execute.batcher import Batcher, Ticket
from greenreport.execute.generation_requests import GenerationRequest


@dataclass(frozen=True, slots=True)
class Asked:
    """The texts a request asks to continue.

    Attributes:
        start_ns: when the request arrived.
        rendering_ns: time it took to make the text of a conversation; None: these are prompts as they came.
    """

    texts: Sequence[str]
    start_ns: int
    rendering_ns: int | None = None


class _StreamedText:
    """The growing text of one prompt's answer."""

    def __init__(self, engine: Engine, decode: Callable[[Sequence[int]], str], *, exact: bool) -> None:
        self.engine, self.decode = engine, decode
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
        whole = self.decode(self.ids)
        if whole.endswith("\ufffd"):
            return None
        piece, self.sent = whole[len(self.sent) :], whole
        return piece


class GenerationAnswer:
    """The answer to one request, with its times for the server's own account."""

    def __init__(self, batcher: Batcher, request: GenerationRequest, asked: Asked) -> None:
        self.batcher = batcher
        self.engine = batcher.engine
        self.request, self.asked = request, asked
        self.chat = asked.rendering_ns is not None
        self.decode = self.engine.decode_answer if self.chat else self.engine.decode
        kind = "text_completion" if not self.chat else "chat.completion.chunk" if request.stream else "chat.completion"
        self.body = {
            "id": f"{'chatcmpl' if self.chat else 'cmpl'}-{uuid4().hex[:24]}",
            "object": kind,
            "created": int(time.time()),
            "model": request.model,
        }
        self.token_ns: list[int] = []
        #: Time spent on a stream while inference goes on, in ns; it includes waits for the interpreter lock.
        self.concurrent_ns = {"detokenise": 0, "serialise": 0}

    async def generated(self, on_step: OnToken) -> tuple[Ticket, list[Generated]]:
        return await self.batcher.answer(
            self.asked.texts,
            self.request.output_tokens,
            exact=self.request.ignore_eos,
            on_step=on_step,
            rendered=self.chat,
            sampling=self.request.sampling(len(self.asked.texts)),
        )

    async def whole(self) -> Response:
        try:
            ticket, results = await self.generated(lambda _: self.token_ns.append(time.monotonic_ns()))
        except GreenReportError as error:
            return JSONResponse(error_body(type(error).__name__, error), 507 if isinstance(error, OutOfMemory) else 500)
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
        if self.chat:
            role = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None, "logprobs": None}
            yield _event(json.dumps(self.body | {"choices": [role]}))
        rows = [_StreamedText(self.engine, self.decode, exact=self.request.ignore_eos) for _ in self.asked.texts]
        while (tokens := await steps.get()) is not None:
            start = time.monotonic_ns()
            pieces = [(index, row.add(token), token) for index, (row, token) in enumerate(zip(rows, tokens, strict=True))]
            decoded = time.monotonic_ns()
            choices = [
                self.choice(index, piece, None, [token])
                for index, piece, token in pieces
                if piece is not None and token is not None
            ]
            event = json.dumps(self.body | {"choices": choices}) if choices else None
            self.concurrent_ns["detokenise"] += decoded - start
            self.concurrent_ns["serialise"] += time.monotonic_ns() - decoded
            if event is not None:
                yield _event(event)
        try:
            ticket, results = await done
        except GreenReportError as error:
            yield _event(json.dumps(error_body(type(error).__name__, error)))
            return
        yield _event(self.complete(ticket, results, [row.sent for row in rows], json.dumps))
        if self.chat and self.request.stream_options is not None and self.request.stream_options.include_usage:
            yield _event(json.dumps(self.body | {"choices": [], "usage": _usage(ticket, results)}))
        yield _event("[DONE]")

    def complete(self, ticket: Ticket, results: list[Generated], sent: list[str], dumps: Callable[[object], str]) -> str:
        """Return a whole answer, or the last event of a stream with text, with the server's own account of it.

        Args:
            sent: what has been streamed of each text.
        """
        start = time.monotonic_ns()
        texts = [self.decode(result.token_ids)[len(before) :] for result, before in zip(results, sent, strict=True)]
        decoded = time.monotonic_ns()
        with_ids = self.request.return_token_ids or self.request.stream
        choices = [
            self.choice(index, text, result.finish_reason, result.token_ids if with_ids else None)
            for index, (text, result) in enumerate(zip(texts, results, strict=True))
        ]
        # In the stream of a chat, usage has an event of its own.
        counts = {} if self.chat and self.request.stream else {"usage": _usage(ticket, results)}
        body = dumps(self.body | {"choices": choices} | counts)
        rendering_ns = self.asked.rendering_ns or 0
        spans_ns = {
            "queue": ticket.started_ns - self.asked.start_ns - rendering_ns,
            "tokenise": ticket.encoded_ns - ticket.started_ns + rendering_ns,
            "infer": ticket.ended_ns - ticket.encoded_ns,
            "detokenise": decoded - start,
            "serialise": time.monotonic_ns() - decoded,  # without this account
        }
        account: dict[str, object] = {
            "server_start_ns": self.asked.start_ns,
            "server_end_ns": time.monotonic_ns(),
            "token_ns": self.token_ns,
            "prompt_tokens": [len(prompt) for prompt in ticket.prompts],
            "batch": ticket.batch,
            "spans_s": {name: spent / 1e9 for name, spent in spans_ns.items()},
        }
        if any(self.concurrent_ns.values()):
            account["concurrent_s"] = {name: spent / 1e9 for name, spent in self.concurrent_ns.items()}
        if self.chat:
            account["rendered"] = self.asked.texts[0]
        return f'{body[:-1]},"greenreport":{dumps(account)}}}'

    def choice(self, index: int, text: str, finish_reason: str | None, token_ids: Sequence[int] | None) -> dict[str, Any]:
        """Return a text in the shape of the API: of a completion, a message, or what is added to one."""
        said: dict[str, Any] = {"text": text}
        if self.chat:
            said = {"delta": {"content": text}} if self.request.stream else {"message": {"role": "assistant", "content": text}}
        choice = {"index": index, **said, "finish_reason": finish_reason, "logprobs": None}
        return choice if token_ids is None else choice | {"token_ids": list(token_ids)}


def _event(data: str) -> str:
    return f"data: {data}\n\n"


def _usage(ticket: Ticket, results: Sequence[Generated]) -> dict[str, int]:
    prompt, completion = sum(map(len, ticket.prompts)), sum(len(result.token_ids) for result in results)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def error_body(kind: str, message: object) -> dict[str, dict[str, str]]:
    """Return an error as OpenAI's API reports it."""
    return {"error": {"message": str(message), "type": kind}}
