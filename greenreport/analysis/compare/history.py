"""How cells changed from one time they were measured to the next, and what had changed around them.

::

    1/(1+s)      1      1+s            s: smallest effect of interest, or the machine's noise floor where that is larger
    ────┼────────┼────────┼────
        │     ├──●──┤     │            unchanged: the whole interval lies inside
        │        │   ├────┼─●──┤       better or worse: it lies on one side of 1, and beyond the noise floor
        │      ├─┼──●─────┼─┤          open

Times in different blocks are compared as independent runs (Welch's t of the logarithms), environments of one study within its blocks.
Intervals hold together for all steps of a metric, or for all pairs of a model as on every other page (Bonferroni). A session may differ from another by more than its runs differ among
themselves, which no interval over runs can show: that is why the noise floor, measured by ``greenreport calibrate``, is the margin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Protocol

from greenreport.analysis.compare.study_diff import Difference, library_differences, machine_differences
from greenreport.analysis.hypotheses.ratio_text import difference, interval_text, rounds_to_equal
from greenreport.analysis.measure.cell_view import in_blocks
from greenreport.analysis.measure.courses import Course, Period, environment_courses
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.stats import Interval, Ratio, blocked_pair, ratio_of_geometric_means
from greenreport.catalog import METRICS, Better, MetricInfo
from greenreport.study import Study

#: Metrics of a history where a study has no hypotheses.
USUAL = ("j_per_output_token", "duration_s", "ram_rss_peak_b")


class HasMetric(Protocol):
    """Something about a metric."""

    @property
    def metric(self) -> str:
        """Its id."""


class StepVerdict(StrEnum):
    """Verdict on a step from one time to the next."""

    BETTER = "better"
    WORSE = "worse"
    DIFFERENT = "changed"  # of a metric that has no better direction
    UNCHANGED = "unchanged"
    OPEN = "open"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Step:
    """One metric of a cell from one time to the next.

    Attributes:
        ratio: after ÷ before, with an interval that holds for all steps of the metric together.
        margin: relative difference that the machine shows between equal sets of runs.
        around: what differs in hardware, system and libraries.
        same_answers: to how many requests the first runs of both gave the same tokens, and of how many; None where that is not known.
    """

    course: Course
    metric: str
    before: Period
    after: Period
    names: tuple[str, str]
    ratio: Ratio
    margin: float
    change: StepVerdict
    around: tuple[Difference, ...]
    same_answers: tuple[int, int] | None

    @property
    def info(self) -> MetricInfo:
        """The metric."""
        return METRICS[self.metric]

    def size(self) -> str:
        """Return the size in words, with its interval: ``4.2 % less energy (3.1–5.3 %)``; or why there is none."""
        if self.ratio.value is None:
            return f"{self.info.noun} without a ratio: {self.ratio.reason}"
        size = difference(self.ratio.value, self.info)
        ci = self.ratio.ci
        ends = interval_text(ci.low, ci.high, self.ratio.value) if isinstance(ci, Interval) else f"no interval: {ci.reason}"
        return f"{size} ({ends})"

    def sentence(self) -> str:
        """Return the size with the two times: ``4.2 % less energy (3.1–5.3 %) with new than with old``."""
        where = "with" if self.course.blocked else "on"
        than = "as" if self.ratio.value is not None and rounds_to_equal(self.ratio.value) else "than"
        return f"{self.size()} {where} {self.names[1]} {than} {where} {self.names[0]}"

    def answers(self) -> str:
        """Return whether the answers stayed the same, in words; empty where that is not known."""
        return "" if self.same_answers is None else "the same tokens on {} of {} prompts".format(*self.same_answers)

    def cause(self) -> str:
        """Return what changed around it, in words."""
        return "; ".join(f"{item.name} {item.first} → {item.second}" for item in self.around)


@dataclass(frozen=True, slots=True)
class StudyHistory:
    """The courses of a study with their steps, course by course and in the order of time.

    Attributes:
        steps: of every metric with values.
        noise_floor: None where the machine was not calibrated.
    """

    courses: tuple[Course, ...]
    steps: tuple[Step, ...]
    noise_floor: float | None

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that have a step."""
        return tuple(dict.fromkeys(step.metric for step in self.steps))

    def of(self, course: Course, metric: str) -> tuple[Step, ...]:
        """Return the steps of a course in a metric."""
        return tuple(step for step in self.steps if step.course is course and step.metric == metric)

    def lines(self) -> Iterator[str]:
        """Yield the history in words, for the console."""
        for course in self.courses:
            steps = [step for step in self.steps if step.course is course]
            for names in dict.fromkeys(step.names for step in steps):
                between = [step for step in steps if step.names == names]
                yield f"{course.label}, {names[0]} → {names[1]}"
                if cause := between[0].cause():
                    yield f"  changed around it: {cause}"
                if answers := between[0].answers():
                    yield f"  answers: {answers}"
                yield from (f"  {step.change.value}: {step.size()}" for step in between)

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that changed something."""
        return tuple(
            step for step in self.steps if step.change in (StepVerdict.BETTER, StepVerdict.WORSE, StepVerdict.DIFFERENT)
        )


def history(dataset: Dataset, repeated: Sequence[Course] = ()) -> StudyHistory | None:
    """Return how the cells of a study changed over the times and environments they were measured in.

    Args:
        repeated: courses of the cells that were measured more than once.

    Returns:
        None where every cell was measured once in one environment, or no metric has a step.
    """
    courses = (*environment_courses(dataset), *repeated)
    made = history_of(courses, metrics_of(dataset.study), dataset, dataset.noise_floor)
    return made if made.steps else None


def metrics_of(study: Study, named: Iterable[HasMetric] = ()) -> tuple[str, ...]:
    """Return the metrics of a history: those that are named, else those of the hypotheses, else the usual ones."""
    asked = [item.metric for item in named] or [hypothesis.metric for hypothesis in study.hypotheses]
    return tuple(dict.fromkeys(asked)) or USUAL


def history_of(courses: Sequence[Course], metrics: Sequence[str], dataset: Dataset, noise_floor: float | None) -> StudyHistory:
    """Return the history of some courses in some metrics; those without values are left out.

    Args:
        dataset: whose environments they are; its pairs are one family on every page.
        noise_floor: relative difference of equal sets of runs on the machine.
    """
    made: list[Step] = []
    for metric in metrics:
        held = [(course, places) for course in courses if len(places := _with_values(course, metric)) > 1]
        steps = sum(len(places) - 1 for course, places in held if not course.blocked)
        for course, places in held:
            family = dataset.comparisons(metric, course.model.id) if course.blocked else steps
            for earlier, later in pairwise(places):
                made.append(_step(course, metric, earlier, later, family=family, dataset=dataset, noise_floor=noise_floor))
    order = {id(course): number for number, course in enumerate(courses)}
    return StudyHistory(tuple(courses), tuple(sorted(made, key=lambda step: order[id(step.course)])), noise_floor)


def _with_values(course: Course, metric: str) -> list[int]:
    """Return the places of the periods that have values which may answer a question."""
    return [place for place, period in enumerate(course.periods) if period.cell.values(metric)]


def _step(
    course: Course, metric: str, earlier: int, later: int, *, family: int, dataset: Dataset, noise_floor: float | None
) -> Step:
    before, after = course.periods[earlier], course.periods[later]
    if course.blocked:
        of_after, of_before = in_blocks([after.cell, before.cell], metric)
        ratio = blocked_pair(of_after, of_before, comparisons=family, step=dataset.step(metric, course.model.id)).ratio
    else:
        ratio = ratio_of_geometric_means(after.cell.values(metric), before.cell.values(metric), comparisons=family)
    margin = (noise_floor or 0.0) if METRICS[metric].unit in ("s", "J") else 0.0
    return Step(
        course,
        metric,
        before,
        after,
        (course.names[earlier], course.names[later]),
        ratio,
        margin,
        _change(ratio, METRICS[metric], margin, max(margin, dataset.study.smallest_effect(metric))),
        tuple(_around(before, after)),
        _same_answers(before, after),
    )


def _change(ratio: Ratio, info: MetricInfo, margin: float, smallest: float) -> StepVerdict:
    """Return what a ratio with its interval says."""
    if not isinstance(ratio.ci, Interval):
        return StepVerdict.UNKNOWN
    if 1 / (1 + smallest) <= ratio.ci.low and ratio.ci.high <= 1 + smallest:
        return StepVerdict.UNCHANGED
    if not beyond(ratio, margin, higher=True) and not beyond(ratio, margin, higher=False):
        return StepVerdict.OPEN
    if info.better is Better.NEITHER:
        return StepVerdict.DIFFERENT
    return StepVerdict.BETTER if (ratio.ci.high < 1) == (info.better is Better.LOWER) else StepVerdict.WORSE


def beyond(ratio: Ratio, margin: float, *, higher: bool) -> bool:
    """Whether the whole interval lies above 1 + margin, or below its inverse; never without an interval."""
    if not isinstance(ratio.ci, Interval):
        return False
    return ratio.ci.low > 1 + margin if higher else ratio.ci.high < 1 / (1 + margin)


def _same_answers(before: Period, after: Period) -> tuple[int, int] | None:
    digests = [
        {request.index: request.output_sha256 for request in period.cell.ok[0].requests if request.output_sha256}
        for period in (before, after)
    ]
    shared = digests[0].keys() & digests[1].keys()
    return (sum(digests[0][index] == digests[1][index] for index in shared), len(shared)) if shared else None


def _around(before: Period, after: Period) -> Iterator[Difference]:
    if before.environment is not None and after.environment is not None:
        yield from machine_differences(before.environment, after.environment)
    yield from library_differences(before.libraries, after.libraries)
