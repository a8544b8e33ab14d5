"""Tests of figures by themselves and of the code that shows them in other pages."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

from greenreport.analysis.analyse import analyse
from greenreport.analysis.findings_json.plain_values import plain_text
from greenreport.report.context import study_context
from greenreport.report.exports.embed import embed_code
from greenreport.report.pages import embed_pages, study_pages
from greenreport.study import Site
from tests.datasets import around, dataset
from tests.hostile_site import HOSTILE
from tests.report.conftest import ADDRESS

FIGURE = re.compile(r'<figure id="fig-(.*?)" class="gr-fig">(.*?)</figure>', re.DOTALL)
CODE = re.compile(r"<textarea[^>]*>(.*?)</textarea>", re.DOTALL)


class _Frame(HTMLParser):
    """Collects the tags of a piece of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def frame(code: str) -> dict[str, str | None]:
    """Return the attributes of the one element that the code is."""
    parser = _Frame()
    parser.feed(code)
    ((tag, attributes),) = parser.tags
    assert tag == "iframe"
    return attributes


def test_every_figure_stands_by_itself_without_any_script(built: Path) -> None:
    """Drawing, finding, caption, text alternative, source, and a way back to the figure; no script is allowed, and none is there."""
    site = built / "site"
    wanted = {
        m[1] for page in (site / "s" / "tiny").rglob("index.html") for m in FIGURE.finditer(page.read_text(encoding="utf-8"))
    }
    files = {file.stem: file for file in (site / "s" / "tiny" / "embed").iterdir()}
    assert files.keys() == wanted
    assert len(files) >= 8
    for name, file in files.items():
        text = file.read_text(encoding="utf-8")
        assert "<script" not in text
        assert "script-src" not in text
        assert text.count("<svg") == 1
        facts = json.loads((site / "s" / "tiny" / "figures" / f"{name}.json").read_text(encoding="utf-8"))
        said = plain_text(unescape(text))
        for part in (f"<h1>{facts['finding']}", facts["caption"], 'class="vh">', *facts["remarks"], facts["source"]):
            assert part in said, (name, part)
        link = re.search(r'<a href="([^"]+)#fig-([^"]+)" target="_blank" rel="noopener">', text)
        assert link is not None
        home = (file.parent / link[1]).resolve()
        assert link[2] == name
        assert f'<figure id="fig-{name}" class="gr-fig">' in home.read_text(encoding="utf-8")


def test_a_figure_leads_back_to_the_page_that_discusses_it() -> None:
    """A figure that stands on the first page too leads to its question."""
    study = study_context("tiny", analyse(dataset({"a": {"torch": around(100.0), "onnx": around(60.0)}})))
    homes = {page.path: page.content.home for page in embed_pages(study_pages(study, ""))}
    assert homes["s/tiny/embed/h1-0-ratios.html"] == "s/tiny/rq/rq1/index.html"
    assert homes["s/tiny/embed/matrix-energy-j.html"] == "s/tiny/matrix/index.html"


def test_the_code_shows_the_figures_own_page(built: Path, addressed: Path) -> None:
    """With an address it is complete; without one it starts at the site's folder, and the page says what to do."""
    path = Path("s/tiny/rq/rq1/index.html")
    for site, start in ((built / "site", ""), (addressed, ADDRESS)):
        found = FIGURE.findall((site / path).read_text(encoding="utf-8"))
        assert found
        for name, content in found:
            code = CODE.search(content)
            assert code is not None
            attributes = frame(unescape(code[1]))
            assert attributes["src"] == f"{start}s/tiny/embed/{name}.html"
            assert (site / "s" / "tiny" / "embed" / f"{name}.html").is_file()
            assert attributes["title"]
            assert 300 <= int(str(attributes["height"])) <= 900
            assert ("does not know its address" in content) == (not start)


def test_hostile_findings_stay_inside_the_code() -> None:
    """A label cannot leave the title of the frame, neither in this page nor where the code is put."""
    study = study_context(
        "tiny",
        analyse(
            dataset(
                {"a": {"torch": around(100.0), "onnx": around(60.0)}}, title=HOSTILE, questions={"RQ1": HOSTILE, "RQ2": "Time?"}
            )
        ),
    )
    figure = embed_pages(list(study_pages(study, "")))[0].figures[0]
    figure = replace(figure, finding=f'{HOSTILE}" onload="alert(1)')
    attributes = frame(embed_code(figure, study, Site(), '<svg class="marks" width="10" height="2000">'))
    assert set(attributes) == {"src", "title", "width", "height", "loading"}
    assert attributes["height"] == "900"
    assert "onload" in str(attributes["title"])
