"""The page of the matrix: configuration × model in several metrics, aggregates over models, cold starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from greenreport.analysis.hypotheses.aggregates import Aggregate
from greenreport.analysis.measure.dataset import label_of
from greenreport.catalog import METRICS, Better
from greenreport.report.context import StudyContext, on_models
from greenreport.report.figures.matrix import matrix_cells, matrix_figure
from greenreport.report.page import Page, study_page
from greenreport.report.pages.cell_link import CellLink, cell_link
from greenreport.report.pages.cold_starts import ColdContent, cold_content

#: Metrics with a figure of their own, in order.
MATRIX_METRICS = (
    "energy_j",
    "duration_s",
    "j_per_output_token",
    "ttft_s",
    "ram_rss_peak_b",
    "cpu_usage_pct",
    "gpu_memory_used_b",
)


@dataclass(frozen=True, slots=True)
class MatrixContent:
    """Configuration × model in several metrics.

    Attributes:
        names: labels of the metrics of the figures.
        rows: label of a model, and its cells in the order of `columns`; None for a cell that is excluded by design.
        columns: labels of the configurations.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[str, tuple[CellLink | None, ...]], ...]
    columns: tuple[str, ...]
    aggregates: tuple[Aggregate, ...]
    heading: str
    cold: ColdContent | None


def matrix_page(study: StudyContext) -> Page[MatrixContent]:
    """Return the page."""
    dataset = study.dataset
    figures = {METRICS[m].label: figure for m in MATRIX_METRICS if (figure := matrix_figure(study, m)) is not None}
    rows = []
    for model in dataset.models:
        cells = (dataset.cell(model.id, configuration.id) for configuration in dataset.configurations)
        rows.append((model.label, tuple(None if cell is None else cell_link(cell) for cell in cells)))
    content = MatrixContent(
        names=tuple(figures),
        rows=tuple(rows),
        columns=tuple(label_of(configuration) for configuration in dataset.configurations),
        aggregates=study.analysis.aggregates,
        heading=matrix_heading(study, MATRIX_METRICS),
        cold=cold_content(dataset),
    )
    return study_page(study, "matrix", "matrix.html", "Matrix", content, figures.values())


def matrix_heading(study: StudyContext, metrics: Sequence[str]) -> str:
    """Return which configuration has the best median of the first metric with values, and on how many models."""
    for metric in metrics:
        if not study.dataset.has(metric):
            continue
        info = METRICS[metric]
        leaders = Counter(cell.label for cell in matrix_cells(study, metric) if cell.excess == 1)
        if leaders:
            label, number = leaders.most_common(1)[0]
            word = "highest" if info.better is Better.HIGHER else "lowest"
            return f"{label} has the {word} median {info.noun} {on_models(number, len(study.dataset.models))}"
    return "No configuration has a value on any model yet"
