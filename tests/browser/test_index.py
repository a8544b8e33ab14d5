"""Tests in a browser of the first page of a site with many studies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from greenreport.report.pages.index_page import FEW
from tests.browser.conftest import greenreport
from tests.browser.test_site import opened
from tests.browser.waiting import addressed
from tests.conftest import minimal_study
from tests.sharing import share_drawn

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the site of more studies than are found at a glance, none of them run."""
    folder = tmp_path_factory.mktemp("many")
    share_drawn(tmp_path_factory, folder)
    (folder / "studies").mkdir()
    for number in range(FEW + 1):
        study = minimal_study(study=f"study-{number}", tags=["odd"] if number % 2 else ["even", "by two"])
        (folder / "studies" / f"study-{number}.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    greenreport(folder, "build", "--quiet")
    return folder / "site"


def test_a_reader_chooses_by_tag_and_the_address_keeps_it(browser: Any, many: Path) -> None:
    """Fewer studies are shown, their number is said, and the address brings the choice back; all of them without scripts."""
    with opened(browser) as (page, troubles):
        page.goto((many / "index.html").as_uri())
        items = page.locator(".entries > li:visible")
        assert items.count() == FEW + 1
        page.get_by_label("Tag").select_option("by two")
        assert items.count() == 4
        assert page.locator("#choose [role=status]").inner_text() == f"4 of {FEW + 1} studies"
        addressed(page, "#choose?tag=by%20two")
        address = page.evaluate("location.href")
        page.get_by_label("Tag").select_option("")
        assert items.count() == FEW + 1
        page.goto("about:blank")
        page.goto(address)
        assert items.count() == 4
        assert page.get_by_label("Tag").input_value() == "by two"
        assert troubles == []
    with opened(browser, java_script_enabled=False) as (page, _):
        page.goto((many / "index.html").as_uri())
        assert page.locator(".entries > li:visible").count() == FEW + 1
        assert not page.locator("#choose").is_visible()


def test_choices_are_folded_on_a_phone_until_one_is_made(browser: Any, many: Path) -> None:
    """The first study stands on the first screen; an address with a choice shows what was chosen."""
    with opened(browser, viewport={"width": 390, "height": 844}) as (page, troubles):
        page.goto((many / "index.html").as_uri())
        assert not page.get_by_label("Tag").is_visible()
        assert page.locator(".entries > li").first.bounding_box()["y"] < 700
        page.get_by_text("Choose and sort studies").click()
        page.get_by_label("Tag").select_option("odd")
        page.goto("about:blank")
        page.goto((many / "index.html").as_uri() + "#choose?tag=odd")
        assert page.get_by_label("Tag").is_visible()
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto((many / "index.html").as_uri())
        assert page.get_by_label("Tag").is_visible()
        assert not page.get_by_text("Choose and sort studies").is_visible()
        assert troubles == []
