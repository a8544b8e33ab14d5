"""What planned repetitions will find, before anything is run."""

from __future__ import annotations

import math

import numpy as np
import pytest
import typer

from greenreport.analysis.analyse import analyse
from greenreport.analysis.hypotheses.detectable_difference import planned_power, sensitivities
from greenreport.analysis.stats import compare
from greenreport.cli.study import _share
from tests.datasets import around, dataset


def test_the_stated_difference_is_found_as_often_as_stated() -> None:
    """Simulated studies with the planned repetitions find the detectable difference in about four of five."""
    data = dataset({"a": {"torch": around(100), "onnx": around(50), "openvino": around(80)}})
    power = planned_power(data.study, {"H1.0": 0.02})[0]
    assert (power.repetitions, power.pairs) == (5, 3)
    assert isinstance(power.detectable, float)
    random, found = np.random.default_rng(1), 0
    for _ in range(500):
        table = random.normal(0, math.sqrt(math.log1p(0.02**2)), (5, 3)) + np.array([0, math.log1p(power.detectable), 0])
        found += (
            compare({name: np.exp(column).tolist() for name, column in zip("abc", table.T, strict=True)}).pairs[0].significant
        )
    assert 0.74 <= found / 500 <= 0.86


def test_the_needed_repetitions_are_the_fewest() -> None:
    """With as many the smallest effect of interest is found, with one less it is not."""
    data = dataset({"a": {"torch": around(100), "onnx": around(50), "openvino": around(80)}})
    needed = planned_power(data.study, {"H1.0": 0.02})[0].needed
    assert needed is not None

    def detectable(repetitions: int) -> object:
        protocol = data.study.protocol.model_copy(update={"repetitions": repetitions})
        return planned_power(data.study.model_copy(update={"protocol": protocol}), {"H1.0": 0.02})[0].detectable

    assert isinstance(less := detectable(needed - 1), float) and isinstance(enough := detectable(needed), float)
    assert enough <= 0.05 < less


def test_a_pilot_gives_the_spread_within_blocks() -> None:
    """What blocks share is no spread: the CV of a pilot is that of the configurations apart from it."""
    steps = (1.0, 1.4, 0.8, 1.1, 0.9)
    noise = ((1.0, 1.01, 0.99, 1.02, 0.98), (0.99, 1.0, 1.01, 1.0, 1.02))
    data = dataset(
        {
            "a": {
                name: [x * y for x, y in zip(steps, own, strict=True)]
                for name, own in zip(("torch", "onnx"), noise, strict=True)
            }
        }
    )
    spread = sensitivities(data, analyse(data).findings)[0]
    assert spread.cv == pytest.approx(np.std(np.log(noise[0]) - np.log(noise[1]), ddof=1) / math.sqrt(2), rel=0.01)


@pytest.mark.parametrize(("text", "share"), [("0.02", 0.02), ("2%", 0.02), ("2 %", 0.02), ("1e-3", 0.001)])
def test_a_spread_is_a_share_or_a_percentage(text: str, share: float) -> None:
    """Both ways of writing it mean the same."""
    assert _share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["two", "0", "-1", "nan", "inf", "2000%", ""])
def test_what_is_no_spread_is_told(text: str) -> None:
    """The error says how to write one."""
    with pytest.raises(typer.BadParameter, match=r"write 0\.02 or 2%"):
        _share(text)


def test_it_reads_as_a_sentence() -> None:
    """Repetitions, difference, pairs, spread, and what the smallest effect of interest needs."""
    data = dataset({"a": {"torch": around(100), "onnx": around(50)}})
    text = str(planned_power(data.study, {"H2.0": 0.03})[0]).replace("\u202f", " ")
    assert text.startswith("H2.0, execution time: 5 repetitions find a difference of ")
    assert text.endswith(
        "% in 4 of 5 studies (1 pair on a model, CV 3.00 % within blocks); the smallest effect of interest, 5 %, needs 9"
    )
