"""How long the command line takes before it does anything: imports, and a study with nothing to do."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from tests.conftest import minimal_study


def median_s(command: list[str], folder: Path, repeats: int) -> float:
    """Return the median wall time of a command in seconds."""
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)


def main(*, small: bool = False) -> None:
    repeats = 1 if small else 7
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "s.yaml").write_text(yaml.safe_dump(minimal_study()), encoding="utf-8")
        python = [sys.executable, "-c", "pass"]
        greenreport = [sys.executable, "-m", "greenreport"]
        subprocess.run([*greenreport, "run", "s.yaml", "--quiet"], cwd=folder, check=True)
        empty = median_s(python, folder, repeats)
        for label, command in (
            ("python -c pass", python),
            ("import greenreport.cli", [sys.executable, "-c", "import greenreport.cli"]),
            ("greenreport --version", [*greenreport, "--version"]),
            ("greenreport validate", [*greenreport, "validate", "s.yaml"]),
            ("greenreport run, nothing to do", [*greenreport, "run", "s.yaml"]),
        ):
            spent = median_s(command, folder, repeats)
            print(f"{label:32} {spent * 1e3:7.0f} ms   {spent / empty:5.1f} × an empty interpreter")
