"""Tests of axes of names: headings of columns have room beside each other."""

from __future__ import annotations

from greenreport.report.drawing.svg_text import width
from greenreport.report.figures.axes import HEAD_SIZE, narrowest_columns


def test_columns_are_as_wide_as_their_headings() -> None:
    """Each part of a label has a line of its own; of short ones the least width holds."""
    short = ["Torch\u00a0·\u00a0CPU", "ONNX\u00a0·\u00a0CPU"]
    assert narrowest_columns(short) == 2 * 88
    assert narrowest_columns(short, 104) == 2 * 104
    long = [*short, "OpenVINO\u00a0·\u00a0CPU · openvino-2026.4-nightly"]
    assert narrowest_columns(long) > 3 * width("openvino-2026.4-nightly", HEAD_SIZE)
    assert narrowest_columns([]) == 0
