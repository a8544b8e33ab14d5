"""Paper and themes: what is printed is light, open and whole, from a dark screen too; a chosen theme is there before anything is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.test_sharing import served
from tests.browser.test_site import opened, visit
from tests.browser.waiting import follow

pytestmark = [pytest.mark.browser, pytest.mark.engines, pytest.mark.slow]

A4 = 718  # pixels between the margins
INKS = "[...new Set([...document.querySelectorAll('.gr-vis.live svg text')].map(t => getComputedStyle(t).fill))]"
CLIPPED = "[...document.querySelectorAll('.gr-vis, .scroll, pre')].filter(e => getComputedStyle(e).overflowX !== 'visible' && e.scrollWidth > e.clientWidth + 1).map(e => e.className)"
CLOSED = "document.querySelectorAll('main details:not([open], .long)').length"
PAGES = (
    "s/real/rq/rq1/index.html", "s/real/matrix/index.html", "s/real/cells/tiny-gpt2--torch-cpu/index.html", "s/real/methods/index.html",
    "s/real/footprint/index.html",
)  # fmt: skip
EARLY = """new MutationObserver((_, observer) => {
    if (document.body) { window.early = document.documentElement.dataset.theme; observer.disconnect(); }
}).observe(document, {childList: true, subtree: true})"""


@pytest.mark.parametrize("path", PAGES)
def test_paper_is_light_open_and_whole(browser: Any, real_site: Path, path: str) -> None:
    """Interactive drawings of a dark page print in black ink, everything but long tables is unfolded, nothing hangs over the edge."""
    with opened(browser, color_scheme="dark", viewport={"width": A4, "height": 1000}) as (page, troubles):
        visit(page, (real_site / path).as_uri())
        dark = page.evaluate(INKS)
        assert "rgb(0, 0, 0)" not in dark
        closed = page.evaluate(CLOSED)
        page.emulate_media(media="print", color_scheme="dark")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        inks = page.evaluate(INKS)
        assert bool(inks) == bool(dark)
        assert not set(inks) & set(dark)
        assert page.evaluate(CLOSED) == 0
        assert page.evaluate(CLIPPED) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= A4
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        assert page.evaluate(CLOSED) == closed
        assert troubles == []


def test_long_tables_stay_in_their_files(browser: Any, real_site: Path) -> None:
    """A trace of hundreds of rows fills no sheets; the page says where it is. What the reader has opened is printed."""
    with opened(browser, viewport={"width": A4, "height": 1000}) as (page, _):
        visit(page, (real_site / "s/real/cells/tiny-gpt2--torch-cpu/index.html").as_uri())
        page.evaluate(
            "document.querySelectorAll('.gr-table').forEach(t => t.classList.toggle('long', t.querySelectorAll('tr').length > 5))"
        )
        long = page.locator(".gr-table.long").first
        long.evaluate("e => e.insertAdjacentHTML('afterend', '<p class=\"unprinted\">Not printed.</p>')")
        remark = page.locator(".gr-table.long + .unprinted").first
        page.emulate_media(media="print")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert (long.is_visible(), remark.is_visible()) == (False, True)
        long.evaluate("e => { e.open = true; }")
        assert (long.is_visible(), remark.is_visible()) == (True, False)


def test_a_chosen_theme_is_there_before_the_page_is_drawn(browser: Any, real_site: Path) -> None:
    """The next page is dark from its first element on; drawings follow the button without being made again."""
    with served(real_site) as here, opened(browser, color_scheme="light") as (page, troubles):
        visit(page, f"{here}s/real/rq/rq1/index.html")
        light = page.evaluate(INKS)
        page.evaluate("window.kept = document.querySelector('.gr-vis.live svg')")
        page.click("#theme")
        assert page.locator("#theme").inner_text() == "Light"
        assert not set(page.evaluate(INKS)) & set(light)
        assert page.evaluate("window.kept.isConnected")
        page.context.add_init_script(EARLY)
        follow(page, page.locator("nav.sub a:has-text('Matrix')"), "/matrix/")
        assert page.evaluate("window.early") == "dark"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 28)"
        assert (troubles, page.evaluate("window.violations")) == ([], [])
