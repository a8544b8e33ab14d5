"""Where the energy of a model goes: by phase of a run, and by component of the boundary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import altair as alt

from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.record import Phase
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure, Table, TableCell, make_table
from greenreport.report.figures.axes import axis_unit, finite
from greenreport.report.figures.captions import metric_bands
from greenreport.report.figures.specification import ROW, WIDTH, BandRow, Sheet, Specification, ordered, ordinal
from greenreport.report.figures.traces import PHASE_NAMES
from greenreport.units import number, quantity

PHASES = (Phase.START, Phase.LOAD, Phase.COMPILE, Phase.WARMUP, Phase.WINDOW)
#: Parts of the boundary, with the metric of each.
COMPONENTS = (("CPU", "cpu_energy_j"), ("memory", "dram_energy_j"), ("GPU", "gpu_energy_j"))


def stacked_spec(rows: Sequence[BandRow], *, axis: str, part: str = "phase") -> Specification:
    """F9: parts of a total as stacked bars, one bar per configuration; `start` is the place of a part, `end` its amount."""
    sheet = Sheet()
    labels, names = ordered([row.row for row in rows]), ordered([row.name for row in rows])
    opacity = [round(0.25 + 0.65 * i / max(1, len(names) - 1), 2) for i in range(len(names))]
    chart = (
        alt.Chart(sheet.rows(rows))
        .mark_bar(color="var(--blue)", stroke="var(--paper)", strokeWidth=1, height=16)
        .encode(
            x=alt.X("end:Q", title=axis, stack="zero", axis=alt.Axis(format=",~r", tickCount=6)),
            y=alt.Y("row:N", title=None, sort=labels),
            opacity=alt.Opacity("name:O", sort=names, scale=ordinal(names, opacity), legend=alt.Legend(title=None, columns=4)),
            order=alt.Order("start:Q"),
            tooltip=[
                alt.Tooltip("row:N", title="configuration"),
                alt.Tooltip("name:N", title=part),
                alt.Tooltip("detail:N", title="value"),
            ],
        )
        .properties(width=WIDTH - 120, height=ROW * len(labels))
    )
    return sheet.finish(chart, chrome=175)


def phases_figure(study: StudyContext, model: str) -> Figure | None:
    """F9: where the energy of a run goes, by phase and configuration, on one model."""
    rows: list[BandRow] = []
    for cell in study.dataset.cells:
        if cell.model.id == model:
            for place, phase in enumerate(PHASES):
                joules = [p.energy_j for run in cell.ok for p in run.phases if p.mark.phase is phase and finite(p.energy_j)]
                rows += _part(place, PHASE_NAMES[phase], label_of(cell.configuration), joules)
    total = sum(row.end for row in rows)
    if total <= 0:  # nothing was measured, or no counter moved: there are no shares
        return None
    label = study.dataset.study.model(model).label
    share = sum(row.end for row in rows if row.name == PHASE_NAMES[Phase.WINDOW]) / total
    estimated = any(cell.estimated("energy_j") for cell in study.dataset.cells)
    spent = f"On {label}, about {number(share * 100, 2)} in 100{' estimated' if estimated else ''} joules"
    summary = (
        f"{spent} of all configurations together are spent in the measured window. "
        "The rest is process start, loading, compilation and warm-up, which every deployment pays once."
    )
    totals = [sum(row.end for row in rows if row.row == configuration) for configuration in {row.row for row in rows}]
    factor, unit = axis_unit("J", totals)
    spec = stacked_spec([replace(row, end=row.end / factor) for row in rows], axis=f"energy ({unit})")
    table = _table(f"Energy by phase, median over runs, {label}", "phase", rows)
    caption = "Median over valid runs; idle phases are left out."
    title = f"{spent} are spent in the measured window"
    return Figure(f"phases-{model}", title, caption, summary, spec, table, metric_bands(study, "energy_j"))


def components_figure(study: StudyContext, model: str) -> Figure | None:
    """F9 by component: what part of the boundary the energy of the window is used in, where more than one is measured."""
    rows: list[BandRow] = []
    for cell in study.dataset.cells:
        if cell.model.id == model:
            for place, (name, metric) in enumerate(COMPONENTS):
                joules = [value for value in cell.values(metric) if finite(value)]
                rows += _part(place, name, label_of(cell.configuration), joules)
    totals = {name: sum(row.end for row in rows if row.name == name) for name, _ in COMPONENTS}
    used = [name for name, joules in totals.items() if joules > 0]
    if len(used) < 2:
        return None
    label = study.dataset.study.model(model).label
    whole = sum(totals.values())
    shares = ", ".join(f"{number(100 * totals[name] / whole, 2)} in the {name}" for name in used)
    title = f"Of 100 joules in the window on {label}, {shares}"
    summary = f"{title}, all configurations together."
    table = _table(f"Energy of the window by component, median over runs, {label}", "component", rows)
    spec = stacked_spec(rows, axis="energy (J)", part="component")
    caption = "Median over valid runs of each component's energy over the measured window; idle power included."
    return Figure(f"components-{model}", title, caption, summary, spec, table, metric_bands(study, "energy_j"))


def _part(place: int, name: str, configuration: str, joules: Sequence[float]) -> list[BandRow]:
    """Return the row of a part, the median over runs; none where no run has a value."""
    if not joules:
        return []
    typical = median(joules)
    return [BandRow(place, typical, name, configuration, quantity(typical, "J"))]


def _table(caption: str, part: str, rows: Sequence[BandRow]) -> Table:
    return make_table(
        caption, ["configuration", part, ("energy", "J")], [[row.row, row.name, TableCell(row.end, row.detail)] for row in rows]
    )
