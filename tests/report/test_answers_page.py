"""Tests of the pages of right answers and of outputs, on a built site of made-up runs."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.record import Method
from greenreport.report.context import study_context
from greenreport.report.pages.answers_page import answers_page
from tests.analysis.test_right_answers import LOSING
from tests.answer_records import judged_dataset, judged_store, quality_study
from tests.commands import greenreport
from tests.report.conftest import ANSWERS


def words(file: Path) -> str:
    """Return what a reader sees of a page, on one line."""
    page = re.sub(r"<script.*?</script>", " ", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))).replace("\xa0", " ").replace("\u202f", " ")


def test_the_page_of_answers_says_who_solves_how_many(judged: Path) -> None:
    """Headline, losses, what is not ranked and why, and what the intervals refer to."""
    text = words(judged / "site" / "s" / "judged" / "answers" / "index.html")
    assert "ONNX Runtime · CPU solves 4 of 20 problems, 8 fewer than Torch · CPU; OpenVINO · CPU solves as many" in text
    assert (
        "ONNX Runtime · CPU loses more than 5 percentage points against Torch · CPU, which is more than the study allows: shown, and not ranked. "
        "Of ONNX Runtime · CPU this is certain for problems of this kind."
    ) in text
    assert "Shown to differ from Torch · CPU: ONNX Runtime · CPU (8 fewer, p = 0.023)." in text
    assert "Not shown to differ from Torch · CPU: OpenVINO · CPU." in text
    assert "further problems of this kind" in text and "these problems only" in text
    assert "repeating the runs makes times and energies surer, and says nothing new about the answers" in text


@pytest.mark.parametrize(("alpha", "apart"), [(0.05, True), (0.02, False)])
def test_the_page_and_the_question_agree_on_what_is_shown(alpha: float, apart: bool) -> None:
    """Both adjust over all pairs and at the level of the hypothesis; the page once did neither, and called shown what the answer did not."""
    hypotheses = [rule | {"alpha": alpha} for rule in quality_study()["hypotheses"]]
    study = study_context("x", analyse(judged_dataset(LOSING, hypotheses=hypotheses)))
    assert study.analysis.quality is not None
    pair = study.analysis.findings[1].tests[0].test.pair("torch-cpu", "onnx-cpu")
    row = study.analysis.quality.models[0].row("onnx-cpu")
    assert row is not None
    assert row.p_adjusted == pair.p_adjusted
    assert pair.significant is apart
    [model] = answers_page(study, study.analysis.quality).content.models
    assert any(text.startswith("Shown to differ") for text in model.findings) is apart


def test_figures_of_answers_stand_with_their_tables(judged: Path) -> None:
    """Shares, both ratios of cost, and the front, as files too."""
    folder = judged / "site" / "s" / "judged" / "figures"
    for name in ("right-answers", "energy-per-right-answer", "time-per-right-answer", "right-answer-energy"):
        assert (folder / f"{name}.svg").is_file() and (folder / f"{name}.csv").is_file()
    assert "torch" in (folder / "right-answers.csv").read_text(encoding="utf-8").lower()


def test_outputs_are_inert_cut_and_not_repeated(judged: Path) -> None:
    """Markup of an answer stays text, long answers are cut, one text of several configurations stands once."""
    file = judged / "site" / "s" / "judged" / "outputs" / "index.html"
    page = file.read_text(encoding="utf-8")
    assert "<script>alert" not in page and "onerror=alert(1)>" not in page and "\u202e" not in page
    assert "&lt;/pre&gt;&lt;img src=x onerror=alert(1)&gt;" in page
    assert page.count("a line that is repeated") < 60
    assert re.search(r"… \([0-9,]+ more characters\)", words(file))
    assert "right Torch · CPU, OpenVINO · CPU" in words(file)
    assert "Of 20 problems, 3 are solved by every configuration and 7 by none; 10 tell them apart" in words(file)
    assert len(page) < 300_000


def test_the_first_difference_is_marked(judged: Path) -> None:
    """Of two answers that begin alike, the first word in which they differ is marked."""
    page = (judged / "site" / "s" / "judged" / "outputs" / "index.html").read_text(encoding="utf-8")
    assert "return <mark>41</mark>" in page


def test_the_site_is_in_order(judged: Path) -> None:
    """Links, policy and structure hold on every page, and the file that is mailed leaves the outputs out."""
    assert "in order" in greenreport(judged, "check", "site").stdout
    single = (judged / "site" / "s" / "judged" / "report.html").read_text(encoding="utf-8")
    assert "What the intervals refer to" in single and "onerror" not in single


def test_other_pages_speak_of_right_answers(judged: Path) -> None:
    """The overview leads with it, guidelines have goals for it, and the page of fidelity admits other outputs."""
    folder = judged / "site" / "s" / "judged"
    assert "OpenVINO · CPU needs the least time per right answer on one: 39 % less" in words(folder / "index.html")
    guidelines = words(folder / "guidelines" / "index.html")
    assert "Least time per right answer" in guidelines and "Least energy per right answer" in guidelines
    assert "Not recommended whatever they save: ONNX Runtime · CPU on one" in guidelines
    assert "Answers are judged here, so other outputs are admitted" in words(folder / "fidelity" / "index.html")
    assert "not ranked: its share of right answers is 40 percentage points below" in words(
        folder / "configs" / "onnx-cpu" / "index.html"
    )


def test_without_verdicts_there_is_no_such_page(site: Path) -> None:
    """A study that judges nothing has neither the pages nor links to them."""
    assert not (site / "s" / "tiny" / "answers").exists() and not (site / "s" / "tiny" / "outputs").exists()
    assert "answers/index.html" not in (site / "s" / "tiny" / "index.html").read_text(encoding="utf-8")


def test_time_leads_where_energy_is_modelled(judged: Path, tmp_path: Path) -> None:
    """Modelled joules have no ratio and no figure; they stand in the table with the remark that they answer nothing."""
    for folder in ("studies", "cache"):
        (tmp_path / folder).mkdir(exist_ok=True)
    judged_store(tmp_path, ANSWERS, method=Method.ESTIMATED, meters=["estimate"])
    assert greenreport(tmp_path, "build", "--quiet").returncode == 0
    folder = tmp_path / "site" / "s" / "judged"
    assert not (folder / "figures" / "energy-per-right-answer.svg").exists()
    assert (folder / "figures" / "right-answer-time.svg").exists()
    assert "Energy is modelled from the CPU load here and answers nothing" in words(folder / "answers" / "index.html")
    shutil.rmtree(tmp_path / "site")
