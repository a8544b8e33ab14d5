"""Tests of where the labels of points stand."""

from __future__ import annotations

import random
from itertools import combinations

from greenreport.report.drawing.label_places import SIDES, Box, _box, places
from greenreport.report.drawing.svg_text import width

PLOT = (430.0, 230.0)


def test_no_label_lies_on_another_or_on_a_point_and_a_wider_plot_needs_no_other_places() -> None:
    """Of a cloud that is too dense some labels are left out; what is placed stays apart when the plot is stretched."""
    chance = random.Random(7)
    for number in (2, 8, 30):
        points = [(chance.uniform(0, PLOT[0]), chance.uniform(0, PLOT[1])) for _ in range(number)]
        labels = [f"batch {2 ** chance.randrange(10)}" for _ in points]
        sides = list(places(points, labels, size=11, plot=PLOT))
        assert any(sides)
        for stretch in (1.0, 1.4, 2.5):
            wider = [(x * stretch, y) for x, y in points]
            boxes = [
                _box(x, y, side, width(label, 11), 11) for (x, y), label, side in zip(wider, labels, sides, strict=True) if side
            ]
            assert not any(first.meets(second) for first, second in combinations(boxes, 2))
            marks = [Box(x - 4, y - 4, x + 4, y + 4) for x, y in wider]
            assert not any(box.meets(mark) for box in boxes for mark in marks)
            assert all(box.left >= -2 and box.right <= PLOT[0] * stretch + 2 for box in boxes)


def test_a_point_without_a_label_and_one_without_room_have_no_side() -> None:
    """A label is never forced; where there is room, the side that was asked for is taken."""
    assert list(places([(200, 100)], [""], size=11, plot=PLOT)) == [""]
    assert list(places([(200, 100)], ["x" * 200], size=11, plot=PLOT)) == [""]
    assert list(places([(200, 100)], ["one"], size=11, plot=PLOT, first="left above")) == ["left above"]
    assert next(places([(5, 100)], ["one"], size=11, plot=PLOT, first="left above")) in SIDES.keys() - {"left above", "left"}


def test_a_point_with_another_beside_it_has_its_name_one_line_higher() -> None:
    """At the left edge, with points on its right and below: the configuration of least memory had no name."""
    points = [(40.0, 180.0), (55.0, 188.0), (100.0, 170.0)]
    assert next(places(points, ["llama.cpp · CPU · q4_1", "", ""], size=11, plot=PLOT)) == "right high above"
