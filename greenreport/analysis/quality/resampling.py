"""Costs per right answer with problems and blocks drawn again.

The same problems are drawn for all configurations, since all answer the same ones, and the same blocks, since a block shares its time.

The interval of a ratio of costs has two parts. Over problems it is that of the resamples (percentiles); over runs, Student's t within
blocks, which a bootstrap of a few blocks would make too narrow. On the logarithmic scale the distances of their ends from the estimate
are added in quadrature (Zou and Donner 2008, Statistics in Medicine 27).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from greenreport.analysis.quality.problems import CellAnswers
from greenreport.analysis.stats import Interval, NotComputable, Ratio
from greenreport.analysis.stats.paired_shares import resampled_counts
from greenreport.analysis.stats.samples import LEVEL, Floats

METHOD = "bootstrap over problems, the same for both, with Student's t within blocks"


@dataclass(frozen=True, slots=True)
class Costs:
    """Cost per answer and share of right answers of a configuration. The first element is from the data, the others from resamples."""

    spent: Floats
    right: Floats


def resampled(tables: Mapping[str, CellAnswers], seed: int, *, of_energy: bool, over_blocks: bool) -> dict[str, Costs]:
    """Return the costs of the configurations whose cost is known, in seconds or joules per answer, over resamples they share.

    Args:
        over_blocks: draw blocks again too, else problems alone.
    """
    known = {
        name: (table, cost)
        for name, table in tables.items()
        if (cost := table.joules if of_energy else table.seconds) is not None and not table.cell.disturbed
    }
    blocks = sorted({block for table, _ in known.values() for block in table.blocks})
    if not blocks:
        return {}
    problems = len(next(iter(known.values()))[0].problems)
    by_problem = _with_data(problems, seed)
    by_block = _with_data(len(blocks), seed + 1) if over_blocks else np.ones((len(by_problem), len(blocks)))
    return {name: _costs(table, cost, by_problem, by_block, blocks) for name, (table, cost) in known.items()}


def _with_data(size: int, seed: int) -> Floats:
    """Return the resamples of some things below the things as they are."""
    return np.concatenate((np.ones((1, size)), resampled_counts(size, seed)))


def _costs(table: CellAnswers, cost: Floats, by_problem: Floats, by_block: Floats, blocks: list[int]) -> Costs:
    own = by_block[:, [blocks.index(block) for block in table.blocks]]
    spent, right, answered = (((own @ part) * by_problem).sum(axis=1) for part in (cost, table.right, table.answered))
    with np.errstate(invalid="ignore", divide="ignore"):  # no run of a configuration may have been drawn
        return Costs(spent / answered, right / answered)


def ratio_of_costs(first: Costs, second: Costs, over_runs: Ratio) -> tuple[float, Interval | NotComputable] | None:
    """Return the ratio of the costs per right answer with its interval; None where one of them has no right answer.

    The estimate is the one that the question about this metric prints, the geometric mean of the ratios within blocks; where no block
    has both, the ratio of the sums.

    Args:
        first, second: over problems alone.
        over_runs: the same ratio within blocks.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log((first.spent / first.right) / (second.spent / second.right))
    if not np.isfinite(logs[0]):
        return None
    value, drawn = float(np.exp(logs[0])) if over_runs.value is None else over_runs.value, logs[1:][np.isfinite(logs[1:])]
    if isinstance(over_runs.ci, NotComputable):
        return value, over_runs.ci
    if drawn.size < LEVEL * (logs.size - 1):
        return value, NotComputable("in many resamples no answer is right")
    reach = (math.log(over_runs.ci.high) - math.log(over_runs.ci.low)) / 2
    ends = np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)) - logs[0]
    low, high = (value * math.exp(sign * math.hypot(end, reach)) for sign, end in zip((-1, 1), ends.tolist(), strict=True))
    return value, Interval(low, high, LEVEL, METHOD)
