"""Tests of the words of imported studies: engines by their names, blocks of work for what they are, and no claim on how others measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.analysis.findings_json.plain_values import plain_text
from greenreport.analysis.measure.subjects import MODELS, subject_of
from greenreport.report.context import StudyContext, study_context
from greenreport.report.exports.badge import badge_svg
from greenreport.report.figures.hypothesis_runs import strip_figure
from greenreport.report.figures.matrix import matrix_figure
from greenreport.report.figures.tradeoffs import tradeoff_figure
from greenreport.report.pages import study_pages
from greenreport.report.pages.matrix_page import matrix_heading
from greenreport.report.pages.overview_page import OverviewContent
from greenreport.report.summary import summarise
from greenreport.results import load_dataset
from tests.conftest import ROOT

BLOCKS = "3 sizes"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> StudyContext:
    """Give the study of printed tables, whose models are told apart by size alone."""
    folder: Path = tmp_path_factory.mktemp("published")
    return study_context("duran-2024", analyse(load_dataset(ROOT / "studies" / "duran-2024.yaml", folder)))


def test_blocks_of_work_are_not_called_models(published: StudyContext) -> None:
    """In headings, figures and the badge they have the noun of the headline."""
    matrix = matrix_figure(published, "energy_j")
    assert matrix is not None and f"on all {BLOCKS}" in matrix.finding
    assert matrix_heading(published, ["energy_j"]).endswith(f"on 3 of {BLOCKS}")
    assert f"3 of {BLOCKS}" in badge_svg(published).decode()
    assert summarise(published, []).engines == ("Torch", "ONNX Runtime", "OpenVINO")
    (front,) = [figure for tradeoff in published.analysis.tradeoffs if (figure := tradeoff_figure(published, tradeoff))]
    assert f"on all {BLOCKS} a single configuration" in front.finding


def test_a_study_of_printed_values_begins_with_their_ratios(published: StudyContext) -> None:
    """Each to the same configuration as the headline, without intervals, and nowhere is a value called a run."""
    content = next(study_pages(published, "")).content
    assert isinstance(content, OverviewContent)
    assert content.hero is not None and content.untested and content.glance
    assert plain_text(content.hero.finding) == "Torch · CUDA uses 75–88 % less energy than Torch · CPU on 3 of 3 sizes"
    assert plain_text(content.hero.caption).startswith(
        "Energy, ratio of the values as published, which have no intervals; the grey"
    )
    assert all(low == ratio == high for _, _, ratio, low, high, _ in content.hero.table.rows)
    assert plain_text(content.scope) == (
        "Measured elsewhere: geometric mean over 3 of 3 sizes, range 75–88 %. "
        "The table has one value for each cell, so nothing says how sure this is."
    )
    assert content.numbers[-1].note == "3 sizes, 5 configurations, one value for each"
    runs = strip_figure(published, published.analysis.findings[0])
    assert runs is not None
    assert plain_text(runs.finding) == "Energy as published: 16.4 kJ to 513 kJ"
    assert "run" not in f"{runs.summary} {runs.caption}" and "Boxes" not in runs.summary
    assert [layer["mark"]["type"] for layer in runs.spec["spec"]["layer"]] == ["point"]


def test_the_noun_of_blocks_is_what_tells_them_apart() -> None:
    """Models only where there are several; a single thing has a plural of its own."""
    assert subject_of([]) == subject_of(["model"]) == MODELS
    assert [subject_of([name]).plural for name in ("size", "category", "day", "batch")] == [
        "sizes",
        "categories",
        "days",
        "batches",
    ]
    assert subject_of(["model", "size"]).counted(2) == "2 combinations of model and size"


def test_buttons_have_the_names_of_the_table(published: StudyContext) -> None:
    """An engine is called what the table calls it, not by the id that addresses need."""
    assert {look.label for look in published.looks.values()} == {"Torch", "ONNX Runtime", "OpenVINO"}


def test_definitions_say_only_what_is_known(published: StudyContext) -> None:
    """Nobody declared a boundary here, and whose clock took a time is not known."""
    figure = matrix_figure(published, "energy_j")
    assert figure is not None
    assert (
        "declared boundary" not in figure.caption
        and "Energy as the imported table gives it; what it includes is not known here." in figure.caption
    )
