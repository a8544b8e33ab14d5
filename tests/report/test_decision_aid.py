"""Tests of the decision aid's data: every comparison is a claim, memory and size are known or said to be unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from greenreport.analysis.analyse import analyse
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.observation import Observation
from greenreport.record import Facts, Method
from greenreport.report.context import study_context
from greenreport.report.pages.decision_aid import DecisionAid, decision_aid
from tests.datasets import around, dataset

ENERGY = {
    "a": {"torch": around(100), "onnx": around(50)},
    "b": {"torch": around(1000), "onnx": around(900)},
}


def served(more: Mapping[str, float] | None = None, **changes: Any) -> Dataset:
    """Return a dataset with energy per request (a tenth of the energy), and with further metrics that are the same in every run."""
    made = dataset(ENERGY, **changes)
    cells = []
    for cell in made.cells:
        runs = []
        for run in cell.runs:
            values = {"j_per_request": (run.value("energy_j") or 0) / 10, **(more or {})}
            found = {name: Observation(name, value, "CPU package-0", Method.MEASURED) for name, value in values.items()}
            runs.append(replace(run, observations={**run.observations, **found}))
        cells.append(replace(cell, runs=tuple(runs)))
    return replace(made, cells=tuple(cells))


def aid_of(data: Dataset) -> DecisionAid:
    """Return the decision aid of a dataset."""
    found = decision_aid(study_context("x", analyse(data)))
    assert found is not None
    return found


def test_every_cell_says_what_it_saves_against_the_reference() -> None:
    """On its own model, in words, with an interval and a derivation that is on the page of claims; the reference says that it is one."""
    data = served()
    analysis = analyse(data)
    aid = decision_aid(study_context("x", analysis))
    assert aid is not None
    torch, onnx = (cell for cell in aid.cells if cell.model == "a")
    assert (torch.reference, torch.claim) == (True, None)
    assert onnx.claim is not None
    assert onnx.claim.text.replace("\u202f", " ") == "50 % less energy per request"
    assert onnx.claim.against.replace("\u00a0", " ") == " than Torch · CPU"
    assert onnx.claim.interval.startswith("95\u202f% CI ")
    anchors = {f"claims/index.html#{claim.id}" for claim in analysis.claims}
    assert {cell.claim.page for cell in aid.cells if cell.claim is not None} <= anchors
    assert len({cell.claim.page for cell in aid.cells if cell.claim is not None}) == 2
    assert not set(torch.tie) & set(onnx.tie)


def test_gpu_memory_and_the_need_of_a_gpu_are_told() -> None:
    """A cell on CUDA has both kinds of memory; one on the CPU has none of the GPU's."""
    configurations = [{"engine": "torch", "provider": "cpu"}, {"engine": "onnx", "provider": "cuda"}]
    aid = aid_of(served({"ram_rss_peak_b": 2e9, "gpu_memory_used_b": 8e9}, configurations=configurations))
    assert [cell.gpu for cell in aid.cells] == [False, True, False, True]
    assert aid.cells[1].gpu_memory is not None
    assert aid.cells[1].gpu_memory[0] == 8e9
    assert not aid_of(served()).cells[0].gpu
    assert aid_of(served()).cells[0].gpu_memory is None


def test_size_is_as_published_or_as_counted() -> None:
    """Published parameters first, then those counted after loading; unknown stays unknown."""
    unknown = served()
    assert all(model.parameters is None for model in aid_of(unknown).models)
    facts = Facts("float32", True, 2, "cpu", 1234, 4936, ())
    counted = replace(
        unknown, cells=tuple(replace(c, runs=tuple(replace(r, facts=facts) for r in c.runs)) for c in unknown.cells)
    )
    assert [model.parameters for model in aid_of(counted).models] == [1234, 1234]
    models = [model.model_copy(update={"parameters": 110_000_000}) for model in counted.study.models]
    published = replace(counted, cells=tuple(replace(c, model=models[0]) for c in counted.cells if c.model.id == "a"))
    published = replace(published, study=published.study.model_copy(update={"models": models[:1]}))
    assert [model.parameters for model in aid_of(published).models] == [110_000_000]


def test_unfaithful_cells_are_not_offered() -> None:
    """What does other work is neither recommended nor claimed to save anything."""
    outputs = {("a", "torch"): ("a", "b"), ("a", "onnx"): ("x", "y")}
    aid = aid_of(served(outputs=outputs))
    assert [(cell.model, cell.reference) for cell in aid.cells] == [("a", True), ("b", True), ("b", False)]


def test_without_energy_per_request_there_is_no_decision_aid() -> None:
    """Nothing to rank by, nothing to ask."""
    assert decision_aid(study_context("x", analyse(dataset(ENERGY)))) is None
