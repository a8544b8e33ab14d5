"""The link to a cell's page, with what became of the cell."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.analysis.measure.dataset import CellView
from greenreport.report.figures.matrix import missing_label


@dataclass(frozen=True, slots=True)
class CellLink:
    """A cell as other pages name it.

    Attributes:
        slug: folder of its page.
        text: how many of its runs are valid, or why none is.
        ok: number of valid runs; `runs`: of all.
    """

    slug: str
    text: str
    ok: int
    runs: int


def cell_link(cell: CellView) -> CellLink:
    """Return the link to a cell's page."""
    ok, runs = len(cell.ok), len(cell.runs)
    return CellLink(cell.slug, f"{ok} of {runs}" if ok else missing_label(cell), ok, runs)
