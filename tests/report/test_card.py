"""Tests of the cards shown with links: size, words, remarks, and hostile or endless texts."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import vl_convert
from PIL import Image

from greenreport.analysis.analyse import analyse
from greenreport.record import Method
from greenreport.report.context import StudyContext, study_context
from greenreport.report.drawing.png import packed, picture
from greenreport.report.drawing.svg_text import broken, complete, fitted, plain_line, width
from greenreport.report.exports.card import BAR, HEIGHT, LONGEST_ALT, WIDTH, Card, card_svg, cards_of
from tests.datasets import around, dataset
from tests.hostile_site import HOSTILE
from tests.report.conftest import ADDRESS
from tests.report.test_head_metadata import metas

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def study() -> StudyContext:
    """Give a study in which ONNX uses 40 % less energy than Torch, on both models."""
    table = {model: {"torch": around(100.0), "onnx": around(60.0)} for model in ("a", "b")}
    return study_context("tiny", analyse(dataset(table)))


def texts(svg: str) -> list[str]:
    """Return what a drawing says; it must be well-formed."""
    root = ET.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {"svg", "defs", "pattern", "rect", "circle", "text"}
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


def size(png: bytes) -> tuple[int, int]:
    """Return width and height of a PNG."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    across, down = struct.unpack(">II", png[16:24])
    return int(across), int(down)


def test_a_study_and_each_question_have_a_card(built: Path) -> None:
    """1200 × 630 pixels, and not heavy."""
    cards = {file.name: file.read_bytes() for file in (built / "site" / "s" / "tiny" / "cards").iterdir()}
    assert set(cards) == {"study.png", "rq-rq1.png"}
    assert {size(content) for content in cards.values()} == {(1200, 630)}
    assert all(len(content) < 150_000 for content in cards.values())


def test_a_card_says_the_answer_with_its_number_interval_and_scope(study: StudyContext) -> None:
    """The sentence, the number, what it compares, interval, models, runs, boundary, machine, validity."""
    first, *questions = cards_of(study)
    assert [card.about for card in questions] == ["RQ1", "RQ2"]
    said = texts(card_svg(first, "Our site"))
    assert first.claim is not None
    assert first.claim.short().replace("\u202f", "\u00a0") in said
    whole = " ".join(said)
    for part in (
        "Our site",
        "A tiny study",
        "uses the least energy",
        "95\u00a0% CI",
        "over 2 of 2 models",
        "5 runs per cell",
    ):
        assert part in whole, part
    for part in ("CPU package-0", "Test CPU (2 cores)", "2026-01-01", " checks passed", "log scale"):
        assert part in whole, part
    assert "estimated" not in whole
    assert "uses the least energy" in first.alt
    assert "95\u00a0% CI" in first.alt


def test_estimated_energy_and_untrained_weights_are_told(study: StudyContext) -> None:
    """Remarks of the study stand on the card, and in its words."""
    estimated = analyse(dataset({"a": {"torch": around(100.0), "onnx": around(60.0)}}))
    cells = tuple(
        replace(
            cell,
            runs=tuple(
                replace(run, observations={m: replace(o, method=Method.ESTIMATED) for m, o in run.observations.items()})
                for run in cell.runs
            ),
            estimates_answer=True,
        )
        for cell in estimated.dataset.cells
    )
    context = study_context("tiny", analyse(replace(estimated.dataset, cells=cells)))
    assert "untrained weights" in study.bands
    for card in cards_of(context)[:2]:  # the third is about time
        said = texts(card_svg(card, "Our site"))
        assert {"estimated energy", "untrained weights"} <= set(said)
        assert any("CPU package-0, estimated" in text for text in said)
        assert "Estimated energy. Untrained weights." in card.alt


def test_the_bar_lies_where_the_ratio_is(study: StudyContext) -> None:
    """Less energy: the interval lies left of 1, and the mark inside the interval."""
    root = ET.fromstring(card_svg(cards_of(study)[0], "x"))
    mark = next(float(e.attrib["cx"]) for e in root.iter(f"{SVG}circle") if e.attrib["r"] == "7")
    rule = next(e for e in root.iter(f"{SVG}rect") if e.attrib["height"] == "4")
    one = next(float(e.attrib["x"]) for e in root.iter(f"{SVG}rect") if e.attrib["height"] == "52")
    low = float(rule.attrib["x"])
    high = low + float(rule.attrib["width"])
    assert BAR[0] < low <= mark <= high < one < BAR[1]


def test_hostile_and_endless_texts_stay_inside(study: StudyContext) -> None:
    """Tags stay text, control characters go, long texts end with an ellipsis inside the picture, whatever is in them."""
    long = HOSTILE + "\x00\ufffe\x1b" + "word " * 400 + "x" * 900
    card = cards_of(study)[0]
    nasty = Card(card.path, long, long, long, card.claim, long, card.hue, card.bands, long, card.badge)
    for shown in (nasty, replace(nasty, claim=None)):
        svg = card_svg(shown, long)
        said = texts(svg)
        assert any("<script>alert(1)</script>" in text for text in said)
        assert all(character not in svg for character in "\x00\ufffe\x1b\u202e")
        root = ET.fromstring(svg)
        for element in root.iter(f"{SVG}text"):
            wide = width("".join(element.itertext()), float(element.attrib["font-size"]), bold="font-weight" in element.attrib)
            x, anchor = float(element.attrib["x"]), element.attrib["text-anchor"]
            left = x - (wide if anchor == "end" else wide / 2 if anchor == "middle" else 0)
            assert left >= 0
            assert left + wide <= WIDTH, "".join(element.itertext())
            assert 0 < float(element.attrib["y"]) < HEIGHT
        assert len(shown.alt) <= LONGEST_ALT


def test_a_study_without_runs_has_a_card(tmp_path: Path) -> None:
    """It says what was declared, and that nothing has run."""
    empty = replace(dataset({"a": {"torch": around(1.0)}}), cells=tuple(
        replace(cell, runs=()) for cell in dataset({"a": {"torch": around(1.0)}}).cells
    ))  # fmt: skip
    card = cards_of(study_context("tiny", analyse(empty)))[0]
    said = " ".join(texts(card_svg(card, "x")))
    assert "no runs yet" in said
    assert "5 repetitions declared" in said
    assert size(picture(card_svg(card, "x"), tmp_path).png()) == (1200, 630)


def test_a_picture_is_drawn_once_and_always_the_same(study: StudyContext, tmp_path: Path) -> None:
    """Two folders give the same bytes; a kept file is used, and one that was changed is not."""
    svg = card_svg(cards_of(study)[0], "x")
    first = picture(svg, tmp_path / "one").png()
    assert first == picture(svg, tmp_path / "two").png()
    (kept,) = (tmp_path / "one").iterdir()
    before = kept.stat().st_ino  # a file that is written again is another one
    assert picture(svg, tmp_path / "one").png() == first
    assert kept.stat().st_ino == before
    kept.write_bytes(b"changed")
    assert picture(svg, tmp_path / "one").png() == first


def test_cards_are_named_where_the_address_is_known(built: Path, addressed: Path) -> None:
    """og:image is an absolute address of a file of the site, with words; without an address there is none."""
    for page, card in (
        ("index.html", "s/tiny/cards/study.png"),
        ("s/tiny/index.html", "s/tiny/cards/study.png"),
        ("s/tiny/matrix/index.html", "s/tiny/cards/study.png"),
        ("s/tiny/rq/rq1/index.html", "s/tiny/cards/rq-rq1.png"),
    ):
        said = metas(addressed / page)
        assert said["og:image"] == ADDRESS + card
        assert (addressed / card).is_file()
        assert "simulated engine" in said["og:image:alt"].lower()
        assert said["twitter:card"] == "summary_large_image"
        assert "og:image" not in metas(built / "site" / page)
    assert "og:image" not in metas(addressed / "404.html")
    assert "execution time" in metas(addressed / "s" / "tiny" / "rq" / "rq1" / "index.html")["og:description"]


def test_packing_changes_no_pixel(study: StudyContext) -> None:
    """The pixels before and after are the same, in a file a good deal smaller."""
    drawn = vl_convert.svg_to_png(card_svg(cards_of(study)[0], "x"), scale=1, ppi=72)
    small = packed(drawn)
    assert len(small) < len(drawn) / 3
    assert pixels(small) == pixels(drawn)
    assert packed(small) == small


def pixels(png: bytes) -> bytes:
    """Return the colours of a PNG, pixel by pixel, whatever their encoding."""
    return Image.open(io.BytesIO(png)).convert("RGBA").tobytes()


def test_an_estimate_is_told_where_energy_is(study: StudyContext) -> None:
    """A card about time does not say that energy was estimated; one about energy does."""
    both = replace(study, bands=("estimated energy", "untrained weights"))
    _, energy, time = cards_of(both)
    assert energy.bands == ("estimated energy", "untrained weights")
    assert time.bands == ("untrained weights",)


def test_lines_are_broken_between_words_and_cut_at_the_end() -> None:
    """Nothing is lost where there is room, and nothing is wider than its room."""
    text = "ONNX Runtime\u00a0·\u00a0CPU uses the least energy on all 3 models"
    lines = broken(text, 40, 400, 4)
    assert complete(lines, text)
    assert all("·" not in (line[0], line[-1]) for line in lines)
    assert max(width(line, 40) for line in lines) <= 400
    assert not complete(broken(text, 40, 400, 2), text)
    assert fitted("short", 20, 400) == "short"
    assert fitted("a " * 100, 20, 100).endswith("…")
    assert plain_line("38\u202f% \n less\u202e") == "38\u00a0% less"
