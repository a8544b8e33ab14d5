"""Folders that the parallel processes of one test run share: what is costly is made once, by the first that asks."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """Return the folder of this test run that all its processes see."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def drawn_folder(factory: pytest.TempPathFactory) -> Path:
    """Return the folder of drawn charts that all tests share."""
    folder = shared_folder(factory) / "figures"
    folder.mkdir(exist_ok=True)
    return folder


def share_drawn(factory: pytest.TempPathFactory, folder: Path) -> None:
    """Let `greenreport build` in a folder find the charts, and the script of the charts, that other tests have drawn: they are named by digest."""
    (folder / "cache").mkdir()
    (folder / "cache" / "figures").symlink_to(drawn_folder(factory))


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a shared folder that `make` fills; other processes wait until it is complete. Charts that are drawn in it are shared.

    A folder gets its name only when `make` has returned, so that a failure is not taken for the result by the next process.
    """
    folder = shared_folder(factory) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = factory.mktemp(name)
            share_drawn(factory, unfinished)
            make(unfinished)
            unfinished.rename(folder)
    return folder
