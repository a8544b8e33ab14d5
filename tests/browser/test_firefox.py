"""The site in a second browser: every figure is upgraded from disk, and nothing breaks the page's policy."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.browser.firefox import Firefox, firefox, firefox_path

pytestmark = [pytest.mark.browser, pytest.mark.engines, pytest.mark.slow]

PAGES = (
    "index.html", "s/real/index.html", "s/real/rq/rq1/index.html", "s/real/matrix/index.html", "s/real/guidelines/index.html",
    "s/real/cells/tiny-gpt2--torch-cpu/index.html", "s/real/validity/index.html",
)  # fmt: skip
SHOWN = "[...document.querySelectorAll('figure.gr-fig:not([hidden])')]"
COUNT = f"const shown = {SHOWN}; return [shown.length, shown.filter(f => f.dataset.live === 'true').length];"


def settled(window: Firefox) -> tuple[int, int]:
    """Scroll from figure to figure; return figures and interactive figures once their numbers agree, or after a while."""
    deadline = time.monotonic() + 60
    while True:
        figures, upgraded = window.evaluate(COUNT)
        if figures == upgraded or time.monotonic() > deadline:
            return figures, upgraded
        window.evaluate(
            f"const next = {SHOWN}.find(f => f.dataset.live !== 'true'); if (next) next.scrollIntoView(); return 0;"
        )
        time.sleep(0.2)


@pytest.mark.acceptance
def test_every_figure_is_interactive_in_firefox_too(real_site: Path, tmp_path: Path) -> None:
    """Opened from disk; each figure becomes interactive, which the policy allows only to scripts of the site."""
    if not firefox_path():
        pytest.skip("firefox-esr is not installed; the site is tested in chromium only")
    with firefox(tmp_path) as window:
        seen = 0
        for page in PAGES:
            window.open((real_site / page).as_uri())
            assert window.evaluate("return document.querySelectorAll('h1').length;") == 1, page
            figures, upgraded = settled(window)
            assert figures == upgraded, page
            seen += figures
        assert seen >= 8
        assert window.troubles() == []


@pytest.mark.acceptance
def test_firefox_tells_what_a_page_may_not_do(real_site: Path, tmp_path: Path) -> None:
    """The list that is empty for every page is not empty where a policy is broken and where a script fails."""
    if not firefox_path():
        pytest.skip("firefox-esr is not installed; the site is tested in chromium only")
    (tmp_path / "site").mkdir()
    text = (real_site / "404.html").read_text(encoding="utf-8")
    (tmp_path / "site" / "a.html").write_text(text.replace("<h1", "<script>window.broken = 1</script><h1"), encoding="utf-8")
    (tmp_path / "site" / "b.html").write_text("<!doctype html><script>nothing.at.all()</script>", encoding="utf-8")
    with firefox(tmp_path) as window:
        for page in ("a.html", "b.html"):
            window.open((tmp_path / "site" / page).as_uri())
        deadline = time.monotonic() + 60
        while not all(part in " ".join(window.troubles()) for part in ("a.html", "nothing is not defined")):
            assert time.monotonic() < deadline, window.troubles()
            time.sleep(0.1)
