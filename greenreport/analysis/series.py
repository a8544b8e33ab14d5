"""Series of a sweep: what more load gains, and where it ends.

A series is one model in one configuration at several levels of a load factor (batch size, clients, request rate, …), all else
equal. For each series: the load at which throughput saturates, the load at which memory or patience ends, the load from which
energy per token stays at its least, the best load under the study's latency objective, and the Pareto set of throughput,
latency and energy. Definitions: docs/frontier.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from greenreport.analysis.claims import Claim, compare
from greenreport.analysis.dataset import CellView, Dataset, label_of
from greenreport.analysis.stats import ParetoFront, Saturation, pareto, plateau, saturation
from greenreport.record import Outcome
from greenreport.study import Configuration, Model
from greenreport.units import THIN

#: Load factors, with their name in a sentence.
FACTORS = {
    "batch_size": "batch",
    "max_batch": "dynamic batch",
    "concurrency": "number of clients",
    "request_rate": "request rate",
}
FEWEST_LOADS = 3
THROUGHPUT, ENERGY = "throughput_tokens_per_s", "j_per_output_token"
#: The latency of a series: the first of these that every load has.
LATENCIES = ("tbt_s", "latency_p95_s", "latency_s")
LIMITS = {Outcome.OUT_OF_MEMORY: "memory", Outcome.TIMED_OUT: "time"}


@dataclass(frozen=True, slots=True)
class LoadPoint:
    """A load that was measured."""

    load: float
    cell: CellView

    def value(self, metric: str) -> float | None:
        """Return the median over runs that count, or None."""
        values = self.cell.values(metric)
        return median(values) if values else None


@dataclass(frozen=True, slots=True)
class End:
    """Where a direction of the sweep ended: the smallest load that did not work, and the largest that did."""

    load: float
    outcome: Outcome
    reason: str
    last_good: float | None


@dataclass(frozen=True, slots=True)
class Replicas:
    """What several replicas gain over one, at one load."""

    replicas: int
    load: float
    throughput: Claim
    energy: Claim | None
    latency: Claim | None


@dataclass(frozen=True, slots=True)
class Series:
    """One model in one configuration at several levels of one factor.

    Attributes:
        base: the configuration with the factor at its default.
        latency: metric of LATENCIES that stands for latency here.
        points: loads with values, ascending.
        within: best load under the study's objective; None where none keeps it or nothing is declared.
        front: Pareto set of throughput, latency and energy per token; points are named by configuration id.
    """

    model: Model
    factor: str
    base: Configuration
    latency: str | None
    points: tuple[LoadPoint, ...]
    end: End | None
    saturation: Saturation
    least_energy: tuple[float, float] | None
    within: LoadPoint | None
    front: ParetoFront
    falling_use: tuple[str, float, float] | None

    @property
    def label(self) -> str:
        """Name of the series: the configuration without the factor."""
        return label_of(self.base)

    @property
    def peak(self) -> LoadPoint:
        """The load of the highest throughput."""
        return max(self.points, key=lambda point: point.value(THROUGHPUT) or 0.0)

    @property
    def advised(self) -> LoadPoint:
        """The saturation load, or the load of the highest throughput where the sweep saw no saturation."""
        return next((p for p in self.points if p.load == self.saturation.load), self.peak)

    def at(self, load: float) -> LoadPoint | None:
        """Return the point of a load."""
        return next((point for point in self.points if point.load == load), None)

    def load_text(self, load: float) -> str:
        """Return a load in words: ``batch 8``, ``4 clients``, ``2.5 requests/s``."""
        words = {
            "batch_size": f"batch {load:g}",
            "max_batch": f"dynamic batches of up to {load:g}",
            "concurrency": f"{load:g} client{'' if load == 1 else 's'}",
            "request_rate": f"{load:g}{THIN}requests/s",
        }
        return words[self.factor]


def all_series(dataset: Dataset, unfaithful: set[tuple[str, str]]) -> Iterator[Series]:
    """Yield every series with enough loads, in the order of the study; unfaithful (model, configuration) cells are no points.

    Several replicas need one load only: there they are compared with one replica, whose series must have enough.
    """
    for factor in FACTORS:
        groups: dict[tuple[str, str], list[CellView]] = {}
        for cell in dataset.cells:
            if getattr(cell.configuration, factor) is not None:
                groups.setdefault((cell.model.id, _base(cell.configuration, factor).id), []).append(cell)
        found = [
            _series(dataset, factor, sorted(cells, key=lambda c: getattr(c.configuration, factor)), unfaithful)
            for cells in groups.values()
        ]
        known = [series for series in found if series is not None]
        if any(len(series.points) >= FEWEST_LOADS for series in known):
            yield from sorted(known, key=lambda series: series.base.replicas)


def _base(configuration: Configuration, factor: str) -> Configuration:
    """Return the configuration without the factor, as if the study had not named it."""
    apart = {factor, "max_wait_ms"} if factor == "max_batch" else {factor}
    own = configuration.model_fields_set - apart
    return Configuration.model_validate({name: getattr(configuration, name) for name in own})


def _series(dataset: Dataset, factor: str, cells: list[CellView], unfaithful: set[tuple[str, str]]) -> Series | None:
    def load_of(cell: CellView) -> float:
        return float(getattr(cell.configuration, factor))

    points = tuple(
        LoadPoint(load_of(cell), cell)
        for cell in cells
        if cell.values(THROUGHPUT) and (cell.model.id, cell.configuration.id) not in unfaithful
    )
    fewest = FEWEST_LOADS if cells[0].configuration.replicas == 1 else 1
    if len(points) < fewest:
        return None
    latency = next((m for m in LATENCIES if all(point.cell.values(m) for point in points)), None)
    energies = [(point.load, value) for point in points if (value := point.value(ENERGY)) is not None]
    epsilon = dataset.study.frontier.epsilon
    loads = [point.load for point in points]
    return Series(
        cells[0].model,
        factor,
        _base(cells[0].configuration, factor),
        latency,
        points,
        _end(cells, load_of),
        saturation(loads, [_runs(point.cell, THROUGHPUT) for point in points], epsilon),
        plateau([load for load, _ in energies], [value for _, value in energies], epsilon),
        _within(dataset, points),
        _front(points, latency),
        _falling_use(points),
    )


def _runs(cell: CellView, metric: str) -> list[float | None]:
    return [run.value(metric) for run in cell.ok]


def _end(cells: list[CellView], load_of: object) -> End | None:
    """Return where memory or time ended the sweep: the smallest load with no valid run that ended so."""
    assert callable(load_of)
    good: list[float] = [load_of(cell) for cell in cells if cell.ok]
    for cell in cells:
        ended = next((run for run in cell.runs if run.outcome in LIMITS), None)
        if ended is not None and not cell.ok:
            load = load_of(cell)
            below = [value for value in good if value < load]
            return End(load, ended.outcome, ended.reason or ended.outcome.value, max(below, default=None))
    return None


def _within(dataset: Dataset, points: Sequence[LoadPoint]) -> LoadPoint | None:
    """Return the load of the highest throughput among those that keep the study's objective."""
    objective = dataset.study.objective
    if objective is None:
        return None
    kept = []
    for point in points:
        share = point.value("served_well_pct")
        if share is not None:
            keeps = share >= 100 * objective.share
        else:  # an imported table has no single requests: its medians must keep the bounds
            bounds = ((objective.ttft_s, "ttft_s"), (objective.tbt_s, "tbt_s"), (objective.latency_s, "latency_s"))
            values = [(bound, point.value(metric)) for bound, metric in bounds if bound is not None]
            keeps = all(value is not None and value <= bound for bound, value in values)
        kept += [point] if keeps else []
    return max(kept, key=lambda point: point.value(THROUGHPUT) or 0.0, default=None)


def _front(points: Sequence[LoadPoint], latency: str | None) -> ParetoFront:
    metrics = [THROUGHPUT, *([latency] if latency else [])]
    if all(point.cell.values(ENERGY) for point in points):
        metrics.append(ENERGY)
    better: list[Literal["lower", "higher"]] = ["higher" if metric == THROUGHPUT else "lower" for metric in metrics]
    return pareto({p.cell.configuration.id: [_runs(p.cell, metric) for metric in metrics] for p in points}, better)


def _falling_use(points: Sequence[LoadPoint]) -> tuple[str, float, float] | None:
    """Return (metric, first, last) when device utilisation falls while throughput rises: a trap for dashboards."""
    for metric in ("gpu_usage_pct", "process_cpu_pct"):
        first, last = points[0].value(metric), points[-1].value(metric)
        grown = (points[-1].value(THROUGHPUT) or 0) > 1.5 * (points[0].value(THROUGHPUT) or 0)
        if first is not None and last is not None and last < 0.95 * first and grown:
            return metric, first, last
    return None


def replica_gains(dataset: Dataset, series: Series, every: Sequence[Series]) -> Iterator[Replicas]:
    """Yield what the replicas of a series gain over one, at every load both have."""
    alone = series.base.model_copy(update={"replicas": 1}).id
    single = next(
        (s for s in every if s.model.id == series.model.id and s.factor == series.factor and s.base.id == alone), None
    )
    if single is None:
        return
    for point in series.points:
        other = single.at(point.load)
        if other is None:
            continue
        pair = (point.cell.configuration, other.cell.configuration, [series.model])
        throughput = compare(dataset, THROUGHPUT, *pair)
        if throughput is not None:
            latency = compare(dataset, series.latency, *pair) if series.latency else None
            yield Replicas(series.base.replicas, point.load, throughput, compare(dataset, ENERGY, *pair), latency)


def series_id(series: Series) -> str:
    """Return a stable name of a series."""
    return f"{series.model.id}-{series.base.id}-{series.factor.replace('_', '-')}"
