"""Timed requests to OpenAI-compatible servers, each with one prompt or a batch."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import httpx

from greenreport.record import Output, Request, RequestErrorKind
from greenreport.workloads.answers import ServerAnswer, post
from greenreport.workloads.api_content import Api
from greenreport.workloads.load_loops import Answered
from greenreport.workloads.request_errors import RequestFailed
from greenreport.workloads.turns import messages

#: Bytes of the largest answer that is read: the frame of a stream's events, token ids and log-probabilities are in it, and the prompt,
#: which some servers repeat.
FIXED_B, PER_TOKEN_B, PER_CHARACTER_B = 250_000, 4_000, 16


@dataclass(frozen=True, slots=True)
class ClientJob:
    """What to send and where.

    Attributes:
        urls: base addresses of the servers, without ``/v1``; each client of a closed loop keeps to one, an open loop takes them in turn.
        model: name every answer must carry.
        batches: prompts of each request; `output_tokens` are the tokens asked for.
        timeout_s: limit of one request.
        concurrency: clients of the closed loop.
        due_s: when each request is due, for an open loop; None for a closed one.
        headers: what every request carries besides: the key, where the servers want one.
        extra: further keys of every request, for servers that know more than the protocol says.
        system: message before the prompt of a chat.
        tolerated: failed requests with which the load goes on.
        temperature, top_p: how tokens are drawn, with the seed of each request; without `seeds` the likeliest ones are asked for.
    """

    urls: tuple[str, ...]
    model: str
    batches: tuple[tuple[str, ...], ...]
    output_tokens: tuple[int, ...]
    exact: bool
    stream: bool
    timeout_s: float
    concurrency: int = 1
    due_s: tuple[float, ...] | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    extra: tuple[tuple[str, str | bool | int | float], ...] = ()
    api: Api = Api.COMPLETIONS
    system: str | None = None
    tolerated: int = 0
    temperature: float = 0.0
    top_p: float = 1.0
    seeds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends one batch at a time over kept connections: to one server, or to all in turn."""

    clients: Sequence[httpx.Client]
    job: ClientJob
    server: int | None = None

    def __call__(self, batch: int, due_ns: int | None) -> Answered:
        """Send a batch to the server whose turn it is."""
        return self.send(batch, batch % len(self.clients) if self.server is None else self.server, due_ns)

    def send(self, batch: int, server: int, due_ns: int | None) -> Answered:
        """Send a batch; return its timed requests and outputs, or its requests with the error of all.

        Args:
            due_ns: when it was due, and latency counts from; None: now.
        """
        first_index = len(self.job.batches[0]) * batch
        body = self._body(batch)
        prompts, tokens = self.job.batches[batch], self.job.output_tokens[batch]
        sent = time.monotonic_ns()
        start = sent if due_ns is None else due_ns
        try:
            characters = sum(map(len, prompts)) + len(self.job.system or "")
            largest_b = FIXED_B + PER_TOKEN_B * tokens * len(prompts) + PER_CHARACTER_B * characters
            answer = post(self.clients[server], self.job.api, body, largest_b)
            if answer.completions.keys() != set(range(len(prompts))):
                text = f"{len(answer.completions)} answers came for {len(prompts)} prompts"
                raise RequestFailed(RequestErrorKind.MALFORMED, text)
        except RequestFailed as failed:
            first = Request(first_index, start, time.monotonic_ns(), error=failed.error, server=server)
            return Answered(tuple(replace(first, index=first_index + row) for row in range(len(prompts))), (), sent)
        end = time.monotonic_ns()
        requests = _requests(answer, Request(first_index, start, end, server=server), self.job.output_tokens[batch])
        outputs = tuple(
            Output(request.output_sha256 or "", completion.text, completion.token_ids, completion.reasoning or None)
            for request, (_, completion) in zip(requests, sorted(answer.completions.items()), strict=True)
        )
        account = answer.account
        return Answered(requests, outputs, sent, account.spans, answer.retried, answer.usage.cached_tokens, account.rendered)

    def _body(self, batch: int) -> dict[str, object]:
        job = self.job
        prompts = job.batches[batch]
        body: dict[str, object] = {
            "model": job.model,
            **self._asked(prompts),
            "max_tokens": job.output_tokens[batch],
            **self._decoding(batch),
            "return_token_ids": True,
            "stream": job.stream,
            **({"ignore_eos": True} if job.exact else {}),
            **({"stream_options": {"include_usage": True}} if job.stream else {}),
            **dict(job.extra),
        }
        if not body["return_token_ids"]:  # a strict server refuses keys it does not know, whatever their value
            del body["return_token_ids"]
        return body

    def _decoding(self, batch: int) -> dict[str, float]:
        job = self.job
        drawn = {"temperature": job.temperature, "top_p": job.top_p, "seed": job.seeds[batch]} if job.seeds else None
        return drawn or {"temperature": 0}

    def _asked(self, prompts: Sequence[str]) -> dict[str, object]:
        if self.job.api is Api.COMPLETIONS:
            return {"prompt": prompts[0] if len(prompts) == 1 else list(prompts)}
        [prompt] = prompts  # a chat request is one conversation
        return {"messages": messages(prompt, self.job.system)}


def _requests(answer: ServerAnswer, first: Request, most: int) -> tuple[Request, ...]:
    """Return a request of the record for each completion, the first filled in; `most`: output tokens each was asked for."""
    account, several = answer.account, len(answer.completions) > 1
    of_prompts = account.prompt_tokens or ()
    requests = []
    for row, completion in sorted(answer.completions.items()):
        ids = completion.token_ids
        output_tokens, prompt_tokens = answer.usage.completion_tokens, answer.usage.prompt_tokens
        if several:  # servers count a batch as a whole; when that is the most possible, so is every part of it
            output_tokens = most if output_tokens == most * len(answer.completions) and not ids else None
            prompt_tokens = of_prompts[row] if row < len(of_prompts) else None
        request = replace(
            first,
            index=first.index + row,
            first_token_ns=next(iter(answer.arrived_ns), None),
            server_start_ns=account.server_start_ns,
            server_end_ns=account.server_end_ns,
            token_ns=(account.token_ns or (() if several else tuple(answer.arrived_ns)))[: len(ids) or None],
            prompt_tokens=prompt_tokens,
            output_tokens=(len(ids) or None) if output_tokens is None else output_tokens,
            finish_reason=completion.finish_reason,
            output_sha256=output_digest(completion.text, ids, completion.reasoning),
            answered_by=answer.model,
            reasoning_tokens=None if several else answer.usage.reasoning_tokens,
            first_answer_ns=answer.answered_ns if answer.api is Api.CHAT else None,
        )
        requests.append(request)
    return tuple(requests)


def output_digest(text: str, token_ids: Sequence[int], reasoning: str = "") -> str:
    """Return the sha256 of the token ids, which include those of reasoning; of the text and the reasoning where the server sends no ids."""
    return hashlib.sha256(json.dumps(list(token_ids) or ([reasoning, text] if reasoning else text)).encode()).hexdigest()
