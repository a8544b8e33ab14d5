"""Dynamic batching: requests that arrive form batches, and the engine answers one batch after the other.

::

    request ─┐                 ┌─ batch of up to `max_batch` sequences ─▶ engine thread
    request ─┼─▶ queue ────────┤
    request ─┘    wait at most `max_wait_s` for more

With `max_batch` 1 this is a queue: each request is a batch of its own, in the order of arrival. A request with several prompts is never
split, and requests share a batch only when they end by the same rule and all of them, or none, draw their tokens. All sequences of a batch are generated to the longest length asked
for in it, and shorter answers are cut to their own length, as in any static batch.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from greenreport.engines.base import Engine, Generated, OnToken, TokenSampling


@dataclass(slots=True, eq=False)
class Ticket:
    """A request in the queue.

    Attributes:
        on_step: called in the engine's thread with the new token of each prompt.
        rendered: whether the texts were made of conversations, and hold their special tokens.
        sampling: how the tokens of each text are drawn; () where the likeliest are taken.
        started_ns: when its batch began.
        batch: sequences in its batch.
    """

    texts: Sequence[str]
    output_tokens: int
    exact: bool
    on_step: OnToken
    done: asyncio.Future[list[Generated]]
    rendered: bool = False
    sampling: Sequence[TokenSampling] = ()
    queued_ns: int = field(default_factory=time.monotonic_ns)
    prompts: list[list[int]] = field(default_factory=list)
    encoded_ns: int = 0
    started_ns: int = 0
    ended_ns: int = 0
    batch: int = 0

    def goes_with(self, other: Ticket) -> bool:
        """Whether both can be answered in one batch."""
        return self.exact == other.exact and bool(self.sampling) == bool(other.sampling)


class Batcher:
    """The queue in front of an engine.

    Args:
        thread: executor with one thread, the only one that uses the engine.
        max_batch: most sequences of one dynamic batch.
        max_wait_s: how long to wait for a batch to fill.
    """

    def __init__(self, engine: Engine, thread: ThreadPoolExecutor, max_batch: int = 1, max_wait_s: float = 0.0) -> None:
        self.engine = engine
        self.thread = thread
        self.max_batch = max_batch
        self.max_wait_s = max_wait_s
        self.waiting: list[Ticket] = []
        self.arrived = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def answer(
        self,
        texts: Sequence[str],
        output_tokens: int,
        *,
        exact: bool,
        on_step: OnToken,
        rendered: bool = False,
        sampling: Sequence[TokenSampling] = (),
    ) -> tuple[Ticket, list[Generated]]:
        """Queue a request; return it with its answers when its batch is done.

        Raises:
            GreenReportError: what the engine raised; every request of the batch gets it.
        """
        loop = asyncio.get_running_loop()
        if self.task is None or self.task.done():  # an event belongs to the loop of its task
            self.arrived = asyncio.Event()
            self.task = loop.create_task(self._work())
        ticket = Ticket(texts, output_tokens, exact, on_step, loop.create_future(), rendered, sampling)
        self.waiting.append(ticket)
        self.arrived.set()
        return ticket, await ticket.done

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self.waiting:
                self.arrived.clear()
                await self.arrived.wait()
            batch = await self._next_batch()
            working = loop.run_in_executor(self.thread, self._generate, batch)
            await asyncio.wait([working])
            error = working.exception()
            for place, ticket in enumerate(batch):
                if ticket.done.done():  # its client has gone
                    continue
                if error is not None:
                    ticket.done.set_exception(error)
                else:
                    ticket.done.set_result(working.result()[place])

    async def _next_batch(self) -> list[Ticket]:
        deadline = self.waiting[0].queued_ns / 1e9 + self.max_wait_s
        while (
            self.max_wait_s
            and sum(len(t.texts) for t in self.waiting) < self.max_batch
            and (rest := deadline - time.monotonic()) > 0
        ):
            self.arrived.clear()
            try:
                await asyncio.wait_for(self.arrived.wait(), rest)
            except TimeoutError:
                break
        batch = [self.waiting.pop(0)]
        size = len(batch[0].texts)
        while self.waiting and self.waiting[0].goes_with(batch[0]) and size + len(self.waiting[0].texts) <= self.max_batch:
            batch.append(self.waiting.pop(0))
            size += len(batch[-1].texts)
        return batch

    def _generate(self, batch: list[Ticket]) -> list[list[Generated]]:
        """Tokenise and generate in the engine's thread; return the answers of each ticket."""
        start = time.monotonic_ns()
        prompts: list[list[int]] = []
        for ticket in batch:
            ticket.started_ns = start
            encode = self.engine.encode_rendered if ticket.rendered else self.engine.encode
            ticket.prompts = [encode(text) for text in ticket.texts]
            prompts += ticket.prompts
        encoded = time.monotonic_ns()
        steps = 0

        def on_token(tokens: Sequence[int | None]) -> None:
            nonlocal steps
            steps += 1
            first = 0
            for ticket in batch:
                if steps <= ticket.output_tokens:
                    ticket.on_step(tokens[first : first + len(ticket.prompts)])
                first += len(ticket.prompts)

        longest = max(ticket.output_tokens for ticket in batch)
        exact, sampling = batch[0].exact, [item for ticket in batch for item in ticket.sampling]
        if sampling:
            generated = self.engine.sample(prompts, longest, sampling, exact=exact, on_token=on_token)
        else:
            generated = self.engine.generate(prompts, longest, exact=exact, on_token=on_token)
        ended = time.monotonic_ns()
        results, first = [], 0
        for ticket in batch:
            ticket.encoded_ns, ticket.ended_ns, ticket.batch = encoded, ended, len(prompts)
            own = generated[first : first + len(ticket.prompts)]
            most = ticket.output_tokens
            results.append(
                [item if len(item.token_ids) <= most else Generated(item.token_ids[:most], "length") for item in own]
            )
            first += len(ticket.prompts)
        return results
