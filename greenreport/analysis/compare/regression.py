"""Conditions under which a change is a regression, such as ``energy_j > 5 %``, for tests that run unattended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from greenreport.analysis.compare.history import Step, StudyHistory
from greenreport.analysis.stats import Interval
from greenreport.catalog import METRICS
from greenreport.errors import UsageError
from greenreport.study.error_messages import unknown
from greenreport.units import counted, declared_percent

_WRITTEN = re.compile(r"\s*([a-z0-9_]+)\s*([<>])\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*")


@dataclass(frozen=True, slots=True)
class FailCondition:
    """A metric that must not rise, or not fall, by more than a share."""

    text: str
    metric: str
    rises: bool
    bound: float

    def limit(self, step: Step) -> float:
        """Return the ratio that a step has to lie beyond with certainty: that of the bound, or of the machine's noise where that is farther from 1."""
        if self.rises:
            return 1 + max(self.bound, step.margin)
        return min(1 - self.bound, 1 / (1 + step.margin))

    def met(self, step: Step) -> bool:
        """Whether the whole interval of a step lies beyond the limit."""
        ci = step.ratio.ci
        if step.metric != self.metric or not isinstance(ci, Interval):
            return False
        return ci.low > self.limit(step) if self.rises else ci.high < self.limit(step)

    def open(self, step: Step) -> bool:
        """Whether the runs cannot tell if the limit is passed."""
        if step.metric != self.metric or self.met(step):
            return False
        ci = step.ratio.ci
        return not isinstance(ci, Interval) or (ci.high > self.limit(step) if self.rises else ci.low < self.limit(step))


def parse_condition(text: str) -> FailCondition:
    """Read a condition.

    Raises:
        UsageError: it is not written ``METRIC > N %`` or ``METRIC < N %``, or no metric has the name.

    Example:
        ``parse_condition("energy_j > 5 %")`` fails where energy rises by more than 5 %, ``throughput_tokens_per_s < 5 %``
        where the throughput falls by more.
    """
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise UsageError(
            f"--fail-if {text!r}: write METRIC > N % (it rises) or METRIC < N % (it falls), such as 'energy_j > 5 %'"
        )
    metric, sign, percent = written.groups()
    if metric not in METRICS:
        raise UsageError(f"--fail-if {text!r}: {unknown('metric', metric, METRICS)}")
    if sign == "<" and float(percent) >= 100:
        raise UsageError(f"--fail-if {text!r}: nothing falls by 100 % or more; write less than 100 %")
    return FailCondition(text.strip(), metric, sign == ">", float(percent) / 100)


@dataclass(frozen=True, slots=True)
class Regressions:
    """Verdict of a condition on the last step of every course.

    Attributes:
        met: steps that certainly exceed it; open: those whose runs cannot tell; judged: how many there are.
    """

    condition: FailCondition
    met: tuple[Step, ...]
    open: tuple[Step, ...]
    judged: int

    def lines(self) -> Iterator[str]:
        """Yield the verdict in words."""
        if not self.judged:
            yield f"{self.condition.text}: no cell has values of {METRICS[self.condition.metric].noun} from both times"
            return
        yield f"{self.condition.text}: {counted(len(self.met), 'regression')} in {counted(self.judged, 'cell')}" + (
            f"; the runs cannot tell in {counted(len(self.open), 'cell')}" if self.open else ""
        )
        for step in self.met:
            noise = step.margin > self.condition.bound
            floor = f", beyond the machine's noise floor of {declared_percent(step.margin)}" if noise else ""
            yield f"  {step.course.label}: {step.size()}{floor}"


def regressions(history: StudyHistory, condition: FailCondition) -> Regressions:
    """Judge the last step of every course by a condition."""
    last = [steps[-1] for course in history.courses if (steps := history.of(course, condition.metric))]
    met = tuple(step for step in last if condition.met(step))
    return Regressions(condition, met, tuple(step for step in last if condition.open(step)), len(last))
