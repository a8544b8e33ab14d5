"""Tests of a study as search engines read it: whole, true to the pages, and inert."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.report.context import study_context
from greenreport.report.exports.downloads import Download
from greenreport.report.exports.scholarly_metadata import citation_tags, licence, linked_data
from greenreport.study import Site
from tests.datasets import around, dataset
from tests.report.conftest import ADDRESS

AUTHORS = (
    {"name": "Ada Lovelace", "affiliation": "Analytical Engines", "orcid": "0000-0002-1825-0097"},
    {"name": "Grace Hopper"},
)
FILES = (
    Download("observations.csv", "every observation", 20, 1234, "ab" * 32),
    Download("badge.svg", "a badge", None, 10, "cd" * 32),
)
SITE = Site(base_url=ADDRESS)


def linked(settings: Site = SITE, **changes: Any) -> list[dict[str, Any]]:
    """Return the graph of a study."""
    study = study_context("tiny", analyse(dataset({"a": {"torch": around(100.0), "onnx": around(60.0)}}, **changes)))
    found = linked_data(study, settings, FILES)
    assert found is not None
    assert found["@context"] == "https://schema.org"
    graph: list[dict[str, Any]] = found["@graph"]
    return graph


def test_a_data_set_is_described_with_what_was_measured_and_how() -> None:
    """Name, finding, remarks, metrics with units, technique with boundary, period, licence, files with digests."""
    (data,) = linked()
    assert (data["@type"], data["name"], data["identifier"]) == ("Dataset", "A tiny study", "tiny")
    assert "uses the least energy" in data["description"]
    assert "Untrained weights." in data["description"]
    assert 50 <= len(data["description"]) <= 5000
    assert {item["propertyID"]: item["unitText"] for item in data["variableMeasured"]} == {"energy_j": "J", "duration_s": "s"}
    assert data["measurementTechnique"] == "energy measured; boundary: CPU package-0"
    assert (data["datePublished"], data["temporalCoverage"]) == ("2026-01-01", "2026-01-01")
    assert data["license"] == "https://creativecommons.org/licenses/by/4.0/"
    (file,) = data["distribution"]
    assert file["contentUrl"] == f"{ADDRESS}s/tiny/data/observations.csv"
    assert file["encodingFormat"] == "text/csv"
    assert "creator" not in data


def test_without_an_address_files_are_relative_and_the_page_has_none() -> None:
    """Search engines read relative addresses of a page from its own."""
    (data,) = linked(Site())
    assert data["distribution"][0]["contentUrl"] == "data/observations.csv"
    assert "url" not in data
    assert data["@id"] == "#data"


def test_signed_studies_are_articles_about_their_data() -> None:
    """Authors with affiliation and ORCID; an article only where somebody signs for an answer."""
    data, article = linked(authors=AUTHORS, cites=("A. Turing. On computable numbers.",))
    assert article["@type"] == "ScholarlyArticle"
    assert article["about"] == {"@id": data["@id"]}
    assert article["author"] == data["creator"]
    assert data["creator"][0]["sameAs"] == "https://orcid.org/0000-0002-1825-0097"
    assert data["creator"][0]["affiliation"]["name"] == "Analytical Engines"
    assert data["citation"] == ["A. Turing. On computable numbers."]
    assert len(linked(authors=AUTHORS, hypotheses=(), questions={})) == 1


def test_a_study_without_runs_offers_no_data() -> None:
    """Nothing to find yet."""
    made = dataset({"a": {"torch": around(1.0)}})
    empty = study_context("tiny", analyse(replace(made, cells=tuple(replace(cell, runs=()) for cell in made.cells))))
    assert linked_data(empty, SITE, ()) is None


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("CC-BY-SA-4.0", "https://creativecommons.org/licenses/by-sa/4.0/"),
        ("CC-BY-NC-ND-3.0", "https://creativecommons.org/licenses/by-nc-nd/3.0/"),
        ("CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        ("ask us", "ask us"),
    ],
)
def test_licences_with_an_address_get_it(name: str, told: str) -> None:
    """Others stay as they are written."""
    assert licence(name) == told


def test_scholarly_indexes_find_title_authors_and_date() -> None:
    """Each author is followed by institution and ORCID; addresses only where they are known."""
    study = study_context("tiny", analyse(dataset({"a": {"torch": around(100.0), "onnx": around(60.0)}}, authors=AUTHORS)))
    names = [name for name, _ in citation_tags(study, Site())]
    assert names == [
        "citation_title", "citation_language", "citation_author", "citation_author_institution", "citation_author_orcid",
        "citation_author", "citation_publication_date",
    ]  # fmt: skip
    told = dict(citation_tags(study, SITE))
    assert told["citation_publication_date"] == "2026/01/01"
    assert told["citation_fulltext_html_url"] == f"{ADDRESS}s/tiny/report.html"


def test_only_the_first_page_of_a_study_describes_it(addressed: Path) -> None:
    """One description a study, in a data block that holds nothing but JSON; its files are on the site."""
    found = {
        page.relative_to(addressed).as_posix(): re.findall(
            r'<script type="application/ld\+json">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL
        )
        for page in addressed.rglob("*.html")
    }
    assert [path for path, blocks in found.items() if blocks] == ["s/tiny/index.html"]
    (block,) = found["s/tiny/index.html"]
    assert "<" not in block
    (data,) = json.loads(block)["@graph"]
    for file in data["distribution"]:
        assert (addressed / file["contentUrl"].removeprefix(ADDRESS)).is_file()
    pages = [path for path in found if "citation_title" in (addressed / path).read_text(encoding="utf-8")]
    assert pages == ["s/tiny/index.html"]
