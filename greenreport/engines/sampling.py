"""TokenSampling of tokens: the same draw for the same seed, whatever engine computed the logits.

A token is drawn by inverting the distribution function at one uniform number per step, so that engines whose logits agree draw alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import LogitsProcessor

from greenreport.engines.base import TokenSampling


class DrawnToken(LogitsProcessor):  # type: ignore[misc]
    """Leaves one token of each sequence, the drawn one, for a loop that takes the likeliest.

    Args:
        sampling: of each sequence, in the order of the batch.
    """

    def __init__(self, sampling: Sequence[TokenSampling]) -> None:
        self.sampling = sampling
        self.generators = [torch.Generator().manual_seed(item.seed) for item in sampling]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Return logits in which every token but the drawn one is impossible; shape (sequences, vocabulary)."""
        rows = scores.float().cpu()
        only = torch.full_like(scores, -torch.inf)
        for place, (row, sampling, generator) in enumerate(zip(rows, self.sampling, self.generators, strict=True)):
            only[place, drawn(row, sampling, generator)] = 0.0
        return only


def drawn(logits: torch.Tensor, sampling: TokenSampling, generator: torch.Generator) -> int:
    """Return a token drawn at a temperature from the smallest set of likeliest tokens whose probabilities reach `top_p`.

    Args:
        logits: of one sequence, shape (vocabulary,).
        generator: gives the next uniform number.
    """
    probabilities = torch.softmax(logits.double() / sampling.temperature, dim=-1)
    likeliest, tokens = torch.sort(probabilities, descending=True, stable=True)
    reached = torch.cumsum(likeliest, dim=0)
    kept = min(int(torch.searchsorted(reached, sampling.top_p)) + 1, len(reached))
    place = torch.searchsorted(reached[:kept], torch.rand((), generator=generator, dtype=torch.float64) * reached[kept - 1])
    return int(tokens[min(int(place), kept - 1)])
