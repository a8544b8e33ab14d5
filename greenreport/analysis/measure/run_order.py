"""The runs of a study in the order in which they were made, and what that order does to their values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, pairwise

import numpy as np

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.run_view import RunView
from greenreport.analysis.stats import NotComputable
from greenreport.analysis.stats.autocorrelation import Autocorrelation, autocorrelation
from greenreport.analysis.stats.order_effects import CarryOver, Drift, OrderedRuns, carry_over, drift
from greenreport.record import Outcome, Quantity

#: Outcomes of runs that were served to the end of their window.
SERVED = (Outcome.OK, Outcome.INVALID, Outcome.UNFAITHFUL)
#: Metrics that are judged besides those of hypotheses: the pages of cells draw them in their order.
USUAL = ("energy_j", "duration_s")


@dataclass(frozen=True, slots=True)
class OrderEffects:
    """What the order of the runs does to one metric of a study.

    Attributes:
        runs: those that have a value which counts.
        hours: from the beginning of the first to that of the last, on the host that took longest.
        randomised: whether the order within blocks is.
    """

    metric: str
    runs: int
    hours: float
    randomised: bool
    drift: Drift | NotComputable
    carry_over: CarryOver | NotComputable
    autocorrelation: Autocorrelation | NotComputable


def in_order(cell: CellView) -> tuple[RunView, ...]:
    """Return a cell's runs with a place in the study's order, those that do not count among them, first to last."""
    shown = (run for run in cell.runs if run.position > 0 and run.outcome in SERVED)
    return tuple(sorted(shown, key=lambda run: run.position))


def order_effects(dataset: Dataset) -> tuple[OrderEffects, ...]:
    """Return the effects of the order on each tested metric that has values; empty for imported values, whose order is not known."""
    if dataset.imported:
        return ()
    metrics = dict.fromkeys((*(hypothesis.metric for hypothesis in dataset.study.hypotheses), *USUAL))
    randomised = dataset.study.protocol.order.design != "fixed"
    return tuple(
        OrderEffects(
            metric,
            runs.logs.size,
            float(runs.hours.max() - runs.hours.min()),
            randomised,
            drift(runs),
            carry_over(runs) if randomised else NotComputable("in a fixed order each cell always follows the same one"),
            autocorrelation(runs),
        )
        for metric in metrics
        if (runs := _ordered_runs(dataset, metric)) is not None
    )


def _ordered_runs(dataset: Dataset, metric: str) -> OrderedRuns | None:
    """Return the values of a metric in the order of the runs; None without any, or where one has no finite logarithm."""
    # Hosts that share a study run beside each other: what came before a run, and for how long, is a matter of its own host.
    every = sorted(_runs(dataset), key=lambda item: (item[1].host, item[1].started_at, item[1].start_ns))
    hours = [hour for _, runs in groupby(every, lambda item: item[1].host) for hour in _hours([run for _, run in runs])]
    counts = [cell.by_repetition(metric) for cell in dataset.cells]
    rows = []
    before, host = -1, ""
    for (place, run), hour in zip(every, hours, strict=False):
        before, host = before if run.host == host else -1, run.host
        if run.outcome is Outcome.OK and (value := counts[place].get(run.repetition)) is not None:
            rows.append((value, place, run.repetition, hour, before))
        before = place
    if not rows or not all(0 < value < math.inf for value, *_ in rows):
        return None
    values, cells, blocks, times, previous = (np.array(column) for column in zip(*rows, strict=True))
    return OrderedRuns(
        np.log(values), np.unique(cells, return_inverse=True)[1], np.unique(blocks, return_inverse=True)[1], times, previous
    )


def _runs(dataset: Dataset) -> Iterator[tuple[int, RunView]]:
    """Yield the runs that were served, each with the number of its cell."""
    for place, cell in enumerate(dataset.cells):
        for run in cell.runs:
            if run.outcome in SERVED:
                yield place, run


def _hours(runs: list[RunView]) -> list[float]:
    """Return when runs began, in hours since the first: by the monotonic clock, else by the day, where the machine was started anew.

    Empty where neither clock is known.
    """
    if all(earlier.start_ns <= later.start_ns for earlier, later in pairwise(runs)):
        return [(run.start_ns - runs[0].start_ns) / 3.6e12 for run in runs]
    try:
        begun = [datetime.strptime(run.started_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) for run in runs]
    except ValueError:  # results of others may hold anything
        return []
    return [(moment - begun[0]).total_seconds() / 3600 for moment in begun]


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
