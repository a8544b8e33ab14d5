"""Tests of directions, of the front they share, and of what a headline chooses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.analysis.hypotheses.claims import Claim
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.sweep.directions import directions, load_text
from greenreport.analysis.sweep.frontier import frontier
from greenreport.study import Configuration, Objective
from tests.datasets import run, study

Point = tuple[dict[str, Any], float, float]


def dataset(points: Sequence[Point], models: Sequence[str] = ("one",), spread: float = 0.01) -> Dataset:
    """Return a dataset with three runs of throughput and time between tokens in each configuration."""
    spec = study(models, ["torch"])
    configurations = [Configuration.model_validate({"engine": "torch", **factors}) for factors, _, _ in points]
    cells = [
        CellView(model, configuration, tuple(_run(n, rate * (1 + spread * step), gap) for n, step in _steps(place)))
        for model in spec.models
        for place, (configuration, (_, rate, gap)) in enumerate(zip(configurations, points, strict=True))
    ]
    return Dataset(spec.model_copy(update={"configurations": tuple(configurations)}), tuple(cells))


def _steps(place: int) -> Iterator[tuple[int, int]]:
    """Yield (repetition, step from the mean) in an order that differs between configurations, as noise does."""
    orders = ((-1, 0, 1), (1, -1, 0), (0, 1, -1), (1, 0, -1), (-1, 1, 0), (0, -1, 1))
    return zip((1, 2, 3), orders[place % len(orders)], strict=True)


def _run(number: int, rate: float, gap: float) -> Any:
    values = {
        "throughput_tokens_per_s": rate,
        "j_per_output_token": 10 / rate,
        "tbt_s": gap,
        "served_well_pct": 100.0 if gap <= 0.05 else 0.0,
    }
    return run(number, values)


def batches(rates: dict[int, float], gap: float, **factors: Any) -> list[Point]:
    """Return points of a sweep over batches whose gap grows with the batch."""
    return [({"batch_size": batch, **factors}, rate, gap * batch) for batch, rate in rates.items()]


CURVE = {1: 100.0, 2: 180.0, 4: 300.0}


def test_a_dominated_series_is_not_on_the_front() -> None:
    """Float16 is faster and quicker at every batch: no load of float32 is on the front of the model."""
    slow = batches({batch: rate / 2 for batch, rate in CURVE.items()}, 0.02, dtype="float32")
    found = frontier(dataset([*slow, *batches(CURVE, 0.01, dtype="float16")]), ())
    assert found is not None
    places = {series.base.dtype: [point.on_front for point in series.front.points] for series in found.series}
    assert places == {"float32": [False] * 3, "float16": [True] * 3}
    beaten = next(series for series in found.series if series.base.dtype == "float32").front.points[0]
    assert any("float16" in name for name in beaten.dominated_by)


def test_models_never_compete() -> None:
    """The same values on two models: both are on their own front, and each model has a headline of its own."""
    found = frontier(dataset(batches(CURVE, 0.01), ["one", "two"]), ())
    assert found is not None
    assert all(point.on_front for series in found.series for point in series.front.points)
    assert [plain(text).split(",")[0] for text in found.headlines.values()] == ["On ONE", "On TWO"]


@pytest.mark.parametrize(("spread", "replicas"), [(0.001, "2 replicas"), (0.4, "one replica")])
def test_replicas_are_advised_when_their_gain_is_beyond_chance(spread: float, replicas: str) -> None:
    """A gain of a fifth counts when its whole interval lies beyond ε, and not when runs differ by more than that."""
    more = {batch: 1.2 * rate for batch, rate in CURVE.items()}
    points = [*batches(CURVE, 0.01, replicas=1), *batches(more, 0.012, replicas=2)]
    found = frontier(dataset(points, spread=spread), ())
    assert found is not None
    assert found.headline is not None
    assert f"at batch 4 on {replicas}" in plain(found.headline)


def test_the_best_replicated_point_is_set_against_the_best_single_server() -> None:
    """Each at its own best batch, told once, with claims: two at batch 2 against one at batch 4."""
    points = [*batches(CURVE, 0.01, replicas=1), *batches({1: 150.0, 2: 330.0}, 0.012, replicas=2)]
    found = frontier(dataset(points), ())
    assert found is not None
    texts = [text for group in found.sentences.values() for text in group if "best replicated" in plain(text)]
    (text,) = texts
    assert "2 replicas at batch 2 have" in plain(text)
    claim = next(part for part in text if isinstance(part, Claim))
    assert claim.value == pytest.approx(330 / 300)
    assert "batch 4" in claim.denominator
    assert claim in found.claims


def test_the_headline_keeps_the_objective() -> None:
    """Batch 4 has the highest throughput, but only batch 2 keeps the bound; where none does, the headline says so."""
    data = dataset(batches(CURVE, 0.02))
    objective = Objective(tbt_s=0.05)
    found = frontier(replace(data, study=data.study.model_copy(update={"objective": objective})), ())
    assert found is not None
    assert found.headline is not None
    text = plain(found.headline).replace("\u202f", " ")
    assert "at batch 2 on one replica gives 180 tokens/s" in text
    assert ", the most within the latency objective" in text
    late = dataset(batches(CURVE, 0.2))
    none = frontier(replace(late, study=late.study.model_copy(update={"objective": objective})), ())
    assert none is not None
    assert none.headline is not None
    assert "at batch 4" in plain(none.headline)
    assert plain(none.headline).endswith(". No load meets the latency objective.")


@pytest.mark.parametrize("factor", ["threads", "output_tokens", "replicas"])
def test_a_factor_that_is_swept_alone_makes_a_curve(factor: str) -> None:
    """Three levels of threads, output length or replicas are a series with an axis and words."""
    found = frontier(dataset([({factor: level}, rate, 0.01 * level) for level, rate in CURVE.items()]), ())
    assert found is not None
    (series,) = found.series
    assert series.factor == factor
    assert [point.load for point in series.points] == [1, 2, 4]
    assert found.headline is not None
    assert load_text(factor, 4) in plain(found.headline)
    assert "on one replica" not in plain(found.headline) or factor != "replicas"


def test_beside_another_factor_it_only_tells_series_apart() -> None:
    """Three replica counts at three batches are three series over the batch, none over the replicas."""
    points = [point for n in (1, 2, 4) for point in batches(CURVE, 0.01 * n, replicas=n)]
    found = directions(dataset(points))
    assert [(d.factor, d.base.replicas) for d in found] == [("batch_size", 1), ("batch_size", 2), ("batch_size", 4)]
