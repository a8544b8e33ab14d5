"""A fake engine with declared service times, for tests of protocol, server, store and site without a model.

Options: ``load_s``, ``prefill_s``, ``token_s`` (service times), ``sequence_s`` (added to each step for each sequence of the batch),
``fits`` (sequences that fit in memory; a larger batch is out of memory), ``busy`` (spin instead of sleeping), and faults:
``crash_at``, ``hang_at``, ``out_of_memory_at`` (number of the request, from 1, warm-up included), ``fail_load``, ``short_by``
(tokens missing from each answer), ``answer`` (any text; another text gives other tokens).
A result of this engine is a test of greenreport; the site marks it as such.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence

from greenreport.engines.base import Engine, EngineJob, Generated, Message, OnToken, TokenSampling
from greenreport.errors import EngineUnavailable, OutOfMemory
from greenreport.record import Facts


class Fake(Engine):
    """Answers each prompt with tokens derived from its digest, after the declared service time."""

    def __init__(self, job: EngineJob) -> None:
        super().__init__(job)
        self.requests = 0

    def _option(self, name: str) -> float:
        return float(self.job.configuration.options.get(name, 0))

    def load(self) -> None:
        if self.job.configuration.options.get("fail_load"):
            raise EngineUnavailable("the fake engine was asked to fail")
        time.sleep(self._option("load_s"))

    def facts(self) -> Facts:
        configuration = self.job.configuration
        return Facts(configuration.dtype, configuration.kv_cache, self.job.threads, "cpu", 0, 0, (("simulated", "true"),))

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def decode(self, token_ids: Sequence[int]) -> str:
        return bytes(token_ids).decode("latin-1")

    def render(self, messages: Sequence[Message]) -> str:
        return "".join(f"{message.role}: {message.content}\n" for message in messages) + "assistant: "

    def generate(
        self, prompts: Sequence[Sequence[int]], output_tokens: int, *, exact: bool, on_token: OnToken
    ) -> list[Generated]:
        return self._answer(prompts, output_tokens, [""] * len(prompts), on_token)

    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        output_tokens: int,
        sampling: Sequence[TokenSampling],
        *,
        exact: bool,
        on_token: OnToken,
    ) -> list[Generated]:
        return self._answer(prompts, output_tokens, [f"{item.seed}" for item in sampling], on_token)

    def _answer(
        self, prompts: Sequence[Sequence[int]], output_tokens: int, variants: Sequence[str], on_token: OnToken
    ) -> list[Generated]:
        self.requests += 1
        if self.requests == self._option("crash_at"):
            os._exit(3)
        if self.requests == self._option("hang_at"):
            time.sleep(3600)
        if self.requests == self._option("out_of_memory_at"):
            raise OutOfMemory("the fake engine was asked to run out of memory")
        if 0 < self._option("fits") < len(prompts):
            raise OutOfMemory(f"{len(prompts)} sequences do not fit, {self._option('fits'):g} do")
        output_tokens -= int(self._option("short_by"))
        variant = str(self.job.configuration.options.get("answer", ""))
        rows = [_tokens(prompt, output_tokens, variant + own) for prompt, own in zip(prompts, variants, strict=True)]
        self._wait(self._option("prefill_s"))
        for step in range(output_tokens):
            self._wait(self._option("token_s") + len(prompts) * self._option("sequence_s"))
            on_token([row[step] for row in rows])
        return [Generated(tuple(row), "length") for row in rows]

    def _wait(self, seconds: float) -> None:
        if self.job.configuration.options.get("busy"):
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                pass
        else:
            time.sleep(seconds)


def _tokens(prompt: Sequence[int], number: int, variant: str) -> list[int]:
    digest = hashlib.sha256(bytes(prompt) + variant.encode()).digest()
    return [97 + digest[index % len(digest)] % 26 for index in range(number)]
