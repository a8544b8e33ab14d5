"""Whether the runs of a cell had settled when their windows began, judged over all of its runs together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.stats import FEWEST_RUNS, Interval
from greenreport.analysis.stats.multiplicity import adjust
from greenreport.analysis.stats.samples import LEVEL
from greenreport.record import FlagCode
from greenreport.validity.settling import answer_times

ALPHA = 0.05
#: What counts as the beginning of a window.
BEGINNING = 0.25


@dataclass(frozen=True, slots=True)
class Settling:
    """The first quarter of the answers of a cell's windows beside the rest.

    Attributes:
        runs: those that could be judged.
        flagged: those of them with a clear change point.
        change: relative difference in the time of an answer, geometric mean over runs; 0.1: a tenth longer at the beginning.
        ci: of one cell alone.
        p: of no change, by Student's t over runs; `p_adjusted` over the cells of the study (Holm).
    """

    cell: CellView
    runs: int
    flagged: int
    change: float
    ci: Interval
    p: float
    p_adjusted: float

    @property
    def found(self) -> bool:
        """Whether answers at the beginning differ more than chance explains."""
        return self.p_adjusted < ALPHA


def settling(dataset: Dataset) -> tuple[Settling, ...]:
    """Return the settling of every cell with enough runs whose answers follow each other (see `validity.settling`)."""
    judged = list(_judged(dataset))
    adjusted = adjust([item.p for item in judged])
    return tuple(replace(item, p_adjusted=p) for item, p in zip(judged, adjusted, strict=True) if p is not None)


def _judged(dataset: Dataset) -> Iterator[Settling]:
    for cell in dataset.cells:
        runs = [(run, times) for run in cell.ok if (times := answer_times(run.requests)) is not None]
        cuts = [(times, max(2, round(BEGINNING * times.size))) for _, times in runs]
        changes = np.array([times[:cut].mean() - times[cut:].mean() for times, cut in cuts])
        if changes.size < FEWEST_RUNS:
            continue
        mean, error, df = float(changes.mean()), float(changes.std(ddof=1)) / math.sqrt(changes.size), changes.size - 1
        if error <= 0:
            continue
        reach = float(stats.t.ppf((1 + LEVEL) / 2, df)) * error
        ci = Interval(math.expm1(mean - reach), math.expm1(mean + reach), LEVEL, "Student's t over runs")
        p = float(2 * stats.t.sf(abs(mean) / error, df))
        flagged = sum(any(flag.code is FlagCode.UNSETTLED_WINDOW for flag in run.flags) for run, _ in runs)
        yield Settling(cell, changes.size, flagged, math.expm1(mean), ci, p, p)
