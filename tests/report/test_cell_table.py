"""Tests of the pages of one model and of one configuration."""

from __future__ import annotations

from dataclasses import replace

from greenreport.analysis.analyse import analyse
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.observation import Observation
from greenreport.record import Flag, FlagCode, Method, Outcome
from greenreport.report.context import StudyContext, study_context
from greenreport.report.figures.energy_breakdown import components_figure
from greenreport.report.pages.configuration_page import configuration_page
from greenreport.report.pages.model_page import model_page
from tests.datasets import around, dataset

ENERGY = {
    "a": {"torch": around(100), "onnx": around(50), "openvino": around(200)},
    "b": {"torch": around(1000), "onnx": around(900), "openvino": around(300)},
}


def context(data: Dataset) -> StudyContext:
    """Return the context of a study."""
    return study_context("x", analyse(data))


def words(text: str) -> str:
    """Return a text with ordinary spaces."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def test_a_configuration_shows_its_ratio_on_every_model_and_its_places() -> None:
    """One figure for each question, the smallest ratio first; of the reference, whose ratio is 1, all runs."""
    study = context(dataset(ENERGY))
    torch, onnx, _ = study.dataset.configurations
    page = configuration_page(study, onnx)
    assert [figure.id for figure in page.figures] == ["h1-0-models-onnx-cpu", "h2-0-models-onnx-cpu"]
    assert words(page.figures[0].finding) == (
        "ONNX Runtime · CPU: the ratio of energy to Torch · CPU is 0.500 × (A) to 0.900 × (B)"
    )
    assert [row[0] for row in page.figures[0].table.rows] == ["A", "B"]
    assert (page.content.ranked, [place for _, _, place in page.content.rows]) == ("energy", ["1 of 3", "2 of 3"])
    reference = configuration_page(study, torch)
    assert words(reference.figures[0].finding) == "Within every cell, the largest energy is at most 1.02 × the smallest"
    assert len(reference.figures[0].table.rows) == 10


def test_what_is_unusual_about_a_cell_is_told() -> None:
    """Runs that do not count with their reason, remarks on those that do, other outputs; nothing where there is nothing."""
    data = dataset(ENERGY, outputs={("a", "openvino"): ("a", "x")})
    first = data.cells[0]
    runs = (
        replace(first.runs[0], outcome=Outcome.INVALID, reason="foreign load"),
        replace(first.runs[1], flags=(Flag(FlagCode.THROTTLED, "5 s"), Flag(FlagCode.ESTIMATED_ENERGY, "no meter"))),
        *first.runs[2:],
    )
    study = context(replace(data, cells=(replace(first, runs=runs), *data.cells[1:])))
    unusual = {name: text for name, _, text in model_page(study, study.dataset.models[0]).content.unusual}
    assert {words(name): text.split(" (")[0] for name, text in unusual.items()} == {
        "Torch · CPU": "1 of 5 runs invalid",
        "OpenVINO · CPU": "other outputs than the reference",
    }
    assert unusual["Torch\u00a0·\u00a0CPU"] == "1 of 5 runs invalid (foreign load); throttled in 1 of 4 valid runs"
    assert model_page(study, study.dataset.models[1]).content.unusual == ()


def test_the_parts_of_energy_are_drawn_where_there_are_several() -> None:
    """CPU and memory: in a hundred joules; with one part there is nothing to tell apart."""
    data = dataset({"a": ENERGY["a"]})

    def parted(memory: float) -> Dataset:
        parts = {"cpu_energy_j": 75.0, **({"dram_energy_j": memory} if memory else {})}
        more = {name: Observation(name, joules, "x", Method.MEASURED) for name, joules in parts.items()}
        cells = (
            replace(c, runs=tuple(replace(r, observations={**r.observations, **more}) for r in c.runs)) for c in data.cells
        )
        return replace(data, cells=tuple(cells))

    figure = components_figure(context(parted(25.0)), "a")
    assert figure is not None
    assert figure.finding == "Of 100 joules in the window on A, 75 in the CPU, 25 in the memory"
    assert len(figure.table.rows) == 6
    assert components_figure(context(parted(0.0)), "a") is None
