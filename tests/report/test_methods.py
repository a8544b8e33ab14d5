"""Tests of the methods page: design, sensitivity, and the simulation behind its statistics."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import get_args

import pytest

from benchmarks import simulation_report
from greenreport.analysis.analyse import analyse
from greenreport.analysis.hypotheses.detectable_difference import sensitivities
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.run_view import Sampling
from greenreport.analysis.stats import NotComputable, detectable_effect
from greenreport.record import Facts, Method, Outcome
from greenreport.report.context import MEANINGS, bands_of, study_context
from greenreport.report.exports.paper import methods_paragraph
from greenreport.report.pages import overview_page, study_pages
from greenreport.report.pages.methods_page import MethodsContent
from greenreport.report.pages.overview_page import OverviewContent
from greenreport.report.pages.study_design import PROMPTS, instruments, levels
from greenreport.report.pages.threats_to_validity import threats_to_validity
from greenreport.report.render import Renderer
from greenreport.report.simulation import FILE, simulated
from greenreport.report.templates import templates_folder
from greenreport.study import Prompts, Site
from greenreport.traces import Coverage
from greenreport.units import THIN
from tests.conftest import minimal_study
from tests.datasets import around, dataset

ENERGY = {
    "a": {"torch": around(100), "onnx": around(60), "openvino": around(80)},
    "b": {"torch": around(1000), "onnx": around(900), "openvino": around(300)},
}


def methods(data: Dataset) -> MethodsContent:
    """Return what the methods page of a dataset shows."""
    pages = list(study_pages(study_context("tiny", analyse(data)), ""))
    content = next(page.content for page in pages if page.section == "methods")
    assert isinstance(content, MethodsContent)
    return content


def test_the_detectable_difference_follows_from_spread_runs_and_family() -> None:
    """Two hypotheses on two questions, three pairs on each model: spread within blocks, never between configurations."""
    analysis = analyse(dataset(ENERGY))
    energy, time = sensitivities(analysis.dataset, analysis.findings)
    assert energy.finding.hypothesis.id == "H1.0"
    assert (energy.pairs, energy.runs) == (3, 5)
    errors = [pair.ratio.error for item in energy.finding.tests for pair in item.test.pairs]
    assert energy.cv == pytest.approx(median(math.sqrt(math.expm1(5 * (error or 0) ** 2 / 2)) for error in errors))
    assert energy.detectable == detectable_effect(energy.cv or 0.0, 5, comparisons=3)
    assert time.pairs == 3
    assert energy.needed is not None and not isinstance(energy.detectable, NotComputable)
    smallest = energy.finding.hypothesis.smallest_effect
    found = [detectable_effect(energy.cv or 0.0, runs, comparisons=3) for runs in (energy.needed - 1, energy.needed)]
    assert isinstance(found[1], float) and found[1] <= smallest
    assert isinstance(found[0], NotComputable) or found[0] > smallest
    assert (energy.shortfall() is None) == (energy.detectable <= smallest)
    noisy = analyse(dataset({"a": {"torch": around(100, spread=0.1), "onnx": around(60, spread=0.1)}}))
    [rough, _] = sensitivities(noisy.dataset, noisy.findings)
    assert not isinstance(rough.detectable, NotComputable) and not isinstance(energy.detectable, NotComputable)
    assert rough.detectable > 3 * energy.detectable
    assert f"would take {rough.needed} runs of each" in (rough.shortfall() or "")


def test_a_study_that_ends_by_itself_says_so_on_its_first_page_and_under_methods() -> None:
    """Why, after how many blocks, at which level, and that intervals allow for it; the figures are those of the simulation."""
    rule = {"at_least": 3, "at_most": 8, "until": {"interval_width": 0.05}}
    data = dataset(ENERGY, protocol=minimal_study()["protocol"] | {"repetitions": rule})
    study = study_context("tiny", analyse(data))
    account = study.analysis.stopping.summary() if study.analysis.stopping is not None else ""
    assert "after 5 of at most 8 blocks: of 12 contrasts," in account and account.endswith(
        "Intervals allow for all looks at the data."
    )
    first = next(study_pages(study, "")).content
    assert isinstance(first, OverviewContent) and account in first.scope
    paper = methods_paragraph(study.analysis)
    assert "3 to 8 repetitions of each cell were planned" in paper and "Kim and DeMets 1987" in paper
    ended, at_any_look, without = simulated().looks
    assert ended < at_any_look < 0.08 < 0.3 < without
    assert overview_page.headline_scope(study_context("tiny", analyse(dataset(ENERGY)))).endswith("in each cell.")


def test_the_methods_tell_what_is_excluded_admitted_and_missing() -> None:
    """Invalid runs apart from those that never were, the flags that a study allows, and the load it bears."""
    data = dataset(
        ENERGY,
        validity={"foreign_load": 0.5, "admit": ["sampling_gap"]},
        protocol=minimal_study()["protocol"] | {"errors": 0.01},
    )
    runs = data.cells[0].runs
    changed = (replace(runs[0], outcome=Outcome.INVALID), replace(runs[1], outcome=Outcome.NOT_RUN), *runs[2:])
    text = methods_paragraph(analyse(replace(data, cells=(replace(data.cells[0], runs=changed), *data.cells[1:]))))
    assert (
        "1 run was excluded by the declared validity rules, which admit runs with sampling gap; other programs might use 50"
        in text
    )
    assert "Further runs have no values: 1 not run." in text
    assert "Runs count in which at most 1" in text and "of the requests failed" in text
    assert ("Failed requests", f"at most 1{THIN}% of a run; they are counted, and are no part of latencies") in methods(
        data
    ).protocol


def test_the_selection_of_the_models_is_shown_as_declared() -> None:
    """Candidates and what each criterion leaves; a dash where the study does not say."""
    criteria = [{"text": "small", "field": "parameters", "below": "5B"}, {"text": "ours", "keep": "models", "left": 1}]
    selection = {"source": "pipeline_tag=text-generation", "candidates": 104_816, "criteria": criteria}
    assert methods(dataset(ENERGY, selection=selection)).funnel == ("104,816", "–", "1")
    assert methods(dataset(ENERGY)).funnel == ()


def test_nothing_tested_has_no_sensitivity() -> None:
    """A metric without values, and runs without a spread, are told instead of computed."""
    data = dataset({"a": {"torch": [5.0] * 5, "onnx": [5.0] * 5}})
    analysis = analyse(data)
    [energy, _] = sensitivities(data, analysis.findings)
    assert isinstance(energy.detectable, NotComputable)
    assert energy.cv is None


def test_runs_made_after_their_block_are_told() -> None:
    """A run that was repeated at the end of the study shares nothing with its block."""
    data = dataset(ENERGY)

    def timed(late: bool) -> str:
        cells = tuple(
            replace(
                cell,
                runs=tuple(
                    replace(
                        run,
                        started_at=f"2026-01-01T{23 if late and place == run.repetition - 1 == 0 else run.repetition:02}:00:00Z",
                    )
                    for run in cell.runs
                ),
            )
            for place, cell in enumerate(data.cells)
        )
        return " ".join(sentence for _, kind in threats_to_validity(replace(data, cells=cells), ()) for sentence in kind)

    assert "later block" not in timed(False)
    assert (
        f"1 run of {len(data.runs)} was made after a later block had begun, as repeated runs and added cells are (a/torch-cpu, repetition 1): "
        in timed(True)
    )


def test_modelled_energy_is_not_tested_and_the_page_says_so(drawn: Path) -> None:
    """Neither a spread nor a number of runs is printed for what no test looks at."""
    estimated = [
        replace(
            cell,
            runs=tuple(
                replace(run, observations={k: replace(o, method=Method.ESTIMATED) for k, o in run.observations.items()})
                for run in cell.runs
            ),
        )
        for cell in dataset(ENERGY).cells
    ]
    data = replace(dataset(ENERGY), cells=tuple(estimated))
    energy = sensitivities(data, analyse(data).findings)[0]
    assert isinstance(energy.detectable, NotComputable) and energy.detectable.reason == "not tested: energy is modelled"
    assert energy.enough() == "–" and energy.shortfall() is None
    seen = Sampling("estimate", "cpu energy", 0.1, Coverage(10, 1.0, 0.1), of_energy=True)
    cells = tuple(replace(cell, runs=tuple(replace(run, sampling=(seen,)) for run in cell.runs)) for cell in data.cells)
    page = next(
        page
        for page in study_pages(study_context("tiny", analyse(replace(data, cells=cells))), "")
        if page.section == "methods"
    )
    html = Renderer([templates_folder()], drawn, Site()).pages([page], {})["s/tiny/methods/index.html"].decode()
    assert "its joules may be wrong by a factor" in html


def test_levels_stand_beside_what_was_loaded() -> None:
    """Declared type, threads and cache, and what the engine said; different reports are each named."""
    data = dataset(ENERGY)
    reports = [Facts("float32", True, 2, "cpu"), Facts("float32", True, 1, "cpu")]
    cells = [
        replace(cell, runs=tuple(replace(run, facts=reports[place % 2]) for place, run in enumerate(cell.runs)))
        if cell.configuration.engine == "torch"
        else cell
        for cell in data.cells
    ]
    found = {level.label.split("\u00a0")[0]: level for level in levels(replace(data, cells=tuple(cells)))}
    assert found["Torch"].asked == "float32, all physical cores, KV cache"
    assert found["Torch"].reported == "float32 on cpu, 2 threads, KV cache; float32 on cpu, 1 thread, KV cache"
    assert found["OpenVINO"].reported == "–"


@pytest.mark.parametrize(
    ("use", "formula", "origin"),
    [
        ({"estimate": "fallback"}, f"P = 4.00{THIN}W + 16.0{THIN}W · CPU load", "not calibrated on this machine"),
        ({"estimate": {"idle_w": 30, "max_w": 80}}, f"P = 30.0{THIN}W + 50.0{THIN}W · CPU load", "declared in the study"),
    ],
)
def test_a_power_model_is_printed_with_its_watts(use: dict[str, object], formula: str, origin: str) -> None:
    """Formula, watts, and where they come from; a meter that was not read is not listed."""
    data = dataset(ENERGY, meters=["rapl", use])
    seen = Sampling("estimate", "cpu energy", 0.1, Coverage(10, 1.0, 0.1))
    cells = tuple(replace(cell, runs=tuple(replace(run, sampling=(seen,)) for run in cell.runs)) for cell in data.cells)
    [(name, text)] = instruments(replace(data, cells=cells))
    assert name == "Power model"
    assert text.startswith(formula)
    assert origin in text


def test_the_page_says_where_prompts_come_from_whatever_the_source() -> None:
    """Every source a study may name has words."""
    assert set(PROMPTS) == set(get_args(Prompts.model_fields["source"].annotation))


def test_the_page_shows_the_simulated_design_nearest_to_the_study() -> None:
    """Three configurations of five runs: the nearest simulated sizes, and the range over populations."""
    content = methods(dataset(ENERGY))
    assert content.nearest is not None
    assert (content.nearest.groups, content.nearest.runs) == (2, 5)
    shares = [row.shares[content.simulated.runs.index(5)] for row in content.simulated.type_one if row.groups == 2]
    assert (content.nearest.lowest, content.nearest.highest) == (min(shares), max(shares))
    assert methods(dataset({"a": {"torch": around(100)}})).nearest is None


def test_simulated_figures_are_near_their_aims_and_the_documentation_has_the_same() -> None:
    """The file of the package is sane, and the page of the documentation is made of it, to the last digit."""
    found = simulated()
    assert found.samples >= 1000
    assert found.runs == (3, 5, 10, 30)
    for row in found.type_one:
        assert max(row.shares[2:]) < 0.09, row  # ten runs and more
        assert max(row.shares) < 0.12, row
    lowest = dict(found.coverage)
    assert lowest["ratio of two configurations"][1] > 0.9
    assert all(0.6 < share <= 1 for values in lowest.values() for share in values)
    text = FILE.read_text(encoding="utf-8")
    assert simulation_report.page(*simulation_report.read(text)) == simulation_report.PAGE.read_text(encoding="utf-8")


def test_small_numbers_and_remarks_are_explained_on_the_first_page() -> None:
    """A difference too small to matter is marked beside its number, and every band of the study says what it means."""
    data = dataset({"a": {"torch": around(100, 10, 0.002), "onnx": around(98, 10, 0.002)}})
    study = study_context("tiny", analyse(data))
    overview = next(study_pages(study, "")).content
    assert isinstance(overview, OverviewContent)
    assert overview.numbers[0].note == f"too small to matter here: less than 5{THIN}%"
    large = next(study_pages(study_context("tiny", analyse(dataset(ENERGY))), "")).content
    assert isinstance(large, OverviewContent)
    assert large.numbers[0].note == ""
    assert [band for band, meaning in study.remarks if meaning.endswith(".")] == ["untrained weights"]
    assert set(MEANINGS) == {"simulated engine", "estimated energy", "untrained weights", "measured elsewhere"}
    assert bands_of(replace(data, imported=True)) == ("measured elsewhere",)
