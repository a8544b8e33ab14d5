"""The smallest difference that the runs of a study can detect, from their own spread.

A null result says as much as the difference that would have been found. It is computed from the spread within cells, never from
the observed differences between them, which would only restate the p value (Hoenig and Heisey 2001, The American Statistician 55).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from greenreport.analysis.hypotheses.findings import Finding
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.stats import FEWEST_RUNS, Interim, NotComputable, detectable_effect
from greenreport.catalog import METRICS
from greenreport.study import Hypothesis, Study
from greenreport.units import counted, declared_percent, percent

POWER = 0.8
#: More repetitions than this are not advised.
MOST_REPETITIONS = 1000


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """A hypothesis and the smallest difference its runs can show.

    Attributes:
        pairs: comparisons on one model, the most of any, which are adjusted together.
        runs: the fewest runs of a compared group.
        cv: coefficient of variation of one configuration within blocks: what is left when the blocks' common part is taken out.
        detectable: smallest relative difference of a pair that is found with probability `POWER`.
        needed: runs of each that detect the smallest effect of interest; None where nothing is tested, or above `MOST_REPETITIONS`.
    """

    finding: Finding
    pairs: int
    runs: int
    cv: float | None
    detectable: float | NotComputable
    needed: int | None = None

    def enough(self) -> str:
        """Return the runs that are needed, for a table."""
        if isinstance(self.detectable, NotComputable):
            return "–"
        return f"more than {MOST_REPETITIONS:,}" if self.needed is None else f"{self.needed}"

    def shortfall(self) -> str | None:
        """Return a sentence where these runs cannot be expected to find the smallest effect of interest; else None."""
        smallest = self.finding.hypothesis.smallest_effect
        if isinstance(self.detectable, NotComputable) or self.detectable <= smallest:
            return None
        return (
            f"{self.finding.hypothesis.id} ({self.finding.metric.noun}): with {counted(self.runs, 'run')} of each configuration, differences below "
            f"{percent(self.detectable)} are easily missed, so “inconclusive” does not mean “equal”. To find {declared_percent(smallest)} would take "
            f"{self.enough()} runs of each."
        )


def sensitivities(dataset: Dataset, findings: Sequence[Finding]) -> tuple[Sensitivity, ...]:
    """Return the sensitivity of every hypothesis."""
    return tuple(_sensitivity(dataset, finding) for finding in findings)


def _sensitivity(dataset: Dataset, finding: Finding) -> Sensitivity:
    metric, alpha = finding.metric.id, finding.hypothesis.alpha
    compared = {(test.model.id, group.name) for test in finding.tests for group in test.test.groups if group.tested}
    samples = [c.values(metric) for c in dataset.cells if (c.model.id, c.configuration.id) in compared]
    fewest = min(map(len, samples), default=0)
    pairs = max((item.test.comparisons for item in finding.tests), default=0)
    # The variance of a difference within blocks is that of two configurations.
    errors = [(p.ratio.error, min(p.n_a, p.n_b)) for item in finding.tests for p in item.test.pairs if p.ratio.error]
    spreads = [math.sqrt(math.expm1(error**2 * blocks / 2)) for error, blocks in errors]
    if not spreads:
        modelled = any(cell.modelled(metric) for cell in dataset.cells)
        reason = "not tested: energy is modelled" if modelled else "no pair with a spread was compared"
        return Sensitivity(finding, pairs, fewest, None, NotComputable(reason))
    cv, smallest = median(spreads), finding.hypothesis.smallest_effect
    needed = _needed(lambda runs: _detectable(cv, runs, alpha, pairs, None), smallest)
    return Sensitivity(finding, pairs, fewest, cv, _detectable(cv, fewest, alpha, pairs, dataset.interim), needed)


def _needed(finds: Callable[[int], float | NotComputable], smallest: float) -> int | None:
    """Return the fewest runs that find the smallest effect of interest; None above `MOST_REPETITIONS`."""
    candidates = range(FEWEST_RUNS, MOST_REPETITIONS + 1)
    enough = bisect_left(candidates, True, key=lambda runs: _within(finds(runs), smallest))
    return candidates[enough] if enough < len(candidates) else None


def _detectable(cv: float, runs: int, alpha: float, pairs: int, interim: Interim | None) -> float | NotComputable:
    """Return the difference of a pair that this many runs find with probability `POWER`, at the level of their look."""
    level = alpha / max(1, pairs)
    return detectable_effect(cv, runs, alpha=level if interim is None else interim.nominal(level), power=POWER)


@dataclass(frozen=True, slots=True)
class PlannedPower:
    """The differences that a study's planned repetitions can detect in the metric of one hypothesis.

    Attributes:
        repetitions: planned; the most where a rule ends them (`sequential`).
        pairs: comparisons on one model, which are adjusted together.
        cv: coefficient of variation of one configuration within blocks, of a pilot or declared.
        detectable: smallest relative difference of a pair that is found with probability `POWER`.
        needed: repetitions that detect the smallest effect of interest with that probability; None if above `MOST_REPETITIONS`.
    """

    hypothesis: Hypothesis
    repetitions: int
    pairs: int
    cv: float
    detectable: float | NotComputable
    needed: int | None
    sequential: bool = False

    def __str__(self) -> str:
        """Return it as a sentence."""
        smallest = declared_percent(self.hypothesis.smallest_effect)
        found = (
            f"cannot find a difference ({self.detectable.reason})"
            if isinstance(self.detectable, NotComputable)
            else f"find a difference of {percent(self.detectable)} in 4 of 5 studies"
        )
        most = "at most " if self.sequential else ""
        enough = f"{self.needed}" if self.needed is not None else f"more than {MOST_REPETITIONS}"
        return (
            f"{self.hypothesis.id}, {METRICS[self.hypothesis.metric].noun}: {most}{counted(self.repetitions, 'repetition')} {found} "
            f"({counted(self.pairs, 'pair')} on a model, CV {percent(self.cv)} within blocks); "
            f"the smallest effect of interest, {smallest}, needs {enough}"
        )


def planned_power(study: Study, cvs: Mapping[str, float]) -> tuple[PlannedPower, ...]:
    """Return the power of every hypothesis whose metric has a coefficient of variation.

    Args:
        cvs: coefficient of variation within blocks, by the id of a hypothesis.
    """
    configurations = max(sum(not study.excludes(model, c) for c in study.configurations) for model in study.models)
    pairs = max(1, configurations * (configurations - 1) // 2)
    powers, rule = [], study.protocol.sequential
    for hypothesis in study.hypotheses:
        if (cv := cvs.get(hypothesis.id)) is None:
            continue

        def finds(runs: int, cv: float = cv, hypothesis: Hypothesis = hypothesis) -> float | NotComputable:
            interim = None if rule is None else Interim(rule.at_least, rule.at_most, runs)
            return _detectable(cv, runs, hypothesis.alpha, pairs, interim)

        needed = _needed(finds, hypothesis.smallest_effect)
        repetitions = study.protocol.most_repetitions
        powers.append(PlannedPower(hypothesis, repetitions, pairs, cv, finds(repetitions), needed, rule is not None))
    return tuple(powers)


def _within(detectable: float | NotComputable, smallest: float) -> bool:
    return not isinstance(detectable, NotComputable) and detectable <= smallest
