"""The findings of a sweep in words: where throughput saturates, what a token costs, where the sweep ends, what replicas gain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from greenreport.analysis.hypotheses.claim_text import Text
from greenreport.analysis.hypotheses.claims import Claim, compare
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.stats import Interval, NotComputable, reach
from greenreport.analysis.sweep.directions import FEWEST_LOADS
from greenreport.analysis.sweep.series import ENERGY, THROUGHPUT, End, LoadPoint, Replicas, Series
from greenreport.record import Outcome
from greenreport.study import Configuration, Model, Objective
from greenreport.units import THIN, capital, declared_percent, quantity

ENOUGH_RUNS = 5  # from here on simulated sweeps find the true load inside the interval as often as it says


def series_words(dataset: Dataset, series: Series, gains: Sequence[Replicas], best: Replicas | None) -> Iterator[Text]:
    """Yield the findings of a series, a sentence or two each; of a few loads only where they end, and what replicas gain."""
    if not series.short:
        yield (_saturation_words(dataset, series),)
        yield from _costs(dataset, series)
    elif len(series.cells) >= FEWEST_LOADS:
        loads = "1 load has" if len(series.points) == 1 else f"{len(series.points)} loads have"
        yield (f"Only {loads} values: too few to look for saturation.",)
    if series.end is not None:
        yield (_end_words(series, series.end),)
    if not series.short:
        yield from _objective_words(dataset, series)
        yield from _energy_against_latency(dataset, series)
        if (use := series.falling_use) is not None:
            change = f"{use.device} usage falls from {quantity(use.first_pct, '%')} to {quantity(use.last_pct, '%')}"
            meaning = f"it tells how often the {use.device} was busy, not how much it did, and says nothing about efficiency"
            yield (f"{change} over the sweep while throughput grows: {meaning}.",)
    yield from _gain_words(gains, best, series)


def _saturation_words(dataset: Dataset, series: Series) -> str:
    epsilon = declared_percent(dataset.study.frontier.epsilon)
    saturation, last = series.saturation, series.points[-1].load
    if saturation.load is None:
        return f"Throughput still grows at {series.load_text(last)}, the largest load measured: the sweep saw no saturation."
    return (
        f"Throughput saturates at {series.load_text(saturation.load)} ({_loads_interval(saturation.ci, min(len(point.cell.ok) for point in series.points))}): "
        f"from there, no larger load gains {epsilon} or more per doubling."
    )


def _loads_interval(ci: Interval | NotComputable, runs: int) -> str:
    """Return an interval of loads in words; resamples of few runs cover less than their level, so that is not named then."""
    if isinstance(ci, NotComputable):
        return f"no interval: {ci.reason}"
    high = "beyond the sweep" if ci.high == float("inf") else f"{ci.high:g}"
    level = f"{ci.level * 100:.0f}{THIN}%"
    if f"{ci.low:g}" == high:
        return f"the same in at least {level} of resamples of {runs} runs a load"
    if runs < ENOUGH_RUNS:
        return f"{ci.low:g} to {high} in {level} of resamples of {runs} runs a load, too few for an interval of that level"
    return f"{level} CI {ci.low:g} to {high}"


def _costs(dataset: Dataset, series: Series) -> Iterator[Text]:
    """Compare the advised load with the smallest."""
    first, best = series.points[0], series.advised
    if best.load == first.load:
        return
    pair = (best.cell.configuration, first.cell.configuration, [series.model])
    metrics = [THROUGHPUT, ENERGY, *([series.latency] if series.latency else [])]
    claims = [claim for metric in metrics if (claim := compare(dataset, metric, *pair)) is not None]
    if claims:
        joints = [f"{capital(series.load_text(best.load))}: ", *[", "] * (len(claims) - 2), ", and "]
        yield (*(part for pair in zip(joints, claims, strict=False) for part in pair), ".")
    energy, throughput = best.value(ENERGY), best.value(THROUGHPUT)
    if energy is not None and throughput is not None:
        power = best.value("power_mean_w")
        why = "" if power is None else f": {quantity(power, 'W')} at {quantity(throughput, 'tokens/s')}"
        yield (f"A token then costs {quantity(energy, 'J')}{why} (medians over runs).",)
    if series.least_energy is not None:
        least, start = series.least_energy
        tolerance = declared_percent(dataset.study.frontier.epsilon)
        rest = f", and within {tolerance} of it from {series.load_text(start)} on." if start != least else "."
        yield (f"Energy per token is least at {series.load_text(least)}{rest}",)


def _end_words(series: Series, end: End) -> str:
    if end.outcome is Outcome.OK:
        without = "no smaller load does without"
        good = without if end.last_good is None else f"{series.load_text(end.last_good)} is the last without"
        return f"Preemption begins at {series.load_text(end.load)}; {good}. Recorded: {end.reason.rstrip('.')}."
    what = "Memory" if end.outcome is Outcome.OUT_OF_MEMORY else "The time limit"
    good = "no smaller load worked" if end.last_good is None else f"{series.load_text(end.last_good)} is the last that worked"
    return f"{what} ends the sweep at {series.load_text(end.load)}; {good}. Reason recorded: {end.reason.rstrip('.')}."


def _objective_words(dataset: Dataset, series: Series) -> Iterator[Text]:
    objective = dataset.study.objective
    if objective is None:
        return
    bounds = objective_words(objective)
    if series.kept is None:
        yield (
            f"Which loads meet the objective ({bounds}) is not known: the server does not report a time that the objective bounds.",
        )
        return
    if series.within is None:
        yield (f"No load meets the objective ({bounds}).",)
        return
    good = series.within.value("goodput_requests_per_s")
    rate = "" if good is None else f", {quantity(good, 'requests/s')} served well"
    cost = series.within.value("j_per_good_request")
    joules = "" if cost is None else f" at {quantity(cost, 'J')} each"
    yield (f"Best load that meets the objective ({bounds}): {series.load_text(series.within.load)}{rate}{joules}.",)


def objective_words(objective: Objective) -> str:
    """Return the bounds of an objective and for how many requests they hold."""
    names = (("ttft_s", "time to first token"), ("tbt_s", "time between tokens"), ("latency_s", "latency"))
    bounds = [(name, bound) for field, name in names if (bound := getattr(objective, field)) is not None]
    text = " and ".join(f"{name} at most {quantity(bound, 's')}" for name, bound in bounds)
    return f"{text}, for {declared_percent(objective.share)} of requests"


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
            energy.article(), energy, f" and {latency.article()}", latency, ".",
        )  # fmt: skip


def _gain_words(gains: Sequence[Replicas], best: Replicas | None, series: Series) -> Iterator[Text]:
    if best is not None:
        where = f"{best.replicas} replicas at {series.load_text(best.load)} have "
        yield ("The best replicated point against the best single server: ", where, *_claims_of(best), ".")
    for gain in gains:
        yield (f"At {series.load_text(gain.load)}, {gain.replicas} replicas have ", *_claims_of(gain), ".")


def _claims_of(gain: Replicas) -> Iterator[str | Claim]:
    claims = [claim for claim in (gain.throughput, gain.energy, gain.latency) if claim is not None]
    for place, claim in enumerate(claims):
        joint = "" if place == 0 else " and " if place == len(claims) - 1 else ", "
        yield f"{joint}{claim.article()}"
        yield claim


@dataclass(frozen=True, slots=True)
class ToldLoad:
    """The load that a headline advises.

    Attributes:
        kept: whether it keeps the study's objective; `judged`: whether it is known of every series of the model.
        gain: its throughput against the smallest load; None where it is that, or they cannot be compared.
    """

    series: Series
    point: LoadPoint
    kept: bool
    judged: bool
    gain: Claim | None


def told_load(dataset: Dataset, every: Sequence[Series]) -> ToldLoad:
    """Choose the load of one model that its headline is about.

    Where the study declares an objective that some load keeps, only loads that keep it are considered. Of several series the
    first in the order of the study counts, unless a later one gains throughput by more than ε, its whole interval beyond it.
    """
    model = every[0].model
    kept = [(series, series.within) for series in every if series.within is not None]
    candidates = kept or [(series, series.advised) for series in every]
    series, point = candidates[0]
    for other, candidate in candidates[1:]:
        if _gains(dataset, model, candidate, point):
            series, point = other, candidate
    first = every[0].points[0]
    same = point.cell.key == first.cell.key
    gain = None if same else compare(dataset, THROUGHPUT, point.cell.configuration, first.cell.configuration, [model])
    return ToldLoad(series, point, bool(kept), all(each.kept is not None for each in every), gain)


def headline(dataset: Dataset, every: Sequence[Series], told: ToldLoad) -> Text:
    """Answer for one model what load, how many replicas, and what a token costs."""
    model, objective, series, point = every[0].model, dataset.study.objective, told.series, told.point
    energy, throughput = point.value(ENERGY), point.value(THROUGHPUT)
    cost = "" if energy is None else f" at {quantity(energy, 'J')} a token"
    first = every[0].points[0]
    claim = compare(dataset, ENERGY, point.cell.configuration, first.cell.configuration, [model])
    tail: Text = () if claim is None or point.cell.key == first.cell.key else (", ", claim)
    edge = "" if told.kept else _edge(series, every)
    said = f"On {model.label}, {where_words(series, point)}{edge} gives {quantity(throughput or 0.0, 'tokens/s')}{cost}"
    if objective is None or not told.judged:
        return (said, *tail, ".")
    if told.kept:
        return (f"{said}, the most within the latency objective", *tail, ".")
    return (said, *tail, ". No load meets the latency objective.")


def where_words(series: Series, point: LoadPoint) -> str:
    """Return engine, load and replicas in words."""
    own = series.base.model_fields_set - {"replicas"}
    engine = label_of(Configuration.model_validate({name: getattr(series.base, name) for name in own}))
    load = series.load_text(point.load)
    if series.factor == "replicas":
        return f"{engine} with {load}"
    replicas = f"{series.base.replicas} replicas" if series.base.replicas > 1 else "one replica"
    return f"{engine} {'with' if series.factor == 'threads' else 'at'} {load} on {replicas}"


def _gains(dataset: Dataset, model: Model, candidate: LoadPoint, other: LoadPoint) -> bool:
    """Whether a load gains more than ε over another with its whole interval; a single run has none, there the ratio decides."""
    claim = compare(dataset, THROUGHPUT, candidate.cell.configuration, other.cell.configuration, [model])
    return claim is not None and reach(claim.value, claim.ci)[0] >= 1 + dataset.study.frontier.epsilon


def _edge(series: Series, every: Sequence[Series]) -> str:
    """Return a clause where the sweep saw no saturation: a larger load might give more."""
    last = series.points[-1].load
    if series.saturation.load is not None:
        return ""
    if series.advised.load < last:
        return ", the load of the highest throughput that was measured,"
    here = "" if all(other.points[-1].load <= last for other in every) else " there"
    return f", the largest load measured{here},"
