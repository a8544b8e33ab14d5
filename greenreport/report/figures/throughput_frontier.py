"""The throughput frontier of a model: every load as latency and throughput, and which loads no other beats."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import altair as alt

from greenreport.analysis.stats import Interval, ParetoPoint, describe
from greenreport.analysis.sweep.frontier_sentences import ToldLoad, objective_words
from greenreport.analysis.sweep.series import THROUGHPUT, LoadPoint, Series
from greenreport.catalog import METRICS
from greenreport.report.context import StudyContext
from greenreport.report.drawing.label_places import SIDES, places
from greenreport.report.drawing.style import Looks
from greenreport.report.figure import Figure, TableCell, TableEntry, make_table, share
from greenreport.report.figures.axes import axis_unit, finite, log_ticks, positive
from greenreport.report.figures.captions import metric_bands
from greenreport.report.figures.saturation_curves import TICKS, TOO_FEW_LOADS, series_looks
from greenreport.report.figures.specification import (
    WIDTH,
    Sheet,
    Specification,
    colour,
    layered,
    names_below,
    ordered,
    points,
    text_marks,
)
from greenreport.study import Objective
from greenreport.units import listed, quantity

CROSS = "M-1,-1L1,1M1,-1L-1,1"
MOST_NAMED = 2  # loads that are named as better than another
HEIGHT = 300
LETTERS = 11
PLACED = 420  # pixels of the plot in which loads are placed; a wider one has as much room, a narrower one hides what overlaps


@dataclass(frozen=True, slots=True)
class FrontRow:
    """A load as latency and throughput.

    Attributes:
        x_low, x_high, y_low, y_high: ends of the intervals of the medians; the medians where there are none.
        edge: whether no other drawn load is better in both.
        sure: probability of being on the front, 0–1.
        misses: whether the load misses the study's latency objective.
        place: the side of the mark on which its load stands; empty where there is no room.
    """

    configuration: str
    label: str
    load: float
    load_text: str
    x: float
    y: float
    x_low: float
    x_high: float
    y_low: float
    y_high: float
    edge: bool
    front: bool
    sure: float
    misses: bool
    place: str
    detail: str


def throughput_frontier_spec(rows: Sequence[FrontRow], styles: Looks, *, x_axis: str, y_axis: str) -> Specification:
    """F7: every load as latency (across, logarithmic) and throughput (upwards); the upper left is better.

    A mark is as opaque as its place on the Pareto front is probable; labels are loads, thin lines are intervals, and the dashed
    line joins the loads that no other beats in both. A cross strikes out a load that misses the objective.
    """
    sheet = Sheet(styles)
    domain = _across(rows)
    ticks = alt.Axis(values=log_ticks(domain), format=TICKS, labelOverlap=True, grid=True)
    x = alt.X("x:Q", title=x_axis, scale=alt.Scale(type="log", domain=domain, nice=False), axis=ticks)
    height = alt.Scale(domain=_upwards(rows), nice=False)
    y = alt.Y("y:Q", title=y_axis, scale=height, axis=alt.Axis(format=TICKS, tickCount=6, grid=True))
    base = alt.Chart()
    legend = names_below(styles)
    hue = colour(styles, legend)
    joined = base.mark_line(strokeWidth=1.2, opacity=0.5).encode(x=x, y=y, color=hue, order=alt.Order("load:Q"))
    edge = (
        base.transform_filter("datum.edge")
        .mark_line(interpolate="step-after", strokeDash=[4, 3], strokeWidth=1.2, opacity=0.6, color="currentColor")
        .encode(x=x, y=y, order=alt.Order("x:Q"))
    )
    across = base.mark_rule(opacity=0.5).encode(x=alt.X("x_low:Q", title=x_axis), x2=alt.X2("x_high:Q"), y=y, color=hue)
    upright = base.mark_rule(opacity=0.5).encode(x=x, y=alt.Y("y_low:Q", title=y_axis), y2=alt.Y2("y_high:Q"), color=hue)
    mark = points(base, styles, 90, legend).encode(
        x=x,
        y=y,
        opacity=alt.Opacity("sure:Q", scale=alt.Scale(domain=[0, 1], range=[0.35, 1]), legend=None),
        tooltip=[alt.Tooltip("label:N", title="series"), alt.Tooltip("detail:N", title="load")],
    )
    missed = base.transform_filter("datum.misses").mark_point(
        shape=CROSS, size=220, strokeWidth=1.4, filled=False, color="currentColor", opacity=0.8
    )
    names = [
        text_marks(base.transform_filter(f"datum.place == '{side}'"), size=LETTERS, baseline="middle", **SIDES[side]).encode(
            x=x, y=y, text=alt.Text("load_text:N")
        )
        for side in ordered([row.place for row in rows if row.place])
    ]
    parts = (edge, joined, across, upright, mark, missed.encode(x=x, y=y), *names)
    layers = layered(*parts, data=sheet.rows(rows), width=WIDTH, height=HEIGHT)
    return sheet.finish(layers, chrome=80, narrowest=240)


def front_figure(study: StudyContext, every: Sequence[Series]) -> Figure | None:
    """F7: latency and throughput of every load, for the series of one model and factor."""
    model, factor, latency = every[0].model, every[0].factor, every[0].latency
    if latency is None:
        return None
    info, labels = METRICS[latency], study.dataset.labels
    drawn = [(series, point, place) for series in every for point, place in _placed(series)]
    if len(drawn) < 2:
        return None
    divisor, unit = axis_unit(info.unit, [point.value(latency) or 0.0 for _, point, _ in drawn])
    rows: list[FrontRow] = []
    entries: list[list[TableEntry]] = []
    for series, point, place in drawn:
        wait, throughput = point.value(latency) or 0.0, point.value(THROUGHPUT) or 0.0
        judged = point.value("served_well_pct") is not None or study.dataset.imported
        misses = series.kept is not None and point not in series.kept and judged
        verdict = f"{_verdict(place, labels)}{'; misses the objective' if misses else ''}"
        across, upwards = TableCell(wait, quantity(wait, info.unit)), TableCell(throughput, quantity(throughput, "tokens/s"))
        detail = f"{series.load_text(point.load)}: {across.text}, {upwards.text}; {verdict}"
        rows.append(_row(series, point, place, latency, divisor, misses, detail))
        load = TableCell(point.load, f"{point.load:g}")
        entries.append([series.label, load, across, upwards, share(place.probability), verdict])
    told = None if study.analysis.frontier is None else study.analysis.frontier.told.get(model.id)
    finding = f"{model.label}: {_finding(every, told)}"
    summary = f"{finding}. {info.label} against throughput of {model.label} at every load. {_best(every, latency)}"
    x_axis = f"{info.label.lower()} ({unit}, logarithmic)"
    drawn_rows = _labelled([replace(row, edge=not any(_beats(other, row) for other in rows)) for row in rows])
    spec = throughput_frontier_spec(drawn_rows, series_looks(study, every), x_axis=x_axis, y_axis="throughput (tokens/s)")
    table = make_table(
        f"{model.label}: latency and throughput at every load",
        [
            "series", (factor, ""), (f"median {latency}", info.unit), (f"median {THROUGHPUT}", "tokens/s"),
            ("probability of being on the front", "1"), "verdict",
        ],
        entries,
    )  # fmt: skip
    figure_id = f"front-{model.id}-{factor}".replace("_", "-")
    return Figure(
        figure_id,
        finding,
        _caption(every, study.dataset.study.objective if any(row.misses for row in rows) else None),
        summary,
        spec,
        table,
        metric_bands(study, THROUGHPUT),
    )


def _across(rows: Sequence[FrontRow]) -> list[float]:
    return [min(row.x_low for row in rows) / 1.25, max(row.x_high for row in rows) * 1.25]


def _upwards(rows: Sequence[FrontRow]) -> list[float]:
    return [0.0, max(row.y_high for row in rows) * 1.08]


def _labelled(rows: Sequence[FrontRow]) -> list[FrontRow]:
    """Return the rows with the side on which each load stands; those of the dashed line have the first choice."""
    ordered_rows = sorted(rows, key=lambda row: not row.edge)
    (first, last), (_, top) = _across(rows), _upwards(rows)
    at = [
        (math.log(row.x / first) / math.log(last / first) * PLACED, (1 - row.y / top) * HEIGHT if top else HEIGHT)
        for row in ordered_rows
    ]
    sides = places(at, [row.load_text for row in ordered_rows], size=LETTERS, plot=(PLACED, HEIGHT), first="left above")
    return [replace(row, place=side) for row, side in zip(ordered_rows, sides, strict=True)]


def _placed(series: Series) -> Iterator[tuple[LoadPoint, ParetoPoint]]:
    """Yield every load that can be drawn with its place on the front; the axis of latency is logarithmic."""
    places = {point.name: point for point in series.front.points}
    for point in series.points:
        place = places.get(point.cell.configuration.id)
        drawable = positive(point.value(series.latency or "")) and finite(point.value(THROUGHPUT))
        if place is not None and place.on_front is not None and drawable:
            yield point, place


def _row(
    series: Series, point: LoadPoint, place: ParetoPoint, latency: str, divisor: float, misses: bool, detail: str
) -> FrontRow:
    x, y = (point.value(latency) or 0.0) / divisor, point.value(THROUGHPUT) or 0.0
    x_ends, y_ends = _ends(point, latency), _ends(point, THROUGHPUT)
    sure = float(bool(place.on_front)) if place.probability is None else place.probability
    return FrontRow(
        configuration=series.label, label=series.label, load=point.load, load_text=f"{point.load:g}", x=x, y=y,
        x_low=x_ends[0] / divisor, x_high=x_ends[1] / divisor, y_low=y_ends[0], y_high=y_ends[1], edge=False,
        front=bool(place.on_front), sure=sure, misses=misses, place="", detail=detail,
    )  # fmt: skip


def _ends(point: LoadPoint, metric: str) -> tuple[float, float]:
    """Return the interval of a median; the median twice where it has none."""
    ci = describe(point.cell.values(metric)).median_ci
    middle = point.value(metric) or 0.0
    return (ci.low, ci.high) if isinstance(ci, Interval) and ci.low > 0 else (middle, middle)


def _beats(first: FrontRow, second: FrontRow) -> bool:
    """Whether a load is better than another in latency or throughput and worse in neither, whatever their energy."""
    return first.x <= second.x and first.y >= second.y and (first.x, first.y) != (second.x, second.y)


def _verdict(place: ParetoPoint, labels: Mapping[str, str]) -> str:
    if place.on_front:
        return "on the front"
    named = [labels.get(name, name) for name in place.dominated_by[:MOST_NAMED]]
    more = len(place.dominated_by) - len(named)
    return f"beaten by {'; '.join(named)}" + (f" and {more} more" if more > 0 else "")


def _leading(every: Sequence[Series]) -> Series:
    """Return the series of the highest throughput at its advised load, of those with a curve where there are any."""
    long = [series for series in every if not series.short]
    return max(long or every, key=lambda series: series.advised.value(THROUGHPUT) or 0.0)


def _finding(every: Sequence[Series], told: ToldLoad | None) -> str:
    """Say where more load stops to pay, beginning with the load of the headline where that is another."""
    long = [series for series in every if not series.short]
    saturated = [series for series in long if series.saturation.load is not None]
    if not long:
        return TOO_FEW_LOADS
    if not saturated:
        return "throughput and latency grow together up to the largest load"
    best = _leading(saturated)
    if told is not None and told.kept and told.series in every and told.point.load < (told.series.saturation.load or 0):
        return (
            f"{told.series.load_text(told.point.load)} meets the objective; beyond {told.series.load_text(told.series.saturation.load or 0)}, more load adds "
            f"latency and hardly any throughput ({told.series.label})"
        )
    which = "" if len(saturated) == len(long) else f" ({best.label})"
    return f"beyond {best.load_text(best.saturation.load or 0)}, more load adds latency and hardly any throughput{which}"


def _best(every: Sequence[Series], latency: str) -> str:
    best = _leading(every)
    throughput, wait = best.advised.value(THROUGHPUT) or 0.0, best.advised.value(latency) or 0.0
    return (
        f"{best.label} at {best.load_text(best.advised.load)} has {quantity(throughput, 'tokens/s')} at a "
        f"{METRICS[latency].noun} of {quantity(wait, METRICS[latency].unit)}."
    )


def _caption(every: Sequence[Series], objective: Objective | None) -> str:
    missed = "" if objective is None else f"A cross marks loads that miss the objective ({objective_words(objective)}). "
    nouns = [METRICS[metric].noun for metric in every[0].dimensions]
    return (
        "Medians over valid runs with their intervals; the numbers are loads, the upper left is better. The dashed line joins loads that no other shown "
        f"here beats in both. {missed}The more opaque a mark, the more probable its place on the Pareto front in {listed(nouns)} among all loads of the model (bootstrap "
        "over runs); with too few runs, marks on the front are opaque and all others faint."
    )
