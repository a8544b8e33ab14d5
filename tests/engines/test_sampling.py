"""Tests of drawn tokens: by the probabilities of the model, from the likeliest, the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra `torch`)")
pytest.importorskip("transformers", reason="transformers is not installed (extra `torch`)")

from greenreport.engines.base import Engine, TokenSampling  # noqa: E402
from greenreport.engines.sampling import drawn  # noqa: E402
from tests.engines.test_engines import PROMPTS, TOKENS, loaded, untrained  # noqa: E402

pytestmark = [pytest.mark.engines, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def shares(logits: list[float], sampling: TokenSampling, draws: int = 20_000) -> list[float]:
    """Return how often each token was drawn."""
    generator, row = torch.Generator().manual_seed(sampling.seed), torch.tensor(logits)
    tokens = [drawn(row, sampling, generator) for _ in range(draws)]
    return [count / draws for count in np.bincount(tokens, minlength=len(logits))]


@pytest.mark.parametrize(
    ("temperature", "top_p", "expected"),
    [
        (1.0, 1.0, [0.1, 0.6, 0.3, 0.0]),
        (2.0, 1.0, [x / (0.1**0.5 + 0.6**0.5 + 0.3**0.5) for x in (0.1**0.5, 0.6**0.5, 0.3**0.5, 0.0)]),
        (1.0, 0.85, [0.0, 2 / 3, 1 / 3, 0.0]),
        (1.0, 0.5, [0.0, 1.0, 0.0, 0.0]),
        (0.001, 1.0, [0.0, 1.0, 0.0, 0.0]),
    ],
)
def test_tokens_are_drawn_by_their_probabilities(temperature: float, top_p: float, expected: list[float]) -> None:
    """Five standard errors of 20,000 draws; what is not among the likeliest, or impossible, never comes."""
    found = shares(
        [float(np.log(0.1)), float(np.log(0.6)), float(np.log(0.3)), -torch.inf], TokenSampling(temperature, top_p, 3)
    )
    for share, probability in zip(found, expected, strict=True):
        assert share == pytest.approx(probability, abs=5 * (probability * (1 - probability) / 20_000) ** 0.5)


def sampled(engine: Engine, seeds: list[int], temperature: float = 1.0) -> list[tuple[int, ...]]:
    """Return the drawn tokens of the prompts, answered as one batch."""
    prompts = [engine.encode(text) for text, _ in zip(PROMPTS, seeds, strict=False)]
    sampling = [TokenSampling(temperature, 0.95, seed) for seed in seeds]
    return [item.token_ids for item in engine.sample(prompts, TOKENS, sampling, exact=True, on_token=lambda _: None)]


def test_engines_draw_alike_alone_and_in_a_batch(tmp_path: Path) -> None:
    """With the seed of each sequence; with others they differ, and at a low temperature they take the likeliest tokens."""
    weights = untrained("gpt2", tmp_path)
    torch_engine, traced = (loaded(name, weights, tmp_path) for name in ("torch", "torchscript"))
    together = sampled(torch_engine, [1, 2, 3])
    assert sampled(traced, [1, 2, 3]) == together
    assert sampled(torch_engine, [1]) == together[:1] != sampled(torch_engine, [4])
    greedy = torch_engine.generate([torch_engine.encode(PROMPTS[0])], TOKENS, exact=True, on_token=lambda _: None)
    assert sampled(torch_engine, [5], temperature=1e-6) == [greedy[0].token_ids]
    assert together[0] != greedy[0].token_ids
