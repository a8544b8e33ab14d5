"""A small study is run and built once for the tests of this folder; drawn charts are shared, since they are the same by digest."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from tests.answer_records import judged_store, solved
from tests.commands import greenreport
from tests.conftest import minimal_study
from tests.sharing import drawn_folder, made_once, share_drawn

ADDRESS = "https://example.org/sub/"
HOSTILE = "<script>alert('answer')</script>\n</pre><img src=x onerror=alert(1)>\u202e"
LONG = "def f():\n" + "    x = 1  # a line that is repeated\n" * 400
ANSWERS = {"torch-cpu": (solved(12), 1.0), "onnx-cpu": (solved(4), 0.5), "openvino-cpu": (solved(12, first=1), 0.6)}


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of drawn charts that all tests share."""
    return drawn_folder(tmp_path_factory)


@pytest.fixture(autouse=True)
def _share_drawn(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    """Share drawn charts among all tests."""
    share_drawn(tmp_path_factory, tmp_path)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a study on the fake engine, its runs, its site, and the same site built for an address."""

    def make(folder: Path) -> None:
        (folder / "studies").mkdir()
        study = minimal_study(protocol=minimal_study()["protocol"] | {"repetitions": 3})
        (folder / "studies" / "tiny.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
        for arguments in (
            ("run", "studies/tiny.yaml", "--quiet"),
            ("build", "--quiet"),
            ("build", "--quiet", "--site", "addressed", "--base-url", ADDRESS),
        ):
            assert greenreport(folder, *arguments).returncode == 0

    return made_once(tmp_path_factory, "built", make)


@pytest.fixture
def site(built: Path, tmp_path: Path) -> Path:
    """Give the site in the test's own folder, with the study and the runs it was built from."""
    shutil.copytree(built / "studies", tmp_path / "studies")
    shutil.copyfile(built / "cache" / "greenreport.duckdb", tmp_path / "cache" / "greenreport.duckdb")
    shutil.copytree(built / "site", tmp_path / "site")
    return tmp_path / "site"


@pytest.fixture(scope="session")
def addressed(built: Path) -> Path:
    """Give the same site, built for an address."""
    return built / "addressed"


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a study that judges answers, and its site; some answers are hostile and long."""

    def make(folder: Path) -> None:
        judged_store(folder, ANSWERS, {"onnx-cpu 5": HOSTILE, "onnx-cpu 6": LONG, "openvino-cpu 0": "def f():\n    return 41"})
        assert greenreport(folder, "build", "--quiet").returncode == 0

    return made_once(tmp_path_factory, "judged", make)
