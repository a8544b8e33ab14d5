"""Tests of the files of a figure: what a pasted picture still says."""

from __future__ import annotations

import json
import re
from pathlib import Path

from greenreport.report.drawing.inline_svg import inline
from greenreport.report.drawing.vega import Drawing, draw
from greenreport.report.figure import Figure, drawing, make_table, render, wrap

BANDS = ("estimated energy", "untrained weights")


def subtitle(caption: str, tmp_path: Path) -> list[str]:
    """Return the lines below the finding in the picture of a figure with this caption."""
    spec = {"mark": "point", "usermeta": {}}
    figure = Figure("f", "A finding", caption, "A summary.", spec, make_table("t", [], []), BANDS)
    lines: list[str] = json.loads(drawing(figure, "source · machine", tmp_path).png_spec)["title"]["subtitle"]
    return lines


def test_remarks_are_in_the_picture_however_long_the_caption(tmp_path: Path) -> None:
    """Remarks stand first; a caption that is cut says so, and the source follows."""
    short = subtitle("What is shown.", tmp_path)
    assert short == ["estimated energy · untrained weights · What is shown.", "source · machine"]
    cut = subtitle("many words of a caption " * 60, tmp_path)
    assert cut[0].startswith("estimated energy · untrained weights · many words")
    assert cut[3].endswith("…")
    assert cut[4:] == ["source · machine"]


def test_a_drawing_does_not_tell_what_was_drawn_before_it(tmp_path: Path) -> None:
    """Marks that are cut at the edge of the plot have the same names whatever the process drew first; two plots keep theirs apart."""
    plot = {
        "mark": {"type": "line", "clip": True},
        "encoding": {"x": {"field": "a", "type": "quantitative"}, "y": {"field": "a", "type": "quantitative"}},
    }
    spec = json.dumps({"data": {"values": [{"a": 1}, {"a": 2}]}, "hconcat": [plot, plot]})
    drawn = []
    for name in ("first", "second"):
        draw(Drawing(spec, spec, tmp_path / name))
        drawn.append((Drawing(spec, spec, tmp_path / name).svg or b"").decode())
    assert drawn[0] == drawn[1]
    assert sorted(set(re.findall(r"clip[0-9]+", drawn[0]))) == ["clip1", "clip2"]
    assert [drawn[0].count(f"url(#clip{number})") for number in (1, 2)] == [1, 1]


def test_files_are_read_by_other_programs(tmp_path: Path) -> None:
    """Names in a table can be typed into a query, the sidecar names the same columns, and the chart says which grammar it is in."""
    table = make_table("t", ["configuration\u00a0", ("energy", "J")], [["Torch\u00a0·\u202fCPU", 1.5], ["=1+1", 2]])
    figure = Figure(
        "f",
        "Torch\u00a0·\u00a0CPU leads",
        "All.",
        "A summary.",
        {"mark": "point", "data": {"values": [{}]}, "usermeta": {}},
        table,
    )
    drawn = drawing(figure, "source", tmp_path)
    draw(drawn)
    files = render(figure, drawn, "source").files
    assert files["f.csv"].decode().splitlines() == ["configuration ,energy", "Torch · CPU,1.5", "'=1+1,2"]
    sidecar = json.loads(files["f.json"])
    assert sidecar["finding"] == "Torch · CPU leads"
    assert [column["name"] for column in sidecar["columns"]] == ["configuration ", "energy"]
    assert json.loads(files["f.vl.json"])["$schema"].startswith("https://vega.github.io/schema/vega-lite/v")


def test_a_detail_has_its_table_as_only_file_and_no_picture_is_drawn(tmp_path: Path) -> None:
    """The rest is made in the browser; the drawing and the specification for the page are there."""
    spec = {"data": {"values": [{"x": 1.23456}]}, "mark": "point", "encoding": {"x": {"field": "x", "type": "quantitative"}}}
    figure = Figure(
        "f", "A finding", "What.", "A summary.", {**spec, "usermeta": {}}, make_table("t", ["x"], [["a"]]), detail=True
    )
    drawn = drawing(figure, "source", tmp_path)
    draw(drawn)
    assert drawn.complete
    assert [file.suffix for file in tmp_path.glob("*.*")] == [".svg"]
    made = render(figure, drawn, "source")
    assert list(made.files) == ["f.csv"]
    assert made.inline_svg.startswith("<svg")
    assert "font-family" not in made.inline_svg
    assert "1.23456" in made.inline_spec


def test_a_text_is_broken_into_lines_and_cut_with_an_ellipsis() -> None:
    """No line is longer than asked for, a word without spaces is broken too, and nothing is marked as cut that is whole."""
    assert wrap("one two three", 8) == ["one two", "three"]
    assert wrap("one two three four", 8, most=2) == ["one two", "three…"]
    assert wrap("a " * 4 + "b", 4, most=3) == ["a a", "a a", "b"]
    endless = wrap("x" * 100_000, 110)
    assert [len(line) for line in endless] == [110] * 4
    assert endless[-1].endswith("x…")
    assert wrap("", 8) == [""]


def test_a_link_of_a_drawing_stays_in_the_site(tmp_path: Path) -> None:
    """The engine would lead it to the host of its examples."""
    spec = {
        "data": {"values": [{"page": "cells/a/index.html"}]},
        "mark": "rect",
        "encoding": {"href": {"field": "page"}},
    }
    drawing = Drawing(json.dumps(spec), None, tmp_path / "drawing")
    draw(drawing)
    assert drawing.svg is not None
    assert b'href="cells/a/index.html"' in drawing.svg


def test_marks_inherit_what_most_of_them_have() -> None:
    """The group has it once, and the others keep their own; what a mark lacks is given to none."""
    marks = (
        "".join(f'<path d="M{n},0" fill="red" fill-opacity="{min(n, 1)}"/>' for n in range(3)) + '<path d="M9,9" fill="red"/>'
    )
    assert inline(f"<svg><g>{marks}</g></svg>", "f").count('fill="red"') == 1
    assert inline(f"<svg><g>{marks}</g></svg>", "f").count("fill-opacity") == 2
    svg = inline(f"<svg><g>{marks[: marks.rindex('<path')]}</g></svg>", "f")
    assert svg.endswith(
        '<g fill="red" fill-opacity="1"><path d="M0,0" fill-opacity="0"/><path d="M1,0"/><path d="M2,0"/></g></svg>'
    )


def test_numbers_in_an_address_are_not_rounded() -> None:
    """A drawing has its places to a hundredth of a pixel; the name of a page may hold a number too."""
    svg = inline('<svg><a xlink:href="cells/a--token_s.0.001/index.html"><path d="M1.23456,2"/></a></svg>', "f")
    assert 'href="cells/a--token_s.0.001/index.html"' in svg
    assert 'd="M1.23,2"' in svg


def test_marks_of_a_drawing_say_once_what_they_share() -> None:
    """Circles are circles; what all marks of a group have in common stands at the group, and what neighbours have at a group of theirs."""

    def dot(x: int, colour: str) -> str:
        return f'<path transform="translate({x},2.345)" d="M1.5,0A1.5,1.5,0,1,1,-1.5,0A1.5,1.5,0,1,1,1.5,0" fill="{colour}" stroke-width="2"/>'

    svg = inline(f'<svg><g class="m">{dot(1, "a")}{dot(2, "a")}{dot(3, "b")}{dot(4, "b")}</g></svg>', "f")
    assert svg == (
        '<svg><g class="m" fill="a" stroke-width="2"><circle cx="1" cy="2.35" r="1.5"/><circle cx="2" cy="2.35" r="1.5"/>'
        '<g fill="b"><circle cx="3" cy="2.35" r="1.5"/><circle cx="4" cy="2.35" r="1.5"/></g></g></svg>'
    )
