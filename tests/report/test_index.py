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
from greenreport.report.context import EnergySource, evidence_of
from greenreport.report.pages import site_pages
from greenreport.report.pages.index_page import FEW, IndexContent
from greenreport.report.summary import ComparisonLink, Summary, newest_first
from greenreport.study import load_study
from tests.analysis.test_estimated_energy import modelled
from tests.datasets import around, dataset
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


def test_what_was_measured_stands_open_and_demonstrations_and_plans_are_folded() -> None:
    """In this order; where nothing was measured, the first group that there is stands open."""
    real, demo, plan = (replace(context(slug, "2026-01-01"), simulated=False) for slug in ("real", "demo", "plan"))
    demo, plan = replace(demo, simulated=True), replace(plan, attempted=0, runs=0)
    groups = index([plan, demo, real]).groups
    assert [(heading, [study.slug for study in group]) for heading, group in groups] == [
        ("", ["real"]),
        ("Demonstrations on a simulated engine", ["demo"]),
        ("Declared, not run yet", ["plan"]),
    ]
    assert [heading for heading, _ in index([plan]).groups] == [""]
    assert index([]).groups == ()


def test_a_study_says_in_one_word_where_its_joules_come_from() -> None:
    """From a meter, from a model, from a table of others, or there are none; its result is drawn on one line without a word."""
    made = dataset({"a": {"torch": around(100.0), "onnx": around(60.0)}})
    assert evidence_of(made) is EnergySource.METERED
    assert evidence_of(replace(made, imported=True)) is EnergySource.IMPORTED
    assert evidence_of(modelled()) is EnergySource.MODELLED
    assert evidence_of(replace(made, cells=tuple(replace(cell, runs=()) for cell in made.cells))) is None
    summary = context("a", "2026-01-01")
    assert (summary.evidence, summary.engines) == (EnergySource.METERED, ("Torch", "ONNX Runtime"))
    assert summary.glance.startswith('<svg class="glance" role="img" aria-label="energy')
    assert "<text" not in summary.glance
    assert summary.glance.count("<polygon") == 1


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
    assert '<div id="choose" hidden>' in page
    assert '<option value="odd">odd</option>' in page
    tags = [json.loads(text) for text in re.findall(r"<li data-machine='.*?' data-tag='(.*?)' data-runs", page)]
    assert len(tags) == FEW + 1
    assert tags.count(["odd"]) == 3


def test_a_tag_is_a_plain_word(write_study: Write) -> None:
    """A tag stands in addresses, so markup is refused where the study is read."""
    with pytest.raises(SpecError, match="is not allowed"):
        load_study(write_study(tags=["<b>"]))
