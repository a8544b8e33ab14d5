"""How good the measurements of a study are: flags by code, sampling, agreement of instruments, cost of the profiler."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.run_view import RunView, Sampling
from greenreport.record import Outcome
from greenreport.validity import CODES, Agreement, Code, excludes


@dataclass(frozen=True, slots=True)
class CodeCount:
    """A reason code over all runs that were measured.

    Attributes:
        excludes: whether it excludes runs in this study.
        runs: number of runs with the flag.
        example: detail of the first of them; "" without any.
    """

    code: Code
    excludes: bool
    runs: int
    cells: int
    example: str


@dataclass(frozen=True, slots=True)
class SamplingSummary:
    """A channel over the windows of all runs.

    Attributes:
        interval_s: median time between samples.
        share: smallest covered share of a window, 0 to 1.
        largest_gap_s: over all windows.
    """

    name: str
    runs: int
    samples: int
    interval_s: float
    share: float
    largest_gap_s: float


@dataclass(frozen=True, slots=True)
class AgreementPoint:
    """One run measured by two instruments; energies in joules, `difference` second minus first as a share of their mean."""

    cell: CellView
    repetition: int
    first_j: float
    second_j: float
    difference: float


@dataclass(frozen=True, slots=True)
class AgreementSummary:
    """Two instruments on one component over all runs (Bland and Altman 1986).

    Attributes:
        bias: mean relative difference, second minus first.
        low, high: limits of agreement, bias ± 1.96 standard deviations; None with fewer than 3 runs.
        points: the runs, in the order of cells and repetitions.
        allowed: the largest relative difference that the instruments' uncertainties explain, the median over the runs (k = 2); None
            where it is not known.
        unexplained: runs whose difference is larger than theirs explain.
    """

    domain: str
    first: str
    second: str
    runs: int
    bias: float
    low: float | None
    high: float | None
    points: tuple[AgreementPoint, ...]
    allowed: float | None = None
    unexplained: int = 0

    @property
    def outside(self) -> int:
        """Number of runs outside the limits of agreement; 0 without limits."""
        if self.low is None or self.high is None:
            return 0
        return sum(not self.low <= point.difference <= self.high for point in self.points)


@dataclass(frozen=True, slots=True)
class MeasurementQuality:
    """The quality of the measurements of a study, as its validity page shows it.

    Attributes:
        measured: runs that reached the end of their window.
        excluded: those that do not count, with their cell.
        foreign: median and largest share of the CPUs other programs used in a window; None when not sampled.
        profiler: median and largest CPU share of the sampling process, in %.
        idle_w: median idle power of the first and of the last block, in W; None with fewer than two blocks or no energy.
    """

    measured: int
    excluded: tuple[tuple[CellView, RunView], ...]
    codes: tuple[CodeCount, ...]
    sampling: tuple[SamplingSummary, ...]
    agreements: tuple[AgreementSummary, ...]
    foreign: tuple[float, float] | None
    profiler: tuple[float, float] | None
    idle_w: tuple[float, float] | None


def quality(dataset: Dataset) -> MeasurementQuality:
    """Summarise the validity records of all runs."""
    runs = [(cell, run) for cell in dataset.cells for run in cell.runs]
    measured = [(cell, run) for cell, run in runs if run.outcome in (Outcome.OK, Outcome.INVALID)]
    foreign = [run.foreign_load for _, run in measured if run.foreign_load is not None]
    profiler = [value for _, run in measured if (value := run.value("profiler_cpu_pct")) is not None]
    return MeasurementQuality(
        len(measured),
        tuple((cell, run) for cell, run in runs if run.outcome is not Outcome.OK),
        tuple(_codes(dataset, measured)),
        tuple(_sampling(measured)),
        tuple(_agreements(measured)),
        (float(np.median(foreign)), max(foreign)) if foreign else None,
        (float(np.median(profiler)), max(profiler)) if profiler else None,
        _idle_drift(measured),
    )


def _idle_drift(runs: list[tuple[CellView, RunView]]) -> tuple[float, float] | None:
    blocks: dict[int, list[float]] = defaultdict(list)
    for _, run in runs:
        if (watts := run.value("idle_power_w")) is not None:
            blocks[run.repetition].append(watts)
    if len(blocks) < 2:
        return None
    return float(np.median(blocks[min(blocks)])), float(np.median(blocks[max(blocks)]))


def _codes(dataset: Dataset, runs: list[tuple[CellView, RunView]]) -> Iterator[CodeCount]:
    for name, code in CODES.items():
        flagged = [(cell, run) for cell, run in runs if any(flag.code == name for flag in run.flags)]
        example = next((flag.detail for _, run in flagged for flag in run.flags if flag.code == name), "")
        yield CodeCount(code, excludes(name, dataset.study), len(flagged), len({cell.key for cell, _ in flagged}), example)


def _sampling(runs: list[tuple[CellView, RunView]]) -> Iterator[SamplingSummary]:
    channels: dict[str, list[Sampling]] = defaultdict(list)
    for _, run in runs:
        for item in run.sampling:
            channels[f"{item.meter} · {item.channel}"].append(item)
    for name, items in sorted(channels.items()):
        yield SamplingSummary(
            name,
            len(items),
            sum(item.coverage.samples for item in items),
            float(np.median([item.interval_s for item in items])),
            min(item.coverage.share for item in items),
            max(item.coverage.largest_gap_s for item in items),
        )


def _agreements(runs: list[tuple[CellView, RunView]]) -> Iterator[AgreementSummary]:
    pairs: dict[tuple[str, str, str], list[AgreementPoint]] = defaultdict(list)
    compared: dict[tuple[str, str, str], list[Agreement]] = defaultdict(list)
    for cell, run in runs:
        for pair in run.agreements:
            point = AgreementPoint(cell, run.repetition, pair.first_j, pair.second_j, pair.difference)
            pairs[pair.domain, pair.first, pair.second].append(point)
            compared[pair.domain, pair.first, pair.second].append(pair)
    for (domain, first, second), points in sorted(pairs.items(), key=lambda item: item[0]):
        differences = [point.difference for point in points]
        bias = float(np.mean(differences))
        spread = 1.96 * float(np.std(differences, ddof=1)) if len(differences) > 2 else None
        low, high = (None, None) if spread is None else (bias - spread, bias + spread)
        of_pair = compared[domain, first, second]
        allowed = [pair.allowed for pair in of_pair if pair.allowed is not None]
        yield AgreementSummary(
            domain, first, second, len(points), bias, low, high, tuple(points),
            float(np.median(allowed)) if allowed else None, sum(not pair.explained for pair in of_pair),
        )  # fmt: skip
