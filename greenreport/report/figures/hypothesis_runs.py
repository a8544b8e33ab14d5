"""Every run of the configurations that a hypothesis compares."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import altair as alt

from greenreport.analysis.hypotheses.findings import Finding
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.catalog import MetricInfo
from greenreport.report.context import StudyContext
from greenreport.report.drawing.style import Looks
from greenreport.report.figure import Figure, TableCell, make_table
from greenreport.report.figures.axes import far_apart, finite, label_axis, value_axis
from greenreport.report.figures.captions import boundary_text, metric_bands, times
from greenreport.report.figures.specification import ROW, WIDTH, Sheet, Specification, colour, drawn, layered, ordered, points
from greenreport.study import Configuration
from greenreport.units import counted, quantity

BOXES = "Boxes span the quartiles; the line inside is the median."
ROW_BYTES = 150


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run's value of a metric; `note` is the value as it is printed."""

    model: str
    configuration: str
    label: str
    provider: str
    repetition: int
    value: float
    note: str


def runs_spec(rows: Sequence[RunRow], styles: Looks, *, axis: str, log: bool) -> Specification:
    """F2: every run as a point over the box of its group; the box spans the quartiles, its line is the median. A single run has none."""
    sheet = Sheet(styles)
    labels, y = label_axis(rows)
    x = value_axis(sheet, [row.value for row in rows], axis, first="log" if log else "linear")("value:Q")
    quartiles, middle = {"fillOpacity": 0.16, "strokeWidth": 1.2}, {"strokeWidth": 2.2, "color": "currentColor"}
    boxes = alt.Chart().mark_boxplot(extent=1.5, outliers=False, size=15, box=quartiles, median=middle)
    box = boxes.encode(x=x, y=y, color=colour(styles))
    tooltip = [alt.Tooltip("label:N", title="configuration"), alt.Tooltip("repetition:Q"), alt.Tooltip("note:N", title="value")]
    offset = alt.YOffset("jitter:Q", scale=alt.Scale(domain=[-1, 1]))
    point = points(alt.Chart(), styles, 32).encode(
        x=x, y=y, yOffset=offset, strokeOpacity=alt.StrokeOpacityValue(0.85), tooltip=tooltip
    )
    repeated = bool(_repeated(rows))
    data = sheet.rows([{**asdict(row), "jitter": _jitter(row) if repeated else 0.0} for row in rows])
    layers = layered(*([box] if repeated else []), point, data=data, width=WIDTH - 150, height=(ROW + 6) * len(labels))
    return sheet.by_model(layers, ordered([row.model for row in rows]), chrome=185)


def _jitter(row: RunRow) -> float:
    """Return an offset from a digest: points lie apart, and at the same places in every build."""
    digest = hashlib.sha256(f"{row.model}:{row.configuration}:{row.repetition}".encode()).digest()
    return round((digest[0] / 255 - 0.5) * 1.1, 3)


def strip_figure(study: StudyContext, finding: Finding) -> Figure | None:
    """F2 of a hypothesis: every run of every compared configuration."""
    rows = list(_run_rows(study, finding, finding.hypothesis.providers))
    if not rows:
        return None
    shortest, longest = min(rows, key=lambda r: r.value), max(rows, key=lambda r: r.value)
    summary = (
        f"{counted(len(rows), _noun(study))}; the smallest value is {shortest.note} ({shortest.label} on {shortest.model}), the largest {longest.note} "
        f"({longest.label} on {longest.model}).{_boxes(rows)}"
    )
    axis = " on a logarithmic axis" if far_apart([row.value for row in rows]) else ""
    return _figure(study, finding, f"{finding.hypothesis.id.lower().replace('.', '-')}-runs", rows, summary, axis)


def runs_over_models(study: StudyContext, finding: Finding, configuration: Configuration, figure_id: str) -> Figure | None:
    """F2 over models: every run of one configuration, the one that others are compared with."""
    rows = [row for row in _run_rows(study, finding) if row.configuration == configuration.id]
    if not rows:
        return None
    models = len({row.model for row in rows})
    noun = _noun(study)
    summary = f"{counted(len(rows), noun)} of {label_of(configuration)} on {study.dataset.subject.counted(models)}; others are compared with it.{_boxes(rows)}"
    return _figure(study, finding, figure_id, rows, summary, over_models=True)


def _figure(
    study: StudyContext,
    finding: Finding,
    figure_id: str,
    rows: Sequence[RunRow],
    summary: str,
    axis: str = "",
    *,
    over_models: bool = False,
) -> Figure:
    """Return a figure of runs, in panels by model or `over_models` in one; `axis` is what the caption says of it."""
    info = finding.metric
    log = far_apart([row.value for row in rows])
    shown, left_out = drawn(rows, ROW_BYTES)
    if over_models:
        shown = [replace(row, model="", label=row.model) for row in shown]
    spec = runs_spec(shown, study.looks, axis=f"{info.noun} ({info.unit})", log=log)
    every = f"{info.label}, every value of the table" if study.dataset.imported else f"{info.label} of every valid run"
    caption = f"{every}{axis}. {info.meaning(imported=study.dataset.imported)} {boundary_text(finding)}".strip() + left_out
    table = make_table(
        every,
        ["model", "configuration", ("repetition", ""), (info.id, info.unit)],
        [[row.model, row.label, row.repetition, TableCell(row.value, row.note)] for row in rows],
    )
    heading = runs_heading(rows, info, single="as published" if study.dataset.imported else "of single runs")
    return Figure(figure_id, heading, caption, summary, spec, table, metric_bands(study, info.id))


def _repeated(rows: Sequence[RunRow]) -> list[list[float]]:
    """Return the values of every cell with several runs."""
    cells: dict[tuple[str, str, str], list[float]] = {}
    for row in rows:
        cells.setdefault((row.model, row.label, row.configuration), []).append(row.value)
    return [values for values in cells.values() if len(values) > 1]


def _boxes(rows: Sequence[RunRow]) -> str:
    """Return the sentence on boxes, where there are any."""
    return f" {BOXES}" if _repeated(rows) else ""


def _noun(study: StudyContext) -> str:
    """Return what a row is: a run, or a value of a table, which may stand for many runs."""
    return "value" if study.dataset.imported else "run"


def _run_rows(study: StudyContext, finding: Finding, providers: Sequence[str] | None = None) -> Iterator[RunRow]:
    """Yield every valid run's value of the metric, model by model, where it can be drawn."""
    info = finding.metric
    for model in (item.model.id for item in finding.tests):
        for cell in study.dataset.cells_of(model):
            configuration = cell.configuration
            if providers is not None and configuration.provider not in providers:
                continue
            of_cell = (cell.model.label, configuration.id, label_of(configuration), configuration.provider)
            for run in cell.ok:
                if finite(value := run.value(info.id)):
                    yield RunRow(*of_cell, run.repetition, value, quantity(value, info.unit))


def runs_heading(rows: Sequence[RunRow], info: MetricInfo, *, single: str = "of single runs") -> str:
    """Say how far the repetitions of a cell are apart at most; where nothing is repeated, between what all values lie."""
    repeated = _repeated(rows)
    if not repeated or min(min(values) for values in repeated) <= 0:
        smallest, largest = min(rows, key=lambda row: row.value), max(rows, key=lambda row: row.value)
        return f"{info.label} {single}: {smallest.note} to {largest.note}"
    widest = max(max(values) / min(values) for values in repeated)
    return f"Within every cell, the largest {info.noun} is at most {times(widest)} the smallest"
