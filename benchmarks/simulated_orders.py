"""Simulated studies in randomised blocks, with and without effects of their order, and how often each effect is found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy import stats
from scipy.signal import lfilter

from greenreport.analysis.stats import NotComputable
from greenreport.analysis.stats.autocorrelation import autocorrelation
from greenreport.analysis.stats.order_effects import OrderedRuns, carry_over, drift
from greenreport.analysis.stats.samples import Floats

CELLS, SPREAD = 12, 0.02
BLOCKS = (3, 5, 10)
LOOKS = ("drift", "not chosen: ranks summed over cells", "the run before", "autocorrelation")
Errors = Callable[[np.random.Generator, OrderedRuns], Floats]


def ordered_runs(random: np.random.Generator, errors: Errors, blocks: int, cells: int = CELLS) -> OrderedRuns:
    """Return a study in randomised blocks of five minutes a run, with cells that differ by factors."""
    order = np.concatenate([random.permutation(cells) for _ in range(blocks)])
    before = np.concatenate(([-1], order[:-1]))
    runs = OrderedRuns(np.zeros(order.size), order, np.repeat(np.arange(blocks), cells), np.arange(order.size) / 12, before)
    return replace(runs, logs=order * np.log(2.0) + errors(random, runs))


def equal(random: np.random.Generator, runs: OrderedRuns) -> Floats:
    """Return independent errors of 2 %."""
    return random.normal(0, SPREAD, runs.cells.size)


def differing(random: np.random.Generator, runs: OrderedRuns, blocks: float = 0.1) -> Floats:
    """Return errors with block effects, of 10 % if nothing else is said; they are no drift."""
    return np.asarray(random.normal(0, blocks, runs.blocks.max() + 1)[runs.blocks] + equal(random, runs))


def drifting(random: np.random.Generator, runs: OrderedRuns) -> Floats:
    """Return errors that grow by 1 % an hour."""
    return np.asarray(np.log(1.01) * runs.hours + equal(random, runs))


def carried(random: np.random.Generator, runs: OrderedRuns) -> Floats:
    """Return errors with an effect of 3 % of the cell that ran before."""
    return np.asarray(random.normal(0, 0.03, runs.cells.max() + 1)[runs.before] + equal(random, runs))


def lasting(random: np.random.Generator, runs: OrderedRuns) -> Floats:
    """Return errors of which each keeps 0.7 of the one before in its cell."""
    noise = random.normal(0, SPREAD, (50 + runs.blocks.max() + 1, runs.cells.max() + 1))
    return np.asarray(lfilter([1], [1, -0.7], noise, axis=0)[50:][runs.blocks, runs.cells])


DESIGNS: dict[str, Errors] = {
    "equal blocks": equal,
    "heavy tails": lambda random, runs: SPREAD * random.standard_t(3, runs.cells.size),
    "spread of cells 1:10": lambda random, runs: equal(random, runs) * np.geomspace(1, 10, CELLS)[runs.cells],
    "blocks differ by 2 %": lambda random, runs: differing(random, runs, SPREAD),
    "blocks differ by 10 %": differing,
    "drift of 1 % an hour": drifting,
    "effect of 3 % of the run before": carried,
    "AR(1) 0.7 by cell": lasting,
}


def ranks_find(runs: OrderedRuns) -> bool:
    """Return whether Mann and Kendall's test, its statistics summed over cells as if these were independent, finds a trend."""
    table = np.empty((runs.cells.max() + 1, runs.blocks.max() + 1))
    table[runs.cells, runs.blocks] = runs.logs
    n, first, second = table.shape[1], *np.triu_indices(table.shape[1], 1)
    score = np.sign(table[:, second] - table[:, first]).sum()
    deviation = np.sqrt(len(table) * n * (n - 1) * (2 * n + 5) / 18)
    return bool(2 * stats.norm.sf((abs(score) - 1) / deviation) < 0.05)


def found(design: str, blocks: int, count: int) -> Sequence[float]:
    """Return the share of studies in which each of `LOOKS` finds something."""
    random = np.random.default_rng([13, blocks])
    shares = []
    for _ in range(count):
        runs = ordered_runs(random, DESIGNS[design], blocks)
        effects = [look(runs) for look in (drift, carry_over, autocorrelation)]
        seen = [not isinstance(effect, NotComputable) and effect.found for effect in effects]
        shares.append((seen[0], ranks_find(runs), *seen[1:]))
    return [float(share) for share in np.mean(shares, axis=0)]
