"""The first screen of a study in a browser: its sentence and the figure that proves it, on a desk and on a phone."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import greenreport
from tests.browser.test_site import opened, visit
from tests.conftest import ROOT
from tests.sharing import share_drawn

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PUBLISHED = "duran-2024"
SHEET = 1009  # pixels of A4 between the margins
#: Where the first drawing that is shown begins.
FIRST = """Math.min(...[...document.querySelectorAll(".opening svg")].map((svg) => svg.getBoundingClientRect())
    .filter(({ width }) => width).map(({ top }) => top + scrollY))"""
LONG = "On OPT 125M, Torch · CPU at batch 64 on one replica gives 308 tokens/s: the most that keeps the objective (first token within 2.00 s, at most 200 ms between tokens)."
#: Puts a headline that is longer than any in place of those of the page.
LENGTHEN = """(long) => {
    document.querySelector(".headline").textContent = long;
    document.querySelector(".standfirst").textContent = long;
}"""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the site of the shipped study of a paper's tables, which hold one value for each cell."""
    folder = tmp_path_factory.mktemp("published")
    share_drawn(tmp_path_factory, folder)
    (folder / "studies").mkdir()
    shutil.copy(ROOT / "studies" / f"{PUBLISHED}.yaml", folder / "studies")
    shutil.copytree(ROOT / "studies" / PUBLISHED, folder / "studies" / PUBLISHED)
    greenreport(folder, "build", "--quiet")
    return folder / "site"


@pytest.mark.parametrize(("width", "height", "lowest"), [(1280, 900, 700), (390, 844, 600)])
def test_a_study_begins_with_its_figure(browser: Any, published: Path, width: int, height: int, lowest: int) -> None:
    """Also one that was not measured here; and below a headline of eight lines."""
    with opened(browser, viewport={"width": width, "height": height}) as (page, troubles):
        page.goto((published / "s" / PUBLISHED / "index.html").as_uri())
        assert page.evaluate(FIRST) < lowest
        page.evaluate(LENGTHEN, LONG)
        assert page.evaluate(FIRST) < lowest
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert troubles == []


def test_what_qualifies_the_sentence_stands_below_its_proof_on_a_phone(browser: Any, published: Path) -> None:
    """Sentence, small drawing, where it was found and how sure it is, the figure."""
    parts = (".headline", ".glance", ".opening .standfirst", ".opening .badge", ".opening .gr-fig", ".opening .numbers")
    with opened(browser, viewport={"width": 390, "height": 844}) as (page, _):
        page.goto((published / "s" / PUBLISHED / "index.html").as_uri())
        tops = [page.locator(part).first.bounding_box()["y"] for part in parts]
    assert tops == sorted(tops)


def test_rows_of_a_table_are_counted_as_what_they_are(published: Path) -> None:
    """The index says neither runs nor models of what is a size category in a paper's table."""
    page = (published / "index.html").read_text(encoding="utf-8")
    assert "15 rows of a table" in page and "on all 3 sizes" in page
    assert "3 models" not in page


def test_the_first_sheet_of_paper_holds_the_figure(browser: Any, published: Path) -> None:
    """A drawing stays with its caption, and its open table goes on over the next pages instead of moving all of them there."""
    with opened(browser, viewport={"width": 718, "height": SHEET}) as (page, _):
        visit(page, (published / "s" / PUBLISHED / "index.html").as_uri())
        page.emulate_media(media="print")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        ends = "document.querySelector('.proof .gr-vis').getBoundingClientRect().bottom + scrollY"
        assert page.evaluate(ends) < SHEET
        inside = "(selector) => getComputedStyle(document.querySelector(selector)).breakInside"
        assert [page.evaluate(inside, selector) for selector in (".gr-fig", ".gr-vis", ".gr-table tr")] == [
            "auto",
            "avoid",
            "avoid",
        ]


def test_labels_of_two_lines_stand_apart_on_a_phone(browser: Any, published: Path) -> None:
    """Engine over provider: the lines of one row are closer to each other than to those of the next."""
    lines = """() => [...document.querySelectorAll(".proof .role-axis-label tspan, .proof .role-axis-label text")]
        .map((line) => line.getBoundingClientRect()).filter(({ height, left }) => height && left < 130).map(({ top }) => top)"""
    with opened(browser, viewport={"width": 390, "height": 844}) as (page, _):
        visit(page, (published / "s" / PUBLISHED / "index.html").as_uri())
        tops = sorted({round(top) for top in page.evaluate(lines)})
    between_rows = [below - above for above, below in pairwise(tops) if 17 <= below - above < 40]
    assert len(between_rows) == 3 * 3  # of four rows on each of three sizes
    assert len(tops) == 3 * 4 * 2


def test_a_title_in_the_index_is_told_whole_on_a_phone(browser: Any, published: Path) -> None:
    """Neither it nor the finding below it is cut."""
    with opened(browser, viewport={"width": 390, "height": 844}) as (page, _):
        page.goto((published / "index.html").as_uri())
        cut = """() => [...document.querySelectorAll(".studies .kicker, .studies .says")]
            .filter((e) => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 2).map((e) => e.textContent)"""
        assert page.evaluate(cut) == []
