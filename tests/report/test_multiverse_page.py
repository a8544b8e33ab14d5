"""Tests of the page of other analyses: the curve, its choices, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from greenreport.analysis.analyse import analyse
from greenreport.report.context import study_context
from greenreport.report.figure import Figure
from greenreport.report.pages import study_pages
from greenreport.report.render import Renderer
from greenreport.report.templates import templates_folder
from greenreport.study import Site
from tests.datasets import around, dataset

RUNS = {"a": {"torch": around(100, 8, 0.03), "onnx": [*around(60, 7, 0.03), 90.0]}}


def rows(figure: Figure, field: str) -> list[dict[str, Any]]:
    """Return the rows of a figure's data that have a field."""
    return [row for data in figure.spec["datasets"].values() for row in data if field in row]


def test_the_page_shows_every_analysis_with_its_choices(drawn: Path) -> None:
    """A column for each analysis, a dot for each choice, the study's own as a diamond, and the sentence on top."""
    study = study_context("tiny", analyse(dataset(RUNS)))
    page = next(page for page in study_pages(study, "") if page.section == "multiverse")
    item, figure = study.analysis.multiverses[0], page.figures[0]
    number = len(item.ways)
    assert figure.finding.startswith(f"In {number} of {number} analyses, ONNX Runtime")
    assert "uses less energy than Torch" in figure.finding
    assert [row["place"] for row in rows(figure, "low")] == list(range(1, number + 1))
    assert sum(row["kind"] == "own" for row in rows(figure, "low")) == 1
    taken = [row for row in rows(figure, "choice") if row["taken"] == "yes"]
    assert {row["choice"] for row in taken} == {
        "within blocks", "independent runs", "permutation", "mean", "median", "all runs", "none beyond 1.5 IQR",
    }  # fmt: skip
    assert len(taken) == 3 * number  # test, average, outliers; of the others there is but one choice
    assert len(figure.table.rows) == number
    assert page.description == f"All 2 leading claims keep their direction in every analysis, up to {number} of each."
    html = Renderer([templates_folder()], drawn, Site()).pages([page], {})["s/tiny/multiverse/index.html"].decode()
    assert "Other analyses of the same runs" in html
    assert "its interval is wider" not in html  # one pair, one look
    assert "3 blocks" not in html and "no net energy was recorded" in html


def test_a_study_without_a_claim_has_no_such_page() -> None:
    """Nothing compared, nothing to analyse otherwise."""
    study = study_context("tiny", analyse(dataset({"a": {"torch": around(100)}})))
    assert "multiverse" not in {page.section for page in study_pages(study, "")}
