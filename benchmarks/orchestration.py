"""Overhead of orchestration per run: time outside the declared phases ÷ time inside them (aim: at most 1.10), start-up excluded."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import yaml

from tests.conftest import minimal_study

QUICKSTART = Path(__file__).parents[1] / "studies" / "quickstart.yaml"
QUERY = (
    "SELECT sum(end_ns - start_ns) / 1e9, count(DISTINCT run_id) FROM marks JOIN runs USING (run_id) "
    "WHERE kind = 'run' AND repetition BETWEEN ? AND ?"
)


def main(*, small: bool = False) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "quick.yaml"
        study = minimal_study() if small else yaml.safe_load(QUICKSTART.read_text(encoding="utf-8"))
        study["validity"] = {"foreign_load": 1.0}  # runs on a busy machine count
        file.write_text(yaml.safe_dump(study), encoding="utf-8")
        command = [sys.executable, "-m", "greenreport", "run", file.name, "--quiet"]
        subprocess.run([*command, "--repetitions", "1"], cwd=folder, check=True)  # downloads, conversions, imports
        measured = []
        for first, last in ((2, 2), (3, 4)) if small else ((2, 3), (4, 7)):
            start = time.perf_counter()
            subprocess.run([*command, "--repetitions", str(last)], cwd=folder, check=True)
            wall = time.perf_counter() - start
            with duckdb.connect(str(folder / "cache" / "greenreport.duckdb")) as connection:
                inside, runs = connection.execute(QUERY, [first, last]).fetchall()[0]
            measured.append((wall - inside, inside, runs))
            print(f"{runs} runs: {wall:.1f} s of wall time, {inside:.1f} s inside phases: ratio {wall / inside:.3f}")
        # Two sizes tell what each run adds from what the command takes once.
        (outside, _, few), (more_outside, inside, many) = measured
        per_run = (more_outside - outside) / (many - few)
        print(f"each further run: {per_run * 1e3:.0f} ms outside phases: ratio {1 + per_run / (inside / many):.3f}")
        print(f"once: {outside - per_run * few:.1f} s, start-up of the command and of the fork server with torch")
