"""A small study is run and built once for the tests of this folder; drawn charts are shared, since they are the same by digest."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import minimal_study

ADDRESS = "https://example.org/sub/"


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of drawn charts that all tests share."""
    return tmp_path_factory.mktemp("figures")


@pytest.fixture(autouse=True)
def _share_drawn(drawn: Path, tmp_path: Path) -> None:
    """Put the shared folder where ``greenreport build`` looks for drawn charts."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "figures").symlink_to(drawn)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> Path:
    """Give a folder with a study on the fake engine, its runs and its site."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "cache").mkdir()
    (folder / "cache" / "figures").symlink_to(drawn)
    (folder / "studies").mkdir()
    study = minimal_study(protocol=minimal_study()["protocol"] | {"repetitions": 3})
    (folder / "studies" / "tiny.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    for arguments in (("run", "studies/tiny.yaml", "--quiet"), ("build", "--quiet")):
        subprocess.run([sys.executable, "-m", "greenreport", *arguments], cwd=folder, check=True, timeout=300)
    return folder


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
    arguments = ("build", "--quiet", "--site", "addressed", "--base-url", ADDRESS)
    subprocess.run([sys.executable, "-m", "greenreport", *arguments], cwd=built, check=True, timeout=300)
    return built / "addressed"
