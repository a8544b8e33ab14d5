"""Output tokens of each request: one number, or numbers drawn by a seed."""

from __future__ import annotations

import math
import random

from greenreport.study.protocol import Lengths


def output_lengths(tokens: int | Lengths, requests: int) -> tuple[int, ...]:
    """Return the output tokens of each request.

    Each length depends only on the seed and its own number, so that more requests change none of the earlier ones.
    """
    if isinstance(tokens, int):
        return (tokens,) * requests
    return tuple(_draw(tokens, number) for number in range(requests))


def _draw(lengths: Lengths, number: int) -> int:
    draw = random.Random(f"{lengths.seed}:{number}")  # drawn for an experiment, not for cryptography
    if lengths.distribution == "uniform":
        return draw.randint(lengths.smallest, lengths.largest)
    length = round((lengths.median or 1) * math.exp((lengths.sigma or 0.0) * draw.gauss()))
    return min(max(length, lengths.smallest), lengths.largest)
