"""The page of the matrix: configuration × model in several metrics, aggregates over models, cold starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from greenreport.analysis.cold_starts import START, ColdStart, cold_starts
from greenreport.catalog import METRICS, Better
from greenreport.report.context import StudyContext, on_models
from greenreport.report.figures.matrix import matrix_cells, matrix_figure
from greenreport.report.page import Page, study_page

#: Metrics with a figure of their own, in order.
MATRIX_METRICS = (
    "energy_j", "duration_s", "j_per_output_token", "ttft_s", "ram_rss_peak_b", "cpu_usage_pct", "gpu_memory_used_b",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MatrixContent:
    """Configuration × model in several metrics.

    Attributes:
        names: labels of the metrics of the figures.
    """

    names: tuple[str, ...]
    heading: str
    cold: tuple[ColdStart, ...]

    @property
    def cold_energy(self) -> bool:
        """Whether the energy of any cold start is known."""
        return any(start.cell.values(START) for start in self.cold)


def matrix_page(study: StudyContext) -> Page[MatrixContent]:
    """Return the page."""
    figures = {METRICS[m].label: figure for m in MATRIX_METRICS if (figure := matrix_figure(study, m)) is not None}
    content = MatrixContent(tuple(figures), matrix_heading(study, MATRIX_METRICS), tuple(cold_starts(study.dataset)))
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
            return f"{label} has the {word} median {info.noun} {on_models(number, len(study.dataset.models), study.dataset.subject)}"
    return "No configuration has a value on any model yet"
