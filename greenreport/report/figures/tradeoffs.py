"""Two metrics at once, with the line of configurations that no other dominates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from greenreport.analysis.hypotheses.headline import models_text
from greenreport.analysis.hypotheses.tradeoffs import Tradeoff
from greenreport.catalog import METRICS
from greenreport.report.context import StudyContext
from greenreport.report.drawing.style import Looks
from greenreport.report.figure import Figure, TableCell, TableEntry, make_table, share
from greenreport.report.figures.axes import prefixed
from greenreport.report.figures.captions import metric_bands
from greenreport.report.figures.specification import WIDTH, Sheet, Specification, ordered, points, text_marks
from greenreport.units import quantity

HEIGHT = 210
NARROWEST = 430  # labels need room on both sides; a phone scrolls the figure


@dataclass(frozen=True, slots=True)
class PointRow:
    """One configuration on one model in two metrics.

    Attributes:
        front: no other configuration beats it in both.
        place: where its label stands, `right` or `left` of the point.
    """

    model: str
    configuration: str
    label: str
    x: float
    y: float
    front: bool
    place: str
    detail: str


def tradeoff_spec(rows: Sequence[PointRow], styles: Looks, *, x_axis: str, units: tuple[str, str]) -> Specification:
    """F7: medians, one panel per model with scales of its own; the `units` of both metrics stand at the ticks."""
    sheet = Sheet(styles)
    models = ordered([row.model for row in rows])
    axes = [alt.Axis(labelExpr=prefixed(unit), tickCount=ticks, grid=True) for unit, ticks in zip(units, (5, 4), strict=True)]
    x = alt.X("x:Q", title=x_axis, scale=alt.Scale(zero=False, nice=False, padding=120), axis=axes[0])
    y = alt.Y("y:Q", title=None, scale=alt.Scale(zero=False, nice=False, padding=28), axis=axes[1])
    base = alt.Chart()
    line = (
        base.transform_filter("datum.front")
        .mark_line(interpolate="step-after", strokeDash=[4, 3], opacity=0.6, color="currentColor")
        .encode(x=x, y=y, order=alt.Order("x:Q"))
    )
    point = points(base, styles, 110).encode(x=x, y=y, tooltip=[alt.Tooltip("detail:N", title="configuration")])
    # Labels of neighbours would lie on each other: in the order of y they stand right above and left below their points.
    names = [
        text_marks(base.transform_filter(f"datum.place == '{place}'"), align=align, dx=dx, dy=dy).encode(
            x=x, y=y, text="label:N"
        )
        for place, align, dx, dy in (("right", "left", 10, -8), ("left", "right", -10, 10))
    ]
    layers = alt.layer(line, point, *names, data=sheet.rows(rows)).properties(width=WIDTH - 60, height=HEIGHT)
    if len(models) == 1:
        return sheet.finish(layers, chrome=110, narrowest=NARROWEST)
    panels = layers.facet(row=alt.Row("model:N", sort=models, title=None)).resolve_scale(x="independent", y="independent")
    return sheet.finish(panels, plot="spec.width", chrome=110, narrowest=NARROWEST)


def tradeoff_figure(study: StudyContext, tradeoff: Tradeoff) -> Figure | None:
    """F7 of a pair of metrics: medians on every model, and the configurations that no other dominates."""
    first, second = METRICS[tradeoff.first], METRICS[tradeoff.second]
    labels = study.dataset.labels
    rows: list[PointRow] = []
    entries: list[list[TableEntry]] = []
    for model, front in tradeoff.models:
        by_second = sorted((p for p in front.points if len(p.medians) == 2), key=lambda p: p.medians[1])
        for place, point in enumerate(by_second):
            label, (x, y) = labels[point.name], point.medians
            dominant = ", ".join(labels[name] for name in point.dominated_by)
            verdict = "on the front" if point.on_front else f"dominated by {dominant}"
            across, upwards = TableCell(x, quantity(x, first.unit)), TableCell(y, quantity(y, second.unit))
            detail = f"{label} on {model.label}: {across.text}, {upwards.text}; {verdict}"
            side = "left" if place % 2 else "right"
            rows.append(PointRow(model.label, point.name, label, x, y, bool(point.on_front), side, detail))
            entries.append([model.label, label, across, upwards, share(point.probability), verdict])
    if len(rows) < 2:
        return None
    alone = sum(len(front.front) == 1 for _, front in tradeoff.models)
    models = len(tradeoff.models)
    scope = "A single" if models == 1 else f"O{models_text(alone, models)[1:]} a single"
    both = f"{scope} configuration is best in both." if alone else "Less of one costs more of the other."
    title = f"{first.label} against {second.noun}"
    summary = f"{title}. {both}"
    table = make_table(
        f"{title}: medians, and what each is dominated by",
        [
            "model", "configuration", (f"median {first.id}", first.unit), (f"median {second.id}", second.unit),
            ("probability of being on the front", "1"), "verdict",
        ],
        entries,
    )  # fmt: skip
    caption = (
        "Medians over valid runs, each model on axes of its own that do not begin at 0; the dashed line joins configurations that no other "
        "dominates, that is, equals or beats in both and beats in one. Probability: share of bootstrap resamples of whole runs."
    )
    axis = f"{first.label.lower()} (across), {second.label.lower()} (upwards)"
    spec = tradeoff_spec(rows, study.looks, x_axis=axis, units=(first.unit, second.unit))
    figure_id = f"tradeoff-{first.id}-{second.id}".replace("_", "-")
    bands = metric_bands(study, first.id, second.id)
    return Figure(figure_id, f"{title}: {both[0].lower()}{both[1:-1]}", caption, summary, spec, table, bands)
