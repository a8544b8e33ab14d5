"""Tests of headings: they are findings, follow from the rows, and carry no bare percentage."""

from __future__ import annotations

from dataclasses import replace

from greenreport.analysis.analyse import analyse
from greenreport.analysis.hypotheses.claims import Generality
from greenreport.analysis.measure.dataset import Dataset
from greenreport.catalog import METRICS
from greenreport.report.context import StudyContext, study_context
from greenreport.report.figures.hypothesis_ratios import RatioRow, forest_figure, ratios_heading
from greenreport.report.figures.hypothesis_runs import RunRow, runs_heading, strip_figure
from greenreport.report.figures.specification import BandRow
from greenreport.report.figures.traces import SampleRow, mean_heading, peak_heading
from greenreport.report.pages import study_pages
from greenreport.report.pages.data_page import data_heading
from greenreport.report.pages.guidelines_page import guidelines_heading
from greenreport.report.pages.matrix_page import matrix_heading
from greenreport.report.pages.overview_page import OverviewContent, headline_scope
from tests.analysis.test_frontier import GROWING, sweep
from tests.datasets import around, dataset

ENERGY = {
    "a": {"torch": around(100), "onnx": around(50), "openvino": around(99)},
    "b": {"torch": around(1000), "onnx": around(900), "openvino": around(300)},
    "c": {"torch": around(100), "onnx": around(60), "openvino": around(80)},
}
INFO = METRICS["energy_j"]


def context(data: Dataset) -> StudyContext:
    """Return the context of a study."""
    return study_context("x", analyse(data))


def words(text: str) -> str:
    """Return a text with ordinary spaces."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def ratio(model: str, label: str, value: float) -> RatioRow:
    """Return a row of a forest."""
    return RatioRow(model, label, label, "cpu", value, value, value, 5, "", "")


def test_a_forest_names_who_leads_on_how_many_models_and_by_what() -> None:
    """On two of three models; with one model by its name; with one configuration its ratio alone; equal ratios and those on both sides of 1."""
    study = context(dataset(ENERGY))
    figure = forest_figure(study, study.analysis.findings[0], "torch-cpu")
    assert figure is not None
    assert words(figure.finding) == ("ONNX Runtime · CPU uses 40–50 % less energy than Torch · CPU on 2 of 3 models")
    assert [row[0] for row in figure.table.rows] == ["A", "A", "B", "B", "C", "C"]
    assert [row[1] for row in figure.table.rows][2] == "OpenVINO\u00a0·\u00a0CPU"
    alone = ratios_heading([ratio("M", "X", 0.5), ratio("M", "Y", 0.7)], INFO, "T")
    assert words(alone) == "X uses 50 % less energy than T on M"
    assert words(ratios_heading([ratio("M", "X", 2.0)], INFO, "T")) == "X uses 2.00 times the energy of T on M"
    assert ratios_heading([ratio("M", "X", 1.0)], INFO, "T") == "X uses the same energy as T on M"
    either = ratios_heading([ratio("M", "X", 0.9), ratio("N", "X", 1.2)], METRICS["duration_s"], "T")
    assert words(either) == "X has a 10 % shorter to 20 % longer execution time than T on 2 of 2 models"


def test_a_forest_whose_intervals_all_hold_1_names_no_winner() -> None:
    """The figure on top says what the headline says: no difference is shown; one interval that leaves out 1 is enough for a winner."""
    wide = [replace(ratio("M", label, value), low=0.8, high=1.1) for label, value in (("X", 0.93), ("Y", 0.98))]
    assert ratios_heading(wide, INFO, "T") == "No configuration is shown to differ from T in energy on M"
    assert ratios_heading(wide[:1], INFO, "T") == "X is not shown to differ from T in energy on M"
    clear = [replace(wide[0], high=0.97), wide[1]]
    assert words(ratios_heading(clear, INFO, "T")) == "X uses 7 % less energy than T on M"
    study = context(dataset({"a": {"torch": around(100, spread=0.3), "onnx": around(99, spread=0.4)}}))
    page = next(page for page in study_pages(study, "") if page.section == "overview")
    content = page.content
    assert isinstance(content, OverviewContent)
    assert all(number.claim is None for number in content.numbers)


def test_a_baseline_that_is_not_beaten_says_so() -> None:
    """The lowest ratio may still be above 1; where more is better, below."""
    rows = [
        ratio("M", "X", 1.2),
        ratio("M", "Y", 1.5),
        ratio("N", "X", 1.1),
        ratio("N", "Y", 1.3),
        ratio("O", "X", 0.9),
        ratio("O", "Y", 2.0),
    ]
    assert ratios_heading(rows, INFO, "T") == "Nothing beats T in energy on 2 of 3 models"
    throughput = METRICS["throughput_tokens_per_s"]
    assert words(ratios_heading(rows, throughput, "T")) == "Y has 1.30 to 2.00 times the throughput of T on 3 of 3 models"


def test_the_chart_orders_configurations_by_their_ratio() -> None:
    """The smallest stands on top."""
    study = context(dataset({"a": {"torch": around(100), "onnx": around(90), "openvino": around(40)}}))
    figure = forest_figure(study, study.analysis.findings[0], "torch-cpu")
    assert figure is not None
    layer = next(layer for layer in figure.spec["layer"] if "y" in layer["encoding"])
    assert [words(label) for label in layer["encoding"]["y"]["sort"]] == ["OpenVINO · CPU", "ONNX Runtime · CPU"]


def test_runs_and_traces_say_how_far_apart_and_how_high() -> None:
    """The widest cell; values of single runs; the peak with its phase."""
    study = context(dataset(ENERGY))
    figure = strip_figure(study, study.analysis.findings[0])
    assert figure is not None
    assert words(figure.finding) == "Within every cell, the largest energy is at most 1.02 × the smallest"
    single = [RunRow("m", name, name, "cpu", 1, value, f"{value:g} J") for name, value in (("x", 1.0), ("y", 2.0))]
    assert runs_heading(single, INFO) == "Energy of single runs: 1 J to 2 J"
    assert words(mean_heading("CPU load", 99.9, "%")) == "CPU load is 99.9 % on average in the measured window"
    bands = [BandRow(0, 2, "load", "a", ""), BandRow(2, 5, "window", "window", "")]
    assert words(peak_heading("Power", SampleRow(3, 40, "p"), "W", bands)) == "Power peaks at 40.0 W in the measured window"
    assert words(peak_heading("Power", SampleRow(1, 40, "p"), "W", bands)) == "Power peaks at 40.0 W during load"
    assert words(peak_heading("Power", SampleRow(9, 40, "p"), "W", bands)) == "Power peaks at 40.0 W between phases"


def test_a_headline_says_where_it_holds_and_how_sure_it_is() -> None:
    """Machine, interval, scope and runs stand under it; of a sweep, too; before any run, nothing."""
    study = context(dataset(ENERGY))
    scope = words(headline_scope(study))
    assert scope.startswith("On Test CPU (2 cores): ")
    assert "95 % CI" in scope
    assert "geometric mean over 3 of 3 models" in scope
    assert scope.endswith("; 5 runs in each cell.")
    assert "for these models" in scope and "further model" not in scope
    overview = next(study_pages(study, "")).content
    assert isinstance(overview, OverviewContent)
    assert words(overview.scope) == scope
    swept = words(headline_scope(context(sweep(GROWING))))
    assert swept.startswith("On a machine that is not known here: 95 % CI ")  # the headline itself says what is compared
    made = dataset(ENERGY)
    assert headline_scope(context(replace(made, cells=tuple(replace(cell, runs=()) for cell in made.cells)))) == ""


def test_pages_begin_with_what_they_show() -> None:
    """Matrix, guidelines and data name what was found; without runs they say that there is nothing."""
    study = context(dataset(ENERGY))
    assert words(matrix_heading(study, ("energy_j",))) == "ONNX Runtime · CPU has the lowest median energy on 2 of 3 models"
    assert words(guidelines_heading(study)) == "Least energy: ONNX Runtime · CPU on 2 of 3 models"
    assert data_heading(study) == "45 valid runs, with every request, output and sample"
    made = dataset(ENERGY)
    empty = context(replace(made, cells=tuple(replace(cell, runs=()) for cell in made.cells)))
    assert matrix_heading(empty, ("energy_j",)) == "No configuration has a value on any model yet"
    assert guidelines_heading(empty) == "These runs do not yet show what to choose"
    assert data_heading(empty) == "Nothing to take away yet but the study file"


def test_a_headline_about_six_models_speaks_of_models_like_these() -> None:
    """Its interval is that over models, the answer's claim says so, and a further model has its prediction beside it."""
    many = {f"m{n}": {"torch": around(100), "onnx": around(50 + 4 * n)} for n in range(6)}
    study = context(dataset(many))
    claim = study.analysis.claims[0]
    assert claim.generality is Generality.MODELS_LIKE_THESE
    assert claim.mean is not None and claim.ci == claim.mean.over_models
    scope = words(headline_scope(study))
    assert "95 % CI for models like these" in scope
    assert "; a further model like these: 15–58 % (95 % prediction)" in scope
