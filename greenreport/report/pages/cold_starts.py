"""Cold starts, on the page of the matrix of every study that has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from greenreport.analysis.cold_starts import cold_starts
from greenreport.analysis.measure.dataset import CellView, Dataset, label_of
from greenreport.analysis.measure.fidelity import reference_of
from greenreport.analysis.stats import Description, describe


@dataclass(frozen=True, slots=True)
class ColdRow:
    """A cold start and the first request after it: medians over runs, or None.

    Attributes:
        key: of the cell.
        worth: energy of the start in requests; against: when it has paid off against the reference, in words.
    """

    key: str
    label: str
    runs: int
    seconds: Description | None
    energy: Description | None
    first_s: Description | None
    first_j: Description | None
    per_request: Description | None
    worth: float | None
    against: str


@dataclass(frozen=True, slots=True)
class ColdContent:
    """Every cold start, the boundaries of their energies, and the label of the configuration they are compared with."""

    rows: tuple[ColdRow, ...]
    boundaries: tuple[str, ...]
    reference: str | None

    @property
    def first(self) -> bool:
        """Whether the first request was timed anywhere."""
        return any(row.first_s is not None for row in self.rows)


def cold_content(dataset: Dataset) -> ColdContent | None:
    """Return what starting each model in each configuration takes; None where no start was measured."""
    rows = tuple(_rows(dataset))
    reference = dataset.labels.get(reference_of(dataset) or "")
    return ColdContent(rows, tuple(dataset.boundaries("cold_start_energy_j")), reference) if rows else None


def _rows(dataset: Dataset) -> Iterator[ColdRow]:
    for start in cold_starts(dataset):
        cell = start.cell
        yield ColdRow(
            key=cell.key,
            label=f"{label_of(cell.configuration)} on {cell.model.label}",
            runs=len(cell.values("cold_start_s")),
            seconds=_described(cell, "cold_start_s"),
            energy=_described(cell, "cold_start_energy_j"),
            first_s=_described(cell, "first_request_s"),
            first_j=_described(cell, "first_request_energy_j"),
            per_request=_described(cell, "j_per_request"),
            worth=start.worth,
            against=start.against,
        )


def _described(cell: CellView, metric: str) -> Description | None:
    values = cell.values(metric)
    return describe(values) if values else None
