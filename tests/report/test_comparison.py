"""Tests of the page that sets two studies beside each other."""

from __future__ import annotations

import math
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.analysis.compare.comparison import Likeness, compare_studies
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.stats import Interval
from greenreport.report.context import study_context
from greenreport.report.figures.study_comparison import spread
from greenreport.report.page import Page
from greenreport.report.pages import comparison_links, comparison_pages
from greenreport.report.pages.comparison_page import ComparisonContent
from greenreport.report.render import Renderer
from greenreport.report.templates import templates_folder
from greenreport.results import Counterpart
from greenreport.study import Site
from greenreport.units import THIN
from tests.answer_records import judged_dataset, solved
from tests.datasets import around, dataset

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]
HERE = {
    "a": {"torch": around(100), "onnx": around(60), "openvino": around(80)},
    "b": {"torch": around(1000), "onnx": around(900), "openvino": around(300)},
}


def scaled(table: Mapping[str, Mapping[str, list[float]]], factor: float) -> dict[str, dict[str, list[float]]]:
    """Return the same results on a machine that is slower by a factor."""
    return {model: {engine: [factor * v for v in values] for engine, values in row.items()} for model, row in table.items()}


def elsewhere(table: Mapping[str, Mapping[str, list[float]]], name: str = "other") -> Dataset:
    """Return a dataset of another study on another machine."""
    data = dataset(table, study=name)
    assert data.environment is not None
    return replace(data, environment=replace(data.environment, host_sha256="xyz", cpu_model="Other CPU", key="machine-b"))


def page(first: Dataset, second: Dataset) -> Page[ComparisonContent]:
    """Return the page that compares two datasets, both of them studies of the site."""
    contexts = [study_context(data.study.study, analyse(data)) for data in (first, second)]
    [found] = comparison_pages(contexts, [Counterpart(first.study.study, second.study.study, second, known=True)])
    return found


def content(shown: Page[ComparisonContent]) -> ComparisonContent:
    """Return the content of a page."""
    return shown.content


def test_a_slower_machine_is_the_same_result() -> None:
    """Everything takes three times as long there: every quotient is 1, and the page says that ratios carry over."""
    found = compare_studies(dataset(HERE), elsewhere(scaled(HERE, 3)), ("here", "there"))
    energy = found.metrics[0]
    assert [pair.quotient for pair in energy.pairs] == pytest.approx([1] * 4)
    assert {pair.likeness for pair in energy.pairs} == {Likeness.ALIKE}
    assert energy.same_way == 4
    assert found.same_machine is False
    assert found.headline() == "4 of 4 energy ratios point the same way in here and in there"
    directions, sizes, ranks = energy.sentences()
    assert directions == "4 of 4 ratios to Torch\u00a0·\u00a0CPU point the same way in both."
    assert sizes == f"4 are alike: the interval of the quotient lies within ±5{THIN}%."
    assert ranks == "Both rank the configurations alike on all 2 models (Kendall's τ-b is 1)."
    assert ("cpu model", "Test CPU", "Other CPU") in [(d.name, d.first, d.second) for d in found.environment]
    assert found.design == ()


def test_a_reversed_and_a_weakened_difference_are_told() -> None:
    """ONNX is better here and worse there; OpenVINO keeps its direction and loses most of its size."""
    there = {"a": {"torch": around(100), "onnx": around(130), "openvino": around(93)}}
    [energy, *_] = compare_studies(dataset(HERE), elsewhere(there), ("here", "there")).metrics
    onnx, openvino = energy.pairs
    assert (onnx.same_way, onnx.likeness) == (False, Likeness.DIFFERENT)
    assert (openvino.same_way, openvino.likeness) == (True, Likeness.DIFFERENT)
    assert onnx.quotient == pytest.approx(1.3 / 0.6)
    assert "1 of 2 ratios" in next(iter(energy.sentences()))


def test_a_difference_within_the_smallest_effect_is_alike() -> None:
    """A quotient of 1.02 with a narrow interval excludes 1 and matters to nobody; one of 1.2 is the same direction only."""
    narrow = {"a": {"torch": around(100, spread=0.002), "onnx": around(60, spread=0.002)}}
    there = {"a": {"torch": around(100, spread=0.002), "onnx": around(61.2, spread=0.002)}}
    [energy, *_] = compare_studies(dataset(narrow), elsewhere(there), ("here", "there")).metrics
    [pair] = energy.pairs
    assert isinstance(pair.ci, Interval) and pair.ci.low > 1
    assert pair.likeness is Likeness.ALIKE
    there = {"a": {"torch": around(100, spread=0.002), "onnx": around(72, spread=0.002)}}
    [energy, *_] = compare_studies(dataset(narrow), elsewhere(there), ("here", "there")).metrics
    assert "1 of them in the same direction only: the sizes differ" in next(iter(energy.sentences()))


def test_noise_is_not_agreement() -> None:
    """Runs that vary by half leave the quotient open: neither alike nor different."""
    wide = {"a": {"torch": around(100, spread=0.5), "onnx": around(60, spread=0.5)}}
    [energy, *_] = compare_studies(dataset(wide), elsewhere(wide), ("here", "there")).metrics
    assert [pair.likeness for pair in energy.pairs] == [Likeness.OPEN]
    assert "not told apart by these runs" in list(energy.sentences())[1]


def test_the_interval_of_a_quotient_joins_those_of_both_ratios() -> None:
    """On a logarithmic scale the distances to the bounds add as squares; turning the studies round inverts it."""
    there = elsewhere({"a": {"torch": around(100, spread=0.1), "onnx": around(75, spread=0.05)}})
    [energy, *_] = compare_studies(dataset(HERE), there, ("here", "there")).metrics
    [back, *_] = compare_studies(there, dataset(HERE), ("there", "here")).metrics
    pair, inverse = energy.pairs[0], back.pairs[0]
    for claim in (pair.first, pair.second):
        assert isinstance(claim.ci, Interval)
    assert isinstance(pair.ci, Interval) and isinstance(inverse.ci, Interval)
    a, b = pair.first, pair.second
    down = math.hypot(math.log(b.value / b.ci.low), math.log(a.ci.high / a.value))  # type: ignore[union-attr]
    assert pair.ci.low == pytest.approx(b.value / a.value * math.exp(-down))
    assert (inverse.ci.low, inverse.ci.high) == pytest.approx((1 / pair.ci.high, 1 / pair.ci.low))


def test_unfaithful_cells_are_left_out_and_named() -> None:
    """ONNX gives other outputs in the second study: no ratio, no place in the ranking, a sentence."""
    second = dataset({"a": HERE["a"]}, study="other")
    odd = [replace(run, requests=tuple(replace(r, output_sha256="z") for r in run.requests)) for run in second.cells[1].runs]
    second = replace(second, cells=(second.cells[0], replace(second.cells[1], runs=tuple(odd)), second.cells[2]))
    found = compare_studies(dataset(HERE), second, ("here", "there"))
    assert [pair.configuration for pair in found.metrics[0].pairs] == ["openvino-cpu"]
    assert found.metrics[0].taus == (("A", None),)
    assert len(found.withheld) == 1
    assert "not ranked in there" in found.withheld[0]


def test_a_configuration_that_loses_too_many_right_answers_is_left_out_and_named() -> None:
    """In one of the two studies ONNX Runtime solves 4 of 20 instead of 12: its time is no answer to the same question."""
    kept = judged_dataset({"torch-cpu": (solved(12), 1.0), "onnx-cpu": (solved(12), 0.5), "openvino-cpu": (solved(12), 0.6)})
    lost = judged_dataset({"torch-cpu": (solved(12), 1.0), "onnx-cpu": (solved(4), 0.5), "openvino-cpu": (solved(12), 0.6)})
    found = compare_studies(kept, lost, ("here", "there"))
    assert {pair.configuration for metric in found.metrics for pair in metric.pairs} == {"openvino-cpu"}
    assert len(found.withheld) == 1
    assert "not ranked in there" in found.withheld[0] and "right answers" in found.withheld[0]


def test_differences_of_the_workload_are_named() -> None:
    """Other output lengths and estimated energy cannot be told from the machine, and the page says so."""
    workload = {"prompts": {"source": "builtin", "count": 4, "seed": 1}, "generation": {"output_tokens": 99, "exact": True}}
    second = dataset(HERE, workload=workload, study="other")
    shown = content(page(dataset(HERE), second))
    assert [(d.name, d.first, d.second) for d in shown.comparison.design] == [("output tokens", "exactly 8", "exactly 99")]
    assert shown.cautions[0].startswith("Both were measured on one machine")
    assert "Workload or protocol differ, too (output tokens)" in shown.cautions[1]


def test_labels_beside_lines_keep_their_distance() -> None:
    """Values that nearly coincide get places apart, in their order and inside the axis."""
    placed = spread([1.0, 1.001, 1.002, 5.0, 5.001], [0.5, 5.1])
    assert placed == sorted(placed)
    steps = [math.log(b / a) for a, b in pairwise(placed)]
    assert min(steps) > 0.15
    assert placed[-1] <= 5.1
    assert spread([2.0, 1.0], [0.5, 4.0]) == pytest.approx([2.0, 1.0])
    assert spread([], [0.5, 4.0]) == []


def test_the_page_says_it_first_and_draws_it_then(drawn: Path) -> None:
    """Sentences before figures; a line a configuration, a square a ratio; energy and time have the same values here, so one section."""
    found = page(dataset(HERE), elsewhere(scaled(HERE, 3)))
    assert found.path == "compare/tiny--other/index.html"
    files = Renderer([templates_folder()], drawn, Site()).pages([found], {})
    html = files[found.path].decode()
    assert html.index("energy ratios point the same way in tiny and in other") < html.index("<figure")
    assert "different machines" in html
    assert html.count("<figure ") == 2
    assert re.search(r'href="\.\./\.\./s/other/index\.html"', html)
    assert not re.search(r"\d\s*[kM]?J\b", re.sub(r"<svg.*?</svg>|<script.*?</script>", "", html, flags=re.DOTALL))
    assert {party.root: 1 for party in content(found).parties} == {
        root: len(links) for root, links in comparison_links([found]).items()
    }


def test_studies_and_results_from_elsewhere_are_linked_from_their_first_pages(
    site: Path, command: Command, write_study: Write, tmp_path: Path
) -> None:
    """``compare:`` with another study file and with a folder of exported results: a page each, linked from both studies."""
    assert site.is_dir()
    command("export", "studies/tiny.yaml")
    (tmp_path / "studies" / "tiny" / "results").rename(tmp_path / "studies" / "elsewhere")
    text = (tmp_path / "studies" / "tiny.yaml").read_text(encoding="utf-8")
    (tmp_path / "studies" / "tiny.yaml").write_text(f"{text}compare: [elsewhere, other.yaml]\n", encoding="utf-8")
    file = write_study("other", compare=["tiny.yaml"])
    command("run", str(file), "--quiet")
    command("build", "--quiet")
    pages = sorted(folder.name for folder in (tmp_path / "site" / "compare").iterdir())
    assert pages == ["other--tiny", "tiny--elsewhere"]
    for study, linked in (("tiny", ["other--tiny", "tiny--elsewhere"]), ("other", ["other--tiny"])):
        overview = (tmp_path / "site" / "s" / study / "index.html").read_text(encoding="utf-8")
        assert sorted(re.findall(r"\.\./\.\./compare/([^/]+)/index\.html", overview)) == linked
    same = (tmp_path / "site" / "compare" / "tiny--elsewhere" / "index.html").read_text(encoding="utf-8")
    assert "Both were measured on one machine" in same
    assert "Workload and protocol are the same." in same
    assert "are in order" in command("check", "site").stdout


def test_what_cannot_be_compared_is_said_before_anything_runs(command: Command, write_study: Write, tmp_path: Path) -> None:
    """A missing file, a folder without results, a study that names itself."""
    file = write_study(compare=["nothing.yaml", "empty"])
    (file.parent / "empty").mkdir()
    said = command("validate", str(file), check=2)
    words = (said.stdout + said.stderr).replace("\n", " ")
    assert "'nothing.yaml' is neither a study file nor a folder of exported results" in words
    assert "'empty' holds no exported results (runs.parquet)" in words
    write_study(compare=["tiny.yaml"])
    assert "names the study itself" in command("build", check=4).stderr.replace("\n", " ")
