"""Tests of published findings beside ours."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.analysis.compare.prediction import ReplicationOutcome
from greenreport.analysis.findings_json.document import document
from greenreport.analysis.measure.dataset import Dataset
from greenreport.errors import SpecError
from greenreport.study import ReferenceStudy, load_reference
from tests.conftest import ROOT
from tests.datasets import around, dataset

PUBLISHED = ROOT / "studies" / "references" / "duran-2024.yaml"
TABLES = ROOT.parent / "shared" / "reference" / "duran-2024" / "paper_tables_4_5.csv"
ENERGY = {"a": {"torch": around(100), "onnx": around(60), "openvino": around(80)}}


def reference(**changes: Any) -> ReferenceStudy:
    """Return a publication with one comparison."""
    comparison = {
        "id": "one", "where": "Table 1", "statement": "ONNX needs less.", "metric": "energy_j",
        "numerator": {"engine": "onnx", "provider": "cpu"}, "denominator": {"engine": "torch", "provider": "cpu"},
        "ratio": [0.5, 0.7],
    } | changes  # fmt: skip
    return ReferenceStudy.model_validate(
        {"reference": "p", "title": "P", "citation": "P", "machine": "m", "aggregator": "mean", "comparisons": [comparison]}
    )


def outcome(data: Dataset, **changes: Any) -> tuple[ReplicationOutcome, str]:
    """Return what became of the one comparison."""
    [report] = analyse(replace(data, references=(reference(**changes),))).replications
    return report.replications[0].outcome, report.replications[0].why


def test_direction_and_prediction_decide() -> None:
    """Same side and predicted, same side only, other side, no difference, and what cannot be told."""
    data = dataset(ENERGY)
    assert outcome(data, ratio=[0.6, 0.6])[0] is ReplicationOutcome.REPLICATED
    assert outcome(data) == (ReplicationOutcome.REPLICATED, "same direction, and our interval lies within the published range")
    assert outcome(data, ratio=[0.1, 0.1]) == (
        ReplicationOutcome.SAME_DIRECTION,
        "same direction, but the published ratio lies outside the prediction",
    )
    assert outcome(data, ratio=[0.1, 0.2])[0] is ReplicationOutcome.SAME_DIRECTION
    assert outcome(data, ratio=[1.4, 1.7]) == (ReplicationOutcome.NOT_REPLICATED, "the opposite direction here")
    same = dataset({"a": {"torch": around(100), "onnx": around(100.01), "openvino": around(80)}})
    assert outcome(same)[1].startswith("no difference of practical interest here")
    assert outcome(same)[0] is ReplicationOutcome.NOT_REPLICATED
    wide = dataset({"a": {"torch": around(100, spread=0.4), "onnx": around(90, spread=0.4), "openvino": around(80)}})
    assert outcome(wide, ratio=[0.8, 0.8])[0] is ReplicationOutcome.UNDECIDED
    assert outcome(wide, ratio=[0.01, 0.01])[0] is ReplicationOutcome.NOT_REPLICATED
    assert outcome(data, ratio=[0.8, 1.2])[0] is ReplicationOutcome.NOT_TESTABLE


def test_a_single_run_has_no_interval_to_judge_by() -> None:
    """Without an interval nothing is tested, whatever the value."""
    assert outcome(dataset({"a": {"torch": [100.0], "onnx": [60.0]}}))[0] is ReplicationOutcome.NOT_TESTABLE


def test_findings_hold_the_prediction() -> None:
    """Outcome, what is predicted with its interval, and whether both are the same in practice."""
    [written] = document(analyse(replace(dataset(ENERGY), references=(reference(ratio=[0.61, 0.61]),))))["replications"]
    assert (written["outcome"], written["inside"], written["equivalent"]) == ("replicated", True, True)
    assert written["prediction"]["ci"]["low"] < 0.6 < written["prediction"]["ci"]["high"]
    assert written["prediction"]["of"].startswith("the ratio that another study of the same models would estimate")
    assert (written["smallest_effect"], written["published_interval"]) == (0.05, None)


def test_what_is_missing_is_named() -> None:
    """A configuration the study does not have, and a metric without values."""
    data = dataset(ENERGY)
    missing = {"engine": "torch", "provider": "cuda"}
    assert outcome(data, denominator=missing) == (
        ReplicationOutcome.NOT_TESTABLE,
        "this study has no configuration torch on cuda",
    )
    assert outcome(data, metric="gpu_energy_j")[0] is ReplicationOutcome.NOT_TESTABLE


def test_claims_of_replications_have_derivations() -> None:
    """Our side of each finding is a claim like any other."""
    analysis = analyse(replace(dataset(ENERGY), references=(reference(),)))
    ours = analysis.replications[0].replications[0].ours
    assert ours is not None
    assert ours.id in {claim.id for claim in analysis.claims}


def test_printed_tables_give_ratios_by_size_category() -> None:
    """Categories that the study has are compared; all models only where every category is there."""
    data = dataset({"a": ENERGY["a"], "b": ENERGY["a"]})
    models = [model.model_copy(update={"size_category": 1}) for model in data.study.models]
    study = data.study.model_copy(update={"models": tuple(models)})
    cells = tuple(replace(cell, model=next(m for m in models if m.id == cell.model.id)) for cell in data.cells)
    published = load_reference(PUBLISHED)
    [report] = analyse(replace(data, study=study, cells=cells, references=(published,))).replications
    found = {(r.comparison.id, r.category): r for r in report.replications}
    energy = found["cpu-onnx-torch-energy", 1]
    assert energy.original[0] == pytest.approx(45069.35 / 64993.75)
    assert energy.outcome is ReplicationOutcome.SAME_DIRECTION  # 0.69 there, 0.60 within a few hundredths here
    assert ("cpu-onnx-torch-energy", "all") not in found
    assert found["torch-cuda-cpu-energy", 1].outcome is ReplicationOutcome.NOT_TESTABLE


def test_the_shipped_figures_are_those_of_the_paper() -> None:
    """All 56 printed figures of Tables 4 and 5."""
    if not TABLES.is_file():
        pytest.skip("the reference tables of the published study lie outside the project and are not here")
    published = load_reference(PUBLISHED)
    engines = {"torch": "TORCH", "onnx": "ONNX", "openvino": "OV"}
    metrics = {"energy_j": "energy_global", "duration_s": "execution_time", "cpu_energy_j": "energy_cpu", "gpu_energy_j": "energy_gpu"}  # fmt: skip
    with TABLES.open(encoding="utf-8") as stream:
        printed = {
            (row["table"], row["engine"], row["provider"], row["size_category"], row["metric"]): float(row["printed"])
            for row in csv.DictReader(stream)
        }
    ours = {
        (p.table, engines[p.engine], p.provider.upper(), "1,2,3" if p.size_category == "all" else str(p.size_category), metrics[p.metric]): p.value
        for p in published.values
    }  # fmt: skip
    assert ours == printed
    assert len(ours) == 56


def test_a_wrong_reference_file_names_its_lines(tmp_path: Path) -> None:
    """Every problem, with the line."""
    file = tmp_path / "r.yaml"
    file.write_text(
        "reference: p\ntitle: P\ncitation: c\nmachine: m\naggregator: a\ncomparisons:\n  - {id: x, ratio: [2, 1]}\n"
    )
    with pytest.raises(SpecError) as caught:
        load_reference(file)
    assert any(problem.line == 7 and "smallest" in problem.message for problem in caught.value.problems)


@pytest.mark.parametrize("changes", [{"interval": [0.5, 0.7]}, {"ratio": [0.6, 0.6], "interval": [0.7, 0.8]}])
def test_a_published_interval_belongs_to_one_ratio(changes: dict[str, Any]) -> None:
    """Not to a range over models, and the ratio lies in it."""
    with pytest.raises(ValueError, match="a `ratio` of one value"):
        reference(**changes)
    assert reference(ratio=[0.6, 0.6], interval=[0.5, 0.7]).comparisons[0].interval == (0.5, 0.7)
