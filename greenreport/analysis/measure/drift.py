"""Trends of a cell's values over the order of its runs, which reveal a machine that warms up or slows down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from greenreport.analysis.measure.dataset import CellView
from greenreport.analysis.measure.run_view import RunView
from greenreport.analysis.stats import NotComputable
from greenreport.record import Outcome, Quantity

FEWEST = 5  # with four runs even a strict order has p = 0.08
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Drift:
    """Rank correlation of values with the order of runs.

    Attributes:
        tau: Kendall's τ-b; 1: each run is above the one before.
        p: of no correlation; not adjusted over cells.
    """

    tau: float
    p: float
    n: int

    @property
    def seen(self) -> bool:
        """Whether the values move with the order more than chance explains."""
        return self.p < ALPHA


def in_order(cell: CellView) -> tuple[RunView, ...]:
    """Return a cell's runs with a place in the study's order, those that do not count among them, first to last."""
    shown = (run for run in cell.runs if run.position > 0 and run.outcome in (Outcome.OK, Outcome.INVALID, Outcome.UNFAITHFUL))
    return tuple(sorted(shown, key=lambda run: run.position))


def drift(values: Sequence[float]) -> Drift | NotComputable:
    """Return how values move with their order."""
    n = len(values)
    if n < FEWEST:
        return NotComputable(f"a trend needs {FEWEST} runs, here {n}")
    if max(values) == min(values):
        return NotComputable("all values are equal")
    correlation = stats.kendalltau(range(n), values)
    tau, p = float(correlation.statistic), float(correlation.pvalue)
    return Drift(tau, p, n) if math.isfinite(tau) and math.isfinite(p) else NotComputable("Kendall's τ is not defined here")


def start_temperature(run: RunView) -> float | None:
    """Return the highest temperature in °C over a run's sensors when its window began, or None where none was read."""
    window = run.window
    if window is None:
        return None
    begin = (window.start_ns - run.start_ns) / 1e9
    read = []
    for rail in run.rails:
        before = [value for t, value in zip(rail.seconds, rail.values, strict=True) if t <= begin]
        if rail.quantity == Quantity.TEMPERATURE and before:
            read.append(before[-1])
    return max(read, default=None)
