"""The whole path on real engines, and the site in a real browser: opened from disk, nothing missing, nothing refused."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.browser.waiting import follow, until

pytestmark = [pytest.mark.browser, pytest.mark.engines, pytest.mark.slow]

VIOLATIONS = "window.violations = []; document.addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective + ' ' + e.blockedURI))"
#: Figures that can be seen; of those a reader chooses between, the others are hidden.
SHOWN = "figure.gr-fig:not([hidden])"
#: Scrolls to the first figure that is not interactive yet; whether there was none.
NEXT = f"""(() => {{
    const next = [...document.querySelectorAll('{SHOWN}')].find(figure => !figure.dataset.live);
    if (next) next.scrollIntoView();
    return !next;
}})()"""

#: Of every drawing that is shown: texts that reach out of it, and pairs of its texts that lie on each other.
FAULTS = """() => [...document.querySelectorAll(".gr-vis svg, svg.glance")].filter((svg) => svg.getBoundingClientRect().width).flatMap((svg) => {
    const frame = svg.getBoundingClientRect(), faults = [];
    const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim() && getComputedStyle(text).visibility === "visible"
      && getComputedStyle(text).opacity !== "0"
      && !text.closest("[display=none]")).map((text) => ({ said: text.textContent, box: text.getBoundingClientRect() }));
    for (const { said, box } of texts) {
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2) faults.push(`cut off: ${said}`);
    }
    texts.forEach(({ said, box }, at) => texts.slice(at + 1).forEach((other) => {
      const across = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
      const down = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
      if (across > 1 && down > 3) faults.push(`${said} lies on ${other.said}`);
    }));
    return faults;
})"""
#: Every figure: its name, whether it can be seen, how far it is, and how often it was drawn.
STATES = "[...document.querySelectorAll('figure.gr-fig')].map(f => `${f.id} ${f.hidden ? 'hidden' : 'shown'} ${f.dataset.live} ${f.grTurn}`)"


def all_pages(site: Path) -> list[str]:
    """Return the path of every page; the file for mailing has no script and so nothing interactive."""
    return sorted(file.relative_to(site).as_posix() for file in site.rglob("*.html") if file.name != "report.html")


@contextmanager
def opened(browser: Any, **options: Any) -> Iterator[tuple[Any, list[str]]]:
    """Give a page that notes every console error, failed request and request to another host."""
    context = browser.new_context(**{"reduced_motion": "reduce"} | options)  # pages scroll at once
    context.add_init_script(VIOLATIONS)
    page = context.new_page()
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    left = "net::ERR_ABORTED"  # the test went to another page before this one had everything
    page.on("requestfailed", lambda r: None if r.failure == left else troubles.append(f"failed: {r.url}: {r.failure}"))
    page.on(
        "response", lambda response: troubles.append(f"{response.status}: {response.url}") if response.status >= 400 else None
    )
    try:
        yield page, troubles
    finally:
        context.close()


def visit(page: Any, address: str) -> None:
    """Open an address and wait until every figure is interactive."""
    page.goto(address)
    until(
        page,
        lambda: bool(page.evaluate(NEXT)),
        lambda: f"every figure of {address} becomes interactive: {page.evaluate(STATES)}",
    )
    assert page.locator(f"{SHOWN}[data-live=failed]").count() == 0, address


def test_every_page_opens_from_disk_with_all_figures_interactive(browser: Any, real_site: Path) -> None:
    """No console error, failed request, policy violation or missing chart on any page, and no text of a drawing that is cut off or lies on another."""
    with opened(browser) as (page, troubles):
        for path in all_pages(real_site):
            visit(page, (real_site / path).as_uri())
            assert page.evaluate("window.violations") == [], path
            assert troubles == [], path
            assert page.evaluate(FAULTS) == [], path


def test_the_site_works_under_a_sub_path_over_http(browser: Any, real_site: Path, tmp_path: Path) -> None:
    """Served below /sub/path/ by a plain web server, the pages find each other and their files, and ask no other host."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "path").symlink_to(real_site)
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        asked: set[str] = set()
        with opened(browser) as (page, troubles):
            page.on("request", lambda request: asked.add(request.url))
            visit(page, f"{base}/sub/path/index.html")
            follow(page, page.locator("ul.entries a").first, "/sub/path/s/real/")
            follow(page, page.locator("nav.sub a:has-text('RQ1')"), "/sub/path/s/real/rq/rq1/")
            visit(page, page.url)
            assert (troubles, page.evaluate("window.violations")) == ([], [])
        server.shutdown()
    assert all(url.startswith((base, "data:", "blob:")) for url in asked)


def test_nothing_is_lost_without_javascript(browser: Any, real_site: Path) -> None:
    """With scripts off, every figure still has its drawing, text, table and downloads that exist."""
    with opened(browser, java_script_enabled=False) as (page, _):
        for path in ("s/real/index.html", "s/real/rq/rq1/index.html"):
            page.goto((real_site / path).as_uri())
            figures = page.query_selector_all("figure.gr-fig")
            assert figures
            for figure in figures:
                assert figure.query_selector(".gr-vis svg path")
                assert figure.query_selector("[id$='-sum']").text_content()
                assert figure.query_selector("table tbody tr")
                for link in figure.query_selector_all(".gr-dl a[href*='figures/']"):
                    assert (real_site / path).parent.joinpath(link.get_attribute("href")).resolve().is_file()


def test_engines_agree_token_for_token(real_site: Path) -> None:
    """Torch, TorchScript, ONNX Runtime and OpenVINO give the same tokens for every prompt, in every run."""
    store = real_site.parent / "cache" / "greenreport.duckdb"
    with duckdb.connect(str(store)) as connection:
        query = (
            'SELECT "index", count(DISTINCT output_sha256), count(DISTINCT engine), count(*) '
            "FROM requests JOIN runs USING (run_id) GROUP BY ALL ORDER BY 1"
        )
        assert connection.execute(query).fetchall() == [(index, 1, 4, 12) for index in range(4)]
    page = (real_site / "s" / "real" / "fidelity" / "index.html").read_text(encoding="utf-8")
    assert "4 of 4 outputs equal the reference token for token" in page


def test_the_front_page_states_an_answer_in_words(real_site: Path) -> None:
    """The first thing a visitor reads is the answer of the study's own page; which one it is depends on what was measured."""

    def read(page: str, element: str) -> str:
        found = re.search(
            rf"<{element}>(.*?)</{element.split()[0]}>", (real_site / page).read_text(encoding="utf-8"), re.DOTALL
        )
        assert found
        return re.sub(r"<[^>]*>", "", found[1]).strip()

    answer = read("s/real/index.html", 'h1 class="headline"')
    assert "execution time" in answer
    assert read("index.html", 'a href="s/real/index.html"') == answer


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        return
