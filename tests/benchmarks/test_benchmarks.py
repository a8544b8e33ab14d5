"""Every benchmark runs to its end, on a size that takes seconds, and prints a ratio."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from benchmarks.__main__ import LONG, QUICK
from tests.conftest import ROOT

RATIO = re.compile(r"ratio \d|\d ×|× as long|\d %|in %|÷|of the (aim|first)")


#: Quick ones whose parts other tests run too.
FURTHER = ("startup", "orchestration", "http_overhead", "build_scale")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.acceptance if name in (*LONG, *FURTHER) else ()) for name in (*QUICK, *LONG)]
)
def test_a_benchmark_runs_to_its_end(name: str) -> None:
    """Its figures mean nothing at this size; that they are printed does."""
    command = [sys.executable, "-m", "benchmarks", "--small", name]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    if "nothing to compare on" in result.stdout or "is not installed: `make servers`" in result.stdout:
        pytest.skip(result.stdout.strip())
    assert RATIO.search(result.stdout), result.stdout


def test_every_benchmark_is_listed() -> None:
    """A file with a `main` that no list names would never run."""
    files = {file.stem for file in (ROOT / "benchmarks").glob("*.py") if "\ndef main(" in file.read_text(encoding="utf-8")}
    assert files - {"__main__"} == {*QUICK, *LONG}


def test_an_unknown_benchmark_is_refused_with_the_choice() -> None:
    """Nothing runs."""
    command = [sys.executable, "-m", "benchmarks", "sped"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "unknown benchmarks: sped; choose from: startup, " in result.stderr
