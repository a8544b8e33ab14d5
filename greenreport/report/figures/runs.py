"""Figures of runs: traces with phases, order of execution, energy by phase."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

from greenreport.analysis.measure.dataset import CellView, label_of
from greenreport.analysis.measure.run_view import RunView
from greenreport.record import Method, Phase, Quantity
from greenreport.report import charts
from greenreport.report.charts import BandRow, SampleRow
from greenreport.report.charts.axes import finite
from greenreport.report.context import StudyContext
from greenreport.report.figure import Column, Figure, make_table
from greenreport.report.figures.headings import mean_heading, peak_heading
from greenreport.report.figures.scales import axis_unit
from greenreport.report.figures.words import PHASE_NAMES, metric_bands
from greenreport.units import counted, number, quantity

#: Quantity of a trace → metric that is its mean over the measured window.
MEANS = {Quantity.POWER: "power_mean_w", Quantity.LOAD: "cpu_usage_pct"}


def trace_figure(study: StudyContext, cell: CellView, run: RunView, quantity_name: Quantity) -> Figure | None:
    """F8: power or load of one run with its phases."""
    rails = [rail for rail in run.rails if rail.quantity == quantity_name]
    pairs = ((rail, t, v) for rail in rails for t, v in zip(rail.seconds, rail.values, strict=True))
    samples = [SampleRow(t, v, rail.name) for rail, t, v in pairs if finite(v)]
    if not samples:
        return None
    bands = [
        BandRow(
            round((row.mark.start_ns - run.start_ns) / 1e9, 3),
            round((row.mark.end_ns - run.start_ns) / 1e9, 3),
            PHASE_NAMES[row.mark.phase],
            "window" if row.mark.phase is Phase.WINDOW else "ab"[index % 2],
            f"{quantity(row.mark.duration_s, 's')}" + ("" if row.energy_j is None else f", {quantity(row.energy_j, 'J')}"),
        )
        for index, row in enumerate(run.phases)
    ]
    unit, word = (
        rails[0].unit,
        {Quantity.POWER: "Power", Quantity.LOAD: "CPU load", Quantity.TEMPERATURE: "Temperature"}[quantity_name],
    )
    window = next((b for b in bands if b.row == "window"), None)
    peak = max(samples, key=lambda s: s.value)
    summary = (
        f"{word} of repetition {run.repetition} over {quantity(run.duration_s, 's')}; the largest value is {quantity(peak.value, unit)} at "
        f"{quantity(peak.seconds, 's')}. "
        + (f"The measured window lasts {window.detail}." if window else "The run has no window.")
    )
    count = sum(rail.samples for rail in rails)
    estimated = any(rail.method is Method.ESTIMATED for rail in rails)
    caption = (
        f"{word} of repetition {run.repetition}, {count} samples; shaded bands are phases, the darkest is the measured window."
        + (" The power is an estimate." if estimated else "")
    )
    columns = [Column("rail"), Column("time", "s", True), Column(quantity_name, unit, True)]
    table = make_table(
        f"{word} over time (thinned; the full trace is in the study's Parquet files)",
        columns,
        [(s.rail, s.seconds, s.value) for s in samples],
        [(s.rail, number(s.seconds, 4), number(s.value)) for s in samples[:60]],
    )
    bands_text = study.bands if quantity_name == Quantity.POWER else tuple(b for b in study.bands if b != "estimated energy")
    mean = run.value(MEANS[quantity_name]) if quantity_name in MEANS else None
    title = peak_heading(word, peak, unit, bands, "window") if mean is None else mean_heading(word, mean, unit)
    spec = charts.trace(samples, bands, axis=f"{word.lower()} ({unit})", description=summary)
    return Figure(f"{cell.slug}-{quantity_name}", title, caption, summary, spec, table, bands_text)


def order_figure(study: StudyContext) -> Figure | None:
    """F13: when each run was executed."""
    runs = [(cell, run) for cell in study.dataset.cells for run in cell.runs if run.start_ns and run.duration_s]
    if not runs:
        return None
    first = min(run.start_ns for _, run in runs)
    rows = [
        BandRow(
            round((run.start_ns - first) / 60e9, 4),
            round((run.start_ns - first) / 60e9 + run.duration_s / 60, 4),
            cell.configuration.id,
            cell.key,
            f"repetition {run.repetition}, {run.outcome.value}",
        )
        for cell, run in sorted(runs, key=lambda pair: pair[1].start_ns)
    ]
    minutes = max(row.end for row in rows)
    design = study.dataset.study.protocol.order.design.replace("_", " ")
    summary = f"{counted(len(rows), 'run')} within {quantity(minutes * 60, 's')}; the design is {design}. Each bar is one run, each row a cell."
    columns = [Column("cell"), Column("run"), Column("start", "min", True), Column("end", "min", True)]
    table = make_table(
        "Order of execution",
        columns,
        [(r.row, r.detail, r.start, r.end) for r in rows],
        [(r.row, r.detail, number(r.start), number(r.end)) for r in rows],
    )
    spec = charts.order(rows, study.looks, description=summary)
    title = f"{len(rows)} runs took {quantity(minutes * 60, 's')}; order: {design}"
    return Figure("order", title, f"Order of execution by cell; design: {design}.", summary, spec, table)


def phases_figure(study: StudyContext, model: str) -> Figure | None:
    """F9: where the energy of a run goes, by phase and configuration, on one model."""
    rows: list[BandRow] = []
    for cell in study.dataset.cells:
        if cell.model.id != model or not cell.ok:
            continue
        for order, phase in enumerate((Phase.START, Phase.LOAD, Phase.COMPILE, Phase.WARMUP, Phase.WINDOW)):
            joules = [p.energy_j for run in cell.ok for p in run.phases if p.mark.phase is phase and finite(p.energy_j)]
            if joules:
                typical = median(joules)
                rows.append(BandRow(order, typical, PHASE_NAMES[phase], label_of(cell.configuration), quantity(typical, "J")))
    total = sum(r.end for r in rows)
    if total <= 0:  # no phase was measured, or no counter moved: there are no shares
        return None
    label = study.dataset.study.model(model).label
    share = sum(r.end for r in rows if r.name == "window") / total
    summary = (
        f"On {label}, {number(share * 100, 2)} in 100 joules of all configurations together are spent in the measured window. "
        "The rest is process start, loading, compilation and warm-up, which every deployment pays once."
    )
    columns = [Column("configuration"), Column("phase"), Column("energy", "J", True)]
    table = make_table(
        f"Energy by phase, median over runs, {label}",
        columns,
        [(r.row, r.name, r.end) for r in rows],
        [(r.row, r.name, r.detail) for r in rows],
    )
    factor, unit = axis_unit("J", [sum(r.end for r in rows if r.row == row) for row in {r.row for r in rows}])
    scaled = [replace(row, end=row.end / factor) for row in rows]
    spec = charts.stacked(scaled, axis=f"energy ({unit})", description=summary)
    title = f"On {label}, {number(share * 100, 2)} in 100 joules are spent in the measured window"
    return Figure(
        f"phases-{model}",
        title,
        "Median over valid runs; idle phases are left out.",
        summary,
        spec,
        table,
        metric_bands(study, "energy_j"),
    )
