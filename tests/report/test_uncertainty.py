"""Tests of what pages and exports say of the uncertainty of instruments."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.analysis.findings_json.document import document
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.run_view import Sampling
from greenreport.catalog import METERS
from greenreport.record import Method
from greenreport.report.context import study_context
from greenreport.report.exports.label import energy_label
from greenreport.report.exports.observations_csv import observations_csv
from greenreport.report.pages import study_pages
from greenreport.report.render import Renderer
from greenreport.report.templates import templates_folder
from greenreport.study import Site
from greenreport.traces import Budget, Contribution, Coverage
from tests.datasets import around, dataset

ENERGY = {"a": {"torch": around(100), "onnx": around(60)}, "b": {"torch": around(1000), "onnx": around(900)}}


def measured(meters: dict[str, str], energy: dict[str, dict[str, list[float]]] = ENERGY) -> Dataset:
    """Return a dataset whose energy has 3 % of gain, 1 J of offset and 0.5 % from load to load, by the meter of each engine."""
    data = dataset(energy)
    cells = []
    for cell in data.cells:
        meter = meters[cell.configuration.engine]
        read = Sampling(meter, "package-0 energy", 0.1, Coverage(10, 1.0, 0.1), True, METERS[meter].accuracies[-1])
        runs = []
        for run in cell.runs:
            joules = run.observations["energy_j"]
            value = joules.value or 0.0
            budget = Budget((Contribution(meter, 0.03 * value, 1.0, 0.005 * value, 0.0, 0.0),))
            observations = dict(run.observations) | {"energy_j": replace(joules, budget=budget)}
            runs.append(replace(run, observations=observations, sampling=(read,)))
        cells.append(replace(cell, runs=tuple(runs)))
    return replace(data, cells=tuple(cells))


ONE, TWO = {"torch": "rapl", "onnx": "rapl"}, {"torch": "rapl", "onnx": "energibridge"}


@pytest.fixture
def pages(drawn: Path) -> dict[str, str]:
    """Return the pages of a study read by one instrument as text."""
    made = list(study_pages(study_context("tiny", analyse(measured(ONE))), ""))
    shown = [page for page in made if page.section in ("cells/a--torch-cpu", "methods", "rq/rq1", "rq/rq2", "claims")]
    files = Renderer([templates_folder()], drawn, Site()).pages(shown, {})
    return {
        name: re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", files[name].decode())) for name in files if name.endswith(".html")
    }


def test_joules_are_printed_with_their_expanded_uncertainty(pages: dict[str, str]) -> None:
    """The page of a cell has U with k = 2 beside its energy, and of time none."""
    cell = pages["s/tiny/cells/a--torch-cpu/index.html"]
    assert "± U (k = 2)" in cell
    assert re.search(r"Energy \S+ J ± 6\.[34] J \[", cell)  # 2 √(3² + 1²) J


def test_the_methods_page_says_what_the_instrument_adds_and_where_that_comes_from(pages: dict[str, str]) -> None:
    """Every instrument that energy was read from, with its limits and their source."""
    methods = pages["s/tiny/methods/index.html"]
    section = methods[methods.index("What the instrument adds") :]
    assert re.search(r"RAPL package-0 energy ± 10 % ± 5 %", section)
    assert METERS["rapl"].accuracies[-1].source in section


def test_ratios_say_what_cancels(pages: dict[str, str]) -> None:
    """On one instrument the gain cancels; what stays stands beside the ratio, on the page of the question and of the claim."""
    for name in ("rq/rq1", "claims"):
        assert "(k = 2), beside the interval of the runs: one instrument read both" in pages[f"s/tiny/{name}/index.html"]
    assert "the instruments add" not in pages["s/tiny/rq/rq2/index.html"]


def test_a_difference_that_the_instruments_may_explain_is_called_so(drawn: Path) -> None:
    """The runs tell 1 % apart, the instrument does not: the page of the question and the claim say it, the verdict stays that of the runs."""
    analysis = analyse(measured(ONE, {"a": {"torch": around(100, spread=0.001), "onnx": around(99, spread=0.001)}}))
    assert analysis.findings[0].tests[0].test.pairs[0].significant
    shown = [page for page in study_pages(study_context("tiny", analysis), "") if page.section in ("rq/rq1", "claims")]
    html = [
        text.decode()
        for name, text in Renderer([templates_folder()], drawn, Site()).pages(shown, {}).items()
        if name.endswith(".html")
    ]
    assert all("the instruments alone may explain" in text for text in html)
    [claim] = [c for c in document(analysis)["claims"] if c["metric"] == "energy_j"]
    assert claim["instruments"]["may_explain"] is True
    assert {
        c["instruments"]["may_explain"] for c in document(analyse(measured(ONE)))["claims"] if c["metric"] == "energy_j"
    } == {False}


def test_the_findings_hold_the_uncertainty_of_values_and_of_ratios() -> None:
    """Two instruments cancel nothing, so the ratio is less certain than that of one; modelled energy has none."""
    found = document(analyse(measured(ONE)))
    [torch] = [c for c in found["cells"] if (c["model"], c["configuration"]) == ("a", "torch-cpu")]
    assert torch["metrics"]["energy_j"]["expanded_uncertainty"] == pytest.approx(2 * 10**0.5, rel=0.01)
    assert torch["metrics"]["duration_s"]["expanded_uncertainty"] is None
    of_ratio = [
        {
            c["id"]: c["instruments"]["expanded_uncertainty"]
            for c in document(analyse(data))["claims"]
            if c["metric"] == "energy_j"
        }
        for data in (measured(ONE), measured(TWO))
    ]
    assert of_ratio[0].keys() == of_ratio[1].keys() != set()
    for claim, one in of_ratio[0].items():
        assert one < 0.03 < 0.08 < of_ratio[1][claim]
    assert all(claim["instruments"] is None for claim in document(analyse(dataset(ENERGY)))["claims"])


def test_the_energy_label_states_it() -> None:
    """For the amount of work of its large number."""
    data = measured(ONE)
    [cell, *others] = data.cells
    runs = []
    for run in cell.runs:
        joules = run.observations["energy_j"]
        assert joules.value is not None
        assert joules.budget is not None
        token = replace(joules, metric="j_per_output_token", value=joules.value / 64, budget=joules.budget.times(1 / 64))
        runs.append(replace(run, observations=dict(run.observations) | {"j_per_output_token": token}))
    study = study_context("tiny", analyse(replace(data, cells=(replace(cell, runs=tuple(runs)), *others))))
    label = energy_label(study, study.dataset.cells[0])
    assert label is not None
    assert dict(label.facts)["Instrument"] == "adds ±\u202f99\u202fJ (k = 2) for 1,000 output tokens"


def test_the_tidy_file_has_the_uncertainty_of_each_value() -> None:
    """In the unit of the value; empty where there is none."""
    rows = list(csv.DictReader(io.StringIO(observations_csv(measured(ONE))[0].decode())))
    assert {bool(row["uncertainty"]) for row in rows if row["metric"] == "energy_j"} == {True}
    assert {row["uncertainty"] for row in rows if row["metric"] == "duration_s"} == {""}


def test_modelled_energy_says_why_it_has_none(drawn: Path) -> None:
    """No number stands for the errors of a model; the page says that there is none."""
    data = dataset(ENERGY)
    cells = [
        replace(
            cell,
            runs=tuple(
                replace(
                    run,
                    observations={
                        k: replace(o, method=Method.ESTIMATED) if k == "energy_j" else o for k, o in run.observations.items()
                    },
                )
                for run in cell.runs
            ),
        )
        for cell in data.cells
    ]
    made = list(study_pages(study_context("tiny", analyse(replace(data, cells=tuple(cells)))), ""))
    page = [p for p in made if p.section == "cells/a--torch-cpu"]
    files = Renderer([templates_folder()], drawn, Site()).pages(page, {})
    assert "a model has errors that no instrument states" in files["s/tiny/cells/a--torch-cpu/index.html"].decode()
