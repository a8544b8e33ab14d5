"""The page of a cell: medians of its metrics, every run, the phases and traces of a typical one, and what was loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.fidelity import CellFidelity
from greenreport.analysis.measure.run_view import RunView
from greenreport.analysis.measure.uncertainty import expanded_uncertainty, why_unknown
from greenreport.catalog import METRICS, MetricInfo
from greenreport.record import Output
from greenreport.report.context import StudyContext
from greenreport.report.exports.label import energy_label
from greenreport.report.figures.run_drift import course_figure
from greenreport.report.figures.traces import TRACED, trace_figure
from greenreport.report.page import Page, study_page
from greenreport.store.codec import spec_content

#: Metrics in the table of the page, in its order.
CELL_METRICS = (
    "energy_j", "energy_net_j", "prefill_energy_j", "decode_energy_j", "energy_delay_js", "j_per_request", "j_per_output_token", "power_mean_w", "idle_power_w", "duration_s", "latency_s",
    "latency_p90_s", "latency_p95_s", "latency_p99_s", "ttft_s", "ttft_p90_s", "ttft_p95_s", "tbt_s", "tbt_p90_s", "tbt_p95_s", "tbt_p99_s", "queue_s", "throughput_tokens_per_s",
    "throughput_requests_per_s", "served_well_pct", "goodput_requests_per_s", "j_per_good_request", "error_pct", "solved_pct", "accuracy_pct", "j_per_right_answer",
    "s_per_right_answer", "tokens_per_right_answer", "wrong_energy_pct", "cpu_usage_pct", "process_cpu_pct", "cpu_time_s", "ram_rss_peak_b", "ram_usage_pct",
    "profiler_cpu_pct", "gpu_usage_pct", "gpu_memory_used_b", "load_s", "compile_s", "cold_start_s",
    "cold_start_energy_j", "first_request_s", "first_request_energy_j",
)  # fmt: skip
#: Metrics that are not in the table, and why; every value of theirs is in ``observations.csv``.
LEFT_OUT = {
    "cpu_energy_j": "a part of the energy, drawn on the page of the model",
    "dram_energy_j": "a part of the energy, drawn on the page of the model",
    "gpu_energy_j": "a part of the energy, drawn on the page of the model",
    "machine_energy_j": "another boundary of the energy; the page of validity compares meters",
    "requests_per_kj": "the reciprocal of the energy per request",
    "tokens_per_j": "the reciprocal of the energy per output token",
    "server_duration_s": "a sum over requests, which may overlap; latency is that of one request",
    "ttft_p99_s": "needs more requests than most runs have; the 95th percentile is shown",
    "weights_b": "shown with the facts of the engine, below the table",
    "power_p95_w": "the trace of the power shows how it varies",
    "power_peak_w": "the trace of the power shows its peak",
    "ram_used_b": "shown as a share of the installed memory",
    "gpu_memory_utilization_pct": "a share of time, easily taken for a share of memory",
    "gpu_memory_used_pct": "shown in bytes",
}


@dataclass(frozen=True, slots=True)
class CellContent:
    """The page of a cell.

    Attributes:
        metrics: those with a value, in the order of the table.
        absent: why the others have none, each reason with their labels.
        shown: the run that is shown in full; None where no run is valid.
        parameters: the cell as it was executed, as JSON.
        sample: the first output.
        energy_label: its file in the study's folder, without its ending.
        uncertainties: what the instruments add to each run's value of a metric, k = 2, where it is known.
        no_uncertainty: why none stands beside the energy; None where one does, or there is no energy.
    """

    cell: CellView
    fidelity: CellFidelity | None
    metrics: tuple[MetricInfo, ...]
    absent: Mapping[str, Sequence[str]]
    shown: RunView | None
    parameters: str
    sample: Output | None
    energy_label: str | None
    uncertainties: Mapping[str, float]
    no_uncertainty: str | None


def cell_page(study: StudyContext, cell: CellView) -> Page[CellContent]:
    """Return the page; the run it shows in full is the one of median duration, the lower of the middle two."""
    added = (name for name, info in METRICS.items() if info.target)  # by other packages
    timed = [run for run in cell.ok if run.value("duration_s") is not None]
    timed.sort(key=lambda run: run.value("duration_s") or 0)
    shown = timed[(len(timed) - 1) // 2] if timed else None
    drawn = [course_figure(study, cell)]
    if shown is not None:
        drawn += [trace_figure(study, cell, shown, traced) for traced in TRACED]
    energy, key = energy_label(study, cell), (cell.model.id, cell.configuration.id)
    metrics = tuple(METRICS[metric] for metric in (*CELL_METRICS, *added))
    absent: dict[str, list[str]] = {}
    for info in metrics:
        if cell.description(info.id) is None:
            absent.setdefault(cell.absence(info.id), []).append(info.label)
    outputs = (study.dataset.outputs.get(request.output_sha256 or "") for run in cell.ok for request in run.requests[:1])
    content = CellContent(
        cell=cell,
        fidelity=next((f for f in study.analysis.fidelity if (f.model, f.configuration) == key), None),
        metrics=tuple(info for info in metrics if cell.description(info.id) is not None),
        absent=absent,
        shown=shown,
        parameters=json.dumps(spec_content(cell.runs[-1].spec), indent=2, sort_keys=True) if cell.runs else "",
        sample=next((output for output in outputs if output is not None), None),
        energy_label=None if energy is None else energy.path.removeprefix(study.root),
        uncertainties={name: u for name in CELL_METRICS if (u := expanded_uncertainty(cell, name)) is not None},
        no_uncertainty=why_unknown(cell, "energy_j"),
    )
    figures = [replace(figure, detail=True) for figure in drawn if figure is not None]
    title = f"{label_of(cell.configuration)} on {cell.model.label}"
    found_as = ("Cell", study.dataset.study.title, cell.key)
    return study_page(study, f"cells/{cell.slug}", "cell.html", title, content, figures, found_as=found_as)
