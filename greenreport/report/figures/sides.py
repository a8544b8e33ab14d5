"""Figures of one model or one configuration: its ratio on every model, and the parts its energy is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from statistics import median

from greenreport.analysis.hypotheses.findings import Finding
from greenreport.analysis.measure.dataset import label_of
from greenreport.analysis.stats import Ratio
from greenreport.report import charts
from greenreport.report.charts import BandRow, RatioRow
from greenreport.report.charts.axes import finite, log_ends
from greenreport.report.context import StudyContext
from greenreport.report.figure import Column, Figure, make_table
from greenreport.report.figures.headings import runs_heading
from greenreport.report.figures.tested import baseline_of, run_rows, run_table
from greenreport.report.figures.words import boundary_text, metric_bands, ratio_text, times
from greenreport.study import Configuration
from greenreport.units import THIN, declared_percent, number, quantity

#: Parts of the boundary, with the metric of each.
COMPONENTS = (("CPU", "cpu_energy_j"), ("memory", "dram_energy_j"), ("GPU", "gpu_energy_j"))


def over_models(study: StudyContext, finding: Finding, configuration: Configuration, reference: str | None) -> Figure | None:
    """F1 over models: the ratio of one configuration to the baseline on each; for the baseline itself, all its runs."""
    rows = list(_ratio_rows(finding, configuration, reference))
    if not rows:
        return _runs_over_models(study, finding, configuration)
    info, label = finding.metric, label_of(configuration)
    rows.sort(key=lambda row: row.ratio)
    against = finding.labels.get(reference or "", "each model's baseline")
    low, high = rows[0], rows[-1]
    span = f"{low.short} ({low.label})" + (f" to {high.short} ({high.label})" if len(rows) > 1 else "")
    title = f"{label}: the ratio of {info.noun} to {against} is {span}"
    summary = f"{title}. Left of 1 means {info.less} {info.noun}."
    caption = (
        f"{info.label}, ratio of medians on each model with 95{THIN}% interval; the grey band is the range of no practical interest "
        f"(±{declared_percent(finding.hypothesis.smallest_effect)}). {boundary_text(finding)}"
    )
    columns = [Column("model"), *(Column(name, "1", True) for name in ("ratio", "low", "high")), Column("runs", "", True)]
    table = make_table(
        f"{info.label} of {label} relative to {against}, ratio of medians with 95{THIN}% interval",
        columns,
        [(r.label, r.ratio, r.low, r.high, r.n) for r in rows],
        [(r.label, r.short, number(r.low), number(r.high), str(r.n)) for r in rows],
    )
    axis = f"{info.noun} relative to {against}"
    spec = charts.forest(rows, study.looks, axis=axis, band=finding.hypothesis.smallest_effect, description=summary)
    return Figure(_id(finding, configuration), title, caption.strip(), summary, spec, table, metric_bands(study, info.id))


def _ratio_rows(finding: Finding, configuration: Configuration, reference: str | None) -> Iterator[RatioRow]:
    for item in finding.tests:
        base = baseline_of(item, reference)
        tested = {group.name: group for group in item.test.groups if group.tested}
        if base is None or base == configuration.id or configuration.id not in tested:
            continue
        ratio: Ratio = item.test.pair(configuration.id, base).ratio
        if ratio.value is None:
            continue
        low, high = log_ends(ratio.value, ratio.ci)
        n = tested[configuration.id].description.n
        yield RatioRow(
            "", configuration.id, item.model.label, configuration.provider, ratio.value, low, high, n, ratio_text(ratio), times(ratio.value)
        )  # fmt: skip


def _runs_over_models(study: StudyContext, finding: Finding, configuration: Configuration) -> Figure | None:
    info = finding.metric
    found = [
        row for row in run_rows(study, info, (item.model.id for item in finding.tests)) if row.configuration == configuration.id
    ]
    if not found:
        return None
    rows = [replace(row, model="", label=row.model) for row in found]
    values = [row.value for row in rows]
    summary = (
        f"{len(rows)} runs of {label_of(configuration)} on {len({row.label for row in rows})} models; others are compared with it. "
        "Boxes span the quartiles; the line inside is the median."
    )
    spec = charts.strip(
        rows,
        study.looks,
        axis=f"{info.noun} ({info.unit})",
        log=min(values) > 0 and max(values) / min(values) > 20,
        description=summary,
    )
    caption = f"{info.label} of every valid run. {info.definition} {boundary_text(finding)}"
    bands = metric_bands(study, info.id)
    title = runs_heading(found, info)
    return Figure(_id(finding, configuration), title, caption.strip(), summary, spec, run_table(info, found), bands)


def components_figure(study: StudyContext, model: str) -> Figure | None:
    """F9 by component: what part of the boundary the energy of the window is used in, where more than one is measured."""
    rows = []
    for cell in study.dataset.cells:
        if cell.model.id == model:
            for place, (name, metric) in enumerate(COMPONENTS):
                values = [value for value in cell.values(metric) if finite(value)]
                if values:
                    typical = median(values)
                    rows.append(BandRow(place, typical, name, label_of(cell.configuration), quantity(typical, "J")))
    totals = {name: sum(row.end for row in rows if row.name == name) for name, _ in COMPONENTS}
    used = [name for name, joules in totals.items() if joules > 0]
    if len(used) < 2:
        return None
    label = study.dataset.study.model(model).label
    whole = sum(totals.values())
    told = ", ".join(f"{number(100 * totals[name] / whole, 2)} in the {name}" for name in used)
    title = f"Of 100 joules in the window on {label}, {told}"
    summary = f"{title}, all configurations together."
    table = make_table(
        f"Energy of the window by component, median over runs, {label}",
        [Column("configuration"), Column("component"), Column("energy", "J", True)],
        [(r.row, r.name, r.end) for r in rows],
        [(r.row, r.name, r.detail) for r in rows],
    )
    spec = charts.stacked(rows, axis="energy (J)", description=summary, part="component")
    caption = "Median over valid runs of each component's energy over the measured window; idle power included."
    return Figure(f"components-{model}", title, caption, summary, spec, table, metric_bands(study, "energy_j"))


def _id(finding: Finding, configuration: Configuration) -> str:
    return f"{finding.hypothesis.id.lower()}-models-{configuration.id}".replace(".", "-").replace("/", "--")
