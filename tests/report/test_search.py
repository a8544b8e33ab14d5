"""Tests of what the search box looks through."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote

from greenreport.analysis.analyse import analyse
from greenreport.report.context import study_context
from greenreport.report.pages import site_pages, study_pages
from greenreport.report.search import SCRIPT, Entry, index_files
from greenreport.report.summary import summarise
from tests.datasets import around, dataset
from tests.hostile_site import HOSTILE


def found(**changes: object) -> tuple[Entry, ...]:
    """Return the index of a site with one study."""
    study = study_context("tiny", analyse(dataset({"a": {"torch": around(100.0), "onnx": around(60.0)}}, **changes)))
    pages = list(study_pages(study, ""))
    files = index_files([entry for page in (*site_pages([summarise(study, pages)]), *pages) for entry in page.entries])
    return tuple(Entry(**entry) for entry in json.loads(files["search-index.json"]))


def test_everything_that_has_a_name_can_be_found() -> None:
    """Study, questions, pages, models, configurations, cells, figures, metrics and words, in this order, each where it stands."""
    index = found()
    kinds = list(dict.fromkeys(entry.kind for entry in index))
    assert kinds == ["Study", "Question", "Page", "Model", "Configuration", "Cell", "Figure", "Metric", "Word"]
    at = {(entry.kind, entry.title): entry for entry in index}
    assert at["Study", "A tiny study"].address == "s/tiny/index.html"
    assert "uses the least energy" in at["Study", "A tiny study"].where
    assert "Test CPU" in at["Study", "A tiny study"].words
    assert at["Question", "RQ1: Energy?"].address == "s/tiny/rq/rq1/index.html"
    assert at["Model", "A"].address == "s/tiny/models/a/index.html"
    assert at["Configuration", "ONNX Runtime · CPU"].address == "s/tiny/configs/onnx-cpu/index.html"
    assert "onnx-cpu" in at["Configuration", "ONNX Runtime · CPU"].words
    assert at["Page", "Matrix"].address == "s/tiny/matrix/index.html"
    assert at["Cell", "ONNX Runtime · CPU on A"].address == "s/tiny/cells/a--onnx-cpu/index.html"
    assert any(entry.address == "s/tiny/matrix/index.html#fig-matrix-energy-j" for entry in index if entry.kind == "Figure")
    addresses = [entry.address for entry in index]
    assert len(set(addresses)) == len(addresses)
    assert at["Metric", "Time to first token"].address == "glossary/index.html#ttft_s"
    assert at["Word", "Idle baseline"].address == "glossary/index.html#word-idle-baseline"


def test_the_index_leads_somewhere(built: Path) -> None:
    """Every address exists, with its anchor; the script is the same list, and every page knows where it lies."""
    site = built / "site"
    index = json.loads((site / "search-index.json").read_text(encoding="utf-8"))
    assert len(index) > 40
    for entry in index:
        path, _, anchor = unquote(entry["address"]).partition("#")
        text = (site / path).read_text(encoding="utf-8")
        assert not anchor or f'id="{anchor}"' in text, entry
    (script,) = (site / "assets").glob("search-index.js")
    text = script.read_text(encoding="utf-8")
    assert json.loads(text.removeprefix("window.greenreportSearch = ").removesuffix(";\n")) == index
    for page in site.rglob("index.html"):
        boxes = re.findall(r'data-index="([^"]+)"', page.read_text(encoding="utf-8"))
        assert [(page.parent / box).resolve() for box in boxes] == [script.resolve()], page


def test_hostile_names_cannot_leave_the_script() -> None:
    """Tags are escaped, line separators too, and direction overrides are gone."""
    index = found(title=HOSTILE + "\u2028</script>", questions={"RQ1": HOSTILE, "RQ2": "Time?"})
    text = index_files(index)[SCRIPT].decode()
    assert "<" not in text
    assert not set(text) & set("\u2028\u2029\u202e")
    assert text.count("\n") == 1
