"""Costs per right answer with problems and blocks drawn again.

The same problems are drawn for all configurations, since all answer the same ones, and the same blocks, since a block shares its time.
Each resample gives a cost ÷ right answers; its quantiles are the interval (percentile bootstrap). With few blocks the part of the runs is
somewhat small: n blocks drawn from n vary by a factor √((n − 1) ÷ n) less than they should.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from greenreport.analysis.quality.problems import CellAnswers
from greenreport.analysis.stats import Interval, NotComputable
from greenreport.analysis.stats.paired_shares import resampled_counts
from greenreport.analysis.stats.samples import LEVEL, Floats

METHOD = "bootstrap over problems and blocks together, the same for both"


@dataclass(frozen=True, slots=True)
class Costs:
    """What an answer took and the share of right answers of a configuration: the data as they are first, then each resample."""

    spent: Floats
    right: Floats


def resampled(tables: Mapping[str, CellAnswers], seed: int, *, of_energy: bool) -> dict[str, Costs]:
    """Return the costs of the configurations whose cost is known, in seconds or joules per answer, over resamples they share."""
    known = {
        name: (table, cost)
        for name, table in tables.items()
        if (cost := table.joules if of_energy else table.seconds) is not None and not table.cell.disturbed
    }
    blocks = sorted({block for table, _ in known.values() for block in table.blocks})
    if not blocks:
        return {}
    problems = len(next(iter(known.values()))[0].problems)
    by_problem, by_block = _with_data(problems, seed), _with_data(len(blocks), seed + 1)
    return {name: _costs(table, cost, by_problem, by_block, blocks) for name, (table, cost) in known.items()}


def _with_data(size: int, seed: int) -> Floats:
    """Return the resamples of some things below the things as they are."""
    return np.concatenate((np.ones((1, size)), resampled_counts(size, seed)))


def _costs(table: CellAnswers, cost: Floats, by_problem: Floats, by_block: Floats, blocks: list[int]) -> Costs:
    own = by_block[:, [blocks.index(block) for block in table.blocks]]
    spent, right, answered = (((own @ part) * by_problem).sum(axis=1) for part in (cost, table.right, table.answered))
    with np.errstate(invalid="ignore", divide="ignore"):  # no run of a configuration may have been drawn
        return Costs(spent / answered, right / answered)


def ratio_of_costs(first: Costs, second: Costs) -> tuple[float, Interval | NotComputable] | None:
    """Return the ratio of the costs per right answer with its interval; None where one of them has no right answer."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = (first.spent / first.right) / (second.spent / second.right)
    if not np.isfinite(ratios[0]) or ratios[0] <= 0:
        return None
    drawn = ratios[1:]
    if np.isfinite(drawn).mean() < LEVEL:
        return float(ratios[0]), NotComputable("in many resamples no answer is right")
    low, high = np.quantile(drawn[np.isfinite(drawn)], ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(ratios[0]), Interval(float(low), float(high), LEVEL, METHOD)
