"""Two instruments on one component, compared over the same window."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from greenreport import traces as tr
from greenreport.catalog import Accuracy
from greenreport.record import Mark, Method, RunRecord, TraceKind


@dataclass(frozen=True, slots=True)
class Agreement:
    """Energy of one component over one window by two instruments, in joules; `first` is the one the site uses.

    Attributes:
        allowed: the largest relative difference that their uncertainty budgets explain (k = 2); None where one is not known.
    """

    domain: str
    first: str
    first_j: float
    second: str
    second_j: float
    allowed: float | None = None

    @property
    def difference(self) -> float:
        """Second minus first, as a share of their mean; 0 when both are 0."""
        mean = (self.first_j + self.second_j) / 2
        return (self.second_j - self.first_j) / mean if mean else 0.0

    @property
    def explained(self) -> bool:
        """Whether the budgets explain the difference, or nothing is known of them."""
        return self.allowed is None or abs(self.difference) <= self.allowed


@dataclass(frozen=True, slots=True)
class _Reading:
    name: str
    joules: float
    budget: tr.Budget | None


def agreements(record: RunRecord, window: Mark, calibrations: Mapping[str, Accuracy]) -> tuple[Agreement, ...]:
    """Return every pair of instruments that both measured the energy of one component over the window.

    Args:
        calibrations: declared in the study, by the name of the meter.
    """
    by_domain: dict[str, list[_Reading]] = defaultdict(list)
    span = (window.start_ns, window.end_ns)
    for trace in tr.by_preference(record.traces):
        joules = tr.energy(trace, *span) if trace.method is Method.MEASURED else None
        if joules is not None:
            how = "energy counter" if trace.kind is TraceKind.COUNTER else "integrated power"
            accuracy = tr.known_accuracy(trace, record.environment, calibrations)
            beside = tr.power_beside(trace, record.traces)
            budget = None if accuracy is None else tr.combined([tr.contribution(trace, [span], accuracy, beside)])
            by_domain[trace.domain].append(_Reading(f"{trace.meter} {how}", joules, budget))
    return tuple(
        Agreement(domain, first.name, first.joules, second.name, second.joules, _allowed(first, second))
        for domain, energies in sorted(by_domain.items())
        for first, second in combinations(energies, 2)
    )


def _allowed(first: _Reading, second: _Reading) -> float | None:
    """Return the relative difference that two budgets explain: counter and power of one meter have one sensor, whose gain cancels."""
    if first.budget is None or second.budget is None or min(first.joules, second.joules) <= 0:
        return None
    common = tr.ratio_uncertainty(first.budget, first.joules, second.budget, second.joules)
    return tr.COVERAGE_FACTOR * math.hypot(common, first.budget.random / first.joules, second.budget.random / second.joules)
