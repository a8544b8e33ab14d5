"""Texts of strangers in a real browser: labels, prompts and what models answer stay text, on every page, with scripts running."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.browser.conftest import greenreport
from tests.browser.test_site import all_pages, opened, visit
from tests.conftest import minimal_study
from tests.hostile_site import LONG, make_hostile_site
from tests.sharing import made_once

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: Elements and addresses that only a text that got out of its place can make.
ESCAPED = """[...document.querySelectorAll('img, iframe, object, a[href^="javascript:" i], [onload], [onerror], [onclick]')].map(e => e.outerHTML.slice(0, 80))
    .concat([...document.scripts].filter(s => !s.src && !/json/.test(s.type)).map(s => s.textContent.slice(0, 80)))
    .concat([...document.scripts].filter(s => s.src && !s.src.includes('/assets/')).map(s => s.src))"""


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the site of a study in which every text is an attack."""
    return made_once(tmp_path_factory, "hostile", make_hostile_site) / "site"


def one_of_each_kind(site: Path) -> list[str]:
    """Return the first page of each kind: of a study, those in one folder are of one kind."""
    kinds = {"/".join(path.split("/")[:3]) if path.startswith("s/") else path: path for path in reversed(all_pages(site))}
    return sorted(kinds.values())


@pytest.mark.parametrize(
    "pages",
    [pytest.param(one_of_each_kind, id="kinds"), pytest.param(all_pages, id="all", marks=pytest.mark.acceptance)],
)
def test_hostile_texts_do_nothing_in_a_browser(
    browser: Any, hostile_site: Path, pages: Callable[[Path], Sequence[str]]
) -> None:
    """No dialog, nothing refused, no element that the templates did not make, and every figure is interactive all the same."""
    with opened(browser) as (page, troubles):
        dialogs: list[str] = []
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        for path in pages(hostile_site):
            visit(page, (hostile_site / path).as_uri())
            assert (dialogs, troubles, page.evaluate("window.violations")) == ([], [], []), path
            assert page.evaluate(ESCAPED) == [], path


def test_answers_of_models_are_shown_as_text(browser: Any, hostile_site: Path) -> None:
    """The first difference between two outputs and the sample of a cell show the markup itself, cut where it is long."""
    with opened(browser) as (page, troubles):
        page.goto((hostile_site / "s" / "hostile" / "fidelity" / "index.html").as_uri())
        shown = page.locator("dd.diff")
        assert shown.count() >= 2
        assert "<svg onload=alert(2)>" in shown.first.inner_text()
        assert max(len(text) for text in shown.all_inner_texts()) < 1000
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert troubles == []


def test_hostile_texts_are_found_and_read_out_as_text(browser: Any, hostile_site: Path) -> None:
    """The search lists them, tooltips and the decision helper print them; none becomes an element."""
    with opened(browser) as (page, troubles):
        page.goto((hostile_site / "index.html").as_uri())
        page.focus(".search input")
        page.keyboard.type("script alert")
        page.locator(".search li a").first.wait_for()
        assert "<script>alert(1)</script>" in page.locator(".search ul").inner_text()
        visit(page, (hostile_site / "s" / "hostile" / "rq" / "rq1" / "index.html").as_uri())
        page.locator("figure.gr-fig .gr-vis.live .mark-symbol.role-mark path").first.hover(force=True)
        page.locator("#vg-tooltip-element.visible").wait_for()
        assert page.evaluate(ESCAPED) == []
        assert (troubles, page.evaluate("window.violations")) == ([], [])


def test_a_label_of_100_kilobytes_is_refused(tmp_path: Path) -> None:
    """It would fit on no page; the study says so before anything is run."""
    study = minimal_study(title=LONG)
    (tmp_path / "long.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    with pytest.raises(AssertionError, match="at most 300 characters"):
        greenreport(tmp_path, "validate", "long.yaml")
