"""Tests of the words of imported studies: engines by their names, blocks of work for what they are, and no claim on how others measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.report.context import StudyContext, study_context
from greenreport.report.exports.badge import badge_svg
from greenreport.report.figures.matrix import matrix_figure
from greenreport.report.figures.tradeoffs import tradeoff_figure
from greenreport.report.pages.matrix_page import matrix_heading
from greenreport.report.summary import summarise
from greenreport.results import load_dataset
from tests.conftest import ROOT

BLOCKS = "3 combinations of model and size"


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
