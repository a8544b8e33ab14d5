"""What each host did of a study that several of equal hardware share: which repetitions, when, and how noisy it was."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from statistics import fmean

from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.run_view import RunView
from greenreport.catalog import METRICS
from greenreport.record import Outcome

#: Metrics by which hosts are compared.
COMPARED = ("energy_j", "duration_s")


@dataclass(frozen=True, slots=True)
class HostNoise:
    """A metric on a host.

    Attributes:
        spread: standard deviation of its runs around the mean of their cell on this host, relative; None with one run of each cell.
        level: how its cells compare with those of all hosts, as a ratio of geometric means.
    """

    metric: str
    spread: float | None
    level: float

    @property
    def noun(self) -> str:
        """The metric in words."""
        return METRICS[self.metric].noun


@dataclass(frozen=True, slots=True)
class HostShare:
    """The part of a study that one host did.

    Attributes:
        name: a letter, in the order in which hosts began.
        runs, valid: number of its runs, and of those that count.
        first, last: when its first and its last run began, UTC.
        control: times of the fixed work before its blocks, s, in their order; stopped: when it took no more runs, and why.
    """

    name: str
    host_sha256: str
    repetitions: tuple[int, ...]
    runs: int
    valid: int
    first: str
    last: str
    noise: tuple[HostNoise, ...]
    control: tuple[float, ...] = ()
    stopped: tuple[str, str] | None = None


def host_shares(dataset: Dataset) -> tuple[HostShare, ...]:
    """Return what each host did; empty where one did everything, or hosts are not known."""
    made: defaultdict[str, list[tuple[str, RunView]]] = defaultdict(list)
    for cell in dataset.cells:
        for run in cell.runs:
            if run.host:
                made[run.host].append((cell.key, run))
    if len(made) < 2:
        return ()
    common = [metric for metric in COMPARED if all(_logs(runs, metric) for runs in made.values())]
    levels = {metric: _levels([item for runs in made.values() for item in runs], metric) for metric in common}
    shares = []
    for number, (host, runs) in enumerate(sorted(made.items(), key=lambda item: min(run.started_at for _, run in item[1]))):
        times = sorted(run.started_at for _, run in runs)
        shares.append(
            HostShare(
                _letter(number),
                host,
                tuple(sorted({run.repetition for _, run in runs})),
                len(runs),
                sum(run.outcome is Outcome.OK for _, run in runs),
                times[0],
                times[-1],
                tuple(_noise(runs, metric, levels[metric]) for metric in common),
                tuple(control.seconds for control in dataset.controls if control.host == host),
                next(((c.started_at, c.drift) for c in dataset.controls if c.host == host and c.drift is not None), None),
            )
        )
    return tuple(shares)


def _letter(number: int) -> str:
    """Return A, B, … Z, then AA, AB and so on."""
    return (_letter(number // 26 - 1) if number >= 26 else "") + chr(ord("A") + number % 26)


def _logs(runs: list[tuple[str, RunView]], metric: str) -> dict[str, list[float]]:
    logs: defaultdict[str, list[float]] = defaultdict(list)
    for key, run in runs:
        value = run.value(metric) if run.outcome is Outcome.OK else None
        if value is not None and 0 < value < math.inf:
            logs[key].append(math.log(value))
    return logs


def _levels(runs: list[tuple[str, RunView]], metric: str) -> dict[str, float]:
    return {key: fmean(values) for key, values in _logs(runs, metric).items()}


def _noise(runs: list[tuple[str, RunView]], metric: str, levels: dict[str, float]) -> HostNoise:
    logs = _logs(runs, metric)
    means = {key: fmean(values) for key, values in logs.items()}
    freedom = sum(len(values) - 1 for values in logs.values())
    squares = sum((value - means[key]) ** 2 for key, values in logs.items() for value in values)
    level = math.exp(fmean(means[key] - levels[key] for key in logs))
    return HostNoise(metric, math.sqrt(squares / freedom) if freedom else None, level)
