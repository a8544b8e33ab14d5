"""Two metrics at once, with the line of configurations that no other dominates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import altair as alt

from greenreport.analysis.hypotheses.headline import models_text
from greenreport.analysis.hypotheses.tradeoffs import Tradeoff
from greenreport.analysis.measure.configuration_labels import short_labels
from greenreport.analysis.sweep.series import Series
from greenreport.catalog import METRICS
from greenreport.report.context import StudyContext
from greenreport.report.drawing.label_places import SIDES, places
from greenreport.report.drawing.style import Looks
from greenreport.report.figure import Figure, TableCell, TableEntry, make_table, share
from greenreport.report.figures.axes import finite, prefixed
from greenreport.report.figures.captions import metric_bands
from greenreport.report.figures.saturation_curves import series_looks
from greenreport.report.figures.specification import WIDTH, Sheet, Specification, drawn, layered, ordered, points, text_marks
from greenreport.units import quantity

HEIGHT = 230
#: Pixels beside the plot, and its width on a phone. Names of a front that have no room there stand where the plot is wider: on a phone
#: the page leaves out those that would lie on others.
CHROME, PHONE, WIDER = 110, 240, 430
LETTERS = 11
MOST_LABELS = 8  # on each model
ROW_BYTES = 1500
MARGIN = 0.12  # of the span of the values, on both sides of them


@dataclass(frozen=True, slots=True)
class PointRow:
    """One configuration on one model in two metrics.

    Attributes:
        label: of the configuration, without what all of them share.
        front: no other configuration beats it in both.
        series: name of the sweep it is a load of; empty for others. `load`: its load, `load_text`: the same in words.
        place: the side of the point where its name stands; empty where there is no room.
    """

    model: str
    configuration: str
    label: str
    x: float
    y: float
    front: bool
    detail: str
    series: str = ""
    load: float = 0.0
    load_text: str = ""
    place: str = ""


def tradeoff_spec(
    rows: Sequence[PointRow], styles: Looks, swept: Looks, *, x_axis: str, units: tuple[str, str]
) -> Specification:
    """F7: medians, one panel per model with scales of its own; the `units` of both metrics stand at the ticks.

    Args:
        styles: looks of configurations; `swept`: of the sweeps, whose loads are joined by a line.
    """
    sheet = Sheet(styles)
    models = ordered([row.model for row in rows])
    by_model = [[row for row in rows if row.model == model] for model in models]
    on_phone, wider = ([_labelled(of_model, width) for of_model in by_model] for width in (PHONE, WIDER))
    labelled = on_phone if _named(on_phone) == _named(wider) else wider
    panels = [
        _panel(sheet, of_model, swept, x_axis if model == models[-1] else None, units, titled=len(models) > 1)
        for model, of_model in zip(models, labelled, strict=True)
    ]
    if len(models) == 1:
        return sheet.finish(panels[0], chrome=CHROME, narrowest=PHONE)
    return sheet.finish(alt.vconcat(*panels), plot="vconcat", chrome=CHROME, narrowest=PHONE)


def _panel(
    sheet: Sheet, rows: Sequence[PointRow], swept: Looks, x_axis: str | None, units: tuple[str, str], *, titled: bool
) -> alt.LayerChart:
    """Return the chart of one model; `titled`: its name stands above it."""
    axes = [
        alt.Axis(labelExpr=prefixed(unit), tickCount=ticks, grid=True, titleAnchor="start")  # seen before a phone scrolls
        for unit, ticks in zip(units, (5, 4), strict=True)
    ]
    x = alt.X("x:Q", title=x_axis, scale=alt.Scale(domain=_domain([row.x for row in rows]), nice=False), axis=axes[0])
    y = alt.Y("y:Q", title=None, scale=alt.Scale(domain=_domain([row.y for row in rows]), nice=False), axis=axes[1])
    base = alt.Chart()
    front = (
        base.transform_filter("datum.front")
        .mark_line(interpolate="step-after", strokeDash=[4, 3], opacity=0.6, color="currentColor")
        .encode(x=x, y=y, order=alt.Order("x:Q"))
    )
    layers = [front]
    if any(row.series for row in rows):
        scale = alt.Scale(domain=list(swept), range=[look.colour for look in swept.values()])
        legend = alt.Legend(title=None, orient="bottom", symbolType="stroke", columns=1) if len(swept) > 1 else None
        sweeps = base.transform_filter("datum.series != ''").mark_line(strokeWidth=1.2, opacity=0.55)
        layers.append(
            sweeps.encode(x=x, y=y, color=alt.Color("series:N", scale=scale, legend=legend), order=alt.Order("load:Q"))
        )
    layers.append(points(base, sheet.styles, 90).encode(x=x, y=y, tooltip=[alt.Tooltip("detail:N", title="configuration")]))
    shown = "load_text:N" if all(row.series for row in rows) else "label:N"
    for side in ordered([row.place for row in rows if row.place]):
        beside = base.transform_filter(f"datum.place == '{side}'")
        layers.append(text_marks(beside, size=LETTERS, baseline="middle", **SIDES[side]).encode(x=x, y=y, text=shown))
    title = {"title": alt.TitleParams(rows[0].model, frame="group")} if titled else {}
    return layered(*layers, data=sheet.rows(rows), width=WIDTH - 60, height=HEIGHT, **title)


def _domain(values: Sequence[float]) -> list[float]:
    """Return the ends of an axis: a little room beside the values, and nothing below 0 where no value is."""
    low, high = min(values), max(values)
    pad = (high - low) * MARGIN or abs(high) * MARGIN or 1.0
    return [max(0.0, low - pad) if low >= 0 else low - pad, high + pad]


def _named(labelled: Sequence[Sequence[PointRow]]) -> int:
    """Return how many points of the fronts have room for their names."""
    return sum(bool(row.place) for rows in labelled for row in rows if row.front)


def _labelled(rows: Sequence[PointRow], width: int) -> list[PointRow]:
    """Return the rows of one model, those of the front first, with the side on which the name of each stands: of few all, of many the front.

    Args:
        width: of the plot, in pixels, in which no name may lie on another; it may be wider.
    """
    few, front = len(rows) <= MOST_LABELS, sorted((row for row in rows if row.front), key=lambda row: row.x)
    rows = [*front, *(row for row in rows if not row.front)]
    step = max(1.0, (len(front) - 1) / (MOST_LABELS - 1))
    named = {front[round(place * step)].configuration for place in range(min(MOST_LABELS, len(front)))}
    (left, right), (low, high) = _domain([row.x for row in rows]), _domain([row.y for row in rows])
    at = [((row.x - left) / (right - left) * width, (high - row.y) / (high - low) * HEIGHT) for row in rows]
    swept = all(row.series for row in rows)
    texts = [(row.load_text if swept else row.label) if few or row.configuration in named else "" for row in rows]
    sides = places(at, texts, size=LETTERS, plot=(width, HEIGHT))
    return [replace(row, place=side) for row, side in zip(rows, sides, strict=True)]


def _sweeps(study: StudyContext) -> dict[tuple[str, str], tuple[Series, float]]:
    """Return the sweep and the load of each cell that is part of one, by model and configuration; of several, the first."""
    frontier = study.analysis.frontier
    found: dict[tuple[str, str], tuple[Series, float]] = {}
    for series in () if frontier is None else frontier.series:
        for point in series.points if len(series.points) > 1 else ():
            found.setdefault((series.model.id, point.cell.configuration.id), (series, point.load))
    return found


def tradeoff_figure(study: StudyContext, tradeoff: Tradeoff) -> Figure | None:
    """F7 of a pair of metrics: medians on every model, and the configurations that no other dominates."""
    first, second = METRICS[tradeoff.first], METRICS[tradeoff.second]
    labels, sweeps = study.dataset.labels, _sweeps(study)
    short = short_labels(study.dataset.configurations)
    rows: list[PointRow] = []
    entries: list[list[TableEntry]] = []
    for model, front in tradeoff.models:
        by_second = sorted(
            (p for p in front.points if len(p.medians) == 2 and all(map(finite, p.medians))), key=lambda p: p.medians[1]
        )
        for point in by_second:
            label, (x, y) = labels[point.name], point.medians
            series, load = sweeps.get((model.id, point.name), (None, 0.0))
            dominant = ", ".join(labels[name] for name in point.dominated_by)
            verdict = "on the front" if point.on_front else f"dominated by {dominant}"
            across, upwards = TableCell(x, quantity(x, first.unit)), TableCell(y, quantity(y, second.unit))
            detail = f"{label} on {model.label}: {across.text}, {upwards.text}; {verdict}"
            sweep = ("", 0.0, "") if series is None else (series.label, load, series.load_text(load))
            rows.append(PointRow(model.label, point.name, short[point.name], x, y, bool(point.on_front), detail, *sweep))
            entries.append([model.label, label, across, upwards, share(point.probability), verdict])
    if len(rows) < 2:
        return None
    alone = sum(len(front.front) == 1 for _, front in tradeoff.models)
    models = len(tradeoff.models)
    names = [model.label for model, _ in tradeoff.models]
    scope = "A single" if models == 1 else f"O{models_text(alone, names, study.dataset.subject)[1:]} a single"
    both = f"{scope} configuration is best in both." if alone else "Less of one costs more of the other."
    title = f"{first.label} against {second.noun}"
    finding = f"{title}: {both[0].lower()}{both[1:-1]}"
    table = make_table(
        f"{title}: medians, and what each is dominated by",
        [
            "model", "configuration", (f"median {first.id}", first.unit), (f"median {second.id}", second.unit),
            ("probability of being on the front", "1"), "verdict",
        ],
        entries,
    )  # fmt: skip
    caption = (
        "Medians over valid runs, each model on axes of its own that need not begin at 0; the dashed line joins configurations that no other "
        "dominates, that is, equals or beats in both and beats in one. These carry their names where there is room, the others are in the table."
        f"{' Thin lines join the loads of one sweep.' if sweeps else ''} Probability: share of bootstrap resamples of whole runs."
    )
    axis = f"{first.noun} (across), {second.noun} (upwards)"
    every = {series.label: series for series, _ in sweeps.values()}
    swept = series_looks(study, list(every.values())) if every else {}
    looks = dict(study.looks) | {name: swept[series.label] for (_, name), (series, _) in sweeps.items()}
    shown, left_out = drawn(rows, ROW_BYTES)
    spec = tradeoff_spec(shown, looks, swept, x_axis=axis, units=(first.unit, second.unit))
    figure_id = f"tradeoff-{first.id}-{second.id}".replace("_", "-")
    bands, caption = metric_bands(study, first.id, second.id), caption + left_out
    return Figure(figure_id, finding, caption, f"{finding}.", spec, table, bands)
