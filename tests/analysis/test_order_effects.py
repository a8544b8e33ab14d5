"""Tests of drift, carry-over and autocorrelation over whole studies, against errors with known truth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.signal import lfilter

from benchmarks.simulated_orders import CELLS, Errors, carried, differing, drifting, equal, lasting, ordered_runs
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.observation import Observation
from greenreport.analysis.measure.run_order import order_effects
from greenreport.analysis.stats import NotComputable
from greenreport.analysis.stats.autocorrelation import Autocorrelation, autocorrelation, coverage_with
from greenreport.analysis.stats.order_effects import CarryOver, Drift, OrderedRuns, carry_over, drift
from greenreport.record import Outcome
from greenreport.report.order_sentences import drift_words, order_sentences
from greenreport.report.pages.threats_to_validity import threats_to_validity
from greenreport.study import Study
from tests.conftest import minimal_study
from tests.datasets import run

BLOCKS = 5


def ordered(number: int, errors: Errors = equal, cells: int = CELLS, blocks: int = BLOCKS) -> OrderedRuns:
    """Return a simulated study."""
    return ordered_runs(np.random.default_rng([13, number]), errors, blocks, cells)


def found(effect: Drift | CarryOver | Autocorrelation | NotComputable) -> bool:
    """Whether an effect could be computed and was found."""
    assert not isinstance(effect, NotComputable)
    return effect.found


def test_nothing_is_found_where_nothing_is() -> None:
    """At most 5 of 100 studies find an effect that is not there, within twice the error of 150 of them."""
    studies = [ordered(number) for number in range(150)]
    shares = [float(np.mean([found(look(runs)) for runs in studies])) for look in (drift, carry_over, autocorrelation)]
    assert max(shares) <= 0.05 + 2 * 0.018, shares


def test_blocks_that_differ_are_no_drift() -> None:
    """At most 5 of 100 studies find one, within twice the error of 400; ranks summed over cells would find one in half of them."""
    assert np.mean([found(drift(ordered(number, differing))) for number in range(400)]) <= 0.05 + 2 * 0.011


def test_a_drift_of_one_percent_an_hour_is_found_and_its_size_is_told() -> None:
    """In nine of ten studies of five hours; one cell's five runs would show nothing."""
    drifts = [drift(ordered(number, drifting)) for number in range(100)]
    assert np.mean([found(item) for item in drifts]) >= 0.9
    held = [isinstance(item, Drift) and item.ci.low <= 0.01 <= item.ci.high for item in drifts]
    assert np.mean(held) >= 0.93


def test_a_run_that_is_missing_leaves_the_drift_of_the_others() -> None:
    """Cells and blocks are taken out of what is there: without noise, the slope is exact."""
    runs = ordered(1, lambda _, runs: np.asarray(0.01 * runs.hours + 0.001 * (runs.blocks % 2)))
    kept = np.arange(runs.logs.size) % 7 != 3
    fewer = OrderedRuns(*(getattr(runs, name)[kept] for name in ("logs", "cells", "blocks", "hours", "before")))
    for item in (drift(runs), drift(fewer)):
        assert isinstance(item, Drift)
        assert item.per_hour == pytest.approx(0.01, rel=0.05)


def test_what_the_run_before_leaves_behind_is_found_and_its_size_is_told() -> None:
    """An effect of 3 % beside errors of 2 %."""
    effects = [carry_over(ordered(number, carried)) for number in range(40)]
    assert np.mean([found(item) for item in effects]) >= 0.95
    assert np.mean([item.spread for item in effects if isinstance(item, CarryOver)]) == pytest.approx(0.03, rel=0.1)


def test_errors_that_last_from_block_to_block_are_found_and_what_they_do_to_intervals_is_told() -> None:
    """Ten blocks of an AR(1) process of 0.7: about 61 of 100 intervals hold the truth, as simulated intervals do."""
    effects = [autocorrelation(ordered(number, lasting, blocks=10)) for number in range(40)]
    assert np.mean([found(item) for item in effects]) >= 0.95
    computed = [item for item in effects if isinstance(item, Autocorrelation)]
    assert np.mean([item.rho for item in computed]) == pytest.approx(0.7, abs=0.06)
    assert coverage_with(0.7, 10) == pytest.approx(0.61, abs=0.01)
    assert coverage_with(0.0, 5) == pytest.approx(0.95)


def test_the_coverage_under_autocorrelation_is_that_of_simulated_intervals() -> None:
    """Student's interval over five blocks of an AR(1) process."""
    random = np.random.default_rng(5)
    values = lfilter([1], [1, -0.7], random.normal(size=(55, 20_000)), axis=0)[50:]
    reach = 2.776 * values.std(axis=0, ddof=1) / np.sqrt(5)
    assert coverage_with(0.7, 5) == pytest.approx(np.mean(np.abs(values.mean(axis=0)) <= reach), abs=0.03)


def test_what_cannot_be_told_is_said() -> None:
    """Two blocks, values that do not vary, too few cells."""
    assert isinstance(drift(ordered(1, blocks=2)), NotComputable)
    runs = ordered(1)
    assert isinstance(drift(replace(runs, hours=runs.hours / 1e5)), NotComputable)  # a study of seconds, by the hour
    assert isinstance(carry_over(ordered(1, blocks=2)), NotComputable)
    assert isinstance(autocorrelation(ordered(1, cells=3)), NotComputable)
    still = replace(ordered(1), logs=np.zeros(CELLS * BLOCKS))
    assert all(isinstance(look(still), NotComputable) for look in (drift, carry_over, autocorrelation))


def made(runs: OrderedRuns, **order: Any) -> Dataset:
    """Return a dataset with these values of time."""
    base = minimal_study()
    options = [{"engine": "fake", "provider": "cpu", "options": {"token_s": 0.001 * n}} for n in range(1, CELLS + 1)]
    study = Study.model_validate(base | {"configurations": options, "protocol": base["protocol"] | {"order": order}})
    views: list[list[Any]] = [[] for _ in options]
    for place, cell in enumerate(runs.cells):
        values = {"duration_s": float(np.exp(runs.logs[place]))}
        view = run(int(runs.blocks[place]) + 1, values)
        views[cell].append(replace(view, position=place + 1, start_ns=int(runs.hours[place] * 3.6e12) + 1))
    cells = zip(study.configurations, views, strict=True)
    return Dataset(study, tuple(CellView(study.models[0], configuration, tuple(of_cell)) for configuration, of_cell in cells))


def test_the_effects_of_a_study_are_those_of_its_runs_in_order() -> None:
    """By the clock, not by the cell; runs that do not count ran before others all the same; a restart leaves the day."""
    runs = ordered(3, drifting)
    [whole] = order_effects(made(runs))
    assert (whole.metric, whole.runs, whole.hours) == ("duration_s", 60, pytest.approx(59 / 12))
    assert isinstance(whole.drift, Drift)
    assert whole.drift.t == pytest.approx(drift(runs).t)
    assert isinstance(whole.carry_over, CarryOver)
    assert whole.carry_over.f == pytest.approx(carry_over(runs).f)
    data = made(runs)
    first = data.cells[0]
    void = replace(first, runs=(replace(first.runs[0], outcome=Outcome.INVALID), *first.runs[1:]))
    [fewer] = order_effects(replace(data, cells=(void, *data.cells[1:])))
    assert fewer.runs == 59
    days = [
        replace(cell, runs=tuple(replace(r, started_at=f"2026-01-0{r.repetition}T00:00:00Z", start_ns=r.start_ns % 10**12) for r in cell.runs))
        for cell in data.cells
    ]  # fmt: skip
    [restarted] = order_effects(replace(data, cells=tuple(days)))
    assert restarted.hours == pytest.approx(96)
    unknown = [
        replace(cell, runs=tuple(replace(r, started_at=f"day {r.repetition}", start_ns=-r.start_ns) for r in cell.runs))
        for cell in data.cells
    ]
    assert order_effects(replace(data, cells=tuple(unknown))) == ()
    zero = replace(
        first, runs=tuple(replace(r, observations={"duration_s": Observation("duration_s", 0.0)}) for r in first.runs)
    )
    assert order_effects(replace(data, cells=(zero, *data.cells[1:]))) == ()
    assert order_effects(replace(data, imported=True)) == ()


def test_a_fixed_order_does_not_separate_the_run_before_and_says_what_a_drift_means() -> None:
    """Each cell follows the same one in every block; a drift there looks like a difference."""
    [effects] = order_effects(made(ordered(3, drifting), design="fixed"))
    assert isinstance(effects.carry_over, NotComputable)
    assert "looks like a difference" in next(order_sentences(effects)).meaning.replace("also ", "")


def test_sentences_follow_from_what_was_found() -> None:
    """A drift is told with its size; where chance explains it too, what was seen and the range the runs admit are told, and not that there is none."""
    [moving] = order_effects(made(ordered(3, drifting)))
    assert drift_words(moving).startswith("execution time rises by")
    [still] = order_effects(made(ordered(4)))
    sentences = list(order_sentences(still))
    assert [sentence.found for sentence in sentences] == [False, False, False]
    assert " per hour, which these runs cannot tell from chance (t(" in sentences[0].seen
    assert "they admit" in sentences[0].seen
    assert "the runs admit" in sentences[1].seen


def test_what_was_found_is_a_threat_to_validity_and_is_said_once() -> None:
    """With what it means; what was not found is no threat."""
    data = made(ordered(3, drifting))
    [moving] = order_effects(data)
    [still] = order_effects(made(ordered(4)))
    internal = dict(threats_to_validity(data, [moving, moving, still]))[
        "Internal validity: could something else explain the differences?"
    ]
    told = [sentence for sentence in internal if "rises by" in sentence]
    assert len(told) == 2
    assert [("compared within blocks" in sentence) for sentence in told] == [True, False]
    assert not any("admit" in sentence for sentence in internal)
