"""What engines with a generation loop of their own must do: give the tokens of torch, and tell each when it is there."""

from __future__ import annotations

import time
from typing import Any

from tests.engines.test_engines import PROMPTS, TOKENS


def assert_tokens_of_torch(engine: Any, torch: Any) -> None:
    """Assert that an engine with a loop of its own gives torch's tokens, prompt by prompt and twice alike, and tells each when it is there."""
    shares = []
    for text in (*PROMPTS, *PROMPTS):
        prompt = engine.encode(text)
        assert prompt == torch.encode(text)
        steps: list[tuple[int | None, float]] = []
        begun = time.monotonic()
        [answer] = engine.generate([prompt], TOKENS, exact=True, on_token=lambda row: steps.append((row[0], time.monotonic())))  # noqa: B023
        shares.append((steps[0][1] - begun) / (time.monotonic() - begun))
        assert torch.generate([prompt], TOKENS, exact=True, on_token=lambda _: None) == [answer]
        assert [token for token, _ in steps] == list(answer.token_ids)
        assert len({told for _, told in steps}) == TOKENS
    assert min(shares) < 0.5  # the first token comes long before the answer ends
    engine.end_ids = torch.end_ids = (answer.token_ids[5],)
    [stopped] = engine.generate([prompt], TOKENS, exact=False, on_token=lambda _: None)
    assert [stopped] == torch.generate([prompt], TOKENS, exact=False, on_token=lambda _: None)
    assert stopped.finish_reason == "stop"
    assert engine.generate([prompt], TOKENS, exact=True, on_token=lambda _: None) == [answer]
