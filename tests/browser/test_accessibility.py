"""Accessibility and the decision helper, in a real browser: axe in both themes, keyboard only, shared links."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.browser.conftest import greenreport
from tests.browser.screenshots import pages_of
from tests.browser.test_site import opened
from tests.browser.waiting import addressed, follow, until
from tests.conftest import ROOT, minimal_study
from tests.report.test_frontier_page import table
from tests.sharing import made_once

pytestmark = [pytest.mark.browser, pytest.mark.engines, pytest.mark.slow]

#: One page of each kind.
KINDS = (
    "index.html", "explorer/index.html", "about/index.html", "glossary/index.html", "404.html", "s/real/index.html", "s/real/rq/rq1/index.html",
    "s/real/matrix/index.html", "s/real/models/tiny-gpt2/index.html", "s/real/configs/torch-cpu/index.html",
    "s/real/cells/tiny-gpt2--torch-cpu/index.html", "s/real/tradeoffs/index.html", "s/real/footprint/index.html", "s/real/guidelines/index.html",
    "s/real/fidelity/index.html", "s/real/validity/index.html", "s/real/methods/index.html", "s/real/environment/index.html",
    "s/real/data/index.html", "s/real/claims/index.html", "s/real/embed/h1-0-ratios.html",
    "compare/real--elsewhere/index.html", "s/real/report.html",
)  # fmt: skip

#: Pages that have everything the themes colour: figures, tables, forms, flags and code.
OF_EACH_COLOUR = [f"s/real/{page}/index.html" for page in ("rq/rq1", "guidelines", "validity", "data")]

#: Until figures that come into view have begun to be drawn, and whether all that were begun are done.
TWO_FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
BEGUN_IS_DONE = "[...document.querySelectorAll('figure.gr-fig')].every(f => !f.grTurn || f.dataset.live)"
#: Rules of axe that look at colours.
OF_COLOURS = ("color-contrast", "link-in-text-block")

#: Studies of which every kind of page is looked at too, each with one that it must have: a sweep, publications without runs of ours, and
#: nothing but failures.
STATES = {"sweep": "frontier", "unrun": "replication", "failed": "validity"}


@pytest.fixture(scope="module")
def states_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the site of these studies."""
    return made_once(tmp_path_factory, "states", make_states_site) / "site"


def make_states_site(folder: Path) -> None:
    """Run, import and build these studies in a folder."""
    shutil.copytree(ROOT / "studies" / "references", folder / "studies" / "references")
    studies = {
        "unrun": minimal_study(study="unrun", references=["references/recasens-2024.yaml"]),
        "failed": minimal_study(study="failed", configurations=[{"engine": "fake", "options": {"crash_at": 1}}]),
    }
    for name, study in studies.items():
        (folder / "studies" / f"{name}.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    with pytest.raises(AssertionError):  # its runs fail, and the exit code says so
        greenreport(folder, "run", "studies/failed.yaml", "--quiet")
    table(folder / "sweep.csv")
    greenreport(folder, "import", "sweep.csv", "--study", "sweep")
    differing = [
        f"m,{engine},cpu,{run},duration_s,{seconds + run / 100},s"
        for engine, seconds in (("a", 2), ("b", 1))
        for run in range(1, 6)
    ]
    (folder / "differing.csv").write_text(
        "\n".join(["model,engine,provider,repetition,metric,value,unit", *differing]), encoding="utf-8"
    )
    greenreport(folder, "import", "differing.csv", "--study", "differing")
    greenreport(folder, "build", "--quiet")


def serious(page: Any, address: str, rules: Sequence[str] = ()) -> list[tuple[str, list[Any]]]:
    """Return the serious and critical findings on a page with the places of the first; the script is injected past the page's own policy.

    Args:
        rules: only these; all of them when empty.
    """
    library = pytest.importorskip("axe_playwright_python", reason="axe is not installed (extra `test`)")
    page.goto(address)
    page.evaluate(TWO_FRAMES)
    until(page, lambda: bool(page.evaluate(BEGUN_IS_DONE)), f"figures in view of {address} are drawn")
    page.evaluate((Path(library.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    found = page.evaluate("options => axe.run(document, options)", options)["violations"]
    bad = [item for item in found if item["impact"] in ("serious", "critical")]
    return [(item["id"], [node["target"] for node in item["nodes"]][:3]) for item in bad]


@pytest.mark.parametrize(
    ("scheme", "rules", "paths"),
    [
        pytest.param("light", (), OF_EACH_COLOUR, id="light"),
        pytest.param("dark", OF_COLOURS, OF_EACH_COLOUR, id="dark"),
        pytest.param("light", (), KINDS, id="every kind", marks=pytest.mark.acceptance),
    ],
)
def test_axe_finds_nothing_serious(
    browser: Any, real_site: Path, scheme: str, rules: Sequence[str], paths: Sequence[str]
) -> None:
    """No serious or critical finding on any kind of page; in the other theme, whose pages differ in colours alone, none about these."""
    with opened(browser, color_scheme=scheme, bypass_csp=True) as (page, _):
        for path in paths:
            assert serious(page, (real_site / path).as_uri(), rules) == [], path


@pytest.mark.parametrize("study", ["sweep", "unrun", "failed"])
@pytest.mark.acceptance
def test_axe_finds_nothing_serious_where_there_is_little_to_show(browser: Any, states_site: Path, study: str) -> None:
    """Frontier, replication, and every kind of page of studies without a valid run."""
    paths = [path for path in pages_of(states_site, study) if path.startswith(f"s/{study}/")]
    assert len(paths) > 12
    assert f"s/{study}/{STATES[study]}/index.html" in paths
    with opened(browser, bypass_csp=True) as (page, _):
        for path in paths:
            assert serious(page, (states_site / path).as_uri()) == [], path


@pytest.mark.acceptance
def test_axe_finds_nothing_serious_on_pages_that_few_studies_have(browser: Any, states_site: Path) -> None:
    """Other analyses are there only where a study makes a claim, which a run of a second need not, and a frontier only with a sweep."""
    with opened(browser, bypass_csp=True) as (page, _):
        for path in ("s/differing/multiverse/index.html", "s/sweep/frontier/index.html"):
            assert serious(page, (states_site / path).as_uri()) == [], path


def test_the_helper_names_the_most_frugal_configuration_within_limits(browser: Any, real_site: Path) -> None:
    """By keyboard alone: without limits, with one nobody meets, and from a shared link."""
    address = (real_site / "s" / "real" / "guidelines" / "index.html").as_uri()
    with opened(browser) as (page, troubles):
        page.goto(address)
        verdict = page.locator("#helper .verdict")
        assert "uses the least energy (estimated)" in verdict.inner_text()
        page.focus("#helper input[name=latency]")
        page.keyboard.type("0.000001")
        assert verdict.inner_text() == "On Tiny GPT-2: no configuration stays within these limits."
        addressed(page, "#helper?latency=0.000001")
        page.keyboard.press("Control+a")
        page.keyboard.type("60000")
        assert "4 of 4 configurations stay within the limits" in verdict.inner_text()
        page.goto("about:blank")
        page.goto(f"{address}#helper?latency=0.000001")
        assert "no configuration" in page.locator("#helper .verdict").inner_text()
        link = page.locator("#helper .verdict a").first
        page.fill("#helper input[name=latency]", "")
        follow(page, link, "/cells/tiny-gpt2--")
        assert troubles == []


def test_the_helper_links_to_the_claim_and_follows_links(browser: Any, real_site: Path, tmp_path: Path) -> None:
    """What it saves leads to its derivation; a link pasted into the open page is taken over; nonsense in it is no trouble."""
    shutil.copytree(real_site, tmp_path / "site")
    file = tmp_path / "site" / "s" / "real" / "guidelines" / "index.html"
    with opened(browser) as (page, troubles):
        page.goto(file.as_uri())
        verdict = page.locator("#helper .verdict")
        assert "energy per request" in verdict.inner_text()
        for tail, said in (
            ("latency=0.000001", "no configuration stays within these limits"),
            ("latency=60000&smaller=1000", "4 of 4 configurations stay within the limits"),
            ("smaller=0.001", "No model of this study has such a size"),
            ("larger=0.001&latency=%&model=nobody&gpu=%E0%A4%A", "4 of 4 configurations stay within the limits"),
        ):
            page.evaluate(f"location.hash = '#helper?{tail}'")
            page.locator(f"#helper .verdict:has-text({said!r})").wait_for()
        assert page.locator("#helper select[name=model]").input_value() == ""
        follow(page, page.locator("#helper .verdict a.claim").first, "/claims/")
        assert page.locator(".derivation:target").count() == 1
        assert (troubles, page.evaluate("window.violations")) == ([], [])


def test_the_helper_counts_the_memory_of_a_gpu(browser: Any, real_site: Path, tmp_path: Path) -> None:
    """A cell that fits into the server's memory and not into the GPU's is beyond the limit; none stays where there is no GPU."""
    shutil.copytree(real_site, tmp_path / "site")
    file = tmp_path / "site" / "s" / "real" / "guidelines" / "index.html"
    text, changed = re.subn(
        '"gpu":false,"gpu_memory":null', '"gpu":true,"gpu_memory":[20000000000.0,null,null]', file.read_text(encoding="utf-8"), count=1
    )  # fmt: skip
    assert changed == 1
    file.write_text(text, encoding="utf-8")
    with opened(browser) as (page, troubles):
        page.goto(file.as_uri())
        for limit, left in (("10", 3), ("30", 4)):
            page.fill("#helper input[name=memory]", limit)
            assert f"{left} of 4 configurations stay within the limits" in page.locator("#helper .verdict").inner_text()
        assert troubles == []


def test_the_helper_is_hidden_without_javascript(browser: Any, real_site: Path) -> None:
    """It would do nothing there; the guidelines below it stay."""
    with opened(browser, java_script_enabled=False) as (page, _):
        page.goto((real_site / "s" / "real" / "guidelines" / "index.html").as_uri())
        assert not page.locator("#helper").is_visible()
        assert page.locator("h2:has-text('Least energy')").first.is_visible()
