"""Figures of two metrics at once."""

from __future__ import annotations

from greenreport.analysis.hypotheses.answers import models_text
from greenreport.analysis.hypotheses.tradeoffs import Tradeoff
from greenreport.catalog import METRICS
from greenreport.report import charts
from greenreport.report.charts import PointRow
from greenreport.report.context import StudyContext
from greenreport.report.figure import Column, Figure, make_table
from greenreport.report.figures.words import metric_bands
from greenreport.units import percent, quantity


def tradeoff_figure(study: StudyContext, found: Tradeoff) -> Figure | None:
    """F7 of a pair of metrics: medians on every model, and the configurations that no other dominates."""
    first, second = METRICS[found.first], METRICS[found.second]
    labels = study.dataset.labels
    rows: list[PointRow] = []
    shown, values = [], []
    for model, front in found.models:
        order = sorted((p for p in front.points if len(p.medians) == 2), key=lambda p: p.medians[1])
        for place, point in enumerate(order):
            x, y = point.medians
            sure = "–" if point.probability is None else percent(point.probability)
            better = ", ".join(labels[name] for name in point.dominated_by)
            verdict = "on the front" if point.on_front else f"dominated by {better}"
            texts = quantity(x, first.unit), quantity(y, second.unit)
            detail = f"{labels[point.name]} on {model.label}: {texts[0]}, {texts[1]}; {verdict}"
            rows.append(
                PointRow(
                    model.label,
                    point.name,
                    labels[point.name],
                    x,
                    y,
                    bool(point.on_front),
                    "left" if place % 2 else "right",
                    detail,
                )
            )
            values.append((model.label, labels[point.name], x, y, point.probability, verdict))
            shown.append((model.label, labels[point.name], *texts, sure, verdict))
    if len(rows) < 2:
        return None
    winners = [front.front for _, front in found.models]
    alone = sum(len(names) == 1 for names in winners)
    both = f"{_scope(alone, len(winners))} configuration is best in both." if alone else "Less of one costs more of the other."
    columns = [
        Column("model"),
        Column("configuration"),
        Column(f"median {first.id}", first.unit, True),
        Column(f"median {second.id}", second.unit, True),
        Column("probability of being on the front", "1", True),
        Column("verdict"),
    ]
    title = f"{first.label} against {second.noun}"
    table = make_table(f"{title}: medians, and what each is dominated by", columns, values, shown)
    caption = (
        "Medians over valid runs, each model on axes of its own that do not begin at 0; the dashed line joins configurations that no other "
        "dominates, that is, equals or beats in both and beats in one. Probability: share of bootstrap resamples of whole runs."
    )
    spec = charts.tradeoff(
        rows,
        study.looks,
        x_axis=f"{first.label.lower()} (across), {second.label.lower()} (upwards)",
        units=(first.unit, second.unit),
        description=f"{title}. {both}",
    )
    names = f"tradeoff-{first.id}-{second.id}".replace("_", "-")
    bands = tuple(dict.fromkeys((*metric_bands(study, first.id), *metric_bands(study, second.id))))
    return Figure(names, f"{title}: {both[0].lower()}{both[1:-1]}", caption, f"{title}. {both}", spec, table, bands)


def _scope(alone: int, models: int) -> str:
    """Begin the sentence on models where one configuration is best in both metrics."""
    return "A single" if models == 1 else f"O{models_text(alone, models)[1:]} a single"
