"""Tests in a browser of the explorer, with two thousand cells: choosing, axes, sorting, the address, and the file of what is shown."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from greenreport.report.cell_summary import CellSummary
from greenreport.report.pages import explorer_files, site_pages
from greenreport.report.render import Renderer
from greenreport.report.summary import Summary
from greenreport.report.templates import template_folders
from greenreport.study import Site
from tests.browser.test_site import opened
from tests.browser.waiting import addressed
from tests.report.test_explorer import CELL, with_cells

pytestmark = pytest.mark.browser
STUDIES, MODELS, ENGINES = 20, 10, ("torch", "onnx", "openvino", "torchscript", "llamacpp")
LOADS = ("one request at a time", "batch 8")


def cells(study: int) -> Iterator[CellSummary]:
    """Yield the cells of a made-up study: one value for each, and no two alike."""
    for model in range(MODELS):
        for place, engine in enumerate(ENGINES):
            for load in LOADS:
                value = 1.0 + model + place / 10 + study / 100 + (load != LOADS[0]) / 3
                yield replace(
                    CELL, model=f"Model {model}", engine_id=engine, engine=engine, configuration=f"{engine} · CPU, {load}", load=load,
                    energy="modelled" if study % 2 else "metered", address=f"s/s{study}/cells/{model}--{engine}/index.html",
                    medians={"throughput_tokens_per_s": 100 / value, "j_per_output_token": value, "weights_b": 1e9 * value},
                )  # fmt: skip


def made_up() -> list[Summary]:
    """Return the studies of a site with two thousand cells on two machines."""
    return [
        with_cells(f"s{n}", *cells(n), title=f"Study {n}", machine="One (2 cores)" if n % 4 else "Another (8 cores)")
        for n in range(STUDIES)
    ]


@pytest.fixture(scope="module")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the address of the page in a site of nothing but shared pages."""
    folder = tmp_path_factory.mktemp("explorer")
    studies = made_up()
    renderer = Renderer(template_folders(folder), folder / "figures", Site())
    for path, content in (renderer.shared | renderer.pages(site_pages(studies), {}) | explorer_files(studies)).items():
        file: Path = folder / "site" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return (folder / "site" / "explorer" / "index.html").as_uri()


def test_cells_are_chosen_and_the_address_keeps_it(browser: Any, explorer: str, tmp_path: Path) -> None:
    """Counts, figure, table and file follow the choice; the address brings it back."""
    with opened(browser) as (page, troubles):
        page.goto(explorer)
        points, rows, told = page.locator(".ex-plot .ex-point"), page.locator("tbody tr"), page.locator(".ex-told")
        assert points.count() == STUDIES * MODELS * len(ENGINES) * len(LOADS) == 2000
        assert rows.count() == 100
        assert "2 machines, whose joules and seconds cannot be compared" in told.inner_text()
        assert "Energy of 1000 of them is modelled" in told.inner_text()
        page.locator("summary", has_text="Engine").click()
        page.get_by_label("onnx").check()
        assert points.count() == 400
        page.locator("summary", has_text="Study").click()
        page.get_by_label("Study 4", exact=False).first.check()
        assert points.count() == 20
        assert "machines" not in told.inner_text()
        page.get_by_label("Upwards").select_option("Model size")
        page.get_by_role("button", name="Model size").click()
        page.get_by_role("button", name="Model size").click()
        addressed(page, "#explorer?study=Study%204&engine=onnx&y=weights_b&sort=-y")
        sizes = [float(text.split()[0]) for text in rows.locator("td:nth-child(3)").all_inner_texts()]
        assert sizes == sorted(sizes, reverse=True)
        with page.expect_download() as download:
            page.get_by_role("button", name="Take these cells as CSV").click()
        download.value.save_as(tmp_path / "cells.csv")
        with (tmp_path / "cells.csv").open(encoding="utf-8", newline="") as stream:
            taken = list(csv.DictReader(stream))
        assert (len(taken), {row["study"] for row in taken}, {row["engine"] for row in taken}) == (20, {"Study 4"}, {"onnx"})
        address = page.evaluate("location.href")
        page.goto("about:blank")
        page.goto(address)
        assert points.count() == 20
        assert page.get_by_label("Upwards").locator("option:checked").inner_text() == "Model size"
        page.get_by_role("button", name="Show all cells").click()
        assert points.count() == 2000
        assert troubles == []


def test_a_point_leads_to_its_cell_and_the_best_are_filled(browser: Any, explorer: str) -> None:
    """Of each study and model the one that nothing beats in both metrics is filled; hovering names it."""
    with opened(browser) as (page, troubles):
        page.goto(f"{explorer}#explorer?study=Study%201&model=Model%203")
        assert page.locator(".ex-plot .ex-point").count() == 10
        best = page.locator(".ex-plot .ex-point.front")
        assert best.count() == 1
        best.hover(force=True)
        assert page.locator(".ex-near").inner_text().startswith("Model 3, torch")
        assert "nothing measured beats it in both" in page.locator(".ex-near").inner_text()
        assert page.locator(".ex-near a").get_attribute("href") == "../s/s1/cells/3--torch/index.html"
        assert troubles == []


def test_without_scripts_it_is_a_table(browser: Any, explorer: str) -> None:
    """The first cells with both metrics, and the file of all."""
    with opened(browser, java_script_enabled=False) as (page, _):
        page.goto(explorer)
        assert page.locator("tbody tr").count() == 100
        assert "The first 100 of 2000 cells" in page.locator(".ex-rest").inner_text().replace(",", "")
        assert page.get_by_role("link", name="All cells as CSV").is_visible()
        assert not page.locator(".ex-choice").is_visible()
