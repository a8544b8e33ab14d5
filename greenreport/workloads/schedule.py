"""Schedules of requests: batches of prompts, and the arrival times of an open loop."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal


def batches(prompts: Sequence[str], sent: int, batch_size: int) -> tuple[tuple[str, ...], ...]:
    """Return the prompts of each request: `sent` prompts in all, the list again from its start when it is shorter.

    The last batch is smaller where `sent` is no multiple of `batch_size`.
    """
    texts = [prompts[index % len(prompts)] for index in range(sent)]
    return tuple(tuple(texts[start : start + batch_size]) for start in range(0, sent, batch_size))


def sampling_seeds(number: int, seed: int, repetition: int) -> tuple[int, ...]:
    """Return the seed of each request of a repetition, below 2³¹, which every server takes; the same on every machine."""
    texts = (f"{seed}/{repetition}/{index}" for index in range(number))
    return tuple(int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) >> 1 for text in texts)


def arrivals_s(number: int, rate: float, process: Literal["poisson", "constant"], seed: int) -> tuple[float, ...]:
    """Return when each request is due, in seconds from the first, which is due at 0.

    Args:
        rate: requests a second; the mean of a Poisson process, whose gaps are exponential and independent.
        seed: the same seed gives the same times on every machine.
    """
    if process == "constant":
        return tuple(index / rate for index in range(number))
    generator = random.Random(seed)
    return tuple(accumulate((generator.expovariate(rate) for _ in range(number - 1)), initial=0.0))
