"""Tests of texts that come from elsewhere: what cannot be seen is gone, in nested values too."""

from __future__ import annotations

import altair as alt
import pytest
import vl_convert

from greenreport.report.drawing.safe_text import visible, visible_parts
from greenreport.report.figures.specification import Sheet


def test_what_is_invisible_is_taken_out() -> None:
    """Control characters, separators of lines and overrides of direction go; tabs, line ends and values that are no text stay."""
    assert visible("a\u2028b\u2029c\u202ed\x00e\tf\ng") == "abcde\tf\ng"
    assert visible(3.5) == 3.5
    assert visible_parts({"a": ["x\u2028", {"b": "\u202ey", "c": 1}], "d": None}) == {"a": ["x", {"b": "y", "c": 1}], "d": None}


@pytest.mark.parametrize("label", ["a\u2028b", "a\u202eb", 'a"b', "a'b\\", "a\nb"])
def test_a_scale_names_what_the_rows_hold(label: str) -> None:
    """Whatever a label holds, its point is drawn on the axis under the same name."""
    sheet = Sheet()
    rows = sheet.rows([{"label": label, "value": 1.0}])
    y = alt.Y("label:N", scale=alt.Scale(domain=[label]))
    spec = sheet.finish(alt.Chart(rows).mark_point().encode(x="value:Q", y=y), chrome=0)
    [row] = next(iter(sheet.datasets.values()))
    assert spec["encoding"]["y"]["scale"]["domain"] == [row["label"]]
    assert "aria-label" in vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])


def test_more_marks_than_anyone_listens_to_are_not_read_out() -> None:
    """Fifty points are named one by one; with one more, the table takes their place."""
    for number, spoken in ((50, True), (51, False)):
        sheet = Sheet()
        rows = sheet.rows([{"value": float(index)} for index in range(number)])
        svg = vl_convert.vegalite_to_svg(sheet.finish(alt.Chart(rows).mark_point().encode(x="value:Q"), chrome=0))
        assert ('aria-roledescription="point"' in svg) is spoken
