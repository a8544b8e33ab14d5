"""Tests of what is said of outputs: counts decide, never the absence of a complaint."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import FidelityVerdict, assess, sameness
from greenreport.analysis.measure.validity_badge import BadgeLevel, BadgeRule
from greenreport.record import Request
from tests.datasets import around, dataset

ENERGY = {"a": {"torch": around(100), "onnx": around(50), "openvino": around(80)}}
OTHER = {("a", "onnx"): ("a", "x")}


def headline(data: Dataset) -> str:
    """Return what stands on top of the page of outputs."""
    return sameness(assess(data)).headline("Torch", imported=data.imported)


def same_work(data: Dataset) -> BadgeRule:
    """Return the rule of the badge."""
    return next(rule for rule in analyse(data).badge.rules if rule.name == "same work")


def without_runs(data: Dataset, *places: int) -> Dataset:
    """Return a dataset in which these cells, or all, have not been run."""
    cells = tuple(replace(cell, runs=()) if not places or place in places else cell for place, cell in enumerate(data.cells))
    return replace(data, cells=cells)


@pytest.mark.parametrize(
    ("gate", "level", "said", "headed"),
    [
        ({}, BadgeLevel.CAUTION, "1 of 3 cells gives other outputs than the reference and is not ranked",
         "1 of 2 cells gives exactly the outputs of Torch; 1 differs more than the study allows"),
        ({"min_exact_match": 0.5}, BadgeLevel.CAUTION,
         "1 of 2 cells gives exactly the outputs of the reference, 1 within what the study allows (at least 50 % of outputs equal)",
         "1 of 2 cells gives exactly the outputs of Torch"),
        ({"min_exact_match": 0}, BadgeLevel.CAUTION,
         "1 of 2 cells gives exactly the outputs of the reference, 1 within what the study allows (any difference of outputs)",
         "1 of 2 cells gives exactly the outputs of Torch"),
    ],
)  # fmt: skip
def test_an_open_gate_does_not_make_outputs_equal(gate: dict[str, Any], level: BadgeLevel, said: str, headed: str) -> None:
    """Half of the outputs of one cell differ: the badge never says that every cell gives the outputs of the reference."""
    data = dataset(ENERGY, outputs=OTHER, fidelity={"reference": {"engine": "torch", "provider": "cpu"}} | gate)
    found = same_work(data)
    assert (found.level, found.found.replace("\u202f", " ")) == (level, said)
    assert headline(data) == headed
    verdicts = {item.configuration: item.exact for item in assess(data)}
    assert verdicts == {"torch-cpu": False, "onnx-cpu": False, "openvino-cpu": True}
    words = {item.configuration: item.word for item in assess(data)}
    assert words == {
        "torch-cpu": "reference",
        "onnx-cpu": "admitted" if "min_exact_match" in gate else "unfaithful",
        "openvino-cpu": "faithful",
    }


def test_equal_outputs_pass() -> None:
    """Every cell was compared and gives the outputs of the reference."""
    data = dataset(ENERGY)
    assert same_work(data) == BadgeRule(
        "same work", BadgeLevel.PASS, "every cell gives the outputs of the reference", "fidelity"
    )
    assert headline(data) == "2 of 2 cells give exactly the outputs of Torch"


def test_what_was_not_compared_is_counted() -> None:
    """A cell without runs, no runs at all, a table, and a study of one configuration."""
    one_missing = without_runs(dataset(ENERGY), 2)
    assert headline(one_missing) == "1 of 1 cell gives exactly the outputs of Torch; 1 was not compared"
    assert same_work(one_missing).found == "1 of 3 cells has no outputs to compare"
    assert headline(without_runs(dataset(ENERGY))) == "No outputs to compare yet"
    assert headline(replace(dataset(ENERGY), imported=True)) == "Outputs are not part of an imported table"
    alone = dataset({"a": {"torch": around(100)}})
    assert headline(alone) == "There is no other configuration to compare outputs with"
    assert same_work(alone).level is BadgeLevel.PASS


def test_outputs_that_change_from_run_to_run_are_not_passed() -> None:
    """The first runs agree, a later one of a cell does not: the rule is no pass."""
    data = dataset(ENERGY)
    cell = data.cells[1]
    odd = replace(cell.runs[-1], requests=tuple(Request(i, 0, 1, output_tokens=8, output_sha256="c") for i in range(2)))
    changed = replace(data, cells=(data.cells[0], replace(cell, runs=(*cell.runs[:-1], odd)), data.cells[2]))
    found = same_work(changed)
    assert (found.level, found.found) == (BadgeLevel.CAUTION, "1 of 3 cells does not give the same outputs in every run")


def test_drawn_answers_need_not_be_the_same() -> None:
    """Unless the study says so: draws part where logits differ in their last digit, and no configuration is wrong for it."""
    drawn = {"generation": {"output_tokens": 8, "temperature": 0.8}}
    outputs = {("a", "torch"): ("a", "b"), ("a", "onnx"): ("x", "y")}
    energy = {"a": {"torch": around(100), "onnx": around(60)}}
    verdicts = [
        [item.verdict for item in assess(dataset(energy, outputs=outputs, **changes))]
        for changes in ({}, {"workload": drawn}, {"workload": drawn, "fidelity": {"min_exact_match": 0.5}})
    ]
    assert [each[1] for each in verdicts] == [FidelityVerdict.UNFAITHFUL, FidelityVerdict.FAITHFUL, FidelityVerdict.UNFAITHFUL]
