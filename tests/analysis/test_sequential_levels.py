"""Looks after each block: all of them together err as often as one, intervals and p values agree, and a study ends for its reason."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import special

from benchmarks import sequential_studies
from greenreport.analysis.analyse import analyse
from greenreport.analysis.findings_json.document import document
from greenreport.analysis.hypotheses.stopping import ContrastState, Ending, look
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.stats import Interim, Interval, blocked_pair, compare
from tests.conftest import minimal_study
from tests.datasets import dataset

FIRST, LAST = 3, 12
LOOKS = [Interim(FIRST, LAST, blocks) for blocks in range(FIRST, LAST + 1)]


@pytest.mark.parametrize("level", [0.05, 0.05 / 6])
def test_all_looks_together_err_as_often_as_declared(level: float) -> None:
    """Over equal configurations some look rejects in `level` of studies; up to each look, in proportion to its blocks."""
    random, rounds, crossed = np.random.default_rng(1), 10, np.zeros(len(LOOKS))
    bounds = -special.stdtrit(np.arange(FIRST, LAST + 1) - 1, np.array([at.nominal(level) for at in LOOKS]) / 2)
    numbers = np.arange(1, LAST + 1)
    for _ in range(rounds):
        x = random.normal(size=(20_000, LAST))
        means = x.cumsum(axis=1) / numbers
        errors = np.sqrt(((x**2).cumsum(axis=1) - numbers * means**2)[:, 1:] / (numbers[1:] - 1) / numbers[1:])
        t = np.abs(means[:, FIRST - 1 :] / errors[:, FIRST - 2 :])
        crossed += np.logical_or.accumulate(t > bounds, axis=1).mean(axis=0) / rounds
    spent = np.array([at.spent for at in LOOKS])
    assert crossed == pytest.approx(spent * level, abs=4 * np.sqrt(level / (20_000 * rounds)))
    assert spent[-1] == 1


def test_levels_grow_with_the_level_and_stay_below_it() -> None:
    """P over all looks is the inverse of the level of the look: never smaller than p, in the same order, 1 at most."""
    for at in (LOOKS[0], LOOKS[4], LOOKS[-1], Interim(FIRST, LAST, 1), Interim(FIRST, LAST, 99)):
        levels = [1e-7, 1e-4, 0.01, 0.05, 0.5]
        nominal = [at.nominal(level) for level in levels]
        assert all(low < high for low, high in pairwise(nominal))
        assert all(part < level for part, level in zip(nominal, levels, strict=True))
        assert [at.overall(p) for p in nominal] == pytest.approx(levels)
        assert (at.overall(0.0), at.overall(1.0)) == (0.0, 1.0)
        assert 0 < at.overall(1e-40) < 1e-37


@pytest.mark.parametrize("test", ["blocked", "welch", "kruskal", "permutation"])
def test_a_look_costs_every_test_its_share(test: Any) -> None:
    """Raw p values stay; adjusted ones and the omnibus are larger than without looks, and intervals wider."""
    random = np.random.default_rng(3)
    groups = {name: (mean * np.exp(random.normal(0, 0.02, 8))).tolist() for name, mean in (("a", 1), ("b", 1.03), ("c", 1.5))}
    once, here = (compare(groups, test=test, interim=at) for at in (None, Interim(FIRST, LAST, 8)))
    assert once.omnibus.p is not None and here.omnibus.p is not None and here.omnibus.p > once.omnibus.p
    for without, within in zip(once.pairs, here.pairs, strict=True):
        assert within.p == without.p
        assert within.p_adjusted is not None and without.p_adjusted is not None and within.p_adjusted > without.p_adjusted
        assert isinstance(within.ratio.ci, Interval) and isinstance(without.ratio.ci, Interval)
        assert within.ratio.ci.low < without.ratio.ci.low and within.ratio.ci.high > without.ratio.ci.high
        if test == "blocked":
            assert within.significant == (not within.ratio.ci.low <= 1 <= within.ratio.ci.high)


def test_the_interval_is_students_at_the_level_of_the_look() -> None:
    """Its half-width is the quantile of t at the nominal level, over the pairs of the family."""
    a, b = [1.0, 1.1, 1.3, 1.2, 1.15], [2.0, 2.3, 2.5, 2.2, 2.4]
    at = Interim(FIRST, LAST, 5)
    pair = blocked_pair(a, b, comparisons=6, interim=at)
    logs = np.log(a) - np.log(b)
    reach = -special.stdtrit(4, at.nominal(0.05 / 6) / 2) * logs.std(ddof=1) / np.sqrt(5)
    assert isinstance(pair.ratio.ci, Interval)
    assert (pair.ratio.ci.low, pair.ratio.ci.high) == pytest.approx((np.exp(logs.mean() - reach), np.exp(logs.mean() + reach)))
    assert pair.ratio.ci.level == 0.95 and pair.ratio.ci.method.endswith("6 pairs (Bonferroni) and all looks at the data")


def test_the_simulation_compares_as_studies_do() -> None:
    """Means, errors and reaches of its arrays are those of the pairs of a study at the same look."""
    runs = np.random.default_rng(7).normal(0, 0.02, (1, 1, LAST, 3)) + np.array([0, 0.1, 0.2])
    every = sequential_studies.looks(runs, FIRST)
    reaches = every.reaches(0.05, last=LAST)
    for place, at in enumerate(LOOKS):
        groups = {name: np.exp(column).tolist() for name, column in zip("abc", runs[0, 0, : at.blocks].T, strict=True)}
        for pair, mean, reach in zip(
            compare(groups, interim=at).pairs, every.means[0, 0, place], reaches[0, 0, place], strict=True
        ):
            assert isinstance(pair.ratio.ci, Interval)
            assert (pair.ratio.ci.low, pair.ratio.ci.high) == pytest.approx((np.exp(mean - reach), np.exp(mean + reach)))


def after(blocks: int, *, spread: float, second: float = 1.03, width: float = 0.05) -> Dataset:
    """Return a study of 3 to 8 blocks in which two configurations differ by `second` and a third by half."""
    random = np.random.default_rng(5)
    runs = {
        name: (mean * np.exp(random.normal(0, spread, 8)))[:blocks].tolist()
        for name, mean in (("torch", 100), ("onnx", 100 * second), ("openvino", 50))
    }
    rule = {"at_least": 3, "at_most": 8, "until": {"interval_width": width}, "for": ["H2.0"]}
    return dataset({"m": runs}, protocol=minimal_study()["protocol"] | {"repetitions": rule})


def test_a_study_ends_when_every_contrast_is_decided_or_narrow() -> None:
    """With little spread the first look decides; with much, it goes on to the last block and says what is open."""
    quiet = look(after(3, spread=1e-4))
    assert quiet is not None
    assert (quiet.ending, quiet.states) == (Ending.SETTLED, {ContrastState.DECIDED: 3})
    wide = look(after(3, spread=0.1))
    assert wide is not None and wide.goes_on
    assert str(wide).endswith(" wide); another block follows") and "H2.0: " in str(wide)
    last = look(after(8, spread=0.1, second=1.0))
    assert last is not None and last.ending is Ending.EXHAUSTED and last.states[ContrastState.OPEN]
    narrow = look(after(6, spread=0.03, second=1.0, width=0.5))
    assert narrow is not None and narrow.states[ContrastState.NARROW] and narrow.ending is Ending.SETTLED


def test_what_ended_a_study_is_in_its_findings() -> None:
    """Reason, blocks, spent α and contrasts; the decision sentence says that looks are paid for. A fixed number has none of it."""
    analysis = analyse(after(3, spread=1e-4))
    stopping = document(analysis)["stopping"]
    assert (stopping["ending"], stopping["blocks"], stopping["looks"], stopping["alpha_spent"]) == ("settled", 3, 6, 0.375)
    assert [c["state"] for c in stopping["contrasts"]] == ["decided"] * 3
    assert "ended by itself after 3 of at most 8 blocks: of 3 contrasts, 3 are decided" in stopping["text"]
    assert "all looks at the data" in analysis.answers[0].answers[0].decision
    fixed = analyse(dataset({"m": {"torch": [1.0, 1.1, 1.2], "onnx": [2.0, 2.1, 2.3]}}))
    assert document(fixed)["stopping"] is None
    assert "looks" not in fixed.answers[0].answers[0].decision


def test_cells_without_values_are_not_waited_for() -> None:
    """A configuration that never works has no contrasts; blocks in which a run is missing count all the same."""
    data = after(4, spread=1e-4)
    broken = tuple(
        type(cell)(cell.model, cell.configuration, () if cell.configuration.engine == "onnx" else cell.runs[1:])
        for cell in data.cells
    )
    seen = look(type(data)(data.study, broken))
    assert seen is not None
    assert (seen.blocks, len(seen.contrasts), seen.ending) == (4, 1, Ending.SETTLED)
