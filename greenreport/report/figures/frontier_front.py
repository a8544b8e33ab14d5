"""The throughput frontier of a model: every load as latency and throughput, and which loads no other beats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from greenreport.analysis.stats import Interval, ParetoPoint, describe
from greenreport.analysis.sweep.series import THROUGHPUT, LoadPoint, Series
from greenreport.catalog import METRICS
from greenreport.report import charts
from greenreport.report.charts import FrontRow
from greenreport.report.charts.axes import finite, positive
from greenreport.report.context import StudyContext
from greenreport.report.figure import Column, Figure, make_table
from greenreport.report.figures.frontier import series_looks
from greenreport.report.figures.scales import axis_unit
from greenreport.report.figures.words import metric_bands
from greenreport.units import listed, percent, quantity

MOST_NAMED = 2  # loads that are told to beat another


def front_figure(study: StudyContext, every: Sequence[Series]) -> Figure | None:
    """F7: latency and throughput of every load, for the series of one model and factor."""
    model, factor, latency = every[0].model, every[0].factor, every[0].latency
    if latency is None:
        return None
    info = METRICS[latency]
    labels = study.dataset.labels
    drawn = [(series, point, found) for series in every for point, found in _placed(series)]
    if len(drawn) < 2:
        return None
    divisor, unit = axis_unit(info.unit, [point.value(latency) or 0.0 for _, point, _ in drawn])
    rows, values, shown = [], [], []
    for series, point, found in drawn:
        x, y = point.value(latency) or 0.0, point.value(THROUGHPUT) or 0.0
        verdict = _verdict(found, labels)
        texts = quantity(x, info.unit), quantity(y, "tokens/s")
        chance = "–" if found.probability is None else percent(found.probability)
        detail = f"{series.load_text(point.load)}: {texts[0]}, {texts[1]}; {verdict}"
        rows.append(_row(series, point, found, latency, divisor, detail))
        values.append((series.label, point.load, x, y, found.probability, verdict))
        shown.append((series.label, f"{point.load:g}", *texts, chance, verdict))
    finding = f"{model.label}: {_finding(every)}"
    columns = [
        Column("series"), Column(factor, "", True), Column(f"median {latency}", info.unit, True),
        Column(f"median {THROUGHPUT}", "tokens/s", True), Column("probability of being on the front", "1", True), Column("verdict"),
    ]  # fmt: skip
    summary = f"{info.label} against throughput of {model.label} at every load. {finding}. {_best(every, latency)}"
    spec = charts.front(
        _with_edge(rows),
        series_looks(study, every),
        x_axis=f"{info.label.lower()} ({unit}, logarithmic)",
        y_axis="throughput (tokens/s)",
        description=summary,
    )
    table = make_table(f"{model.label}: latency and throughput at every load", columns, values, shown)
    name = f"front-{model.id}-{factor}".replace("_", "-")
    return Figure(name, finding, _caption(every), summary, spec, table, metric_bands(study, THROUGHPUT))


def _placed(series: Series) -> Iterator[tuple[LoadPoint, ParetoPoint]]:
    """Yield every load that can be drawn with its place on the front; the axis of latency is logarithmic."""
    places = {point.name: point for point in series.front.points}
    for point in series.points:
        found = places.get(point.cell.configuration.id)
        drawable = positive(point.value(series.latency or "")) and finite(point.value(THROUGHPUT))
        if found is not None and found.on_front is not None and drawable:
            yield point, found


def _row(series: Series, point: LoadPoint, found: ParetoPoint, latency: str, divisor: float, detail: str) -> FrontRow:
    x, y = (point.value(latency) or 0.0) / divisor, point.value(THROUGHPUT) or 0.0
    x_ends, y_ends = _ends(point, latency), _ends(point, THROUGHPUT)
    before = [other.value(THROUGHPUT) for other in series.points if other.load < point.load]
    falls = bool(before) and before[-1] is not None and y < before[-1]  # left above a rising line nothing is drawn
    return FrontRow(
        configuration=series.label,
        label=series.label,
        load=point.load,
        load_text=f"{point.load:g}",
        x=x,
        y=y,
        x_low=x_ends[0] / divisor,
        x_high=x_ends[1] / divisor,
        y_low=y_ends[0],
        y_high=y_ends[1],
        edge=False,
        front=bool(found.on_front),
        sure=float(bool(found.on_front)) if found.probability is None else found.probability,
        place="right" if falls else "left",
        detail=detail,
    )


def _ends(point: LoadPoint, metric: str) -> tuple[float, float]:
    """Return the interval of a median; the median twice where it has none."""
    ci = describe(point.cell.values(metric)).median_ci
    middle = point.value(metric) or 0.0
    return (ci.low, ci.high) if isinstance(ci, Interval) and ci.low > 0 else (middle, middle)


def _with_edge(rows: Sequence[FrontRow]) -> list[FrontRow]:
    """Return the rows with those marked that no other beats in latency and throughput, whatever their energy."""

    def beaten(row: FrontRow) -> bool:
        return any(o.x <= row.x and o.y >= row.y and (o.x < row.x or o.y > row.y) for o in rows)

    return [replace(row, edge=not beaten(row)) for row in rows]


def _verdict(found: ParetoPoint, labels: Mapping[str, str]) -> str:
    if found.on_front:
        return "on the front"
    named = [labels.get(name, name) for name in found.dominated_by[:MOST_NAMED]]
    more = len(found.dominated_by) - len(named)
    return f"beaten by {'; '.join(named)}" + (f" and {more} more" if more > 0 else "")


def _leading(every: Sequence[Series]) -> Series:
    """Return the series of the highest throughput at its advised load, of those with a curve where there are any."""
    long = [series for series in every if not series.short]
    return max(long or every, key=lambda series: series.advised.value(THROUGHPUT) or 0.0)


def _finding(every: Sequence[Series]) -> str:
    long = [series for series in every if not series.short]
    if not long:
        return "too few loads work to see where throughput saturates"
    saturated = [series for series in long if series.saturation.load is not None]
    if not saturated:
        return "throughput and latency grow together up to the largest load"
    best = _leading(saturated)
    which = "" if len(saturated) == len(long) else f" ({best.label})"
    return f"beyond {best.load_text(best.saturation.load or 0)}, more load adds latency and hardly any throughput{which}"


def _best(every: Sequence[Series], latency: str) -> str:
    best = _leading(every)
    throughput, wait = best.advised.value(THROUGHPUT) or 0.0, best.advised.value(latency) or 0.0
    return (
        f"{best.label} at {best.load_text(best.advised.load)} has {quantity(throughput, 'tokens/s')} at a "
        f"{METRICS[latency].noun} of {quantity(wait, METRICS[latency].unit)}."
    )


def _caption(every: Sequence[Series]) -> str:
    nouns = [METRICS[metric].noun for metric in every[0].dimensions]
    return (
        "Medians over valid runs with their intervals; the numbers are loads, the upper left is better. The dashed line joins loads that no other shown "
        f"here beats in both. A mark is as opaque as its place on the Pareto front in {listed(nouns)}, among all loads of the model, is probable (bootstrap "
        "over runs); with too few runs: opaque if on the front, faint otherwise."
    )
