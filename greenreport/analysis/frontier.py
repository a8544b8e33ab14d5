"""The throughput frontier: what more load, or more replicas, gains, where it ends, and what a token costs on the way.

A series is one model in one configuration at several levels of a load factor (batch size, clients, request rate, …), all else
equal. For each series: the load at which throughput saturates, the load at which memory or patience ends, the load from which
energy per token stays at its least, the best load under the study's latency objective, and the Pareto set of throughput,
latency and energy. Definitions: docs/frontier.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from greenreport.analysis.answers import Text
from greenreport.analysis.claims import Claim, compare
from greenreport.analysis.dataset import CellView, Dataset, label_of
from greenreport.analysis.fidelity import Fidelity, Verdict
from greenreport.analysis.stats import Interval, NotComputable, ParetoFront, Saturation, pareto, plateau, saturation
from greenreport.record import Outcome
from greenreport.study import Configuration, Model
from greenreport.units import THIN, number, quantity

#: Load factors, with their name in a sentence.
FACTORS = {"batch_size": "batch", "max_batch": "dynamic batch", "concurrency": "number of clients", "request_rate": "request rate"}
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
            "batch_size": f"batch {number(load)}",
            "max_batch": f"dynamic batches of up to {number(load)}",
            "concurrency": f"{number(load)} client{'' if load == 1 else 's'}",
            "request_rate": f"{number(load)}{THIN}requests/s",
        }
        return words[self.factor]


@dataclass(frozen=True, slots=True)
class Frontier:
    """Every series of a study, what replicas gain, and the findings in words, the most important first."""

    series: tuple[Series, ...]
    replicas: tuple[tuple[Series, tuple[Replicas, ...]], ...]
    sentences: Mapping[str, tuple[Text, ...]]
    headline: Text | None

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Every claim of the sentences, once."""
        texts = [text for group in self.sentences.values() for text in group]
        parts = [part for text in [*texts, self.headline or ()] for part in text if isinstance(part, Claim)]
        return tuple({claim.id: claim for claim in parts}.values())


def frontier(dataset: Dataset, fidelity: Sequence[Fidelity]) -> Frontier | None:
    """Return the frontier of a study, or None when no factor of the load has three levels with values."""
    unfaithful = {(f.model, f.configuration) for f in fidelity if f.verdict is Verdict.UNFAITHFUL}
    found = tuple(_all_series(dataset, unfaithful))
    if not found:
        return None
    gains = tuple((s, rows) for s in found if s.base.replicas > 1 and (rows := tuple(_replica_gains(dataset, s, found))))
    sentences = {series_id(s): tuple(_sentences(dataset, s, dict(_by_id(gains)).get(series_id(s), ()))) for s in found}
    return Frontier(found, gains, sentences, _headline(dataset, found))


def _by_id(gains: Sequence[tuple[Series, tuple[Replicas, ...]]]) -> Iterator[tuple[str, tuple[Replicas, ...]]]:
    for series, rows in gains:
        yield series_id(series), rows


def series_id(series: Series) -> str:
    """Return a stable name of a series."""
    return f"{series.model.id}-{series.base.id}-{series.factor.replace('_', '-')}"


def _all_series(dataset: Dataset, unfaithful: set[tuple[str, str]]) -> Iterator[Series]:
    for factor in FACTORS:
        groups: dict[tuple[str, str], list[CellView]] = {}
        for cell in dataset.cells:
            if getattr(cell.configuration, factor) is not None:
                groups.setdefault((cell.model.id, _base(cell.configuration, factor).id), []).append(cell)
        for cells in groups.values():
            series = _series(dataset, factor, sorted(cells, key=lambda c: getattr(c.configuration, factor)), unfaithful)
            if series is not None:
                yield series


def _base(configuration: Configuration, factor: str) -> Configuration:
    update = {factor: Configuration.model_fields[factor].default}
    if factor == "max_batch":
        update["max_wait_ms"] = 0
    return configuration.model_copy(update=update)


def _series(dataset: Dataset, factor: str, cells: list[CellView], unfaithful: set[tuple[str, str]]) -> Series | None:
    def load_of(cell: CellView) -> float:
        return float(getattr(cell.configuration, factor))

    points = tuple(
        LoadPoint(load_of(cell), cell)
        for cell in cells
        if cell.values(THROUGHPUT) and (cell.model.id, cell.configuration.id) not in unfaithful
    )
    if len(points) < FEWEST_LOADS:
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


def _replica_gains(dataset: Dataset, series: Series, every: Sequence[Series]) -> Iterator[Replicas]:
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


# --- sentences --------------------------------------------------------------------------------------------------------


def _sentences(dataset: Dataset, series: Series, gains: Sequence[Replicas]) -> Iterator[Text]:
    yield (_saturation_words(dataset, series),)
    yield from _costs(dataset, series)
    if series.end is not None:
        yield (_end_words(series, series.end),)
    yield from _objective_words(dataset, series)
    yield from _energy_against_latency(dataset, series)
    if series.falling_use is not None:
        yield (_falling_words(series, *series.falling_use),)
    yield from _gain_words(gains, series)


def _saturation_words(dataset: Dataset, series: Series) -> str:
    epsilon = f"{number(dataset.study.frontier.epsilon * 100)}{THIN}%"
    found, last = series.saturation, series.points[-1].load
    if found.load is None:
        return f"Throughput still grows at {series.load_text(last)}, the largest load measured: the sweep saw no saturation."
    return (
        f"Throughput saturates at {series.load_text(found.load)} ({_loads_interval(found.ci)}): "
        f"from there, no larger load gains {epsilon} or more per doubling."
    )


def _loads_interval(ci: Interval | NotComputable) -> str:
    if isinstance(ci, NotComputable):
        return f"no interval: {ci.reason}"
    high = "beyond the sweep" if ci.high == float("inf") else number(ci.high)
    if number(ci.low) == high:
        return f"the same in at least {ci.level:.0%} of resamples".replace("%", f"{THIN}%")
    return f"{ci.level:.0%} CI {number(ci.low)} to {high}".replace("%", f"{THIN}%", 1)


def _costs(dataset: Dataset, series: Series) -> Iterator[Text]:
    """Compare the advised load with the smallest."""
    first, best = series.points[0], series.advised
    if best.load == first.load:
        return
    pair = (best.cell.configuration, first.cell.configuration, [series.model])
    metrics = [THROUGHPUT, ENERGY, *([series.latency] if series.latency else [])]
    claims = [claim for metric in metrics if (claim := compare(dataset, metric, *pair)) is not None]
    if claims:
        parts: list[str | Claim] = [f"Against {series.load_text(first.load)}, {series.load_text(best.load)} has "]
        for place, claim in enumerate(claims):
            parts += [] if place == 0 else [", and " if place == len(claims) - 1 else ", "]
            parts.append(claim)
        yield (*parts, ".")
    energy, throughput = best.value(ENERGY), best.value(THROUGHPUT)
    if energy is not None and throughput is not None:
        power = best.value("power_mean_w")
        why = "" if power is None else f": {quantity(power, 'W')} at {quantity(throughput, 'tokens/s')}"
        yield (f"A token then costs {quantity(energy, 'J')}{why} (medians over runs).",)
    if series.least_energy is not None:
        least, start = series.least_energy
        tolerance = f"{number(dataset.study.frontier.epsilon * 100)}{THIN}%"
        yield (
            f"Energy per token is least at {series.load_text(least)}"
            + (f", and within {tolerance} of it from {series.load_text(start)} on." if start != least else "."),
        )


def _end_words(series: Series, end: End) -> str:
    what = "Memory" if end.outcome is Outcome.OUT_OF_MEMORY else "The time limit"
    good = "no smaller load worked" if end.last_good is None else f"{series.load_text(end.last_good)} is the last that worked"
    return f"{what} ends the sweep at {series.load_text(end.load)}; {good}. Reason recorded: {end.reason.rstrip('.')}."


def _objective_words(dataset: Dataset, series: Series) -> Iterator[Text]:
    objective = dataset.study.objective
    if objective is None:
        return
    names = (("ttft_s", "time to first token"), ("tbt_s", "time between tokens"), ("latency_s", "latency"))
    bounds = [(name, bound) for field, name in names if (bound := getattr(objective, field)) is not None]
    told = " and ".join(f"{name} at most {quantity(bound, 's')}" for name, bound in bounds)
    share = f"{number(objective.share * 100)}{THIN}% of requests"
    if series.within is None:
        yield (f"No load keeps the objective ({told}, for {share}).",)
        return
    good = series.within.value("goodput_requests_per_s")
    rate = "" if good is None else f", {quantity(good, 'requests/s')} served well"
    cost = series.within.value("j_per_good_request")
    joules = "" if cost is None else f" at {quantity(cost, 'J')} each"
    yield (f"Best load that keeps the objective ({told}, for {share}): {series.load_text(series.within.load)}{rate}{joules}.",)


def _energy_against_latency(dataset: Dataset, series: Series) -> Iterator[Text]:
    """Say what the least energy costs in latency, where the two are not reached by one load."""
    if series.latency is None or series.least_energy is None:
        return
    fastest = min(series.points, key=lambda p: p.value(series.latency or "") or float("inf"))
    thrifty = series.at(series.least_energy[1])
    if thrifty is None or thrifty.load == fastest.load:
        return
    pair = (thrifty.cell.configuration, fastest.cell.configuration, [series.model])
    energy, latency = compare(dataset, ENERGY, *pair), compare(dataset, series.latency, *pair)
    if energy is not None and latency is not None:
        yield (
            f"The choice for energy is {series.load_text(thrifty.load)}, the choice for latency {series.load_text(fastest.load)}: the first has ",
            energy, " and ", latency, ".",
        )  # fmt: skip


def _falling_words(series: Series, metric: str, first: float, last: float) -> str:
    device = "GPU" if metric.startswith("gpu") else "CPU"
    return (
        f"{device} usage falls from {quantity(first, '%')} to {quantity(last, '%')} over the sweep while throughput grows: "
        f"it tells how often the {device} was busy, not how much it did, and says nothing about efficiency."
    )


def _gain_words(gains: Sequence[Replicas], series: Series) -> Iterator[Text]:
    for gain in gains:
        parts: list[str | Claim] = [f"At {series.load_text(gain.load)}, {gain.replicas} replicas have ", gain.throughput]
        for claim in (gain.energy, gain.latency):
            parts += [] if claim is None else [", ", claim]
        yield (*parts, ".")


def _headline(dataset: Dataset, every: Sequence[Series]) -> Text | None:
    """Answer what load, how many replicas, and what a token costs, for the model with the most to tell."""
    model = every[0].model
    mine = [series for series in every if series.model.id == model.id]
    best = max(mine, key=lambda series: series.advised.value(THROUGHPUT) or 0.0)
    point, first = best.advised, best.points[0]
    energy, throughput = point.value(ENERGY), point.value(THROUGHPUT)
    load = best.load_text(point.load)
    replicas = f"{best.base.replicas} replicas" if best.base.replicas > 1 else "one replica"
    what = f"On {model.label}, {load[0].lower()}{load[1:]} on {replicas}"
    engine = label_of(best.base.model_copy(update={"replicas": 1}))
    rate = f"{quantity(throughput or 0.0, 'tokens/s')}"
    cost = "" if energy is None else f" at {quantity(energy, 'J')} a token"
    claim = compare(dataset, ENERGY, point.cell.configuration, first.cell.configuration, [model])
    tail: Text = () if claim is None or point.load == first.load else (", ", claim)
    return (f"{what} of {engine} gives {rate}{cost}", *tail, ".")
