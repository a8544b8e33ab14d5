"""Where Linux's interfaces are missing, studies are checked, results imported, audited and built, and measuring says that it needs Linux."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from greenreport.cli.alone import alone
from greenreport.errors import Unavailable
from greenreport.execute.doctor import examine
from tests.conftest import ROOT

TABLE = "model,engine,energy_j,duration_s\n" + "".join(
    f"a,{engine},{joules + 0.1 * run},{joules / 10 + 0.01 * run}\n"
    for engine, joules in (("x", 10), ("y", 20))
    for run in range(3)
)


@pytest.mark.acceptance
@pytest.mark.slow
def test_everything_but_measuring_works_without_linux(tmp_path: Path, write_study: Callable[..., Path]) -> None:
    """No fcntl, resource, /proc, signals of POSIX or descriptors of folders: four commands end well, and the site has its page."""
    study = write_study()
    (tmp_path / "table.csv").write_text(TABLE, encoding="utf-8")
    commands = [f"validate {study}", "import table.csv --study mine", "audit table.csv", "build --quiet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.other_system", *commands], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=500, check=False
    )  # fmt: skip
    assert [line for line in done.stdout.splitlines() if ": exit " in line] == [f"{c}: exit 0" for c in commands], done.stderr
    assert (tmp_path / "site" / "s" / "mine" / "index.html").is_file()


def test_measuring_elsewhere_is_refused_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock of a cache, which every measuring command takes, and the diagnosis say what this machine can do instead."""
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    for begin in (lambda: alone(tmp_path).__enter__(), examine):
        with pytest.raises(Unavailable, match="measuring needs Linux, and this machine runs Windows; studies can be checked"):
            begin()
