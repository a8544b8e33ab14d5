"""Tests of the studies that come with greenreport."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from greenreport.plan import make_plan
from greenreport.study import Overrides, load_study
from greenreport.study.load import _Loader, _Plain
from greenreport.study.schema import study_schema

ROOT = Path(__file__).resolve().parents[2]
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_shipped_studies_are_valid_and_fit_the_schema(file: Path) -> None:
    """Each shipped study loads, names the schema for editors, and validates against it."""
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../docs/study.schema.json")
    assert load_study(file).study.study == file.stem
    node = _Loader(text).get_single_node()
    assert node is not None
    assert list(Draft202012Validator(study_schema()).iter_errors(_Plain().convert(node, ()))) == []


def test_the_committed_schema_is_current() -> None:
    """`docs/study.schema.json` is what ``greenreport schema`` prints."""
    assert json.loads((ROOT / "docs" / "study.schema.json").read_text(encoding="utf-8")) == study_schema()


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_half_precision_over_batches_has_an_open_gate(file: Path) -> None:
    """Half precision rounds differently in another batch, so a gate on equal text would leave a sweep over batches empty."""
    study = load_study(file).study
    batches = {configuration.batch_size for configuration in study.configurations if configuration.dtype == "float16"}
    assert len(batches) < 2 or study.fidelity.min_exact_match == 0


def test_the_published_study_has_its_published_size() -> None:
    """12 models, 7 serving configurations, 10 repetitions, 164 prompts, 3 questions, 7 hypotheses."""
    study = load_study(ROOT / "studies" / "code-slm.yaml").study
    plan = make_plan(study, "digest")
    assert (len(study.models), len(plan.cells), len(plan.runs)) == (12, 84, 840)
    assert {cell.configuration.id for cell in plan.cells} == {
        "torch-cpu", "onnx-cpu", "openvino-cpu", "torchscript-cpu", "torch-cuda", "onnx-cuda", "torchscript-cuda",
    }  # fmt: skip
    assert study.workload.prompts.count == 164
    assert (len(study.questions), len(study.hypotheses)) == (3, 7)
    assert {model.size_category for model in study.models} == {1, 2, 3}


def test_the_published_study_can_run_untrained() -> None:
    """Every model of the published study has its architecture."""
    study = load_study(ROOT / "studies" / "code-slm.yaml", Overrides(weights="untrained")).study
    assert all(study.weights_of(model) == "untrained" for model in study.models)
