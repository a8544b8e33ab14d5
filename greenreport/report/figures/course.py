"""The figure of a cell's runs in their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import TypeAlias

from greenreport.analysis.measure.dataset import CellView, label_of
from greenreport.analysis.measure.drift import Drift, drift, in_order, start_temperature
from greenreport.analysis.measure.run_view import RunView
from greenreport.catalog import METRICS
from greenreport.record import Outcome
from greenreport.report import charts
from greenreport.report.charts import CourseRow
from greenreport.report.charts.axes import finite
from greenreport.report.context import StudyContext
from greenreport.report.figure import Column, Figure, make_table
from greenreport.report.figures.scales import axis_unit
from greenreport.report.figures.words import metric_bands
from greenreport.units import capital, counted, listed, number, p_equation, quantity

COUNTS, LEFT_OUT = "valid run", "does not count"
Values: TypeAlias = list[tuple[RunView, float]]


def course_figure(study: StudyContext, cell: CellView) -> Figure | None:
    """F3: energy and time of every run in its order, and the temperature it began at where a sensor was read."""
    runs = in_order(cell)
    panels = [panel for panel in _panels(runs) if len(panel[1]) > 1]
    if not panels:
        return None
    rows = [row for name, values, unit in panels for row in _rows(name, values, unit)]
    told = [_trend(name, values) for name, values, _ in panels]
    seen = [name.lower() for (name, _, _), (moves, _) in zip(panels, told, strict=True) if moves]
    finding = (
        f"{capital(listed(seen))} {'moves' if len(seen) == 1 else 'move'} with the order of runs"
        if seen
        else f"{counted(len(cell.ok), 'valid run')} {'shows' if len(cell.ok) == 1 else 'show'} no drift beyond chance"
    )
    if all(moves is None for moves, _ in told):
        finding = "Runs in their order"
    label = f"{label_of(cell.configuration)} on {cell.model.label}"
    aside = sum(row.counts == LEFT_OUT for row in rows)
    summary = f"{label}: {'; '.join(text for _, text in told)}. Runs of other cells lie between them."
    caption = (
        f"{counted(len(runs), 'run')}; the dashed line is the median over valid runs. p of Kendall's τ, not adjusted over cells."
        f"{' Crosses: runs that do not count.' if aside else ''}"
    )
    columns = [Column("quantity"), Column("place in the order", "", True), Column("value", "as named", True), Column("counts")]
    table = make_table(
        f"Runs in their order, {label}",
        columns,
        [(r.panel, r.order, r.value, r.counts) for r in rows],
        [(r.panel, str(r.order), number(r.value, 4), r.counts) for r in rows],
    )
    spec = charts.course(rows, study.looks[cell.configuration.id], description=summary)
    energy = any(name == METRICS["energy_j"].label for name, _, _ in panels)
    bands = metric_bands(study, "energy_j" if energy else "duration_s")
    return Figure(f"{cell.slug}-course", finding, caption, summary, spec, table, bands)


def _panels(runs: tuple[RunView, ...]) -> Iterator[tuple[str, Values, str]]:
    """Yield name, values of runs and unit of everything that can be shown over the order."""
    for metric in ("energy_j", "duration_s"):
        yield METRICS[metric].label, _known(runs, [run.value(metric) for run in runs]), METRICS[metric].unit
    yield "Temperature at the start", _known(runs, [start_temperature(run) for run in runs]), "°C"


def _known(runs: Sequence[RunView], values: Sequence[float | None]) -> Values:
    return [(run, value) for run, value in zip(runs, values, strict=True) if finite(value)]


def _rows(name: str, values: Values, unit: str) -> Iterator[CourseRow]:
    valid = [value for run, value in values if run.outcome is Outcome.OK]
    middle = median(valid or [value for _, value in values])
    factor, shown = axis_unit(unit, [value for _, value in values])
    for run, value in values:
        counts = COUNTS if run.outcome is Outcome.OK else LEFT_OUT
        detail = f"repetition {run.repetition}, place {run.position}: {quantity(value, unit)}"
        why = "" if run.outcome is Outcome.OK else f"; {run.outcome.value}"
        yield CourseRow(f"{name} ({shown})", run.position, value / factor, middle / factor, counts, detail + why)


def _trend(name: str, values: Values) -> tuple[bool | None, str]:
    """Return whether the valid values move with the order, and a clause that says so; None where that cannot be told."""
    found = drift([value for run, value in values if run.outcome is Outcome.OK])
    if not isinstance(found, Drift):
        return None, f"{name.lower()}: {found.reason}"
    word = ("rises" if found.tau > 0 else "falls") if found.seen else "shows no trend"
    return (
        found.seen,
        f"{name.lower()} {word} with the order (τ = {number(found.tau, 2)}, p {p_equation(found.p)}, n = {found.n})",
    )
