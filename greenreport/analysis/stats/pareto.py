"""Pareto set over two or three metrics, with the probability of each membership given the runs."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from greenreport.analysis.stats.samples import FEWEST_RUNS, Floats, Sample, complete_rows
from greenreport.units import counted

#: Bootstrap resamples of the runs of every point.
RESAMPLES = 2000
#: Resamples compared at a time: bounds the memory, not the result.
_CHUNK = 100


@dataclass(frozen=True, slots=True)
class ParetoPoint:
    """One configuration in the space of the metrics.

    Attributes:
        medians: one for each metric, over the runs complete in all metrics; empty without such a run.
        on_front: no other point is at least as good in every metric and better in one; None without runs.
        probability: share of bootstrap resamples in which it is on the front; None below three runs.
        dominated_by: points that dominate it, in the order given.
    """

    name: str
    n: int
    medians: tuple[float, ...]
    on_front: bool | None
    probability: float | None
    dominated_by: tuple[str, ...]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ParetoFront:
    """All points in the order given; `front`: names of those on the front."""

    points: tuple[ParetoPoint, ...]

    @property
    def front(self) -> tuple[str, ...]:
        """Names of the points on the front."""
        return tuple(point.name for point in self.points if point.on_front)


@np.errstate(all="ignore")
def pareto(
    points: Mapping[str, Sequence[Sample]], better: Sequence[Literal["lower", "higher"]], *, seed: int = 0
) -> ParetoFront:
    """Find the Pareto set of medians and the bootstrap probability of membership.

    Args:
        points: name → one sample for each metric, in the metric's unit; the position in the samples is the run, and a run
            counts when it has a finite value in every metric. Whole runs are resampled, so metrics stay correlated.
        better: for each metric, whether lower or higher is better.
        seed: of the resampling; a point's resamples depend on its name and the seed only, not on the other points.
    """
    tables = {name: complete_rows(samples) for name, samples in points.items()}
    present = [name for name, table in tables.items() if len(table)]
    signs = np.array([1.0 if direction == "lower" else -1.0 for direction in better])
    if not present:
        return ParetoFront(tuple(_absent(name) for name in points))
    medians = np.array([np.median(tables[name], axis=0) for name in present])
    dominating = _dominating(signs * medians[None])[0]
    resampled = np.stack([_resample(tables[name], name, seed) for name in present], axis=1)
    chunks = np.split(signs * resampled, RESAMPLES // _CHUNK)
    probability = np.mean([~_dominating(chunk).any(axis=2) for chunk in chunks], axis=(0, 1))
    placed = {}
    for name, at, dominated, share in zip(present, medians.tolist(), dominating, probability.tolist(), strict=True):
        n = len(tables[name])
        dominated_by = tuple(other for other, wins in zip(present, dominated, strict=True) if wins)
        too_few = None if n >= FEWEST_RUNS else f"{counted(n, 'run')}; a probability needs {FEWEST_RUNS}"
        placed[name] = ParetoPoint(name, n, tuple(at), not dominated_by, None if too_few else share, dominated_by, too_few)
    return ParetoFront(tuple(placed.get(name, _absent(name)) for name in points))


def _absent(name: str) -> ParetoPoint:
    return ParetoPoint(name, 0, (), None, None, (), "no run has a value in every metric")


def _resample(table: Floats, name: str, seed: int) -> Floats:
    """Return medians of resampled runs, of shape (resamples, metrics)."""
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    chosen = table[random.integers(0, len(table), (RESAMPLES, len(table)))]
    return np.asarray(np.median(chosen, axis=1), dtype=np.float64)


def _dominating(values: Floats) -> npt.NDArray[np.bool_]:
    """Return for values of shape (…, points, metrics), lower being better, whether point i is dominated by point j."""
    point, other = values[..., :, None, :], values[..., None, :, :]
    return np.asarray((other <= point).all(axis=-1) & (other < point).any(axis=-1))
