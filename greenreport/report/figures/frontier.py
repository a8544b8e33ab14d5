"""Figures of a sweep of the load: saturation curves and the throughput frontier, one of each for a model and a factor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from greenreport.analysis.series import ENERGY, FEWEST_LOADS, THROUGHPUT, LoadPoint, Series
from greenreport.catalog import METRICS
from greenreport.report import charts
from greenreport.report.charts import FrontRow, LoadRow
from greenreport.report.context import StudyContext
from greenreport.report.figure import Column, Figure, make_table
from greenreport.report.figures.words import metric_bands
from greenreport.report.style import SHAPES, Look
from greenreport.units import THIN, number, quantity

AXES = {
    "batch_size": "batch size (prompts a request, logarithmic)",
    "max_batch": "largest dynamic batch (requests, logarithmic)",
    "concurrency": "clients at once (logarithmic)",
    "request_rate": "request rate (requests/s, logarithmic)",
}
HUES = ("blue", "vermilion", "green", "purple")


def series_looks(study: StudyContext, every: Sequence[Series]) -> dict[str, Look]:
    """Return the look of each series by its label: the hue of its engine; where one engine has several, replicas differ by hue and shape."""
    configurations = {s.label: study.looks[s.points[0].cell.configuration.id] for s in every}
    if len({look.hue for look in configurations.values()}) == len(every):
        return configurations
    return {
        name: Look(HUES[place % len(HUES)], SHAPES[place % len(SHAPES)], filled=look.filled)
        for place, (name, look) in enumerate(configurations.items())
    }


def curves_figure(study: StudyContext, every: Sequence[Series]) -> Figure:
    """F10: throughput, energy per token and latency over the load, for the series of one model and factor."""
    model, factor = every[0].model, every[0].factor
    metrics = [
        m for m in (THROUGHPUT, ENERGY, every[0].latency) if m and any(p.cell.values(m) for s in every for p in s.points)
    ]
    rows = [row for metric in metrics for series in every for row in _curve_rows(series, metric, first=metric == metrics[0])]
    values, shown = [], []
    for series in every:
        for point in series.points:
            medians = [point.value(metric) for metric in metrics]
            note = _note(series, point)
            values.append((series.label, point.load, len(point.cell.ok), *medians, note))
            texts = ["–" if v is None else quantity(v, METRICS[m].unit) for m, v in zip(metrics, medians, strict=True)]
            shown.append((series.label, f"{point.load:g}", str(len(point.cell.ok)), *texts, note))
    columns = [Column("series"), Column(factor, "", True), Column("runs", "", True)]
    columns += [Column(f"median {m}", METRICS[m].unit, True) for m in metrics] + [Column("remark")]
    finding = f"{model.label}: {_saturations(every)}"
    caption = (
        "Medians over valid runs joined by lines, every run as a small mark; all vertical axes begin at 0. "
        f"Saturation: no larger load gains {study.dataset.study.frontier.epsilon * 100:g}{THIN}% or more per doubling."
    )
    summary = f"Values over the load of {model.label}, {len(every)} series. {finding}."
    spec = charts.curves(rows, series_looks(study, every), x_axis=AXES[factor], description=summary)
    table = make_table(f"{model.label}: medians at every load", columns, values, shown)
    bands = tuple(dict.fromkeys(band for metric in metrics for band in metric_bands(study, metric)))
    return Figure(f"curves-{model.id}-{factor}".replace("_", "-"), finding, caption, summary, spec, table, bands)


def _saturations(every: Sequence[Series]) -> str:
    """Say where the series saturate, the same place said once."""
    found: dict[str, list[str]] = {}
    for series in every:
        load = series.saturation.load
        if len(series.points) < FEWEST_LOADS:
            continue
        words = "still grows at the largest load" if load is None else f"saturates at {series.load_text(load)}"
        found.setdefault(words, []).append(series.label)
    if len(found) == 1:
        return f"throughput {next(iter(found))}"
    return "throughput " + "; ".join(f"{words} ({', '.join(labels)})" for words, labels in found.items())


def _note(series: Series, point: LoadPoint) -> str:
    notes = []
    if point.load == series.saturation.load:
        notes.append("saturation")
    if point is series.peak:
        notes.append("highest throughput")
    if series.least_energy is not None and point.load == series.least_energy[0]:
        notes.append("least energy per token")
    if series.within is not None and point.load == series.within.load:
        notes.append("best under the objective")
    return ", ".join(notes)


def _curve_rows(series: Series, metric: str, *, first: bool) -> Iterator[LoadRow]:
    info, name = METRICS[metric], series.label
    panel = f"{info.label} ({info.unit})"

    def row(kind: str, load: float, value: float, text: str = "", detail: str = "") -> LoadRow:
        return LoadRow(kind, panel, name, series.label, load, value, text, detail)

    for point in series.points:
        value = point.value(metric)
        if value is None:
            continue
        runs = point.cell.values(metric)
        detail = f"{series.load_text(point.load)}: {quantity(value, info.unit)}, median of {len(runs)}"
        yield row("line", point.load, value, detail=detail)
        for single in runs if len(runs) > 1 else ():
            yield row("run", point.load, single)
    if series.saturation.load is not None:
        yield row("mark", series.saturation.load, 0.0, "saturation" if first else "")
    if series.end is not None:
        words = "memory ends" if series.end.outcome.value == "out_of_memory" else "time limit"
        yield row("mark", series.end.load, 0.0, words if first else "")


def front_figure(study: StudyContext, every: Sequence[Series]) -> Figure | None:
    """F7: latency and throughput of every load, for the series of one model and factor."""
    model, latency = every[0].model, every[0].latency
    if latency is None or any(series.latency != latency for series in every):
        return None
    info = METRICS[latency]
    rows, values, shown = [], [], []
    for series in every:
        fronts = {point.name: point for point in series.front.points}
        for place, point in enumerate(series.points):
            x, y = point.value(latency), point.value(THROUGHPUT)
            found = fronts.get(point.cell.configuration.id)
            if x is None or y is None or found is None:
                continue
            sure = found.probability
            chance = "–" if sure is None else f"{number(sure * 100)}{THIN}%"
            texts = quantity(x, info.unit), quantity(y, "tokens/s")
            detail = f"{series.load_text(point.load)}: {texts[0]}, {texts[1]}"
            on = bool(found.on_front)
            opacity = sure if sure is not None else float(on)
            before = series.points[place - 1].value(THROUGHPUT) if place else None
            side = "right" if before is not None and y < before else "left"  # left above a rising line nothing is drawn
            rows.append(FrontRow(series.label, series.label, point.load, f"{point.load:g}", x, y, on, opacity, side, detail))
            verdict = "on the front" if on else "beaten"
            values.append((series.label, point.load, x, y, sure, verdict))
            shown.append((series.label, f"{point.load:g}", *texts, chance, verdict))
    if len(rows) < 2:
        return None
    long = [series for series in every if len(series.points) >= FEWEST_LOADS]
    best = max(long, key=lambda series: series.advised.value(THROUGHPUT) or 0.0)
    finding = f"{model.label}: {best.load_text(best.advised.load)} is where more throughput begins to cost only latency"
    if best.saturation.load is None:
        finding = f"{model.label}: throughput and latency grow together up to the largest load"
    dimensions = (
        "throughput, latency and energy per token" if best.points[0].value(ENERGY) is not None else "throughput and latency"
    )
    caption = (
        f"Medians over valid runs; the numbers are loads, the upper left is better. A mark is as opaque as its place on the Pareto front in {dimensions} "
        "is probable (bootstrap over runs); without enough runs, full or faint."
    )
    columns = [
        Column("series"), Column(every[0].factor, "", True), Column(f"median {latency}", info.unit, True),
        Column(f"median {THROUGHPUT}", "tokens/s", True), Column("probability of being on the front", "1", True), Column("verdict"),
    ]  # fmt: skip
    summary = f"{info.label} against throughput of {model.label} at every load. {finding}."
    spec = charts.front(
        rows,
        series_looks(study, every),
        x_axis=f"{info.label.lower()} ({info.unit}, logarithmic)",
        y_axis="throughput (tokens/s)",
        description=summary,
    )
    table = make_table(f"{model.label}: latency and throughput at every load", columns, values, shown)
    bands = metric_bands(study, THROUGHPUT)
    return Figure(f"front-{model.id}-{every[0].factor}".replace("_", "-"), finding, caption, summary, spec, table, bands)


def by_model(every: Sequence[Series]) -> Mapping[tuple[str, str], tuple[Series, ...]]:
    """Group series by model and factor: those share axes."""
    found: dict[tuple[str, str], tuple[Series, ...]] = {}
    for series in every:
        key = (series.model.id, series.factor)
        found[key] = (*found.get(key, ()), series)
    return found
