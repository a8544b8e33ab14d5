"""Tests of what identifies a local model: the content of its files, never where they lie or how large they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from greenreport.models.weights import SMALL_BYTES, local_digest
from greenreport.workspace import open_plan
from tests.conftest import minimal_study


def model(folder: Path, last: bytes = b"1") -> Path:
    """Write a folder with a configuration and weights of a size that is not read at each plan."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "gpt2"}', encoding="utf-8")
    (folder / "model.safetensors").write_bytes(bytes(SMALL_BYTES) + last)
    return folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))


def fingerprint(folder: Path, path: str) -> str:
    """Return the fingerprint of the only cell of a study of a local model."""
    study = minimal_study(models=[{"id": "m", "path": path}], configurations=[{"engine": "torch"}])
    file = folder / "local.yaml"
    file.write_text(yaml.safe_dump(study), encoding="utf-8")
    (cell,) = open_plan(file).plan.cells
    return cell.fingerprint


def test_a_fine_tune_of_the_same_shape_is_another_model(tmp_path: Path) -> None:
    """Weights of equal size and name with other content; a change in place is noticed too."""
    first, second = model(tmp_path / "a"), model(tmp_path / "b", b"2")
    assert local_digest(first) != local_digest(second)
    before = local_digest(first)
    (first / "model.safetensors").write_bytes(bytes(SMALL_BYTES) + b"3")
    assert local_digest(first) != before


def test_a_model_is_the_same_wherever_its_folder_lies(tmp_path: Path) -> None:
    """Results travel between machines: neither the path nor notes, locks and hidden folders beside the weights count."""
    before = fingerprint(tmp_path, str(model(tmp_path / "a").relative_to(tmp_path)))
    (tmp_path / "a" / "README.md").write_text("a model", encoding="utf-8")
    (tmp_path / "a" / ".cache").mkdir()
    (tmp_path / "a" / ".cache" / "lock.json").touch()
    (tmp_path / "a").rename(tmp_path / "moved")
    assert fingerprint(tmp_path, "moved") == before


def test_large_files_are_hashed_once(tmp_path: Path) -> None:
    """What is kept is taken while the state of the file is the same, and where it is damaged the file is read again."""
    folder = model(tmp_path / "a")
    before = local_digest(folder)
    (kept,) = (tmp_path / "home" / "greenreport" / "digests").iterdir()
    kept.write_text("0" * 64, encoding="ascii")
    assert local_digest(folder) != before
    kept.write_text("half", encoding="ascii")
    assert local_digest(folder) == before
    os.utime(folder / "model.safetensors")
    assert local_digest(folder) == before
