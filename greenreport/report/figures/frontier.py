"""Saturation curves of a sweep, one figure for a model and a factor; and what both figures of a sweep share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from greenreport.analysis.sweep.series import ENERGY, THROUGHPUT, LoadPoint, Series
from greenreport.catalog import CURVE_FACTORS, METRICS
from greenreport.record import Outcome
from greenreport.report import charts
from greenreport.report.charts import LoadRow
from greenreport.report.charts.axes import finite
from greenreport.report.context import StudyContext
from greenreport.report.drawing.style import HUES, SHAPES, Look
from greenreport.report.figure import Column, Figure, make_table
from greenreport.report.figures.scales import axis_unit
from greenreport.report.figures.words import metric_bands
from greenreport.units import declared_percent, quantity

ENDS = {Outcome.OUT_OF_MEMORY: "memory ends", Outcome.TIMED_OUT: "time limit", Outcome.OK: "preemption"}


def series_looks(study: StudyContext, every: Sequence[Series]) -> dict[str, Look]:
    """Return the look of each series by its label: the hue of its engine; where one engine has several, replicas differ by hue and shape."""
    configurations = {s.label: study.looks[s.points[0].cell.configuration.id] for s in every}
    if len({look.hue for look in configurations.values()}) == len(every):
        return configurations
    return {
        name: Look(HUES[place % len(HUES)], SHAPES[place % len(SHAPES)], filled=look.filled, engine=look.engine)
        for place, (name, look) in enumerate(configurations.items())
    }


def by_model(every: Sequence[Series]) -> Mapping[tuple[str, str], tuple[Series, ...]]:
    """Group series by model and factor: those share axes."""
    found: dict[tuple[str, str], tuple[Series, ...]] = {}
    for series in every:
        key = (series.model.id, series.factor)
        found[key] = (*found.get(key, ()), series)
    return found


def curves_figure(study: StudyContext, every: Sequence[Series]) -> Figure:
    """F10: throughput, energy per token and latency over the load, for the series of one model and factor."""
    model, factor = every[0].model, every[0].factor
    metrics = [
        m for m in (THROUGHPUT, ENERGY, every[0].latency) if m and any(p.cell.values(m) for s in every for p in s.points)
    ]
    rows = [row for metric in metrics for row in _curve_rows(every, metric, first=metric == metrics[0])]
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
        f"Saturation: no larger load gains {declared_percent(study.dataset.study.frontier.epsilon)} or more per doubling."
    )
    summary = f"Values over the load of {model.label}, {len(every)} series. {finding}. {_ranges(every)}"
    spec = charts.curves(rows, series_looks(study, every), x_axis=CURVE_FACTORS[factor].axis, description=summary)
    table = make_table(f"{model.label}: medians at every load", columns, values, shown)
    bands = tuple(dict.fromkeys(band for metric in metrics for band in metric_bands(study, metric)))
    return Figure(f"curves-{model.id}-{factor}".replace("_", "-"), finding, caption, summary, spec, table, bands)


def _saturations(every: Sequence[Series]) -> str:
    """Say where the series saturate, the same place said once."""
    found: dict[str, list[str]] = {}
    for series in every:
        load = series.saturation.load
        if series.short:
            continue
        words = "still grows at the largest load" if load is None else f"saturates at {series.load_text(load)}"
        found.setdefault(words, []).append(series.label)
    if not found:
        return "too few loads work to see where throughput saturates"
    if len(found) == 1:
        return f"throughput {next(iter(found))}"
    return "throughput " + "; ".join(f"{words} ({', '.join(labels)})" for words, labels in found.items())


def _ranges(every: Sequence[Series]) -> str:
    """Say how far throughput goes in each series."""
    told = []
    for series in every:
        first, peak = series.points[0], series.peak
        ends = [
            f"{quantity(point.value(THROUGHPUT) or 0.0, 'tokens/s')} at {series.load_text(point.load)}"
            for point in (first, peak)
        ]
        told.append(f"{series.label}: {ends[0]}" + (f", at most {ends[1]}" if peak.load != first.load else ""))
    return f"Throughput of {'; '.join(told)}."


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


def _curve_rows(every: Sequence[Series], metric: str, *, first: bool) -> Iterator[LoadRow]:
    """Yield the rows of a panel; the words of remarks stand in the first one only."""
    info = METRICS[metric]
    values = [value for series in every for point in series.points for value in point.cell.values(metric) if finite(value)]
    factor, unit = axis_unit(info.unit, values)
    panel = f"{info.label} ({unit})"
    remarks: dict[float, dict[str, None]] = {}
    for series in every:
        name = series.label
        for point in series.points:
            value = point.value(metric)
            if not finite(value):
                continue
            runs = point.cell.values(metric)
            detail = f"{series.load_text(point.load)}: {quantity(value, info.unit)}, median of {len(runs)}"
            yield LoadRow("line", panel, name, name, point.load, value / factor, "", detail)
            for single in runs if len(runs) > 1 else ():
                yield LoadRow("run", panel, name, name, point.load, single / factor, "", "")
        for load, text in _marks(series):
            yield LoadRow("mark", panel, name, name, load, 0.0, "", "")
            remarks.setdefault(load, {})[text] = None
    for line, (load, texts) in enumerate(sorted(remarks.items()) if first else ()):
        yield LoadRow("note", panel, "", "", load, float(line), ", ".join(texts), "")


def _marks(series: Series) -> Iterator[tuple[float, str]]:
    if series.saturation.load is not None:
        yield series.saturation.load, "saturation"
    if series.within is not None:
        yield series.within.load, "best under the objective"
    if series.end is not None:
        yield series.end.load, ENDS[series.end.outcome]
