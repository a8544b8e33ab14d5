"""Tests of what another study would find: the interval by its formula, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from greenreport.analysis.compare.prediction import Predicted, ReplicationOutcome, judge, predict
from greenreport.analysis.hypotheses.claims import Claim, compare
from greenreport.analysis.stats import Interval
from tests.datasets import dataset


def claim(models: dict[str, tuple[list[float], list[float]]]) -> Claim:
    """Return the claim of ONNX against Torch from runs of both on each model."""
    data = dataset({model: {"torch": torch, "onnx": onnx} for model, (torch, onnx) in models.items()})
    torch, onnx = data.configurations
    found = compare(data, "energy_j", onnx, torch, data.models)
    assert found is not None
    return found


def drawn(seed: int, mean: float, *, between: float, models: int, spread: float = 0.02, runs: int = 5) -> Claim:
    """Return a claim of a drawn study: log ratios of models vary by `between`, runs by `spread`."""
    random = np.random.default_rng(seed)
    sizes = random.normal(mean, between, models)
    table = {
        f"m{n}": (np.exp(random.normal(0, spread, runs)).tolist(), np.exp(random.normal(size, spread, runs)).tolist())
        for n, size in enumerate(sizes)
    }
    return claim(table)


def ends(ours: Claim, ratio: float = 0.6, published: tuple[float, float] | None = None) -> tuple[float, float]:
    ci = predict(ours, (ratio, ratio), published).ci
    assert isinstance(ci, Interval)
    return ci.low, ci.high


def test_the_prediction_is_wider_than_the_interval_by_the_other_studys_uncertainty() -> None:
    """√2 where the publication has no interval, the root of the sum of squares where it has one."""
    ours = drawn(1, math.log(0.6), between=0.0, models=1)
    assert isinstance(ours.alone, Interval)
    half = math.log(ours.alone.high / ours.value)
    assert ends(ours) == pytest.approx(
        (ours.value * math.exp(-math.sqrt(2) * half), ours.value * math.exp(math.sqrt(2) * half))
    )
    theirs = predict(ours, (0.6, 0.6), (0.5, 0.75))
    assert isinstance(theirs.ci, Interval)
    assert math.log(theirs.ci.high / ours.value) == pytest.approx(math.hypot(half, math.log(0.6 / 0.5)))
    assert math.log(ours.value / theirs.ci.low) == pytest.approx(math.hypot(half, math.log(0.75 / 0.6)))
    assert theirs.stated and "published uncertainty" in theirs.words()


def test_from_three_models_on_the_other_study_has_other_models() -> None:
    """Student's t over the models' log ratios; a published range is that of single models."""
    ours = drawn(2, math.log(0.6), between=0.2, models=4)
    logs = np.log([row.ratio for row in ours.rows])
    reach = stats.t.ppf(0.975, 3) * logs.std(ddof=1)
    assert ends(ours)[1] == pytest.approx(ours.value * math.exp(reach * math.sqrt(2 / 4)))
    further = predict(ours, (0.4, 0.8))
    assert further.of is Predicted.ONE_MODEL and isinstance(further.ci, Interval)
    assert further.ci.low == pytest.approx(ours.value * math.exp(-reach * math.sqrt(1 + 1 / 4)))


@pytest.mark.parametrize(("between", "models"), [(0.0, 1), (0.2, 4)])
def test_predictions_hold_another_study(between: float, models: int) -> None:
    """The estimate of a second study, drawn like the first, lies inside in about 95 of 100 pairs of studies."""
    inside = []
    for seed in range(250):
        first, second = (drawn(2 * seed + n, -0.5, between=between, models=models, runs=4) for n in (0, 1))
        low, high = ends(first)
        inside.append(low <= second.value <= high)
    assert 0.92 <= np.mean(inside) <= 0.98


def test_sizes_within_the_smallest_effect_are_the_same() -> None:
    """A precise study puts the published ratio outside its prediction, and the difference matters to nobody: it replicates."""
    ours = drawn(4, math.log(0.6), between=0.0, models=1, spread=0.0005)
    close = judge(ours, (0.61, 0.61), 0.05)
    assert (close.outcome, close.inside, close.equivalent) == (ReplicationOutcome.REPLICATED, False, True)
    strict = judge(ours, (0.61, 0.61), 0.01)
    assert (strict.outcome, strict.equivalent) == (ReplicationOutcome.SAME_DIRECTION, False)


def test_no_difference_can_be_published_and_replicated() -> None:
    """Both within the smallest effect of equality: replicated; a clear difference here is none; a wide interval cannot tell."""
    equal = drawn(6, 0.0, between=0.0, models=1, spread=0.005)
    assert judge(equal, (1.0, 1.0), 0.05).outcome is ReplicationOutcome.REPLICATED
    assert judge(equal, (0.96, 0.96), 0.05).why.startswith("no difference of practical interest there or here")
    clear = drawn(6, math.log(0.6), between=0.0, models=1, spread=0.005)
    assert judge(clear, (1.0, 1.0), 0.05).why == "a clear difference here where none is published"
    wide = drawn(6, 0.0, between=0.0, models=1, spread=0.3)
    assert judge(wide, (1.0, 1.0), 0.05).outcome is ReplicationOutcome.UNDECIDED


def test_a_range_over_models_has_to_lie_inside_as_a_whole() -> None:
    """One end outside the prediction for a further model: the same direction only."""
    ours = drawn(5, math.log(0.6), between=0.1, models=6)
    assert judge(ours, (0.55, 0.65), 0.05).outcome is ReplicationOutcome.REPLICATED
    assert judge(ours, (0.1, 0.65), 0.05).outcome is ReplicationOutcome.SAME_DIRECTION
