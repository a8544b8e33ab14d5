"""Tests of the settings of a site."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenreport.errors import SpecError
from greenreport.study import Site, load_site, web_address


def written(tmp_path: Path, text: str) -> Path:
    """Write a file of settings and return it."""
    file = tmp_path / "site.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_a_file_the_site_has_a_name_and_no_address(tmp_path: Path) -> None:
    """Nothing has to be declared; an empty file, or one with comments only, declares nothing too."""
    assert load_site(tmp_path / "site.yaml") == Site()
    assert (Site().title, Site().address("index.html")) == ("greenreport", None)
    assert load_site(written(tmp_path, "# title: ours\n")) == Site()


def test_an_address_is_that_of_the_folder_of_a_page(tmp_path: Path) -> None:
    """Pages are named by their folder, other files by themselves, and odd characters are quoted."""
    site = load_site(written(tmp_path, "title: Ours\nbase_url: https://example.org/sub\n"))
    assert site.address("index.html") == "https://example.org/sub/"
    assert site.address("s/tiny/index.html") == "https://example.org/sub/s/tiny/"
    assert site.address("s/tiny/report.html") == "https://example.org/sub/s/tiny/report.html"
    assert site.address("s/tiny/myindex.html") == "https://example.org/sub/s/tiny/myindex.html"
    assert site.address('s/a "b"?/index.html') == "https://example.org/sub/s/a%20%22b%22%3F/"


def test_every_problem_is_told_with_its_line(tmp_path: Path) -> None:
    """An unknown key with the nearest one, an empty title, and an address nothing can stand below."""
    file = written(tmp_path, "titel: Ours\ntitle: ''\n\nbase_url: example.org\n")
    with pytest.raises(SpecError) as caught:
        load_site(file)
    lines = {problem.line: problem.message for problem in caught.value.problems}
    assert "unknown key 'titel', did you mean 'title'?" in lines[1]
    assert lines[2].startswith("title: '' is not allowed")
    assert lines[4].startswith("base_url: 'example.org' is not the address of a site; write for example https://")
    assert str(caught.value).startswith(f"{file}:1: ")


@pytest.mark.parametrize(
    "text",
    [
        "", "example.org", "ftp://example.org/", "javascript:alert(1)", "https://", "https://user:secret@example.org/", "https://example.org/?q=1",
        "https://example.org/#top", 'https://example.org/"><script>', "https://example.org/a b", "https://example.org/\n", "//example.org/",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_site_is_refused(text: str) -> None:
    """Other schemes, credentials, queries, anchors, and whatever could leave an attribute."""
    with pytest.raises(ValueError, match="is not the address of a site"):
        web_address(text)


def test_an_address_ends_with_a_stroke() -> None:
    """Pages stand below it."""
    assert web_address("http://localhost:8000") == "http://localhost:8000/"
    assert web_address("https://example.org/studies/") == "https://example.org/studies/"
