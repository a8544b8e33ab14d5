"""A snippet for the model card of each model on the Hugging Face hub: measured values as metadata, all of them as a table.

The metadata hold what was measured. Energy that a power model estimated stands in the table alone, and says so there. ``co2_eq_emissions`` is not
written: it tells the emissions of training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import yaml

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.stats import Interval
from greenreport.catalog import METRICS
from greenreport.errors import UsageError
from greenreport.report.context import dates_of, machine_text
from greenreport.report.drawing.safe_text import on_one_line
from greenreport.report.interchange.facts import require_own_runs, versions_of
from greenreport.report.interchange.study_export import StudyExport
from greenreport.study import Model
from greenreport.units import quantity, slugs_of

#: Metrics of a card, in the order of its table.
SHOWN = (
    "j_per_output_token", "j_per_request", "throughput_tokens_per_s", "ttft_s", "latency_p95_s", "ram_rss_peak_b", "gpu_memory_used_b", "solved_pct",
)  # fmt: skip
_MARKS = str.maketrans({letter: f"\\{letter}" for letter in "\\`*_[]|#"})


def model_cards(study: StudyExport) -> Mapping[str, bytes]:
    """Return a snippet for each model.

    Raises:
        UsageError: the engine is simulated, so that nothing was measured of any model, or the results were imported.
    """
    require_own_runs(study, "the versions and the machine of each run")
    if study.dataset.simulated:
        raise UsageError("a simulated engine serves no model, so there is nothing to tell on the card of one")
    models = {cell.model.id: cell.model for cell, _ in _measured(study)}
    names = slugs_of(models)
    return {f"{names[name]}.md": _card(study, model).encode() for name, model in models.items()}


def _measured(study: StudyExport) -> Iterator[tuple[CellView, str]]:
    """Yield each cell and metric with values of its own."""
    for cell in study.dataset.cells:
        yield from ((cell, metric) for metric in SHOWN if cell.values(metric))


def _card(study: StudyExport, model: Model) -> str:
    metrics = [_entry(cell, metric) for cell, metric in _measured(study) if cell.model.id == model.id]
    spec = study.dataset.study
    remarks = f" ({', '.join(study.remarks)})" if study.remarks else ""
    result = {
        "task": {"type": "text-generation", "name": "Serving"},
        "dataset": {"name": f"greenreport study {spec.study}{remarks}", "type": "greenreport"},
        "metrics": metrics,
    }
    head = yaml.safe_dump(
        {"model-index": [{"name": model.label, "results": [result]}]}, sort_keys=False, allow_unicode=True, width=1000
    )
    return f"---\n{head}---\n\n{chr(10).join(_text(study, model))}\n"


def _entry(cell: CellView, metric: str) -> dict[str, Any]:
    info, described = METRICS[metric], cell.description(metric)
    assert described is not None
    boundary = f"; {cell.boundary(metric)}" if info.of_energy and cell.boundary(metric) else ""
    return {
        "type": metric,
        "value": cell.median(metric),
        "name": f"{info.label} ({info.unit}), {label_of(cell.configuration)}: median of {described.n} runs{boundary}",
        "verified": False,
    }


def _text(study: StudyExport, model: Model) -> Iterator[str]:
    dataset = study.dataset
    spec, cells = dataset.study, [cell for cell in dataset.cells_of(model.id) if cell.ok]
    yield "## Serving: energy, time and memory"
    yield ""
    days = dates_of(dataset.runs)
    yield f"Measured on {plain(machine_text(dataset.environment))}{f', {days}' if days else ''}, in the study “{plain(spec.title)}” with greenreport."
    for remark, meaning in study.meanings:
        yield f"**{remark.capitalize()}**: {meaning}"
    yield ""
    shown = [metric for metric in SHOWN if any(cell.recorded(metric) for cell in cells)]
    yield f"| configuration | runs | {' | '.join(METRICS[metric].label for metric in shown)} |"
    yield f"|---|---{'|---' * len(shown)}|"
    for cell in cells:
        yield f"| {plain(label_of(cell.configuration))} | {len(cell.ok)} | {' | '.join(_shown(cell, metric) for metric in shown)} |"
    yield ""
    yield "Medians over runs, with 95 % intervals."
    boundaries = dataset.boundaries("energy_j")
    if boundaries:
        yield f"Energy includes: {plain('; '.join(boundaries))}; idle power too."
    told = {cell.configuration.engine: versions_of(cell.configuration.engine, dataset.environment) for cell in cells}
    yield from (f"Versions of {plain(engine)}: {plain(versions)}." for engine, versions in told.items() if versions)


def _shown(cell: CellView, metric: str) -> str:
    described = cell.description(metric)
    if described is None:
        return "–"
    unit, ends = METRICS[metric].unit, described.median_ci
    assert described.median is not None
    interval = f" [{quantity(ends.low, unit)}, {quantity(ends.high, unit)}]" if isinstance(ends, Interval) else ""
    return f"{quantity(described.median, unit)}{interval}{' (estimated)' if METRICS[metric].of_energy and cell.estimated(metric) else ''}"


def plain(text: str) -> str:
    """Return a text on one line that Markdown and HTML show as it is."""
    return escape(on_one_line(text), quote=False).translate(_MARKS)
