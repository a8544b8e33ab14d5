"""Tests of what travels without the site: citations with its address, and the badge with the code that shows it."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path

import yaml

from greenreport.analysis.analyse import analyse
from greenreport.report.context import StudyContext, study_context
from greenreport.report.exports.badge import badge_code
from greenreport.report.exports.citation import citation, citation_cff, citation_ris
from greenreport.report.pages import study_pages
from greenreport.report.pages.data_page import DataContent
from greenreport.study import Site
from tests.datasets import around, dataset
from tests.report.conftest import ADDRESS

SITE = Site(base_url=ADDRESS)
HERE = f"{ADDRESS}s/tiny/"


def study(name: str = "A") -> StudyContext:
    """Return a study with a claim about a model of this name."""
    made = dataset({"a": {"torch": around(100), "onnx": around(60)}})
    model = made.study.models[0].model_copy(update={"name": name})
    cells = tuple(replace(cell, model=model) for cell in made.cells)
    return study_context("tiny", analyse(replace(made, study=made.study.model_copy(update={"models": (model,)}), cells=cells)))


def test_citations_carry_the_address_where_it_is_known() -> None:
    """RIS, CITATION.cff, BibTeX and the sentence; without an address none of them makes one up."""
    made = study()
    assert f"UR  - {HERE}\r\n" in citation_ris(made, SITE).decode()
    assert yaml.safe_load(citation_cff(made, SITE))["url"] == HERE
    sentence, entry = citation(made, SITE)
    assert sentence.endswith(f"2026-01-01. {HERE}")
    assert f"  url    = {{{HERE}}}\n}}" in entry
    for text in (citation_ris(made, Site()).decode(), citation_cff(made, Site()).decode(), *citation(made, Site())):
        assert not re.search(r"UR  -|^url|url +=|https?:", text, re.MULTILINE)


def test_a_badge_can_be_shown_elsewhere() -> None:
    """Markdown and HTML lead to the study; letters that would begin something are inert in both."""
    made = study()
    codes = dict(badge_code(made, SITE))
    assert re.fullmatch(rf"\[!\[(.*)\]\({HERE}data/badge\.svg\)\]\({HERE}\)", codes["Markdown"])
    assert codes["HTML"].startswith(f'<a href="{HERE}"><img src="{HERE}data/badge.svg" alt="ONNX Runtime')
    assert dict(badge_code(made, Site()))["HTML"].startswith('<a href="s/tiny/index.html"><img src="s/tiny/data/badge.svg"')
    codes = dict(badge_code(study("](x) <b>"), SITE))
    assert "<b>" not in codes["HTML"]
    assert "\\](x) \\<b\\>" in codes["Markdown"]


def test_the_data_page_offers_the_badge(addressed: Path, site: Path) -> None:
    """The drawing and two codes; without an address the page says what is missing."""
    for folder, known in ((addressed, True), (site, False)):
        page = (folder / "s" / "tiny" / "data" / "index.html").read_text(encoding="utf-8")
        areas = [html.unescape(text) for text in re.findall(r"<textarea[^>]*>(.*?)</textarea>", page)]
        assert len(areas) == 2
        assert all((ADDRESS in text) == known for text in areas)
        assert ("does not know its address" in page) != known
        assert '<h2 id="badge">' in page
    empty = list(study_pages(study_context("x", analyse(dataset({"a": {"torch": []}}))), ""))
    (content,) = (page.content for page in empty if isinstance(page.content, DataContent))
    assert (content.badge, content.badge_codes) == ("", ())


def test_the_single_file_says_how_it_is_cited_and_who_publishes_it(addressed: Path) -> None:
    """Citation, address and licence stand in the file that is mailed."""
    page = (addressed / "s" / "tiny" / "report.html").read_text(encoding="utf-8")
    assert '<section id="cite">' in page
    assert f"{ADDRESS}s/tiny/" in page
    assert "Licence of the results: CC-BY-4.0." in page
