"""Tests of the multiverse: which analyses there are, that the study's own is among them, and what is left out and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from greenreport.analysis.analyse import analyse
from greenreport.analysis.findings_json.document import document
from greenreport.analysis.hypotheses.multiverse import Idle, Multiverse
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.observation import Observation
from greenreport.analysis.stats import Interval, RatioMethod, estimate
from greenreport.record import Flag, FlagCode, Method, Outcome
from tests.datasets import around, dataset

RUNS = {
    "a": {"torch": around(100, 8, 0.03), "onnx": around(60, 8, 0.03)},
    "b": {"torch": around(300, 8, 0.03), "onnx": around(170, 8, 0.03)},
}


def energy(data: Dataset) -> Multiverse:
    """Return the multiverse of the first claim, which is about energy."""
    return analyse(data).multiverses[0]


def changed(data: Dataset, cell: str, number: int, change: object) -> Dataset:
    """Return a dataset in which one run of a cell is changed by a function."""
    assert callable(change)
    cells = [
        replace(c, runs=tuple(change(run) if run.repetition == number else run for run in c.runs)) if c.key == cell else c
        for c in data.cells
    ]
    return replace(data, cells=tuple(cells))


def scaled(factor: float, **changes: object) -> object:
    """Return a function that multiplies the energy of a run."""

    def change(run):  # type: ignore[no-untyped-def]
        seen = run.observations["energy_j"]
        return replace(run, observations={**run.observations, "energy_j": replace(seen, value=seen.value * factor)}, **changes)

    return change


def with_net(cell: CellView, idle_j: float) -> CellView:
    """Return a cell whose runs have net energy, idle energy being the same in each."""
    runs = tuple(
        replace(run, observations={**run.observations, "energy_net_j": Observation("energy_net_j", (run.value("energy_j") or 0) - idle_j, "CPU", Method.MEASURED)})
        for run in cell.runs
    )  # fmt: skip
    return replace(cell, runs=runs)


def test_the_studys_own_analysis_is_one_of_them_and_gives_its_claim() -> None:
    """The same ratio and interval as the claim; on one model, the interval of the comparison alone."""
    item = energy(dataset(RUNS))
    assert item.declared is not None and isinstance(item.claim.ci, Interval)
    assert item.declared.value == pytest.approx(item.claim.value)
    assert (item.declared.ci.low, item.declared.ci.high) == pytest.approx((item.claim.ci.low, item.claim.ci.high))
    three = {"a": {**RUNS["a"], "openvino": around(80, 8, 0.03)}}
    alone = energy(dataset(three))
    assert alone.declared is not None and isinstance(alone.claim.alone, Interval) and isinstance(alone.claim.ci, Interval)
    assert alone.declared.ci.low == pytest.approx(alone.claim.alone.low)
    assert alone.claim.alone.high < alone.claim.ci.high


def test_every_choice_is_made_and_repetitions_are_left_out() -> None:
    """Five methods; outlier rules that set nothing aside, and net energy that was not recorded, are named with their reasons."""
    item = energy(dataset(RUNS))
    assert {way.choices.method for way in item.ways} == set(RatioMethod)
    assert len(item.ways) == 5
    reasons = Counter(part.reason for part in item.left_out)
    assert reasons == {"the same values as no outlier set aside": 10, "no net energy was recorded": 15}
    assert (item.agreeing, item.certain) == (5, 5)
    assert [way.value for way in item.ways] == sorted(way.value for way in item.ways)


def test_outliers_admitted_runs_and_idle_power_multiply_the_analyses() -> None:
    """One far run, one run that a reason excludes, and net energy: each doubles what can be done, and moves the ratio as it should."""
    data = changed(dataset({"a": RUNS["a"]}), "a/onnx-cpu", 3, scaled(2.0))
    far = energy(data)
    assert {way.choices.outliers for way in far.ways} == {"none", "iqr"}  # both rules set the same run aside
    flag = Flag(FlagCode.FOREIGN_LOAD, "busy", fatal=True)
    data = changed(dataset({"a": RUNS["a"]}), "a/onnx-cpu", 3, scaled(1.2, outcome=Outcome.INVALID, flags=(flag,)))
    excluded = energy(data)
    assert {way.choices.admitted for way in excluded.ways} == {None, FlagCode.FOREIGN_LOAD}
    mean = {
        way.choices.admitted: way.value
        for way in excluded.ways
        if way.choices.method is RatioMethod.WELCH and way.choices.outliers == "none"
    }
    assert mean[FlagCode.FOREIGN_LOAD] > mean[None]
    data = dataset({"a": RUNS["a"]})
    net = energy(replace(data, cells=tuple(with_net(cell, 40.0) for cell in data.cells)))
    by_idle = {way.choices.idle: way.value for way in net.ways if way.choices.method is RatioMethod.WELCH}
    assert by_idle[Idle.GROSS] == pytest.approx(0.6, abs=0.01)
    assert by_idle[Idle.NET] == pytest.approx(20 / 60, abs=0.02)


def test_a_run_with_two_reasons_is_admitted_by_neither() -> None:
    """Each reason is admitted by itself."""
    flags = tuple(Flag(code, "", fatal=True) for code in (FlagCode.FOREIGN_LOAD, FlagCode.SAMPLING_GAP))
    data = changed(dataset({"a": RUNS["a"]}), "a/onnx-cpu", 3, scaled(1.2, outcome=Outcome.INVALID, flags=flags))
    assert {way.choices.admitted for way in energy(data).ways} == {None}


def test_metrics_without_energy_have_no_idle_power() -> None:
    """Of time there is one analysis for each method, gross and net falling away."""
    time = analyse(dataset(RUNS)).multiverses[1]
    assert time.claim.metric == "duration_s"
    assert {way.choices.idle for way in time.ways} == {None}


def test_few_runs_leave_out_what_they_cannot_decide() -> None:
    """Three runs: no bootstrap and no permutation, each with its reason."""
    item = energy(dataset({"a": {"torch": around(100, 3, 0.03), "onnx": around(60, 3, 0.03)}}))
    assert len(item.ways) == 3
    assert {"a bootstrap needs 5 runs, here 3", "a permutation needs 6 blocks, here 3"} <= {
        part.reason for part in item.left_out
    }


def test_methods_agree_with_their_sources() -> None:
    """Student's and Welch's t and the percentiles with scipy; the permutation interval holds what its test does not reject."""
    random = np.random.default_rng(4)
    a, b = (np.exp(random.normal(size, 0.05, 9)) for size in (0.0, 0.1))
    logs = np.log(a / b)
    within = stats.ttest_1samp(logs, 0.0).confidence_interval()
    found = {method: estimate(method, a.tolist(), b.tolist()) for method in RatioMethod}
    ends = {method: (ratio.ci.low, ratio.ci.high) for method, ratio in found.items() if isinstance(ratio.ci, Interval)}
    assert ends[RatioMethod.MEAN_WITHIN] == pytest.approx(np.exp((within.low, within.high)))
    assert found[RatioMethod.MEDIAN_WITHIN].value == pytest.approx(np.exp(np.median(logs)))
    resampled = stats.bootstrap(
        (np.log(a), np.log(b)), lambda x, y, axis: np.median(x, axis=axis) - np.median(y, axis=axis), method="percentile", rng=1
    ).confidence_interval
    assert ends[RatioMethod.BOOTSTRAP] == pytest.approx(np.exp((resampled.low, resampled.high)), rel=0.01)
    low, high = np.log(ends[RatioMethod.PERMUTATION])
    for shift, rejected in ((low - 1e-6, True), (low + 1e-6, False), (high - 1e-6, False), (high + 1e-6, True)):
        p = stats.permutation_test((logs - shift,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
        assert bool(p < 0.05) is rejected


@pytest.mark.parametrize("method", RatioMethod)
def test_intervals_of_every_method_keep_their_level(method: RatioMethod) -> None:
    """Eight log-normal runs in blocks with nothing in common: 92 to 98 of 100 intervals hold the ratio."""
    random = np.random.default_rng(5)
    held = []
    for a, b in np.exp(random.normal(0, 0.05, (400, 2, 8))):
        ci = estimate(method, a.tolist(), b.tolist()).ci
        assert isinstance(ci, Interval)
        held.append(ci.low <= 1 <= ci.high)
    assert 0.91 <= np.mean(held) <= 0.99


def test_findings_hold_every_analysis() -> None:
    """With its choices by name, its ratio and interval, and the reasons of those left out."""
    written = document(analyse(dataset(RUNS)))
    item = written["multiverse"][0]
    assert item["claim"] == analyse(dataset(RUNS)).multiverses[0].claim.id
    own = [way for way in item["analyses"] if way["declared"]]
    assert [(way["test"], way["average"], way["outliers"], way["idle"]) for way in own] == [
        ("within blocks", "mean", "none", "gross")
    ]
    assert len(item["left_out"]) == 25
