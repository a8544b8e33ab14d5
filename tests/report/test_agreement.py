"""Tests of the figure on the agreement of two instruments."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.measurement_quality import quality
from greenreport.report.context import study_context
from greenreport.report.figures.instrument_agreement import agreement_figure
from greenreport.report.page import Page
from greenreport.report.pages import PageContent, study_pages
from greenreport.report.render import Renderer
from greenreport.report.templates import templates_folder
from greenreport.study import Site
from greenreport.validity import Agreement
from tests.datasets import around, dataset

COUNTER, POWER = "nvml energy counter", "nvml integrated power"
DIFFERENCES = (0.01, 0.02, 0.03, 0.02, 0.07)


def measured_twice(differences: tuple[float, ...] = DIFFERENCES, factor: float = 1.0) -> Dataset:
    """Return a dataset whose runs were measured by two instruments that differ by these shares of their mean."""
    data = dataset({"a": {"torch": around(100), "onnx": around(60 * factor)}})
    cells = []
    for cell in data.cells:
        runs = []
        for run, difference in zip(cell.runs, differences, strict=False):
            joules = run.value("energy_j") or 0.0
            first, second = joules * (1 - difference / 2), joules * (1 + difference / 2)
            runs.append(replace(run, agreements=(Agreement("gpu-0", COUNTER, first, POWER, second),)))
        cells.append(replace(cell, runs=tuple(runs)))
    return replace(data, cells=tuple(cells))


def validity_page(data: Dataset) -> Page[PageContent]:
    """Return the validity page of a dataset."""
    pages = list(study_pages(study_context("tiny", analyse(data)), ""))
    return next(page for page in pages if page.section == "validity")


def test_the_lines_are_bias_and_limits_of_agreement() -> None:
    """Mean difference ± 1.96 standard deviations over all runs, in the figure's data, sentences and table."""
    data = measured_twice()
    [found] = quality(data).agreements
    twice = DIFFERENCES * 2
    limits = [mean(twice) - 1.96 * stdev(twice), mean(twice) + 1.96 * stdev(twice)]
    assert (found.bias, found.low, found.high) == pytest.approx((0.03, *limits))
    assert found.outside == 0
    figure = agreement_figure(study_context("tiny", analyse(data)), found)
    assert figure is not None
    rows = [row for rows in figure.spec["datasets"].values() for row in rows]
    assert sorted(row["difference"] for row in rows if "name" in row) == pytest.approx([100 * limits[0], 3, 100 * limits[1]])
    points = [row for row in rows if "mean_j" in row]
    assert [p["difference"] for p in points] == pytest.approx([100 * d for d in twice])
    assert sorted(p["mean_j"] for p in points) == pytest.approx(sorted(around(100) + around(60)))
    assert figure.finding == "gpu-0: nvml integrated power reads 3.0\u202f% more than nvml energy counter"
    assert "No run lies outside these limits." in figure.summary
    assert "n = 10" in figure.caption
    assert len(figure.table.rows) == 10
    assert figure.table.shown[0][-1].text == "+1.0\u202f%"
    assert [column.unit for column in figure.table.columns] == ["", "", "", "J", "J", "1"]


def test_a_run_outside_the_limits_is_counted_and_less_is_less() -> None:
    """Nineteen alike and one far off; the second instrument reads less."""
    data = measured_twice((-0.01, -0.01, -0.01, -0.01, -0.01))
    cell = data.cells[0]
    odd = replace(cell.runs[0], agreements=(Agreement("gpu-0", COUNTER, 120.0, POWER, 80.0),))
    data = replace(data, cells=(replace(cell, runs=(odd, *cell.runs[1:])), *data.cells[1:]))
    [found] = quality(data).agreements
    assert found.outside == 1
    figure = agreement_figure(study_context("tiny", analyse(data)), found)
    assert figure is not None
    assert "less than nvml energy counter" in figure.finding
    assert "1 of 10 runs lies outside these limits." in figure.summary


def test_the_page_says_what_their_uncertainties_explain() -> None:
    """The median of what is explained, and the runs beyond it; nothing where one of them is not known."""
    data = measured_twice()
    [unknown] = quality(data).agreements
    assert (unknown.allowed, unknown.unexplained) == (None, 0)
    cells = [
        replace(
            cell,
            runs=tuple(replace(run, agreements=tuple(replace(a, allowed=0.025) for a in run.agreements)) for run in cell.runs),
        )
        for cell in data.cells
    ]
    [found] = quality(replace(data, cells=tuple(cells))).agreements
    assert (found.allowed, found.unexplained) == (0.025, 4)  # 3 % and 7 % on each of two cells


def test_too_few_runs_give_no_limits_and_no_figure() -> None:
    """Two runs have a difference each, and no spread worth the name."""
    data = measured_twice((0.01,))
    [found] = quality(data).agreements
    assert (found.runs, found.low, found.high) == (2, None, None)
    assert agreement_figure(study_context("tiny", analyse(data)), found) is None
    assert validity_page(data).figures == ()


def test_energies_far_apart_get_a_logarithmic_axis() -> None:
    """A factor of a hundred between configurations would press one of them to the edge."""
    for factor, log in ((1.0, False), (100.0, True)):
        [figure] = validity_page(measured_twice(factor=factor)).figures
        assert ("log" in json.dumps(figure.spec)) is log


def test_the_page_shows_the_figure_with_table_and_text(drawn: Path) -> None:
    """Drawn, with its text alternative, every run in the table, and files to take away; without a second instrument there is none."""
    page = validity_page(measured_twice())
    files = Renderer([templates_folder()], drawn, Site()).pages([page], {})
    html = files["s/tiny/validity/index.html"].decode()
    figure = html[html.index("<figure") : html.index("</figure>")]
    assert "<svg" in figure
    assert "nvml integrated power reads" in figure
    assert figure.count("<tr>") == 11
    name = page.figures[0].id
    assert {f"s/tiny/figures/{name}.{suffix}" for suffix in ("svg", "png", "csv", "json", "vl.json")} <= files.keys()
    assert validity_page(dataset({"a": {"torch": around(100), "onnx": around(60)}})).figures == ()
