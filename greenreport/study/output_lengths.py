"""How many output tokens each request asks for: one number, or numbers drawn by a seed."""

from __future__ import annotations

import math
import random

from greenreport.study.protocol import Lengths


def output_lengths(asked: int | Lengths, requests: int) -> tuple[int, ...]:
    """Return the output tokens of each request.

    Each length depends on the seed and its own number alone, so that more requests change none of the earlier ones.
    """
    if isinstance(asked, int):
        return (asked,) * requests
    return tuple(_draw(asked, number) for number in range(requests))


def _draw(asked: Lengths, number: int) -> int:
    draw = random.Random(f"{asked.seed}:{number}")  # chance of an experiment, not of cryptography
    if asked.distribution == "uniform":
        return draw.randint(asked.smallest, asked.largest)
    length = round((asked.median or 1) * math.exp((asked.sigma or 0.0) * draw.gauss()))
    return min(max(length, asked.smallest), asked.largest)
