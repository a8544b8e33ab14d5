"""Tests of untrained weights: those of the recipe to the last bit, without the random numbers that it does not keep."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra `torch`)")
pytest.importorskip("transformers", reason="transformers is not installed (extra `torch`)")

from greenreport.models import untrained  # noqa: E402
from greenreport.study import Model  # noqa: E402
from tests.engines.test_engines import _SMALL, FAMILIES  # noqa: E402

pytestmark = [pytest.mark.engines, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
#: Families with weights that transformers draws and the recipe does not know.
OWN_DRAWS: dict[str, dict[str, Any]] = {
    "mamba": {"hidden_size": 32, "num_hidden_layers": 2},
    "granitemoe": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2},
}  # fmt: skip


def model_of(family: str, shape: dict[str, Any]) -> Model:
    """Return a small model of a family."""
    return Model.model_validate(
        {"id": family.replace("_", "-"), "seed": 5, "architecture": {"type": family, **shape, **_SMALL}}
    )


@pytest.mark.parametrize("family", [*FAMILIES, *OWN_DRAWS])
def test_weights_are_those_of_the_recipe_to_the_last_bit(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after transformers drew all its random numbers; it draws them only where the recipe leaves one of them."""
    seeds: list[int | None] = []
    constructed = untrained._constructed

    def noted(config: Any, seed: int | None = None) -> Any:
        seeds.append(seed)
        return constructed(config, seed)

    monkeypatch.setattr(untrained, "_constructed", noted)
    model = model_of(family, (FAMILIES | OWN_DRAWS)[family])
    made = untrained.untrained_model(model).state_dict()
    assert seeds == ([None, 5] if family in OWN_DRAWS else [None])
    drawn = constructed(untrained._config(model), 5)
    untrained.initialise(drawn, 5)
    expected = drawn.state_dict()
    assert made.keys() == expected.keys()
    for name, tensor in expected.items():
        assert made[name].dtype == tensor.dtype
        assert made[name].numpy().tobytes() == tensor.numpy().tobytes(), name
