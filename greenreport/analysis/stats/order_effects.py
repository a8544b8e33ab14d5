"""What the order of runs does to their values: drift with time, and carry-over from the run before.

    log y = cell + block + effect of the order + error

Cells and blocks are taken out of the logarithms first, so each effect is looked for over all runs of a study at once. The few runs
of one cell show none of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import sparse, stats
from scipy.sparse import csgraph

from greenreport.analysis.stats.samples import FEWEST_RUNS, LEVEL, Floats, Indices, Interval, NotComputable

#: Level at which an effect of the order is called found.
ALPHA = 0.05
#: The effect of each cell on the next run is not estimated for more cells than this: the table would not fit into memory.
MOST_CELLS = 300
_SWEEPS = 1000
#: Runs that began closer together than 0.1 s apart tell of no change per hour.
_SHORTEST_HOURS = 3e-5
#: A change by a larger factor per hour (e to this power) is an extrapolation from seconds, and soon no number any more.
_LARGEST_LOG = 10.0
#: Blocks whose scatter lies below this quantile are taken for blocks with nothing in common; by simulation, so that the level holds.
_POOLED = 0.4


@dataclass(frozen=True, slots=True)
class OrderedRuns:
    """The values of a metric over a study, as arrays with an entry for each run, in the order in which the runs began.

    Attributes:
        logs: natural logarithms of the values.
        cells, blocks: numbers from 0.
        hours: when each began, since the first.
        before: number of the cell that ran just before; -1 where none did.
    """

    logs: Floats
    cells: Indices
    blocks: Indices
    hours: Floats
    before: Indices


@dataclass(frozen=True, slots=True)
class Drift:
    """How values change with the time at which runs are made, as a straight line through all cells at once.

    Attributes:
        per_hour: relative change per hour; 0.01: one per cent more after each hour.
        t, df, p: of Student's test of no change.
    """

    per_hour: float
    ci: Interval
    t: float
    df: int
    p: float

    @property
    def found(self) -> bool:
        """Whether values change more than chance explains."""
        return self.p < ALPHA


@dataclass(frozen=True, slots=True)
class CarryOver:
    """Whether values depend on which cell ran before.

    Attributes:
        spread: standard deviation, over the cells that ran before, of their relative effect on the next run (method of moments).
        ci: of that, from the F test turned round: 90 %, so that its lower end is above 0 when the test finds an effect.
        f, df, p: of the F test.
    """

    spread: float
    ci: Interval
    f: float
    df: tuple[int, int]
    p: float

    @property
    def found(self) -> bool:
        """Whether values depend on the run before more than chance explains."""
        return self.p < ALPHA


def drift(runs: OrderedRuns) -> Drift | NotComputable:
    """Look for a change with time: log y = cell + slope · hours + block + error.

    Blocks that merely differ are no drift. So the line is judged by what blocks scatter about it, with as few degrees of freedom as
    there are blocks, unless they scatter less than in 60 of 100 studies whose blocks have nothing in common; then by the scatter of
    all runs (sometimes pooling: Bozivich, Bancroft and Hartley 1956, Annals of Mathematical Statistics 27). In simulated studies
    without a drift, with 3 to 10 blocks that differ by any amount, 1 to 6 % find one. A test of the ranks within each cell, summed
    over cells (Hirsch, Slack and Smith 1982, Water Resources Research 18), takes cells for independent: 13 to 63 % where blocks differ.
    """
    blocks = int(runs.blocks.max(initial=-1)) + 1
    if blocks < FEWEST_RUNS:
        return NotComputable(f"fewer than {FEWEST_RUNS} blocks")
    (hours, of_hours), (logs, of_logs) = _swept(runs.hours, runs), _swept(runs.logs, runs)
    between, within = _centred(of_hours[runs.blocks]), hours[:, 0]
    spread = float(between @ between + within @ within)
    df = blocks - 2, _left_over(runs)
    if spread <= 0 or math.sqrt(spread / within.size) < _SHORTEST_HOURS or df[1] < 1:
        return NotComputable("too few runs at different times")
    above = _centred(of_logs[runs.blocks])
    slope = float(between @ above + within @ logs[:, 0]) / spread
    left = float(((above - slope * between) ** 2).sum()), float(((logs[:, 0] - slope * within) ** 2).sum())
    if left[1] <= 0:
        return NotComputable("the values do not vary")
    if left[0] / df[0] <= float(stats.f.ppf(_POOLED, *df)) * left[1] / df[1]:
        variance, judged_by = sum(left) / sum(df) / spread, sum(df)
    else:
        parts = float(between @ between) * left[0] / df[0] + float(within @ within) * left[1] / df[1]
        variance, judged_by = parts / spread**2, df[0]
    error = math.sqrt(variance)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, judged_by)) * error
    if abs(slope) + reach > _LARGEST_LOG:
        return NotComputable("the runs lie too close together in time to tell of a change by the hour")
    ci = Interval(math.expm1(slope - reach), math.expm1(slope + reach), LEVEL, "Student's t of the slope")
    return Drift(math.expm1(slope), ci, slope / error, judged_by, float(2 * stats.t.sf(abs(slope) / error, judged_by)))


def _centred(values: Floats) -> Floats:
    return np.asarray(values - values.mean())


def carry_over(runs: OrderedRuns) -> CarryOver | NotComputable:
    """Look for an effect of the cell that ran before: F test of its levels beside cell and block."""
    seen = runs.before >= 0
    runs = OrderedRuns(runs.logs[seen], runs.cells[seen], runs.blocks[seen], runs.hours[seen], runs.before[seen])
    levels, before = np.unique(runs.before, return_inverse=True)
    if int(runs.blocks.max(initial=-1)) + 1 < FEWEST_RUNS:
        return NotComputable(f"fewer than {FEWEST_RUNS} blocks")
    if levels.size > MOST_CELLS:
        return NotComputable(f"more than {MOST_CELLS} cells ran before others")
    if not levels.size:
        return NotComputable("which cell ran before is not known")
    left, _ = _swept(np.column_stack((runs.logs, np.eye(levels.size)[before])), runs)
    logs, after = left[:, 0], left[:, 1:]
    estimates, _, rank, _ = np.linalg.lstsq(after, logs, rcond=1e-9)
    fitted, df = after @ estimates, (int(rank), _left_over(runs) - int(rank))
    if df[0] < 1 or df[1] < 1:
        return NotComputable("too few runs for as many cells that ran before")
    error = float(((logs - fitted) ** 2).sum()) / df[1]
    if error <= 0:
        return NotComputable("the values do not vary")
    f = float((fitted**2).sum()) / df[0] / error
    scale = df[0] * error / float((after**2).sum())

    def spread(quantile: float) -> float:
        return math.sqrt(max(0.0, (f / quantile - 1) * scale))

    low, high = (spread(float(stats.f.ppf(level, *df))) for level in (1 - ALPHA, ALPHA))
    ci = Interval(low, high, 1 - 2 * ALPHA, "inverted F test")
    return CarryOver(spread(1.0), ci, f, df, float(stats.f.sf(f, *df)))


def _means(values: Floats, groups: Indices) -> Floats:
    """Return the mean of rows (runs × columns) in each group."""
    columns = values.reshape(len(values), -1)
    sums = np.zeros((int(groups.max()) + 1, columns.shape[1]))
    np.add.at(sums, groups, columns)
    return np.asarray(sums / np.maximum(1, np.bincount(groups))[:, None])


def _swept(values: Floats, runs: OrderedRuns) -> tuple[Floats, Floats]:
    """Return values (runs × columns) without the effects of cells and blocks, and the blocks' effects on the first column.

    Means are taken out in turn until nothing is left of them; where no run is missing, once is enough.
    """
    left = values.reshape(len(values), -1)
    effects = np.zeros(int(runs.blocks.max()) + 1)
    least = 1e-12 * max(1e-300, float(np.abs(left).max()))
    for _ in range(_SWEEPS):
        of_cells = _means(left, runs.cells)
        left = left - of_cells[runs.cells]
        of_blocks = _means(left, runs.blocks)
        left = left - of_blocks[runs.blocks]
        effects += of_blocks[:, 0]
        if max(np.abs(of_blocks).max(), np.abs(_means(left, runs.cells)).max()) <= least:
            break
    return left, effects


def _left_over(runs: OrderedRuns) -> int:
    """Return the degrees of freedom that cells and blocks leave."""
    cells, blocks = int(runs.cells.max()) + 1, int(runs.blocks.max()) + 1
    met = sparse.coo_array((np.ones(runs.logs.size), (runs.cells, cells + runs.blocks)), shape=(cells + blocks,) * 2)
    parts, _ = csgraph.connected_components(met, directed=False)
    return int(runs.logs.size - (cells + blocks - parts))
