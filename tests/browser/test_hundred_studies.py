"""A site of a hundred studies and one of two thousand cells, in a browser: index, search, explorer and matrix stay usable."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.large_study import write_table
from benchmarks.many_studies import write_studies
from greenreport.report.check import check_site
from tests.browser.conftest import greenreport
from tests.browser.test_site import opened
from tests.browser.waiting import until
from tests.sharing import made_once

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.acceptance, pytest.mark.timeout(3600)]
STUDIES, MODELS, CONFIGURATIONS = 100, 200, 3
ROW_BYTES, SITE_BYTES = 1500, 1_000_000_000


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the site."""

    def make(folder: Path) -> None:
        write_studies(folder, STUDIES)
        write_table(folder / "t.csv", MODELS)
        greenreport(folder, "import", "t.csv", "--study", "large")
        greenreport(folder, "build", "--quiet")

    return made_once(tmp_path_factory, "hundred", make) / "site"


def told(what: str, since: float) -> None:
    """Print how long something took; a figure to read, and no bound: it says as much of the machine as of the page."""
    print(f"{what}: {(time.perf_counter() - since) * 1000:.0f} ms")


def test_the_site_is_in_order_and_light(hundred: Path) -> None:
    """Every page within its budget, a hundred studies within a gigabyte, a row of the index within 1.5 kB."""
    assert check_site(hundred) == []
    assert sum(file.stat().st_size for file in hundred.rglob("*") if file.is_file()) < SITE_BYTES
    rows = (
        (hundred / "index.html").read_text(encoding="utf-8").split('<ul class="entries studies">', 1)[1].split("</ul>\n", 1)[0]
    )
    assert len(rows.encode()) < ROW_BYTES * (STUDIES + 1)


@pytest.mark.parametrize("width", [1280, 390])
def test_index_search_explorer_and_matrix_are_usable(browser: Any, hundred: Path, width: int) -> None:
    """All studies are listed and found by name, all cells can be chosen from, and no page is wider than the screen."""
    with opened(browser, viewport={"width": width, "height": 900}) as (page, troubles):
        begun = time.perf_counter()
        page.goto((hundred / "index.html").as_uri())
        told(f"index of {STUDIES + 1} studies", begun)
        assert page.locator(".entries > li:visible").count() == STUDIES + 1
        page.focus(".search input")
        begun = time.perf_counter()
        page.keyboard.type("small study 42")
        page.locator(".search li a", has_text="Small study 42").first.wait_for()
        told("search, from the first key", begun)

        begun = time.perf_counter()
        page.goto((hundred / "explorer" / "index.html").as_uri())
        points = page.locator(".ex-plot .ex-point")
        cells = MODELS * 10 + STUDIES * CONFIGURATIONS
        until(page, lambda: points.count() == cells, "the explorer has drawn every cell of every study")
        told(f"explorer of {points.count()} cells", begun)
        begun = time.perf_counter()
        page.evaluate("location.hash = '#explorer?study=Imported%20results%3A%20large&engine=ONNX%20Runtime'")
        until(page, lambda: points.count() == MODELS * 5, "the explorer shows the cells of one engine")
        told("choice of an engine", begun)

        for address in ("index.html", "explorer/index.html", "s/large/index.html", "s/large/matrix/index.html"):
            begun = time.perf_counter()
            page.goto((hundred / address).as_uri())
            told(address, begun)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        assert page.locator("#cells ~ .matrix tbody tr").first.is_visible()
        assert troubles == []
