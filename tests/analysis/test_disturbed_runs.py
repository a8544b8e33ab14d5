"""Runs beside which other programs computed answer nothing, also in a study that admits them."""

from __future__ import annotations

from dataclasses import replace

from greenreport.analysis.analyse import Analysis, analyse
from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.analysis.hypotheses.findings import Decision
from greenreport.analysis.measure.validity_badge import judge
from greenreport.record import Flag, FlagCode
from tests.datasets import around, dataset

TIMES = {"a": {"torch": around(100), "onnx": around(11)}, "b": {"torch": around(200), "onnx": around(22)}}


def beside_other_programs(disturbed: int) -> Analysis:
    """Return the analysis of a study that admits foreign load, and has it in this many runs of every cell."""
    data = dataset(TIMES)
    flag = Flag(FlagCode.FOREIGN_LOAD, "other programs used 88 % of the CPUs during the window")
    cells = [
        replace(cell, runs=tuple(replace(run, flags=(flag,)) if i < disturbed else run for i, run in enumerate(cell.runs)))
        for cell in data.cells
    ]
    return analyse(replace(data, cells=tuple(cells)))


def test_a_study_measured_beside_other_programs_has_no_answer() -> None:
    """Neither headline, verdict, guideline nor claim; the reason stands in their place, and the values stay visible."""
    analysis = beside_other_programs(3)
    assert "other programs kept the processors busy during most runs" in plain(analysis.headline)
    assert {part.finding.decision for answer in analysis.answers for part in answer.answers} == {Decision.NOT_COMPUTABLE}
    assert analysis.claims == ()
    assert all(guideline.standing is None for guideline in analysis.guidelines)
    assert all(cell.description("energy_j") is not None for cell in analysis.dataset.cells)


def test_a_few_disturbed_runs_do_not_take_the_answer() -> None:
    """Where most runs were alone, they count."""
    assert "89" in plain(beside_other_programs(2).headline)


def test_the_badge_counts_runs_and_not_flags() -> None:
    """A run may have the same flag for its idle baselines and for its window."""
    data = dataset(TIMES)
    flag = Flag(FlagCode.FOREIGN_LOAD, "other programs used 20 % of the CPUs")
    cells = [replace(cell, runs=tuple(replace(run, flags=(flag,) * 3) for run in cell.runs)) for cell in data.cells]
    (rule,) = (rule for rule in judge(replace(data, cells=tuple(cells)), ()).rules if rule.name == "foreign load")
    assert rule.found.startswith("20 of 20 valid runs")
