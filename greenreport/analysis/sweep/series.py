"""Series of a sweep: what more load gains, and where it ends.

A series is one model in one configuration at several levels of a load factor (batch size, clients, request rate, …), all else
equal. Definitions: docs/frontier.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from greenreport.analysis.hypotheses.claims import Claim, compare
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import NotRanked
from greenreport.analysis.stats import NotComputable, ParetoFront, Saturation, pareto, plateau, saturation
from greenreport.analysis.sweep.directions import FEWEST_LOADS, Direction, load_of, load_text
from greenreport.catalog import METRICS
from greenreport.record import FlagCode, Outcome
from greenreport.study import Configuration, Model

THROUGHPUT, ENERGY = "throughput_tokens_per_s", "j_per_output_token"
#: The latency of a model: the first of these that every load of it has.
LATENCIES = ("tbt_s", "latency_p95_s", "latency_s")
LIMITS = (Outcome.OUT_OF_MEMORY, Outcome.TIMED_OUT)
_UNRANKED = ParetoFront(())


@dataclass(frozen=True, slots=True)
class LoadPoint:
    """A load that was measured."""

    load: float
    cell: CellView

    def value(self, metric: str) -> float | None:
        """Return the median over runs that count, or None."""
        return self.cell.median(metric)


@dataclass(frozen=True, slots=True)
class End:
    """Where a direction of the sweep ended: the smallest load that did not work, and the largest that did.

    With the outcome `ok` the load worked only because the server took requests back.
    """

    load: float
    outcome: Outcome
    reason: str
    last_good: float | None


@dataclass(frozen=True, slots=True)
class Replicas:
    """What several replicas gain over one, each of them at `load`."""

    replicas: int
    load: float
    throughput: Claim
    energy: Claim | None
    latency: Claim | None


@dataclass(frozen=True, slots=True)
class FallingUse:
    """A device that is used less at the largest load than at the smallest, in %, although throughput grew."""

    device: str
    first_pct: float
    last_pct: float


@dataclass(frozen=True, slots=True)
class Series:
    """One model in one configuration at several levels of one factor.

    Attributes:
        base: the configuration with the factor at its default.
        cells: every cell of the sweep, ascending, whatever became of it.
        points: loads with values, ascending; at least one.
        saturation, least_energy: only for three loads or more.
        kept: loads that keep the study's objective; None where none is declared, and where no request can be judged.
        latency: metric of LATENCIES that stands for latency in every series of the model.
        dimensions: metrics of the front, the same for every series of the model.
        front: the own points of the model's Pareto set, named by configuration id; a point of any series may beat them.
    """

    model: Model
    factor: str
    base: Configuration
    cells: tuple[CellView, ...]
    points: tuple[LoadPoint, ...]
    end: End | None
    saturation: Saturation
    least_energy: tuple[float, float] | None
    kept: tuple[LoadPoint, ...] | None
    falling_use: FallingUse | None
    latency: str | None = None
    dimensions: tuple[str, ...] = ()
    front: ParetoFront = _UNRANKED

    @property
    def label(self) -> str:
        """Name of the series: the configuration without the factor."""
        return label_of(self.base)

    @property
    def short(self) -> bool:
        """Whether there are too few loads for a curve."""
        return len(self.points) < FEWEST_LOADS

    @property
    def within(self) -> LoadPoint | None:
        """The load of the highest throughput among those that keep the study's objective; None where none does or none is declared."""
        return max(self.kept or (), key=lambda point: point.value(THROUGHPUT) or 0.0, default=None)

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
        """Return a load in words."""
        return load_text(self.factor, load)


def all_series(dataset: Dataset, swept: Sequence[Direction], unfaithful: NotRanked) -> tuple[Series, ...]:
    """Return the series of every direction in which some load has values; unfaithful (model, configuration) cells are no points."""
    every = [series for d in swept if (series := _series(dataset, d, unfaithful)) is not None]
    fronts = {name: _front([s for s in every if s.model.id == name]) for name in {s.model.id for s in every}}
    ranked = []
    for series in every:
        latency, dimensions, front = fronts[series.model.id]
        own = {point.cell.configuration.id for point in series.points}
        kept = ParetoFront(tuple(point for point in front.points if point.name in own))
        ranked.append(replace(series, latency=latency, dimensions=dimensions, front=kept))
    return tuple(ranked)


def _series(dataset: Dataset, direction: Direction, unfaithful: NotRanked) -> Series | None:
    points = tuple(
        LoadPoint(load_of(cell.configuration, direction.factor), cell)
        for cell in direction.cells
        if cell.values(THROUGHPUT) and (cell.model.id, cell.configuration.id) not in unfaithful
    )
    if not points:
        return None
    enough = len(points) >= FEWEST_LOADS
    epsilon = dataset.study.frontier.epsilon
    reached = Saturation(None, NotComputable(f"fewer than {FEWEST_LOADS} loads have values"), ())
    if enough:
        reached = saturation([p.load for p in points], [_runs(p.cell, THROUGHPUT) for p in points], epsilon)
    energies = [(point.load, value) for point in points if (value := point.value(ENERGY)) is not None]
    return Series(
        model=direction.model,
        factor=direction.factor,
        base=direction.base,
        cells=direction.cells,
        points=points,
        end=_end(direction),
        saturation=reached,
        least_energy=plateau([at for at, _ in energies], [value for _, value in energies], epsilon) if enough else None,
        kept=_kept(dataset, points),
        falling_use=_falling_use(points),
    )


def _runs(cell: CellView, metric: str) -> list[float | None]:
    return [] if cell.modelled(metric) or cell.disturbed else [run.value(metric) for run in cell.ok]


def _end(direction: Direction) -> End | None:
    """Return where memory or time ended the sweep, the smallest load with no valid run that ended so, or where preemption began.

    A load that took too long ends it only above one that worked: of a fixed number of requests the lightest load is the slowest.
    """
    good = [load_of(cell.configuration, direction.factor) for cell in direction.cells if cell.ok]
    for cell in direction.cells:
        load = load_of(cell.configuration, direction.factor)
        below = max((value for value in good if value < load), default=None)
        ended = next((run for run in cell.runs if run.outcome in LIMITS), None)
        if ended is not None and not cell.ok and (below is not None or not good or ended.outcome is Outcome.OUT_OF_MEMORY):
            return End(load, ended.outcome, ended.reason or ended.outcome.value, below)
        taken_back = next((flag for run in cell.ok for flag in run.flags if flag.code is FlagCode.PREEMPTED), None)
        if taken_back is not None:  # its answers count, but memory was too small for them
            return End(load, Outcome.OK, taken_back.detail or "preemption", below)
    return None


def _kept(dataset: Dataset, points: Sequence[LoadPoint]) -> tuple[LoadPoint, ...] | None:
    """Return the loads that keep the study's objective; None where none is declared, and where no request can be judged."""
    objective = dataset.study.objective
    unjudged = not dataset.imported and all(point.value("served_well_pct") is None for point in points)
    if objective is None or unjudged:
        return None
    kept = []
    for point in points:
        share = point.value("served_well_pct")
        if share is not None or not dataset.imported:
            keeps = share is not None and share >= 100 * objective.share
        else:  # an imported table has no single requests: its medians must keep the bounds
            bounds = ((objective.ttft_s, "ttft_s"), (objective.tbt_s, "tbt_s"), (objective.latency_s, "latency_s"))
            values = [(bound, point.value(metric)) for bound, metric in bounds if bound is not None]
            keeps = all(value is not None and value <= bound for bound, value in values)
        kept += [point] if keeps else []
    return tuple(kept)


def _front(every: Sequence[Series]) -> tuple[str | None, tuple[str, ...], ParetoFront]:
    """Return latency, dimensions and Pareto set of a model: the loads of all its series compete with each other."""
    points = {point.cell.configuration.id: point for series in every for point in series.points}
    latency = next((m for m in LATENCIES if all(point.cell.values(m) for point in points.values())), None)
    metrics = [THROUGHPUT, *([latency] if latency else [])]
    boundaries = {point.cell.boundaries(ENERGY) for point in points.values()}
    if all(point.cell.values(ENERGY) for point in points.values()) and len(boundaries) == 1:
        metrics.append(ENERGY)
    samples = {name: [_runs(point.cell, metric) for metric in metrics] for name, point in points.items()}
    return latency, tuple(metrics), pareto(samples, [METRICS[metric].direction for metric in metrics])


def _falling_use(points: Sequence[LoadPoint]) -> FallingUse | None:
    """Return the device whose use falls while throughput rises, a trap for dashboards, or None."""
    if (points[-1].value(THROUGHPUT) or 0) <= 1.5 * (points[0].value(THROUGHPUT) or 0):
        return None
    for device, metric in (("GPU", "gpu_usage_pct"), ("CPU", "process_cpu_pct")):
        first, last = points[0].value(metric), points[-1].value(metric)
        if first is not None and last is not None and last < 0.95 * first:
            return FallingUse(device, first, last)
    return None


def replica_gains(dataset: Dataset, series: Series, every: Sequence[Series]) -> Iterator[Replicas]:
    """Yield what the replicas of a series gain over one, at every load both have."""
    single = _single(series, every)
    for point in series.points:
        other = None if single is None else single.at(point.load)
        if other is not None and (gain := _gain(dataset, series, point, other)) is not None:
            yield gain


def best_gains(dataset: Dataset, every: Sequence[Series]) -> Mapping[str, Replicas]:
    """Return, by the id of the series that has it, the best replicated point against the best of a single server.

    Each at the load of its own highest throughput; one for each single server beside which replicas were measured.
    """
    best: dict[str, tuple[Series, Series]] = {}
    for series in every:
        single = _single(series, every) if series.base.replicas > 1 else None
        if single is None:
            continue
        leading = best.get(series_id(single))
        if leading is None or (series.peak.value(THROUGHPUT) or 0.0) > (leading[0].peak.value(THROUGHPUT) or 0.0):
            best[series_id(single)] = series, single
    gains = {series_id(s): _gain(dataset, s, s.peak, single.peak) for s, single in best.values()}
    return {name: gain for name, gain in gains.items() if gain is not None}


def _single(series: Series, every: Sequence[Series]) -> Series | None:
    """Return the series of one server that differs in the number of replicas alone."""
    alone = series.base.model_copy(update={"replicas": 1}).id
    return next((s for s in every if s.model.id == series.model.id and s.factor == series.factor and s.base.id == alone), None)


def _gain(dataset: Dataset, series: Series, point: LoadPoint, other: LoadPoint) -> Replicas | None:
    pair = (point.cell.configuration, other.cell.configuration, [series.model])
    throughput, energy = (compare(dataset, metric, *pair) for metric in (THROUGHPUT, ENERGY))
    latency = compare(dataset, series.latency, *pair) if series.latency else None
    return None if throughput is None else Replicas(series.base.replicas, point.load, throughput, energy, latency)


def series_id(series: Series) -> str:
    """Return a stable name of a series."""
    return f"{series.model.id}-{series.base.id}-{series.factor.replace('_', '-')}"
