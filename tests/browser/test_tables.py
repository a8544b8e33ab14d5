"""Tables that readers sort by their heads, traces they zoom into; without script both are whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.test_site import opened, visit
from tests.browser.waiting import addressed, at_rest, until

pytestmark = [pytest.mark.browser, pytest.mark.engines, pytest.mark.slow]

RUNS = "#fig-h1-0-runs .gr-table table"
VALUES = f"[...document.querySelectorAll('{RUNS} tbody tr')].map(r => Number(r.cells[3].dataset.v))"
CELL = "s/real/cells/tiny-gpt2--torch-cpu/index.html"


def test_a_table_is_sorted_by_keyboard(browser: Any, real_site: Path) -> None:
    """Upwards, downwards, and back to the order of the study, by the numbers behind the printed texts; a reader is told which."""
    with opened(browser) as (page, troubles):
        visit(page, (real_site / "s" / "real" / "rq" / "rq1" / "index.html").as_uri())
        page.locator("#fig-h1-0-runs .gr-table summary").click()
        before = page.evaluate(VALUES)
        assert len(before) == 12
        head = page.locator(f"{RUNS} thead th").nth(3)
        head.locator("button").focus()
        for state, expected in (("ascending", sorted(before)), ("descending", sorted(before, reverse=True)), (None, before)):
            page.keyboard.press("Enter")
            assert head.get_attribute("aria-sort") == state
            assert page.evaluate(VALUES) == expected
        first = page.locator(f"{RUNS} thead th").first
        first.locator("button").click()
        head.locator("button").click()
        assert page.locator(f"{RUNS} th[aria-sort]").count() == 1
        assert (troubles, page.evaluate("window.violations")) == ([], [])


def test_without_script_no_head_is_a_button_and_the_best_is_marked(browser: Any, real_site: Path) -> None:
    """A table is a table; the best value of a row is bold and carries a mark that needs no colour."""
    with opened(browser, java_script_enabled=False) as (page, _):
        page.goto((real_site / "s" / "real" / "matrix" / "index.html").as_uri())
        assert page.locator("th button").count() == 0
        best = page.locator("#fig-matrix-duration-s td.best")
        assert best.count() == 1
        assert best.text_content().endswith("◆")
        assert int(best.evaluate("e => getComputedStyle(e).fontWeight")) > 600
        assert page.locator("#fig-matrix-duration-s .gr-vis text[font-weight='700']").count() >= 1


def ticks(page: Any, figure: str) -> list[str]:
    """Return the labels of a drawing's axes, sorted: labels that come back are appended, in whatever place they stand.

    It is their text content that counts; an SVG element has no inner text.
    """
    found: list[str] = page.locator(f"{figure} .gr-vis .role-axis-label text").all_text_contents()
    assert found and all(found)
    return sorted(found)


def test_a_trace_is_zoomed_by_wheel_dragged_and_reset(browser: Any, real_site: Path) -> None:
    """Shift and the wheel show less of the run, dragging moves it, a double click shows all; the wheel alone scrolls the page."""
    figure = "#fig-tiny-gpt2--torch-cpu-load"
    with opened(browser, viewport={"width": 1200, "height": 900}) as (page, troubles):
        visit(page, (real_site / CELL).as_uri())
        whole = ticks(page, figure)
        aimed(page, figure)
        before = page.evaluate("scrollY")
        page.mouse.wheel(0, -200 if before > 0 else 200)
        until(page, lambda: page.evaluate("scrollY") != before, "the wheel scrolls the page")
        at_rest(page, lambda: page.evaluate("scrollY"))
        assert ticks(page, figure) == whole
        x, y = aimed(page, figure)
        page.keyboard.down("Shift")
        page.mouse.wheel(0, -300)
        page.keyboard.up("Shift")
        near = changed(page, figure, whole)
        page.mouse.down()
        page.mouse.move(x - 150, y, steps=5)
        page.mouse.up()
        assert changed(page, figure, near) != whole
        page.mouse.dblclick(x, y)
        until(page, lambda: ticks(page, figure) == whole, "a double click shows all")
        assert (troubles, page.evaluate("window.violations")) == ([], [])


def aimed(page: Any, figure: str) -> tuple[float, float]:
    """Move the mouse to the middle of a drawing that is in view; return the place."""
    drawing = page.locator(f"{figure} .gr-vis svg")
    drawing.scroll_into_view_if_needed()
    box = at_rest(page, drawing.bounding_box)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    return x, y


def changed(page: Any, figure: str, before: list[str]) -> list[str]:
    """Return the labels of a drawing once they are no longer those of before."""
    until(page, lambda: ticks(page, figure) != before, f"the axes of {figure} change")
    return at_rest(page, lambda: ticks(page, figure))


def test_a_trace_shows_the_measured_window_alone_by_keyboard(browser: Any, real_site: Path) -> None:
    """A button and not the mouse only; the address keeps it."""
    with opened(browser) as (page, troubles):
        visit(page, (real_site / CELL).as_uri())
        figure = "#fig-tiny-gpt2--torch-cpu-load"
        whole = ticks(page, figure)
        button = page.locator(f"{figure} .gr-tools button", has_text="Measured window only")
        assert button.get_attribute("aria-pressed") == "false"
        button.focus()
        page.keyboard.press("Enter")
        changed(page, figure, whole)
        assert button.get_attribute("aria-pressed") == "true"
        addressed(page, "?window=tiny-gpt2--torch-cpu-load")
        assert (troubles, page.evaluate("window.violations")) == ([], [])
