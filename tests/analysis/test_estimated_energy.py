"""Energy that is modelled from the CPU load answers no question, unless the study says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from greenreport.analysis.analyse import Analysis, analyse
from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.analysis.hypotheses.findings import Decision
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.observation import Observation
from greenreport.plan import make_plan
from greenreport.record import Method
from greenreport.report.context import study_context
from greenreport.report.pages import study_pages
from greenreport.report.pages.cell_table import CellTableContent
from greenreport.report.pages.overview_page import OverviewContent
from greenreport.report.sparkline import sparkline
from greenreport.study import Study
from tests.conftest import minimal_study
from tests.datasets import around, dataset

ENERGY = {"a": {"torch": around(100), "onnx": around(60)}, "b": {"torch": around(200), "onnx": around(130)}}


def modelled(*, answers: bool = False) -> Dataset:
    """Return a dataset whose energy is estimated and whose CPU time is a third of the execution time."""
    data = dataset(ENERGY)
    cells = []
    for cell in data.cells:
        runs = []
        for run in cell.runs:
            changed: dict[str, Observation] = dict(run.observations)
            changed["energy_j"] = replace(changed["energy_j"], method=Method.ESTIMATED)
            changed["cpu_time_s"] = Observation("cpu_time_s", (run.value("duration_s") or 0) / 3, "server", Method.MEASURED)
            runs.append(replace(run, observations=changed))
        cells.append(replace(cell, runs=tuple(runs), estimates_answer=answers))
    return replace(data, cells=tuple(cells))


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return analyse(modelled())


def test_the_energy_question_is_answered_by_what_was_measured(analysis: Analysis) -> None:
    """It says that energy was not measured, and what bounds it; the hypothesis is not tested."""
    answer = analysis.answers[0].answers[0]
    assert answer.finding.decision is Decision.NOT_COMPUTABLE
    assert answer.decision == "H1.0 is not tested: energy was not measured here, only modelled from the CPU load."
    lead = plain(answer.lead)
    assert lead.startswith("Energy was not measured here, only modelled from the CPU load. ONNX")
    assert "CPU time" in lead and "shorter execution time" in lead


def test_the_headline_leads_with_time(analysis: Analysis) -> None:
    """The first question that was measured gives the headline."""
    assert "shortest execution time" in plain(analysis.headline)
    assert analysis.leading is not None and analysis.leading.finding.metric.id == "duration_s"


def test_first_figure_drawing_and_places_are_about_what_was_measured(analysis: Analysis) -> None:
    """The overview, the index and the tables of cells show the metric of the headline."""
    study = study_context("tiny", analysis)
    assert "execution time" in sparkline(study)
    pages = list(study_pages(study, ""))
    overview = next(page.content for page in pages if isinstance(page.content, OverviewContent))
    assert overview.hero is not None and "execution time" in overview.hero.caption.lower()
    tables = [page.content for page in pages if isinstance(page.content, CellTableContent)]
    assert tables and {table.ranked for table in tables} == {"execution time"}


def test_bounds_of_energy_need_one_order_on_every_model() -> None:
    """Where CPU time gains more than time on one model and less on another, a mean over both bounds nothing."""
    data, bounds = modelled(), "the ratio of energies lies between these two"
    assert bounds in plain(analyse(data).answers[0].lead)
    cells = []
    for cell in data.cells:
        factor = {("a", "onnx"): 0.5, ("b", "onnx"): 1.2}.get((cell.model.id, cell.configuration.engine), 1.0)
        cpu = [replace(run.observations["cpu_time_s"], value=factor * (run.value("cpu_time_s") or 0)) for run in cell.runs]
        runs = [replace(r, observations={**r.observations, "cpu_time_s": c}) for r, c in zip(cell.runs, cpu, strict=True)]
        cells.append(replace(cell, runs=tuple(runs)))
    assert bounds not in plain(analyse(replace(data, cells=tuple(cells))).answers[0].lead)


def test_nothing_rests_on_modelled_joules(analysis: Analysis) -> None:
    """No guideline, claim, saving, trade-off or aggregate of energy."""
    energy = next(item for item in analysis.guidelines if item.objective.id == "energy")
    assert (energy.standing, energy.reason) == (None, "energy was not measured here, only modelled from the CPU load")
    assert not any(claim.info.of_energy for claim in analysis.claims)
    assert (analysis.savings, analysis.tradeoffs) == ((), ())
    assert {aggregate.metric for aggregate in analysis.aggregates} == {"duration_s"}


def test_what_was_recorded_is_still_described(analysis: Analysis) -> None:
    """Modelled joules stay visible as estimates."""
    cell = analysis.dataset.cells[0]
    described = cell.description("energy_j")
    assert described is not None and described.n == 5 and cell.estimated("energy_j") and cell.values("energy_j") == ()


def test_a_study_may_let_its_estimate_answer() -> None:
    """`estimate: {answers: true}` brings the answer back, and makes no finished run pending."""
    assert "least energy" in plain(analyse(modelled(answers=True)).answers[0].lead)
    plain_meter, answering = (
        _fingerprints({"estimate": {"idle_w": 20, "max_w": 65, **more}}) for more in ({}, {"answers": True})
    )
    assert plain_meter == answering


def _fingerprints(meter: dict[str, Any]) -> list[str]:
    study = Study.model_validate(minimal_study(meters=[meter]))
    assert study.estimates_answer == ("answers" in meter["estimate"])
    return [cell.fingerprint for cell in make_plan(study, "prompts").cells]
