"""Tests of the studies that come with greenreport."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from greenreport.plan import make_plan
from greenreport.study import Overrides, load_study
from greenreport.study.schema import STARTERS, study_schema, write_starter
from greenreport.study.yaml_document import read_document

ROOT = Path(__file__).resolve().parents[2]
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.yaml"))


@pytest.mark.parametrize("file", [*STUDIES, *EXAMPLES], ids=lambda file: file.stem)
def test_shipped_studies_are_valid_and_fit_the_schema(file: Path) -> None:
    """Each shipped study and example loads, names the schema for editors, and validates against it."""
    text = file.read_text(encoding="utf-8")
    schema = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert schema is not None
    assert (file.parent / schema[1]).resolve() == ROOT / "docs" / "study.schema.json"
    assert load_study(file).study.study == file.stem
    assert list(Draft202012Validator(study_schema()).iter_errors(read_document(file).data)) == []


def test_the_example_of_a_server_is_complete() -> None:
    """A sweep over clients, streamed, measured on this machine; all that is warned of is what the server has to be started with."""
    found = load_study(ROOT / "docs" / "examples" / "my-server.yaml")
    assert [c.id for c in found.study.configurations] == [
        "endpoint-vllm-cuda", "endpoint-vllm-cuda-c4", "endpoint-vllm-cuda-c16",
    ]  # fmt: skip
    assert found.study.workload.stream
    assert all(c.measured_here for c in found.study.configurations)
    assert all("prompt cache" in warning.message for warning in found.warnings)


@pytest.mark.parametrize("page", ["README.md", "docs/studies.md"])
def test_printed_servers_are_valid(page: str, tmp_path: Path) -> None:
    """What a reader copies from the pages loads as it is, and every level of its sweep is reached."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = [b for b in re.findall(r"^```yaml\n(configurations:\n.*?)^```", text, re.MULTILINE | re.DOTALL) if "server:" in b]
    assert blocks
    for block in blocks:
        file = tmp_path / "s.yaml"
        file.write_text(f"study: s\ntitle: t\nmodels: [{{id: m}}]\n{block}", encoding="utf-8")
        assert not any("never full" in warning.message for warning in load_study(file).warnings)


def test_the_starter_shows_how_a_server_joins(tmp_path: Path) -> None:
    """Its commented lines are a configuration once the marks are taken away."""
    file = tmp_path / "s.yaml"
    write_starter(file)
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r"^  # (- engine: endpoint|  \w)", r"  \1", text, flags=re.MULTILINE), encoding="utf-8")
    assert [c.id for c in load_study(file).study.configurations] == ["torch-cpu", "onnx-cpu", "endpoint-vllm-cuda"]


@pytest.mark.parametrize("model", STARTERS)
def test_every_starter_is_valid_and_has_the_name_of_its_file(model: str, tmp_path: Path) -> None:
    """It runs as it is: nothing in it is wrong, and nothing is warned of."""
    file = tmp_path / "First try.yaml"
    write_starter(file, model)
    study = load_study(file)
    assert (study.study.study, study.warnings) == ("first-try", ())


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
