"""Drawings in a browser: in the font they are laid out in, no text cut off and none on another, at the width of their column, and taken away as pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.browser.test_site import FAULTS, opened, visit

pytestmark = [pytest.mark.browser, pytest.mark.engines, pytest.mark.slow]

CELL = "s/real/cells/tiny-gpt2--torch-cpu/index.html"
PAGES = (
    "s/real/index.html", "s/real/rq/rq1/index.html", "s/real/models/tiny-gpt2/index.html", "s/real/configs/onnx-cpu/index.html",
    "s/real/matrix/index.html", "s/real/tradeoffs/index.html", "s/real/methods/index.html", "s/real/guidelines/index.html", CELL,
)  # fmt: skip
STATIC = (*PAGES, "s/real/report.html")
FONT = """document.fonts.ready.then(() => document.fonts.check('12px "Greenreport Sans"'))"""


def test_no_text_of_a_drawing_is_cut_off_or_lies_on_another_on_a_phone(browser: Any, real_site: Path) -> None:
    """On every kind of page, interactive; `test_site` looks at them on a desk."""
    with opened(browser, viewport={"width": 390, "height": 844}) as (page, troubles):
        for path in PAGES:
            if (real_site / path).is_file():
                visit(page, (real_site / path).as_uri())
                assert page.evaluate(FAULTS) == [], path
        assert troubles == []


def test_names_and_the_best_of_a_matrix_are_seen_on_a_phone(browser: Any, real_site: Path) -> None:
    """Names stand above their rows, so that four columns fit; the page of a study is seen among the others, too."""
    seen = """(selector) => [...document.querySelectorAll(selector)].map((part) => {
        const box = part.getBoundingClientRect(), frame = part.closest(".gr-vis, nav").getBoundingClientRect();
        return box.width > 0 && box.left >= frame.left - 1 && box.right <= frame.right + 1;
    })"""
    with opened(browser, viewport={"width": 390, "height": 844}) as (page, troubles):
        visit(page, (real_site / "s/real/matrix/index.html").as_uri())
        drawing = "figure:not([hidden]) .gr-vis "
        names, best = (page.evaluate(seen, drawing + part) for part in (".role-axis-label text", "text[font-weight='700']"))
        assert (len(names), len(best)) == (4 + 1, 1)  # of the configurations, and of the model
        assert all(names + best)
        for path in ("matrix", "data"):
            visit(page, (real_site / f"s/real/{path}/index.html").as_uri())
            assert page.evaluate(seen, ".sub [aria-current]") == [True]
        assert troubles == []


def test_a_long_title_without_a_space_ends_no_drawing(browser: Any, real_site: Path) -> None:
    """A metric of an imported table may be called so; on a phone, other long titles take two lines."""
    rename = """(title) => {
        const script = document.querySelector("#fig-h1-0-ratios script.gr-spec");
        window.first ||= script.textContent;
        script.textContent = window.first.replace(/"title": ?"execution time[^"]*"/g, `"title":"${title}"`);
    }"""
    with opened(browser, viewport={"width": 390, "height": 844}) as (page, troubles):
        visit(page, (real_site / "s/real/rq/rq1/index.html").as_uri())
        figure = page.locator("#fig-h1-0-ratios")
        for title, parts in (("x" * 40, 0), (f"{'x' * 20} {'y' * 20}", 2)):
            page.evaluate(rename, title)
            figure.locator(".gr-tools button").first.click()
            figure.locator(".role-axis-title").filter(has_text=title.split()[-1]).first.wait_for()
            assert figure.locator(".role-axis-title tspan").count() == parts
            assert figure.get_attribute("data-live") == "true"
        assert troubles == []


def test_a_name_that_would_lie_on_an_axis_is_left_out(browser: Any, real_site: Path) -> None:
    """On a phone a name beside a point may reach over the ticks; it stays in the table and in the tooltip."""
    rename = """() => {
        const script = document.querySelector("figure.gr-fig:not([hidden]) script.gr-spec");
        const spec = JSON.parse(script.textContent.replace(/"align": ?"left"/g, '"align":"right"'));
        for (const { names, columns } of Object.values(spec.datasets)) columns[names.indexOf("label")].values.fill("w".repeat(40));
        script.textContent = JSON.stringify(spec);
    }"""
    with opened(browser, viewport={"width": 390, "height": 844}) as (page, troubles):
        visit(page, (real_site / "s/real/tradeoffs/index.html").as_uri())
        page.evaluate(rename)
        figure = page.locator("figure.gr-fig:not([hidden])").first
        figure.locator(".gr-tools button").first.click()
        figure.locator(".mark-text.role-mark text", has_text="wwww").first.wait_for(state="attached")
        assert page.evaluate(FAULTS) == []
        assert troubles == []


def test_before_any_script_drawings_fill_their_column_in_the_font_they_were_laid_out_in(browser: Any, real_site: Path) -> None:
    """Nothing is cut off there either, also in the file for mailing, which brings the font inside it; on a phone letters keep their size."""
    with opened(browser, viewport={"width": 1280, "height": 900}, java_script_enabled=False) as (page, troubles):
        for path in STATIC:
            if (real_site / path).is_file():
                page.goto((real_site / path).as_uri())
                assert page.evaluate(FONT), path
                assert page.evaluate(FAULTS) == [], path
        page.goto((real_site / "s/real/rq/rq1/index.html").as_uri())
        filled = "[...document.querySelectorAll('.gr-fig')].map(f => f.querySelector('svg').getBoundingClientRect().width / f.clientWidth)"
        assert min(page.evaluate(filled)) > 0.85
        page.set_viewport_size({"width": 390, "height": 800})
        scale = (
            "[...document.querySelectorAll('.gr-vis svg')].map(s => s.getBoundingClientRect().width / s.viewBox.baseVal.width)"
        )
        assert min(page.evaluate(scale)) > 0.99
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert troubles == []


def test_a_figure_of_a_cell_is_taken_away_as_picture_drawing_and_specification(
    browser: Any, real_site: Path, tmp_path: Path
) -> None:
    """Made in the page, with finding and source in the picture, colours instead of names, and no file of the site."""
    with opened(browser, accept_downloads=True, viewport={"width": 1280, "height": 900}) as (page, troubles):
        visit(page, (real_site / CELL).as_uri())
        figure = page.locator("figure.detail").first
        content = {}
        for name in ("PNG", "SVG", "Vega-Lite"):
            with page.expect_download() as waited:
                figure.locator(f".gr-dl button:has-text('{name}')").click()
            waited.value.save_as(tmp_path / name)
            content[name] = (tmp_path / name).read_bytes()
        assert content["PNG"].startswith(b"\x89PNG")
        assert len(content["PNG"]) > 5_000
        drawing = content["SVG"].decode()
        assert (
            drawing.startswith("<svg")
            and "var(" not in drawing
            and "currentColor" not in drawing
            and "Greenreport Sans" in drawing
        )
        assert json.loads(content["Vega-Lite"])["datasets"]
        assert (troubles, page.evaluate("window.violations")) == ([], [])


def test_the_order_of_a_table_is_in_the_address_and_there_after_going_back(browser: Any, real_site: Path) -> None:
    """A table is sorted, another page is visited, and going back finds it sorted."""
    head = "#fig-h1-0-runs .gr-table thead th:nth-child(4)"
    with opened(browser) as (page, troubles):
        visit(page, (real_site / "s/real/rq/rq1/index.html").as_uri())
        page.locator("#fig-h1-0-runs .gr-table summary").click()
        page.locator(f"{head} button").click()
        assert "sort=" in page.evaluate("location.hash")
        page.goto((real_site / "index.html").as_uri())
        page.go_back()
        assert page.locator(head).get_attribute("aria-sort") == "ascending"
        assert page.locator(f"{head} button").is_visible()
        assert troubles == []


def test_a_cell_of_the_matrix_leads_to_its_page(browser: Any, real_site: Path) -> None:
    """In the interactive drawing, and as a link without scripts."""
    address = (real_site / "s/real/matrix/index.html").as_uri()
    with opened(browser, java_script_enabled=False) as (page, _):
        page.goto(address)
        links = page.locator("#fig-matrix-duration-s svg a").evaluate_all("all => all.map(a => a.href.baseVal)")
        assert len(links) == 4
        assert all((real_site / "s/real/matrix" / link).resolve().is_file() for link in links)
    with opened(browser) as (page, troubles):
        visit(page, f"{address}#fig-matrix-duration-s")
        page.locator("#fig-matrix-duration-s .mark-rect.role-mark path").first.click()
        page.wait_for_url(lambda url: "/cells/tiny-gpt2--" in url)
        assert troubles == []
