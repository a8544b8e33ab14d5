"""The smallest difference that the runs of a study can detect, from their own spread.

A null result says as much as the difference that would have been found. It is computed from the spread within cells, never from
the observed differences between them, which would only restate the p value (Hoenig and Heisey 2001, The American Statistician 55).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from greenreport.analysis.hypotheses.findings import Finding
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.stats import NotComputable, describe, detectable_effect

POWER = 0.8


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """A hypothesis and the smallest difference its runs can show.

    Attributes:
        pairs: comparisons of its question's family, whose p values are adjusted together.
        runs: the fewest runs of a compared group.
        cv: median coefficient of variation of the compared groups.
        detectable: smallest relative difference of a pair that is found with probability `POWER` in the first step of Holm's method.
    """

    finding: Finding
    pairs: int
    runs: int
    cv: float | None
    detectable: float | NotComputable


def sensitivities(dataset: Dataset, findings: Sequence[Finding]) -> tuple[Sensitivity, ...]:
    """Return the sensitivity of every hypothesis."""
    family: Counter[str] = Counter()
    for finding in findings:
        family[finding.hypothesis.question] += sum(pair.p is not None for test in finding.tests for pair in test.test.pairs)
    return tuple(_sensitivity(dataset, finding, family[finding.hypothesis.question]) for finding in findings)


def _sensitivity(dataset: Dataset, finding: Finding, pairs: int) -> Sensitivity:
    metric, alpha = finding.metric.id, finding.hypothesis.alpha
    compared = {(test.model.id, group.name) for test in finding.tests for group in test.test.groups if group.tested}
    samples = [c.values(metric) for c in dataset.cells if (c.model.id, c.configuration.id) in compared]
    spreads = [cv for sample in samples if (cv := describe(sample).cv) is not None and cv > 0]
    fewest = min(map(len, samples), default=0)
    if not spreads:
        return Sensitivity(finding, pairs, fewest, None, NotComputable("no group with a spread was compared"))
    cv = median(spreads)
    return Sensitivity(finding, pairs, fewest, cv, detectable_effect(cv, fewest, alpha=alpha, power=POWER, comparisons=pairs))
