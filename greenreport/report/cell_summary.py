"""What the pages of the whole site know of each cell: where it belongs, how it was measured, and its medians."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.configuration_labels import PROVIDER_LABELS, label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.record import Outcome
from greenreport.report.context import EnergySource, StudyContext
from greenreport.study import Model, Study, Weights

#: Metrics that may stand on an axis of the explorer, in the order in which it offers them.
EXPLORED = (
    "duration_s", "latency_s", "ttft_s", "tbt_s", "throughput_tokens_per_s", "throughput_requests_per_s", "energy_j", "j_per_request",
    "j_per_output_token", "power_mean_w", "cpu_time_s", "ram_rss_peak_b", "gpu_memory_used_b", "weights_b", "load_s", "cold_start_s",
    "solved_pct", "s_per_right_answer", "j_per_right_answer",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CellSummary:
    """A cell among those of all studies.

    Attributes:
        engine_id: by which its colour is chosen; `engine`, `provider`: as they are printed.
        parameters: number of parameters as published or counted; None where neither is known.
        load: what the server was asked to do, such as ``batch 8``; empty where nothing is known of it.
        dtype: type of weights and computation; empty where nothing is known of it.
        energy: how its energy is known, in a word or two.
        runs: number of valid ones.
        address: of its page, from the site's folder; of the study's matrix where cells have no pages.
        medians: by metric, in base units, those of modelled energy too; none where other programs disturbed the runs.
    """

    model: str
    parameters: int | None
    configuration: str
    engine_id: str
    engine: str
    provider: str
    dtype: str
    load: str
    weights: str
    energy: str
    runs: int
    address: str
    medians: Mapping[str, float]


def cell_summaries(study: StudyContext) -> Iterator[CellSummary]:
    """Yield every cell that has valid runs."""
    dataset = study.dataset
    for cell in dataset.cells:
        if not cell.ok:
            continue
        configuration, known = cell.configuration, not dataset.imported and cell.configuration.server is None
        loads = [factor.label_part(level, name) for factor, name, level in configuration.levels() if factor.is_load and level]
        yield CellSummary(
            model=cell.model.label,
            parameters=parameters_of(dataset, cell.model),
            configuration=label_of(configuration),
            engine_id=configuration.runtime,
            engine=configuration.engine_label,
            provider=PROVIDER_LABELS.get(configuration.provider, configuration.provider),
            dtype=configuration.dtype if known or "dtype" in configuration.model_fields_set else "",
            load=", ".join(loads) or ("" if dataset.imported else "one request at a time"),
            weights="" if dataset.imported else _weights_text(dataset.study.weights_of(cell.model)),
            energy=_energy_text(cell, dataset.study, imported=dataset.imported),
            runs=cell.outcomes[Outcome.OK],
            address=study.root + (study.cell_page(cell) or "matrix/index.html"),
            medians={} if cell.disturbed else dict(_medians(cell)),
        )


def parameters_of(dataset: Dataset, model: Model) -> int | None:
    """Return a model's number of parameters as published, else as counted when it was loaded; None where neither is known."""
    if model.parameters is not None:
        return model.parameters
    runs = (run for cell in dataset.cells_of(model.id) for run in cell.ok)
    return next((run.facts.parameters for run in runs if run.facts is not None and run.facts.parameters), None)


def _medians(cell: CellView) -> Iterator[tuple[str, float]]:
    for metric in EXPLORED:
        values = cell.recorded(metric)
        if values:
            yield metric, median(values)


def _weights_text(weights: Weights) -> str:
    return "untrained" if weights is Weights.UNTRAINED else "trained"


def _energy_text(cell: CellView, study: Study, *, imported: bool) -> str:
    """Return how the energy of a cell is known, in a word of `EnergySource` where it is one of these."""
    if cell.configuration.engine == "fake":
        return "simulated"
    if imported:
        return EnergySource.IMPORTED
    if not cell.recorded("energy_j"):
        return "no energy"
    metered = EnergySource.CALIBRATED if study.calibrations else EnergySource.METERED
    return EnergySource.MODELLED if cell.estimated("energy_j") else metered
