"""The findings of a sweep in words: where throughput saturates, what a token costs, where the sweep ends, what replicas gain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from greenreport.analysis.answers import Text
from greenreport.analysis.claims import Claim, compare
from greenreport.analysis.dataset import Dataset, label_of
from greenreport.analysis.series import ENERGY, FEWEST_LOADS, THROUGHPUT, End, Replicas, Series
from greenreport.analysis.stats import Interval, NotComputable
from greenreport.record import Outcome
from greenreport.study import Configuration
from greenreport.units import THIN, quantity


def series_words(dataset: Dataset, series: Series, gains: Sequence[Replicas]) -> Iterator[Text]:
    """Yield the findings of a series, a sentence or two each; of a few loads with replicas, only what they gain."""
    if len(series.points) < FEWEST_LOADS:
        yield from _gain_words(gains, series)
        return
    yield (_saturation_words(dataset, series),)
    yield from _costs(dataset, series)
    if series.end is not None:
        yield (_end_words(series, series.end),)
    yield from _objective_words(dataset, series)
    yield from _energy_against_latency(dataset, series)
    if series.falling_use is not None:
        yield (_falling_words(*series.falling_use),)
    yield from _gain_words(gains, series)


def _saturation_words(dataset: Dataset, series: Series) -> str:
    epsilon = f"{dataset.study.frontier.epsilon * 100:g}{THIN}%"
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
    high = "beyond the sweep" if ci.high == float("inf") else f"{ci.high:g}"
    if f"{ci.low:g}" == high:
        return f"the same in at least {ci.level:.0%} of resamples".replace("%", f"{THIN}%")
    return f"{ci.level:.0%} CI {ci.low:g} to {high}".replace("%", f"{THIN}%", 1)


def _costs(dataset: Dataset, series: Series) -> Iterator[Text]:
    """Compare the advised load with the smallest."""
    first, best = series.points[0], series.advised
    if best.load == first.load:
        return
    pair = (best.cell.configuration, first.cell.configuration, [series.model])
    metrics = [THROUGHPUT, ENERGY, *([series.latency] if series.latency else [])]
    claims = [claim for metric in metrics if (claim := compare(dataset, metric, *pair)) is not None]
    if claims:
        parts: list[str | Claim] = [f"{upper(series.load_text(best.load))}: "]
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
        tolerance = f"{dataset.study.frontier.epsilon * 100:g}{THIN}%"
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
    share = f"{objective.share * 100:g}{THIN}% of requests"
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
            energy.article(), energy, f" and {latency.article()}", latency, ".",
        )  # fmt: skip


def _falling_words(metric: str, first: float, last: float) -> str:
    device = "GPU" if metric.startswith("gpu") else "CPU"
    return (
        f"{device} usage falls from {quantity(first, '%')} to {quantity(last, '%')} over the sweep while throughput grows: "
        f"it tells how often the {device} was busy, not how much it did, and says nothing about efficiency."
    )


def _gain_words(gains: Sequence[Replicas], series: Series) -> Iterator[Text]:
    for gain in gains:
        parts: list[str | Claim] = [f"At {series.load_text(gain.load)}, {gain.replicas} replicas have "]
        claims = [claim for claim in (gain.throughput, gain.energy, gain.latency) if claim is not None]
        for place, claim in enumerate(claims):
            joint = "" if place == 0 else " and " if place == len(claims) - 1 else ", "
            parts += [f"{joint}{claim.article()}", claim]
        yield (*parts, ".")


def headline(dataset: Dataset, every: Sequence[Series]) -> Text | None:
    """Answer what load, how many replicas, and what a token costs, for the model with the most to tell."""
    model = every[0].model
    mine = [series for series in every if series.model.id == model.id]
    best = mine[0]
    for series in mine[1:]:  # in the order of the study: more replicas must gain what counts as a gain
        gain = (series.advised.value(THROUGHPUT) or 0.0) / (best.advised.value(THROUGHPUT) or 1.0) - 1
        best = series if gain >= dataset.study.frontier.epsilon else best
    point, first = best.advised, mine[0].points[0]
    energy, throughput = point.value(ENERGY), point.value(THROUGHPUT)
    load = best.load_text(point.load)
    replicas = f"{best.base.replicas} replicas" if best.base.replicas > 1 else "one replica"
    own = best.base.model_fields_set - {"replicas"}
    engine = label_of(Configuration.model_validate({name: getattr(best.base, name) for name in own}))
    rate = f"{quantity(throughput or 0.0, 'tokens/s')}"
    cost = "" if energy is None else f" at {quantity(energy, 'J')} a token"
    claim = compare(dataset, ENERGY, point.cell.configuration, first.cell.configuration, [model])
    tail: Text = () if claim is None or point.cell.key == first.cell.key else (", ", claim)
    edge = _edge(best, mine)
    return (f"On {model.label}, {engine} at {load} on {replicas}{edge} gives {rate}{cost}", *tail, ".")


def _edge(series: Series, every: Sequence[Series]) -> str:
    """Return a clause where the sweep saw no saturation: a larger load might give more."""
    load, last = series.advised.load, series.points[-1].load
    if series.saturation.load is not None:
        return ""
    if load < last:
        return ", the load of the highest throughput that was measured,"
    here = "" if all(other.points[-1].load <= last for other in every) else " there"
    return f", the largest load measured{here},"


def upper(text: str) -> str:
    """Return a text with its first letter large."""
    return text[:1].upper() + text[1:]
