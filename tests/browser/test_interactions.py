"""What readers may choose in figures and factors: by mouse and keyboard, in the address, after going back, and without script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.test_site import opened, visit
from tests.browser.waiting import addressed, follow, until

pytestmark = [pytest.mark.browser, pytest.mark.engines, pytest.mark.slow]

RUNS = "#fig-h1-0-runs"


def circles(page: Any, figure: str) -> int:
    """Count the points of a drawn figure."""
    return int(page.locator(f"{figure} .gr-vis .mark-symbol.role-mark path").count())


def settled(page: Any, figure: str, points: int) -> None:
    """Wait until a figure shows so many points."""
    until(page, lambda: circles(page, figure) == points, f"{figure} shows {points} points")


def test_engines_are_hidden_by_keyboard_and_the_address_keeps_it(browser: Any, real_site: Path) -> None:
    """A button for each engine; hiding holds on all figures of the page, in a shared link, and after going back."""
    address = (real_site / "s" / "real" / "rq" / "rq1" / "index.html").as_uri()
    with opened(browser) as (page, troubles):
        visit(page, address)
        settled(page, RUNS, 12)
        button = page.locator(f"{RUNS} .gr-tools button", has_text="ONNX Runtime")
        assert button.get_attribute("aria-pressed") == "true"
        button.focus()
        page.keyboard.press("Enter")
        settled(page, RUNS, 9)
        assert button.get_attribute("aria-pressed") == "false"
        assert page.evaluate("document.activeElement.textContent") == "ONNX Runtime"
        addressed(page, "#fig-h1-0-runs?hide=onnx")
        settled(page, "#fig-h1-0-ratios", 2)
        follow(page, page.locator("nav.sub a:has-text('Matrix')"), "/matrix/")
        page.go_back()
        page.wait_for_url(lambda address: "/rq/rq1/" in address)
        page.locator(RUNS).scroll_into_view_if_needed()
        settled(page, RUNS, 9)
        page.goto("about:blank")
        visit(page, f"{address}#fig-h1-0-runs?hide=onnx,torch")
        settled(page, RUNS, 6)
        for name in ("TorchScript", "OpenVINO"):
            page.locator(f"{RUNS} .gr-tools button", has_text=name).click()
        settled(page, RUNS, 12)  # a figure never stays empty by its own buttons
        assert (troubles, page.evaluate("window.violations")) == ([], [])


def test_an_axis_is_switched_between_linear_and_logarithmic(browser: Any, real_site: Path) -> None:
    """The title of the axis says which it is; the address keeps it; a second press goes back."""
    with opened(browser) as (page, troubles):
        visit(page, (real_site / "s" / "real" / "rq" / "rq1" / "index.html").as_uri())
        figure = page.locator("#fig-h1-0-ratios")
        button = figure.locator(".gr-tools button", has_text="Logarithmic axis")
        assert button.get_attribute("aria-pressed") == "true"
        drawing = figure.locator(".gr-vis")
        assert "log scale" in drawing.inner_text()
        button.focus()
        page.keyboard.press("Space")
        until(page, lambda: "log scale" not in drawing.inner_text(), "the axis becomes linear")
        assert button.get_attribute("aria-pressed") == "false"
        addressed(page, "#fig-h1-0-ratios?linear=h1-0-ratios")
        button.click()
        until(page, lambda: "log scale" in drawing.inner_text(), "the axis becomes logarithmic again")
        addressed(page, "#fig-h1-0-ratios")
        assert (troubles, page.evaluate("window.violations")) == ([], [])


def test_the_matrix_shows_one_metric_at_a_time(browser: Any, real_site: Path) -> None:
    """Chosen by arrow keys, from a shared link, and by a plain link to a figure that is hidden."""
    address = (real_site / "s" / "real" / "matrix" / "index.html").as_uri()
    with opened(browser) as (page, troubles):
        visit(page, address)
        shown = page.locator(".gr-choice figure:not([hidden])")
        assert shown.evaluate_all("all => all.map(f => f.id)") == ["fig-matrix-energy-j"]
        page.locator(".gr-choice input:checked").focus()
        page.keyboard.press("ArrowRight")
        assert shown.evaluate_all("all => all.map(f => f.id)") == ["fig-matrix-duration-s"]
        addressed(page, "#fig-matrix-duration-s?metric=matrix-duration-s")
        visit(page, page.evaluate("location.href"))
        for tail in ("#fig-matrix-ttft-s", "#fig-x?metric=matrix-ttft-s"):
            page.goto("about:blank")
            visit(page, address + tail)
            assert shown.evaluate_all("all => all.map(f => f.id)") == ["fig-matrix-ttft-s"]
            assert page.locator(".gr-choice input:checked").get_attribute("value") == "matrix-ttft-s"
        page.goto("about:blank")
        visit(page, address + "#fig-x?metric=%E0%A4%A&hide=nobody&=&log")  # a broken link is no trouble
        assert shown.evaluate_all("all => all.map(f => f.id)") == ["fig-matrix-energy-j"]
        assert (troubles, page.evaluate("window.violations")) == ([], [])


def test_readers_put_in_their_own_factors(browser: Any, real_site: Path) -> None:
    """At first the declared amounts; twice the factor, twice the amount; what makes no sense computes nothing."""
    address = (real_site / "s" / "real" / "footprint" / "index.html").as_uri()
    with opened(browser) as (page, troubles):
        visit(page, address)
        published = page.locator("table.wide:not(.yours) tbody").nth(1).locator("tr").first.locator("td").nth(3)
        mine = page.locator("table.yours").first.locator("tbody tr").first.locator("td").nth(1)
        told = page.locator("#factors .told")
        assert told.inner_text() == "These are the declared factors."
        assert mine.inner_text() == published.inner_text()
        before = mine.inner_text()
        price = page.locator("table.yours").first.locator("tbody tr").first.locator("td").nth(2)
        cost = price.inner_text()
        page.focus("#factors input[name=carbon][data-end=central]")
        page.keyboard.press("Control+a")
        page.keyboard.type("300")
        assert told.inner_text() == "Derived with your factors, not with those of the study."
        assert mine.inner_text() != before
        assert mine.inner_text().split("[")[1] == before.split("[")[1]
        assert published.inner_text() == before
        addressed(page, "#factors?carbon=100,300,400")
        page.fill("#factors input[name=carbon][data-end=low]", "350")
        assert "low ≤ central ≤ high" in told.inner_text()
        assert mine.inner_text().strip() == "–"
        page.goto("about:blank")
        page.goto(f"{address}#factors?carbon=200,400,800")
        assert mine.inner_text() != before
        assert price.inner_text() == cost
        page.fill("#factors input[name=cost][data-end=high]", "800")
        page.fill("#factors input[name=cost][data-end=central]", "400")
        values = [float(text.split("\u202f")[0].replace(",", "")) for text in (cost, price.inner_text())]
        assert values[1] / values[0] == pytest.approx(2, rel=0.01)
        page.click("#factors button[type=reset]")
        assert mine.inner_text() == before
        addressed(page, "#factors")
        assert (troubles, page.evaluate("window.violations")) == ([], [])


def test_without_javascript_every_metric_and_every_declared_amount_is_there(browser: Any, real_site: Path) -> None:
    """No button that would do nothing, no figure that cannot be reached."""
    with opened(browser, java_script_enabled=False) as (page, _):
        page.goto((real_site / "s" / "real" / "matrix" / "index.html").as_uri())
        figures = page.locator(".gr-choice figure")
        assert figures.count() > 3
        assert all(figures.nth(index).is_visible() for index in range(figures.count()))
        assert page.locator(".gr-tools").count() == 0
        page.goto((real_site / "s" / "real" / "footprint" / "index.html").as_uri())
        assert page.locator("text=made up for a test").first.is_visible()
        assert not page.locator("#factors").is_visible()
