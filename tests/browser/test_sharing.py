"""Sharing and finding in a real browser: a figure inside a page of another host, the code to copy, by keyboard alone."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browser.test_site import opened

pytestmark = [pytest.mark.browser, pytest.mark.engines, pytest.mark.slow]

QUESTION = Path("s/real/rq/rq1/index.html")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        return


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Give the address of a plain web server on a folder."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_figure_stands_in_a_page_of_another_host(browser: Any, real_site: Path, tmp_path: Path) -> None:
    """The code that the page offers, put into a page elsewhere, shows the figure and nothing is refused."""
    with served(real_site) as here, served(tmp_path) as elsewhere, opened(browser) as (page, troubles):
        page.goto(here + QUESTION.as_posix())
        code = page.locator("figure.gr-fig textarea").first.input_value()
        assert f'src="{here}s/real/embed/' in code
        (tmp_path / "index.html").write_text(
            f"<!doctype html><title>x</title><link rel=icon href=data:,>{code}", encoding="utf-8"
        )
        page.goto(elsewhere)
        frame = page.frame_locator("iframe")
        frame.locator("svg").first.wait_for()  # a frame is loaded when it comes near the view
        assert frame.locator("h1").inner_text()
        inner = page.frames[1]
        assert inner.evaluate("window.violations") == []
        assert inner.evaluate("document.documentElement.scrollHeight <= window.innerHeight + 1")
        with page.context.expect_page() as opening:
            frame.locator("p.source a").click()
        opening.value.wait_for_load_state()
        assert opening.value.locator("figure.gr-fig:target").count() == 1
        assert troubles == []


def test_the_code_is_reached_and_copied_by_keyboard(browser: Any, real_site: Path) -> None:
    """Enter opens it, Tab selects it whole, Tab again reaches the button, which copies it and says so."""
    with served(real_site) as here, opened(browser) as (page, troubles):
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto(here + QUESTION.as_posix())
        box = page.locator("figure.gr-fig .gr-code").first
        assert not box.locator("textarea").is_visible()
        box.locator("summary").focus()
        page.keyboard.press("Enter")
        assert box.locator("textarea").is_visible()
        assert not box.locator("p.soft").is_visible()
        page.keyboard.press("Tab")
        code = box.locator("textarea").input_value()
        chosen = "(a => a.value.slice(a.selectionStart, a.selectionEnd))(document.activeElement)"
        assert page.evaluate(chosen) == code
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        box.locator("button", has_text="Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == code
        assert troubles == []


def test_from_disk_the_code_says_what_is_missing(browser: Any, real_site: Path) -> None:
    """A copy on disk has no address to offer; without scripts the code is there all the same."""
    for scripts in (True, False):
        with opened(browser, java_script_enabled=scripts) as (page, troubles):
            page.goto((real_site / QUESTION).as_uri())
            box = page.locator("figure.gr-fig .gr-code").first
            box.locator("summary").click()
            assert box.locator("textarea").input_value().startswith('<iframe src="s/real/embed/')
            assert "does not know its address" in box.locator("p.soft").inner_text()
            assert troubles == []


def test_everything_is_found_by_keyboard_from_disk(browser: Any, real_site: Path) -> None:
    """On the first page and in the head of the others: type, walk the list, escape, follow; nothing is refused or fetched."""
    with opened(browser) as (page, troubles):
        page.goto((real_site / "index.html").as_uri())
        assert page.locator(".search").count() == 1
        page.focus(".search input")
        page.keyboard.type("tiny gpt")
        first = page.locator(".search li a").first
        first.wait_for()
        assert first.inner_text().startswith("Tiny GPT-2")
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.textContent").startswith("Tiny GPT-2")
        page.keyboard.press("ArrowUp")
        assert page.evaluate("document.activeElement.id") == "find"
        page.keyboard.press("Escape")
        assert not page.locator(".search ul").is_visible()
        page.keyboard.press("Control+a")
        page.keyboard.type("no such thing anywhere")
        assert page.locator(".search ul").inner_text() == "Nothing found"
        assert page.locator("#find-said").inner_text() == "Nothing found"
        page.keyboard.press("Control+a")
        page.keyboard.type("onnx")
        page.locator(".search li a", has_text="ONNX Runtime").first.wait_for()
        page.keyboard.press("Enter")
        page.wait_for_url("**/configs/onnx-cpu/index.html")
        page.focus(".search input")
        page.keyboard.type("first token")
        page.locator(".search li a[href$='glossary/index.html#ttft_s']").first.press("Enter")
        page.wait_for_url("**/glossary/index.html#ttft_s")
        assert page.evaluate("window.violations") == []
        assert troubles == []


def test_the_search_box_is_hidden_where_it_cannot_work(browser: Any, real_site: Path) -> None:
    """Without scripts there is no box that would do nothing."""
    with opened(browser, java_script_enabled=False) as (page, _):
        for path in ("index.html", "glossary/index.html"):
            page.goto((real_site / path).as_uri())
            assert not page.locator(".search").is_visible()
