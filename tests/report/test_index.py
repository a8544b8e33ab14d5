"""Tests of the index of studies: what is new stands first, and of many studies readers may choose."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from greenreport.errors import SpecError
from greenreport.report.pages import site_pages
from greenreport.report.pages.index_page import FEW, IndexContent
from greenreport.report.summary import ComparisonLink, Summary, newest_first
from greenreport.study import load_study
from tests.report.test_feed import context

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]


def index(studies: Sequence[Summary]) -> IndexContent:
    """Return the content of the first page."""
    content = site_pages(studies)[0].content
    assert isinstance(content, IndexContent)
    return content


def test_the_newest_study_stands_first_and_its_day_is_told() -> None:
    """By the last run; equal days by name; without a day, and then without a valid run, last."""
    studies = [
        replace(context("never"), runs=0),
        context("b", "2026-01-01", "2026-03-01"),
        context("a", "2026-03-01"),
        context("undated"),
        context("c", "2026-05-01"),
    ]
    ordered = newest_first(studies)
    assert [study.root for study in ordered] == ["s/c/", "s/a/", "s/b/", "s/undated/", "s/never/"]
    assert index(ordered).newest == "2026-05-01"
    assert index([]).newest == ""


def test_few_studies_need_no_choice_and_many_offer_what_tells_them_apart() -> None:
    """Machines, models and tags; what all studies share tells nothing apart."""
    studies = [replace(context(f"s{n}"), tags=("code",) if n % 2 else ("chat", "Code")) for n in range(FEW + 1)]
    assert index(studies[:FEW]).choices == ()
    (choice,) = index(studies).choices
    assert (choice.name, choice.label, choice.values) == ("tag", "Tag", ("chat", "Code", "code"))
    studies[0] = replace(studies[0], machine="another", model_names=("B",))
    assert [choice.name for choice in index(studies).choices] == ["machine", "model", "tag"]


def test_a_comparison_is_listed_once() -> None:
    """Both studies of a comparison know it."""
    link = ComparisonLink("Rankings agree", "compare/a--b/index.html")
    studies = [replace(context(slug), compared=(link,)) for slug in "ab"]
    assert index(studies).comparisons == (link,)


def test_many_studies_can_be_chosen_from(command: Command, write_study: Write, tmp_path: Path) -> None:
    """The page says of each study what it can be chosen by; the choice is hidden until the script can make it."""
    for number in range(FEW + 1):
        write_study(f"study-{number}", tags=["even", "two words"] if number % 2 == 0 else ["odd"])
    command("build", "--quiet")
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert '<div class="limits" id="choose" hidden>' in page
    assert '<option value="odd">odd</option>' in page
    tags = [json.loads(text) for text in re.findall(r"<li data-machine='.*?' data-tag='(.*?)'>", page)]
    assert len(tags) == FEW + 1
    assert tags.count(["odd"]) == 3


def test_a_tag_is_a_plain_word(write_study: Write) -> None:
    """A tag stands in addresses, so markup is refused where the study is read."""
    with pytest.raises(SpecError, match="is not allowed"):
        load_study(write_study(tags=["<b>"]))
