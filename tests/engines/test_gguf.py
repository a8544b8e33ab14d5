"""Tests of models in GGUF files: what they are known by, and that the other engines serve what the file holds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from greenreport.errors import ModelUnavailable
from greenreport.models.weights import WeightsJob, obtain
from greenreport.study import Model, Weights, load_study
from greenreport.workspace import open_plan
from tests.conftest import minimal_study

pytestmark = pytest.mark.engines


def written(folder: Path) -> tuple[Path, Path]:
    """Return the weights of a small untrained llama, and the same as a GGUF file."""
    pytest.importorskip("gguf")
    pytest.importorskip("torch")
    from tests.engines.test_engines import untrained
    from tests.servers.write_gguf import write

    weights, file = untrained("llama", folder), folder / "llama.gguf"
    write(weights, file)
    return weights, file


def test_a_gguf_file_is_served_as_the_model_it_holds(tmp_path: Path) -> None:
    """The same tokens as the weights it was written from; made once, and refused where it is another file than was named."""
    from tests.engines.test_engines import PROMPTS, answers, loaded

    weights, file = written(tmp_path)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    model = Model(id="m", path=file.name, sha256=digest)
    folder = obtain(WeightsJob(model, Weights.PATH, tmp_path / "copy", tmp_path))
    first, second = loaded("torch", weights, tmp_path), loaded("torch", folder, tmp_path)
    for text in PROMPTS:
        assert answers(second, [first.encode(text)]) == answers(first, [first.encode(text)])
    made = (folder / "model.safetensors").stat().st_mtime_ns
    obtain(WeightsJob(model, Weights.PATH, tmp_path / "copy", tmp_path))
    assert (folder / "model.safetensors").stat().st_mtime_ns == made
    other = model.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(ModelUnavailable, match=f"another file than the study names: its sha256 is {digest}"):
        obtain(WeightsJob(other, Weights.PATH, tmp_path / "copy", tmp_path))


def test_its_tokenizer_is_known_by_its_file(tmp_path: Path) -> None:
    """Its class names no rules of its own, by which transformers 5, as in vLLM, would split prompts; folders made before have one still."""
    from transformers import PreTrainedTokenizerFast

    from tests.engines.test_engines import PROMPTS, loaded

    _, file = written(tmp_path)
    folder = obtain(WeightsJob(Model(id="m", path=file.name), Weights.PATH, tmp_path / "copy", tmp_path))
    settings = folder / "tokenizer_config.json"
    said = json.loads(settings.read_text(encoding="utf-8"))
    assert said["tokenizer_class"] == "PreTrainedTokenizerFast"
    now = loaded("torch", folder, tmp_path)
    settings.write_text(json.dumps(said | {"tokenizer_class": "LlamaTokenizer"}), encoding="utf-8")
    before = loaded("torch", folder, tmp_path)
    assert type(before.tokenizer) is PreTrainedTokenizerFast
    assert [before.encode(text) for text in PROMPTS] == [now.encode(text) for text in PROMPTS]


def test_a_damaged_file_is_a_sentence(tmp_path: Path) -> None:
    """Neither a traceback nor half a folder is left."""
    pytest.importorskip("torch")
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelUnavailable, match=r"cannot read m\.gguf|needs the package gguf"):
        obtain(WeightsJob(Model(id="m", path="m.gguf"), Weights.PATH, tmp_path / "copy", tmp_path))
    assert not list(tmp_path.glob("copy*"))


@pytest.mark.parametrize(
    ("package", "reason"), [("no-such-package", "is not installed"), ("pyyaml", "holds 0 GGUF files, not one")]
)
def test_a_package_without_the_file_says_so(package: str, reason: str, tmp_path: Path) -> None:
    """The cell has that reason, and the rest of the study goes on."""
    model = Model(id="m", package=package, sha256="0" * 64)
    with pytest.raises(ModelUnavailable, match=reason):
        obtain(WeightsJob(model, Weights.PACKAGE, tmp_path / "copy", tmp_path))


def test_weights_are_known_by_the_digest_of_the_file(tmp_path: Path) -> None:
    """Of a package only by the declared one, so that results are read where it is not installed; of a path by what lies there too."""

    def fingerprint(**model: str) -> str:
        study = minimal_study(models=[{"id": "m", **model}], configurations=[{"engine": "torch"}])
        file = tmp_path / "tiny.yaml"
        file.write_text(yaml.safe_dump(study), encoding="utf-8")
        (cell,) = open_plan(file).plan.cells
        return cell.fingerprint

    (tmp_path / "m.gguf").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    assert fingerprint(path="m.gguf") == fingerprint(package="anything", sha256=digest)
    assert fingerprint(path="m.gguf") != fingerprint(package="anything", sha256="0" * 64)


def test_a_package_needs_the_digest(tmp_path: Path) -> None:
    """Without it nobody knows which weights were measured."""
    file = tmp_path / "tiny.yaml"
    file.write_text(
        yaml.safe_dump(minimal_study(models=[{"id": "m", "package": "p"}], configurations=[{"engine": "torch"}])),
        encoding="utf-8",
    )
    with pytest.raises(Exception, match="needs `package:` and `sha256:`"):
        load_study(file)
