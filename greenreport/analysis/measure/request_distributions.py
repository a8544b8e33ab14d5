"""Distributions over requests: how long they wait and how many tokens they return.

The run is the unit of every test; requests of a run are not independent, so these distributions are shown and never tested.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.latency import first_token_s, latencies_s, mean_gaps_s, sent_in, token_clock
from greenreport.analysis.measure.run_view import RunView
from greenreport.record import Request
from greenreport.study import Configuration, Model

#: More steps of a curve than this cannot be told apart in a drawing.
STEPS = 80


@dataclass(frozen=True, slots=True)
class Curve:
    """The values of all requests of a cell's valid runs, ascending.

    Attributes:
        seen_by: whose clock measured them, `client` or `server`; empty for counts.
    """

    model: Model
    configuration: Configuration
    values: tuple[float, ...]
    runs: int
    seen_by: str = ""

    def share_within(self, bound: float) -> float:
        """Return the share of requests whose value is at most the bound."""
        return bisect_right(self.values, bound) / len(self.values)

    def quantile(self, share: float) -> float:
        """Return the smallest value that at least this share of requests does not exceed."""
        rank = math.ceil(share * len(self.values) - 1e-9)  # from 1
        return self.values[max(1, min(len(self.values), rank)) - 1]

    def steps(self) -> tuple[tuple[float, float], ...]:
        """Return (value, share of requests that do not exceed it), ascending; few enough to draw, the tail kept densest."""
        shown = sorted(set(self.values))
        if len(shown) > STEPS:
            shares = [*(i / 50 for i in range(1, 45)), *(0.88 + i / 200 for i in range(1, 24)), 0.999, 1.0]
            shown = sorted({self.values[0], *(self.quantile(share) for share in shares)})
        return ((shown[0], 0.0), *((value, self.share_within(value)) for value in shown))


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait of a user.

    Attributes:
        metric: the metric that is its median over requests.
    """

    metric: str
    read: Callable[[Sequence[Request]], tuple[list[float], str]]


WAITS = (
    Wait("ttft_s", first_token_s),
    Wait("tbt_s", lambda requests: (mean_gaps_s(requests), token_clock(requests))),
    Wait("latency_s", lambda requests: (latencies_s(requests), "client")),
)


def counted(run: RunView) -> tuple[Request, ...]:
    """Return the requests of a run whose waits metrics count: those sent inside its window, without the ramp and without failures."""
    if run.window is None:
        return tuple(request for request in run.requests if request.error is None)
    return sent_in(run.requests, run.window)


def wait_curves(dataset: Dataset, model: str, wait: Wait) -> tuple[Curve, ...]:
    """Return a curve for each configuration of a model whose requests have that time."""
    curves = (_wait_curve(cell, wait) for cell in dataset.cells_of(model))
    return tuple(curve for curve in curves if curve is not None)


def _wait_curve(cell: CellView, wait: Wait) -> Curve | None:
    timed = [(values, clock) for run in cell.ok for values, clock in [wait.read(counted(run))] if values]
    values = sorted(value for part, _ in timed for value in part)
    if not values:
        return None
    clocks = " and ".join(sorted({clock for _, clock in timed}))
    return Curve(cell.model, cell.configuration, tuple(values), len(timed), clocks)


def token_curves(dataset: Dataset) -> tuple[Curve, ...]:
    """Return the output token counts of every cell whose server reports them."""
    curves = []
    for cell in dataset.cells:
        by_run = [[float(r.output_tokens) for r in counted(run) if r.output_tokens is not None] for run in cell.ok]
        counts = tuple(sorted(chain.from_iterable(by_run)))
        if counts:
            curves.append(Curve(cell.model, cell.configuration, counts, sum(map(bool, by_run))))
    return tuple(curves)
