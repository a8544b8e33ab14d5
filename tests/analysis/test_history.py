"""Tests of histories: what a step from one time to the next says, and when it is a regression."""

from __future__ import annotations

from dataclasses import replace

import pytest

from greenreport.analysis.compare.history import StepVerdict, StudyHistory, history, history_of
from greenreport.analysis.compare.regression import parse_condition, regressions
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.courses import Course, Period, course_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.stats import Interval
from greenreport.errors import UsageError
from tests.datasets import around, dataset
from tests.records import ENVIRONMENT

NEWER = replace(ENVIRONMENT, key="machine-b", kernel="6.2", libraries=(("torch", "2.14.0"), ("onnxruntime", "1.32.0")))


def on(cell: CellView, day: str) -> CellView:
    """Return a cell whose runs began on another day."""
    return replace(cell, runs=tuple(replace(run, started_at=f"{day}T10:00:00Z") for run in cell.runs))


def made(before: list[float], after: list[float], *, noise_floor: float | None = None) -> StudyHistory:
    """Return the history of one cell, measured on two days under other libraries."""
    data = dataset({"a": {"torch": before}}), dataset({"a": {"torch": after}})
    days, environments = ("2026-02-01", "2026-03-01"), (ENVIRONMENT, NEWER)
    periods = [Period(on(d.cells[0], day), machine) for d, day, machine in zip(data, days, environments, strict=True)]
    course = course_of(periods[::-1])  # given in any order
    return history_of([course], ["energy_j"], data[0], noise_floor)


@pytest.mark.parametrize(
    ("after", "noise_floor", "change"),
    [
        (around(110), None, StepVerdict.WORSE),
        (around(90), None, StepVerdict.BETTER),
        (around(100.5), None, StepVerdict.UNCHANGED),
        (around(104, spread=0.2), None, StepVerdict.OPEN),
        (
            around(110),
            0.2,
            StepVerdict.UNCHANGED,
        ),  # beyond the smallest effect of interest, not beyond the noise of the machine
        ([110.0], None, StepVerdict.UNKNOWN),
    ],
)
def test_a_step_says_what_changed(after: list[float], noise_floor: float | None, change: StepVerdict) -> None:
    """By the whole interval of the ratio, beyond the machine's noise; with what changed around it."""
    (step,) = made(around(100), after, noise_floor=noise_floor).steps
    assert step.change is change
    assert step.names == ("2026-02-01", "2026-03-01")
    assert step.cause() == "kernel 6.1 → 6.2; torch 2.13.0 → 2.14.0"  # a library of another engine is no cause


def test_intervals_hold_for_all_steps_together() -> None:
    """With more courses, each interval is wider, and the estimate is the same."""
    one = made(around(100), around(110))
    course = one.courses[0]
    both = history_of([course, replace(course)], ["energy_j"], dataset({"a": {"torch": around(100)}}), None)
    single, wide = one.steps[0].ratio, both.steps[0].ratio
    assert isinstance(single.ci, Interval)
    assert isinstance(wide.ci, Interval)
    assert single.value == wide.value
    assert wide.ci.low < single.ci.low < 1.1 < single.ci.high < wide.ci.high


@pytest.mark.parametrize(
    ("text", "met", "undecided"),
    [
        ("energy_j > 5 %", 1, 0),
        ("energy_j>9%", 0, 1),
        ("energy_j > 20 %", 0, 0),
        ("energy_j < 5 %", 0, 0),
        ("ram_rss_peak_b > 5 %", 0, 0),
    ],
)
def test_a_condition_is_met_beyond_doubt_only(text: str, met: int, undecided: int) -> None:
    """The whole interval has to lie beyond the bound; where it reaches over it, the runs cannot tell."""
    found = regressions(made(around(100), around(110)), parse_condition(text))
    assert (len(found.met), len(found.open)) == (met, undecided)
    assert found.judged == (0 if found.condition.metric == "ram_rss_peak_b" else 1)
    assert list(found.lines())


@pytest.mark.parametrize(("after", "met"), [(96.0, 0), (70.0, 0), (40.0, 1)])
def test_a_fall_is_counted_from_what_was_before(after: float, met: int) -> None:
    """By a half is by a half: a fall of a third, whose inverse is a rise by a half, was taken for one."""
    found = regressions(made(around(100), around(after)), parse_condition("energy_j < 50 %"))
    assert len(found.met) == met
    with pytest.raises(UsageError, match="nothing falls by 100 %"):
        parse_condition("energy_j < 100 %")


def test_the_noise_of_the_machine_is_no_regression() -> None:
    """A bound below the noise floor is raised to it."""
    found = regressions(made(around(100), around(110), noise_floor=0.3), parse_condition("energy_j > 5 %"))
    assert not found.met


@pytest.mark.parametrize(
    "text", ["energy_j", "energy_j > 5", "energy_j >= 5 %", "joules > 5 %", "energy_j > -5 %", "> 5 %", ""]
)
def test_a_condition_that_cannot_be_read_is_refused(text: str) -> None:
    """With how to write it, or with the metrics there are."""
    with pytest.raises(UsageError, match=r"write METRIC|unknown metric"):
        parse_condition(text)


def test_a_course_is_cut_at_a_day() -> None:
    """The last time before a day, or the one before the last; None where there is none, or nothing since."""
    cell = dataset({"a": {"torch": around(100)}}).cells[0]
    days = ["2026-02-01", "2026-03-01", "2026-03-01"]
    course = course_of([Period(on(cell, day), ENVIRONMENT) for day in days])
    assert course.names == ("2026-02-01", "2026-03-01 10:00", "2026-03-01 10:00")

    def names(day: str | None) -> tuple[str, ...] | None:
        cut = course.since(day)
        return None if cut is None else cut.names

    assert names(None) == course.names[1:]
    assert names("2026-03-01") == ("2026-02-01", "2026-03-01 10:00")
    assert names("2026-01-01") is None
    assert names("2026-04-01") is None


def versions() -> Dataset:
    """Return a study with one engine in two environments."""
    configurations = [{"engine": "torch", "environment": name} for name in ("old", "new")]
    environments = {name: {"requirements": [f"torch=={number}.*"]} for name, number in (("old", 1), ("new", 2))}
    spec = dataset({"a": {"torch": [1.0]}}, configurations=configurations, environments=environments).study
    runs = [dataset({"a": {"torch": values}}).cells[0].runs for values in (around(100, spread=0.1), around(90, spread=0.1))]
    cells = (CellView(spec.models[0], c, of) for c, of in zip(spec.configurations, runs, strict=True))
    return Dataset(spec, tuple(cells), environment=ENVIRONMENT)


def test_environments_of_a_study_are_a_course_of_their_own() -> None:
    """In the order of the study, compared within its blocks; a study without any has no history."""
    found = history(versions())
    assert found is not None
    (course,) = found.courses
    assert isinstance(course, Course)
    assert (course.names, course.blocked) == (("old", "new"), True)
    assert course.configuration == "Torch\u00a0·\u00a0CPU"
    assert {step.metric for step in found.steps} == {"energy_j", "duration_s"}
    assert all(step.sentence().endswith("with new than with old") for step in found.steps)
    assert {step.change for step in found.steps} == {StepVerdict.BETTER}
    assert {step.same_answers for step in found.steps} == {(2, 2)}
    assert history(dataset({"a": {"torch": around(100), "onnx": around(90)}})) is None
