"""Drawn charts are kept over the tests of this folder: they are the same by digest."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of drawn charts that all tests share."""
    return tmp_path_factory.mktemp("figures")


@pytest.fixture(autouse=True)
def _share_drawn(drawn: Path, tmp_path: Path) -> None:
    """Put the shared folder where ``greenreport build`` looks for drawn charts."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "figures").symlink_to(drawn)
