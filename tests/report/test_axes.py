"""Tests of axes of names: headings of columns have room beside each other."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.report.drawing.svg_text import width
from greenreport.report.figures.axes import HEAD_SIZE, cell_axes, narrowest_columns


@dataclass(frozen=True)
class Cell:
    """A cell of a matrix."""

    model: str
    label: str


def test_the_many_configurations_of_a_sweep_stand_beside_the_cells() -> None:
    """Their names were beyond the edge of the screen; a few stand above, and so do many where there are even more models."""
    labels = [f"Torch\u00a0·\u00a0CPU · batch {2**n} · 2 replicas" for n in range(12)]
    sweep = cell_axes([Cell(model, label) for model in ("A", "B") for label in labels], gap=0.0, row_gap=0.0)
    assert (sweep.columns, sweep.rows) == (["A", "B"], labels)
    assert sweep.beside > width(labels[-1], HEAD_SIZE)
    few = cell_axes([Cell(model, label) for model in ("A", "B") for label in labels[:3]], gap=0.0, row_gap=0.0)
    assert (few.columns, few.rows) == (labels[:3], ["A", "B"])
    models = [f"m{n}" for n in range(20)]
    many = cell_axes([Cell(model, label) for model in models for label in labels], gap=0.0, row_gap=0.0)
    assert (many.columns, many.rows) == (labels, models)


def test_columns_are_as_wide_as_their_headings() -> None:
    """Each part of a label has a line of its own; of short ones the least width holds."""
    short = ["Torch\u00a0·\u00a0CPU", "ONNX\u00a0·\u00a0CPU"]
    assert narrowest_columns(short) == 2 * 80
    assert narrowest_columns(short, 104) == 2 * 104
    long = [*short, "OpenVINO\u00a0·\u00a0CPU · openvino-2026.4-nightly"]
    assert narrowest_columns(long) > 3 * width("openvino-2026.4-nightly", HEAD_SIZE)
    assert narrowest_columns([]) == 0
