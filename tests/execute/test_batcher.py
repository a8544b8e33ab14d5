"""Tests of dynamic batching: who shares a batch, what each request gets of it, and what an error does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from greenreport.engines.base import EngineJob, Generated, OnToken
from greenreport.engines.fake import Fake
from greenreport.errors import OutOfMemory
from greenreport.execute.batcher import Batcher, Ticket
from greenreport.study import Configuration


class Recording(Fake):
    """A fake engine that remembers the batches it got."""

    def __init__(self, **options: Any) -> None:
        super().__init__(EngineJob(Configuration(engine="fake", options={"token_s": 0.002} | options), threads=1))
        self.batches: list[int] = []

    def generate(
        self, prompts: Sequence[Sequence[int]], output_tokens: int, *, exact: bool, on_token: OnToken
    ) -> list[Generated]:
        self.batches.append(len(prompts))
        return super().generate(prompts, output_tokens, exact=exact, on_token=on_token)


Asked = tuple[Sequence[str], int, bool]


def ask(engine: Fake, requests: Sequence[Asked], max_batch: int, max_wait_s: float = 0.05) -> list[Any]:
    """Send all requests at once; return (ticket, answers, steps) or the error of each."""

    async def one(batcher: Batcher, asked: Asked) -> tuple[Ticket, list[Generated], list[Sequence[int]]]:
        texts, tokens, exact = asked
        steps: list[Sequence[int]] = []
        ticket, answers = await batcher.answer(texts, tokens, exact=exact, on_step=steps.append)
        return ticket, answers, steps

    async def everyone() -> list[Any]:
        batcher = Batcher(engine, ThreadPoolExecutor(1), max_batch, max_wait_s)
        return await asyncio.gather(*(one(batcher, asked) for asked in requests), return_exceptions=True)

    with ThreadPoolExecutor(1) as thread:  # this thread may have the event loop of the browser tests
        return thread.submit(asyncio.run, everyone()).result()


def test_requests_share_a_batch_up_to_its_size() -> None:
    """Five requests with room for two: batches of two, two and one, in the order of arrival."""
    engine = Recording()
    found = ask(engine, [(["a"], 4, True), (["b"], 4, True), (["c"], 4, True), (["d"], 4, True), (["e"], 4, True)], 2)
    assert engine.batches == [2, 2, 1]
    assert [ticket.batch for ticket, _, _ in found] == [2, 2, 2, 2, 1]


def test_answers_are_those_of_single_requests() -> None:
    """Each request gets its own tokens, as many as it asked for, though its batch went on."""
    alone = ask(Recording(), [(["first"], 3, True), (["second"], 8, True)], 1)
    together = ask(engine := Recording(), [(["first"], 3, True), (["second"], 8, True)], 4)
    assert engine.batches == [2]
    for (_, expected, _), (_, answers, steps) in zip(alone, together, strict=True):
        assert answers == expected
        assert [step[0] for step in steps] == list(answers[0].token_ids)


def test_a_request_with_several_prompts_is_never_split() -> None:
    """Three prompts of one request stay together, even where a batch holds two."""
    engine = Recording()
    ((_, answers, steps),) = ask(engine, [(["a", "b", "c"], 2, True)], 2)
    assert engine.batches == [3]
    assert len(answers) == 3
    assert [len(step) for step in steps] == [3, 3]


def test_requests_that_end_by_another_rule_wait_for_the_next_batch() -> None:
    """Exact length and end-of-sequence do not mix."""
    engine = Recording()
    ask(engine, [(["a"], 4, True), (["b"], 4, False), (["c"], 4, True)], 4)
    assert engine.batches == [1, 1, 1]


def test_an_error_reaches_every_request_of_its_batch_and_no_other() -> None:
    """Out of memory ends a batch; the queue goes on."""
    found = ask(Recording(fits=1), [(["a"], 2, True), (["b"], 2, True), (["c"], 2, True)], 2)
    assert [isinstance(item, OutOfMemory) for item in found] == [True, True, False]


@pytest.mark.parametrize("max_batch", [1, 4])
def test_a_lone_request_does_not_wait_longer_than_told(max_batch: int) -> None:
    """Without a waiting time a request starts at once, also where more would fit."""
    ((ticket, _, _),) = ask(Recording(), [(["a"], 1, True)], max_batch, 0.0)
    assert ticket.started_ns - ticket.queued_ns < 500_000_000
