"""Tests of figures: their sentences follow from the rows, and the page gets what it needs to let readers choose."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.metrics import Observation
from greenreport.analysis.measure.run_order import OrderEffects
from greenreport.analysis.stats import Interval, NotComputable
from greenreport.analysis.stats.order_effects import Drift
from greenreport.record import Method, Outcome, Request
from greenreport.report.context import StudyContext, study_context
from greenreport.report.drawing.style import looks
from greenreport.report.drawing.svg_text import width
from greenreport.report.figure import Figure
from greenreport.report.figures.axes import HEAD_SIZE, value_axis
from greenreport.report.figures.effect_sizes import significance_figure
from greenreport.report.figures.fidelity import match_figure
from greenreport.report.figures.footprint import footprint_figures
from greenreport.report.figures.hypothesis_ratios import forest_figure
from greenreport.report.figures.hypothesis_runs import RunRow, runs_spec, strip_figure
from greenreport.report.figures.matrix import matrix_figure
from greenreport.report.figures.request_distributions import (
    SYMBOL,
    StepRow,
    distribution_spec,
    same_length,
    tokens_figure,
    wait_figures,
)
from greenreport.report.figures.run_drift import course_figure
from greenreport.report.figures.specification import WIDTH, Sheet
from greenreport.report.figures.tradeoffs import PointRow, tradeoff_figure, tradeoff_spec
from tests.analysis.test_footprint import CARBON, PRICE, declared, measured
from tests.datasets import around, dataset

ENERGY = {
    "a": {"torch": around(100), "onnx": around(50), "openvino": around(99)},
    "b": {"torch": around(1000), "onnx": around(900), "openvino": around(300)},
}


def context(data: Dataset) -> StudyContext:
    """Return the context of a study."""
    return study_context("x", analyse(data))


def hints(figure: Figure | None) -> dict[str, Any]:
    """Return what the figure tells the page's script."""
    assert figure is not None
    return dict(figure.spec["usermeta"]["greenreport"])


def words(text: str) -> str:
    """Return a text with ordinary spaces."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def test_readers_may_hide_engines() -> None:
    """A chart of several engines names them with their configurations; the baseline of ratios is none of them."""
    study = context(dataset(ENERGY))
    finding = study.analysis.findings[0]
    names = [(group["id"], group["name"], group["of"]) for group in hints(strip_figure(study, finding))["groups"]]
    assert names == [
        ("torch", "Torch", ["torch-cpu"]),
        ("onnx", "ONNX Runtime", ["onnx-cpu"]),
        ("openvino", "OpenVINO", ["openvino-cpu"]),
    ]
    assert [group["id"] for group in hints(forest_figure(study, finding, "torch-cpu"))["groups"]] == ["onnx", "openvino"]


def test_configurations_of_one_engine_are_hidden_one_by_one() -> None:
    """With a single engine there is nothing to tell engines apart by; its configurations take their place."""
    styles = looks(["onnx", "onnx"], [("onnx-cpu", "onnx", "cpu"), ("onnx-cpu-t4", "onnx", "cpu")])
    rows = [
        RunRow("m", name, label, "cpu", n, value, "") for name, label, value in (("onnx-cpu", "A", 1.0), ("onnx-cpu-t4", "B", 2.0)) for n in (1, 2)
    ]  # fmt: skip
    spec = runs_spec(rows, styles, axis="x", log=False)
    groups = spec["usermeta"]["greenreport"]["groups"]
    assert [(g["id"], g["name"]) for g in groups] == [("onnx-cpu", "A"), ("onnx-cpu-t4", "B")]
    alone = runs_spec(rows[:2], styles, axis="x", log=False)
    assert "groups" not in alone["usermeta"]["greenreport"]


@pytest.mark.parametrize(
    ("values", "shown", "offered"),
    [
        ([1.0, 5.0], "linear", "log"),
        ([1.0, 500.0], "log", "linear"),
        ([0.0, 5.0], "linear", None),
        ([-1.0, 5.0], "linear", None),
        ([3.01, 3.02], "linear", None),
    ],
    ids=["near", "far apart", "zero", "negative", "too near for ticks"],
)
def test_an_axis_offers_the_other_kind_where_it_has_one(values: Sequence[float], shown: str, offered: str | None) -> None:
    """Values without a logarithm, or too close for two ticks, have one kind only."""
    sheet = Sheet()
    axis = value_axis(sheet, values, "energy (J)")("value:Q").to_dict(validate=False)
    assert axis["scale"].get("type", "linear") == shown
    assert (axis["title"] == "energy (J), log scale") == (shown == "log")
    assert (sheet.switch or {}).get("to") == offered
    if sheet.switch is not None:
        assert sheet.switch["x"]["scale"].get("type", "linear") == offered
        assert json.dumps(sheet.switch)


def test_every_line_of_a_distribution_looks_different() -> None:
    """Hues repeat after four engines; the dash then tells configurations of a hue apart."""
    pairs = [(f"onnx-{n}", "onnx", "cpu") for n in range(3)] + [("torch-cpu", "torch", "cpu")]
    rows = [StepRow("m", name, name.upper(), value, value) for name, _, _ in pairs for value in (0.0, 0.5, 1.0)]
    spec = distribution_spec(rows, looks(["onnx", "torch"], pairs), axis="x")
    encoding = spec["layer"][0]["encoding"]
    seen = list(zip(encoding["color"]["scale"]["range"], map(tuple, encoding["strokeDash"]["scale"]["range"]), strict=True))
    assert len(set(seen)) == 4
    assert encoding["color"]["scale"]["domain"] == encoding["strokeDash"]["scale"]["domain"]


def test_a_legend_is_no_wider_than_its_plot() -> None:
    """Long names stand in fewer columns; four of them were cut off on a screen of 800 pixels."""

    def columns(names: Sequence[str]) -> int:
        rows = [StepRow("m", f"c{at}", name, value, value) for at, name in enumerate(names) for value in (0.0, 1.0)]
        spec = distribution_spec(rows, looks(["onnx"], [(f"c{at}", "onnx", "cpu") for at in range(len(names))]), axis="x")
        return int(spec["layer"][0]["encoding"]["color"]["legend"]["columns"])

    assert columns(["Torch", "ONNX", "OpenVINO", "Other"]) == 4
    long = ["ONNX Runtime GenAI\u00a0·\u00a0CPU · int8", "Torch\u00a0·\u00a0CPU"]
    assert 1 <= columns(long) * (width(long[0], HEAD_SIZE) + SYMBOL) <= WIDTH


def test_all_points_of_a_tradeoff_are_seen_on_a_phone() -> None:
    """However many names its front has: those without room are left out, and no point lies beyond the edge."""
    names = [f"configuration {at}" for at in range(10)]
    rows = [PointRow("m", name, name, 1.0 + 0.01 * at, 2.0 - 0.01 * at, True, "") for at, name in enumerate(names)]
    spec = tradeoff_spec(rows, looks(["onnx"], [(name, "onnx", "cpu") for name in names]), {}, x_axis="x", units=("s", "J"))
    hints = spec["usermeta"]["greenreport"]
    assert hints["narrowest"] + hints["chrome"] <= 350


def test_effects_are_counted_by_size_and_by_chance() -> None:
    """Of six pairs, those that differ by more than 5 % and beyond chance; a small ratio is not among them."""
    study = context(dataset(ENERGY))
    figure = significance_figure(study, study.analysis.findings[0])
    assert figure is not None
    assert words(figure.finding) == "5 of 6 pairs differ significantly in energy, and by more than 5 %"
    assert "The largest ratio is 3.33 × (Torch · CPU against OpenVINO · CPU on B)." in words(figure.summary)
    ratios = {(r[1], r[2]): r[3] for r in figure.table.rows if r[0] == "A"}
    assert all(isinstance(ratio, float) and ratio >= 1 for ratio in ratios.values())
    [rows] = [rows for rows in figure.spec["datasets"].values() if "strength" in rows[0]]
    assert all(row["configuration"] != row["other"] for row in rows)
    assert max(row["strength"] for row in rows) <= 12


def test_one_configuration_has_no_effects() -> None:
    """Nothing to compare, no figure."""
    study = context(dataset({"a": {"torch": around(10)}}))
    assert significance_figure(study, study.analysis.findings[0]) is None


def ordered(cell: CellView, values: Sequence[float], **changes: Any) -> CellView:
    """Return a cell whose runs have these times in the order of the study."""
    runs = tuple(
        replace(run, position=3 * place, observations={"duration_s": Observation("duration_s", value)}, **changes)
        for place, (run, value) in enumerate(zip(cell.runs, values, strict=True), start=1)
    )
    return replace(cell, runs=runs)


def test_the_course_of_a_cell_says_what_the_study_shows_and_judges_nothing_by_itself() -> None:
    """Five runs of one cell show no trend and no lack of one; where the whole study moves with time, that is the finding."""
    data = dataset({"a": {"torch": [1.0] * 6, "onnx": [1.0] * 6}})
    study = context(data)
    rising = ordered(data.cells[0], [1, 2, 3, 4, 5, 6])
    figure = course_figure(study, rising)
    assert figure is not None
    assert figure.finding == "6 valid runs in their order"
    assert "too few to show a trend" in figure.caption
    drift = Drift(0.02, Interval(0.01, 0.03, 0.95, "t"), 4.0, 9, 0.003)
    none = NotComputable("")
    effects = OrderEffects("duration_s", 12, 2.0, randomised=True, drift=drift, carry_over=none, autocorrelation=none)
    moving = course_figure(replace(study, analysis=replace(study.analysis, order=(effects,))), rising)
    assert moving is not None
    assert moving.finding == "Execution time moves with time over the study"
    assert "execution time rises by 2.00\u202f% per hour" in moving.summary
    runs = (*rising.runs[:5], replace(rising.runs[5], outcome=Outcome.INVALID))
    aside = course_figure(study, replace(rising, runs=runs))
    assert aside is not None
    assert [row[3] for row in aside.table.rows].count("does not count") == 1
    assert course_figure(study, replace(rising, runs=rising.runs[:1])) is None
    assert course_figure(study, replace(rising, runs=tuple(replace(run, position=0) for run in rising.runs))) is None


def test_outputs_beside_the_reference_are_counted_and_outlined() -> None:
    """Equal cells, the worst one by name, and cells that are not ranked."""
    outputs = {("a", "torch"): ("a", "b"), ("a", "onnx"): ("a", "b"), ("a", "openvino"): ("a", "x")}
    study = context(dataset({"a": ENERGY["a"]}, outputs=outputs))
    figure = match_figure(study)
    assert figure is not None
    assert figure.finding == "1 of 2 cells gives exactly the outputs of the reference"
    assert "1 of 2 outputs are equal, OpenVINO · CPU on A" in words(figure.summary)
    [rows] = [rows for rows in figure.spec["datasets"].values() if "missed" in rows[0]]
    assert [(row["verdict"], row["missed"]) for row in rows] == [("reference", 0.0), ("faithful", 0.0), ("unfaithful", 0.5)]
    assert match_figure(context(dataset({"a": {"torch": around(10)}}))) is None


def test_lengths_are_drawn_where_they_differ_and_told_where_not() -> None:
    """Every output of eight tokens is a sentence; another length makes a figure."""
    data = dataset(ENERGY)
    study = context(data)
    assert same_length(study) == "Each of 60 requests in 6 cells gave exactly 8 output tokens."
    assert tokens_figure(study) is None
    cell = data.cells[0]
    early = tuple(replace(run, requests=(replace(run.requests[0], output_tokens=2), run.requests[1])) for run in cell.runs)
    other = context(replace(data, cells=(replace(cell, runs=early), *data.cells[1:])))
    assert same_length(other) is None
    figure = tokens_figure(other)
    assert figure is not None
    assert figure.finding == "Outputs have 2 to 8 tokens"
    assert "On 1 of 2 models the distribution is not the same" in figure.summary
    assert ("A", "Torch\u00a0·\u00a0CPU", 2.0, 0.5) in figure.table.rows


def timed(data: Dataset, slow: str) -> Dataset:
    """Return the data with token times; one engine waits ten times as long for the first."""

    def request(index: int, factor: int) -> Request:
        first = 10**9 + factor * 10**7
        return Request(index, 10**9, 2 * 10**9, None, 10**9, 2 * 10**9, (first, first + 10**6), 5, 2, "length", "a", "m")

    cells = tuple(
        replace(
            cell,
            runs=tuple(
                replace(run, requests=tuple(request(i, 10 if cell.configuration.engine == slow else 1) for i in range(4)))
                for run in cell.runs
            ),
        )
        for cell in data.cells
    )
    return replace(data, cells=cells)


def test_waiting_times_name_the_fastest_and_the_slowest() -> None:
    """The 95th percentile in the title; a declared bound draws the latency and counts who keeps it."""
    data = timed(dataset({"a": ENERGY["a"]}), "onnx")
    figures = wait_figures(context(data), data.models[0])
    assert [figure.id for figure in figures] == ["ttft-a", "tbt-a"]
    assert words(figures[0].finding) == (
        "Time to first token on A: 95 in 100 requests stay within 10.0 ms (Torch · CPU) to 100 ms (ONNX Runtime · CPU)"
    )
    bounded = replace(data, study=data.study.model_copy(update={"latency_bound_s": 0.5}))
    latency = wait_figures(context(bounded), data.models[0])[2]
    assert words(latency.summary).endswith("0 of 3 configurations keep at least 95 in 100 requests within 500 ms.")
    assert any(layer["mark"]["type"] == "rule" for layer in latency.spec["layer"])


def test_derived_amounts_say_that_they_are_derived() -> None:
    """One figure for each declared factor; the title gives the range over cells, every figure carries the remark."""
    data = measured({"torch": around(3600), "onnx": around(1800)}, declared(carbon_g_per_kwh=CARBON, price_per_kwh=PRICE))
    study = context(data)
    assert study.analysis.footprint is not None
    figures = footprint_figures(study, study.analysis.footprint)
    assert [figure.id for figure in figures] == ["footprint-carbon", "footprint-cost"]
    assert all("derived, not measured" in figure.bands for figure in figures)
    assert (
        words(figures[0].finding)
        == "Carbon: 1,000 requests come to between 100 gCO₂e and 200 gCO₂e, depending on the configuration"
    )
    assert "Boundary: CPU package-0." in figures[0].caption
    alike = context(measured({"torch": [3600.0] * 5, "onnx": [3600.0] * 5}, declared(carbon_g_per_kwh=CARBON)))
    assert alike.analysis.footprint is not None
    assert words(footprint_figures(alike, alike.analysis.footprint)[0].finding) == "Carbon: 1,000 requests come to 200 gCO₂e"
    assert [column.unit for column in figures[1].table.columns][2:7] == ["EUR"] * 5


def test_energy_per_token_is_printed_with_its_boundary() -> None:
    """What an energy value includes stands below figures of everything that is made of energy."""
    hypothesis = {"id": "H1.0", "question": "RQ1", "metric": "j_per_output_token"}
    data = dataset(ENERGY, hypotheses=[hypothesis])
    cells = tuple(
        replace(
            cell,
            runs=tuple(
                replace(
                    run,
                    observations={
                        "j_per_output_token": Observation(
                            "j_per_output_token", run.value("energy_j"), "CPU package-0", Method.MEASURED
                        )
                    },
                )
                for run in cell.runs
            ),
        )
        for cell in data.cells
    )
    study = context(replace(data, cells=cells))
    for figure in (forest_figure(study, study.analysis.findings[0], None), strip_figure(study, study.analysis.findings[0])):
        assert figure is not None
        assert figure.caption.endswith("Boundary: CPU package-0.")


def test_the_matrix_says_who_wins_and_ranks_only_the_same_work() -> None:
    """Counts over models in a sentence; a cell with other outputs is shown without a rank, however little it used."""
    figure = matrix_figure(context(dataset(ENERGY)), "energy_j")
    assert figure is not None
    assert words(figure.finding) == "ONNX Runtime · CPU uses the least energy on 1 of 2 models, OpenVINO · CPU on 1"
    other = matrix_figure(context(dataset(ENERGY, outputs={("b", "openvino"): ("a", "x")})), "energy_j")
    assert other is not None
    assert words(other.finding) == "ONNX Runtime · CPU uses the least energy on both models"
    remarks = {(row[0], words(str(row[1]))): row[3:] for row in other.table.rows}
    assert remarks["B", "OpenVINO · CPU"] == (None, "not ranked: other outputs than the reference")
    assert remarks["B", "ONNX Runtime · CPU"] == (1.0, "")
    assert other.remark == "Every cell has a value."
    single = matrix_figure(context(dataset({"a": ENERGY["a"]})), "duration_s")
    assert single is not None
    assert words(single.finding) == "ONNX Runtime · CPU has the shortest execution time on A"


def test_a_tradeoff_says_where_one_configuration_is_best_in_both() -> None:
    """On how many models; the others are dominated, which does not need to be beaten in both."""
    time = {"a": ENERGY["a"], "b": {"torch": around(10), "onnx": around(30), "openvino": around(20)}}
    study = context(dataset(ENERGY, time))
    figure = tradeoff_figure(study, study.analysis.tradeoffs[0])
    assert figure is not None
    assert figure.finding == "Execution time against energy: on 1 of 2 models a single configuration is best in both"
    assert figure.remark == ""  # nothing below the drawing repeats its title
    verdicts = [words(str(row[-1])) for row in figure.table.rows]
    assert sum(verdict.startswith("dominated by ") for verdict in verdicts) == 3
    assert not any("beaten" in verdict for verdict in verdicts)
    hints = figure.spec["usermeta"]["greenreport"]
    assert hints["narrowest"] + hints["chrome"] <= 350  # of a phone
