"""What orchestration adds to a run: time outside declared phases ÷ time inside them (aim: at most 1.10), start-up told apart."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

QUICKSTART = Path(__file__).parents[1] / "studies" / "quickstart.yaml"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "greenreport", "run", str(QUICKSTART), "--quiet"]
        subprocess.run([*command, "--repetitions", "1"], cwd=folder, check=True)  # downloads, conversions, imports
        walls, insides, numbers = [], [], []
        for first, last in ((2, 3), (4, 7)):
            start = time.perf_counter()
            subprocess.run([*command, "--repetitions", str(last)], cwd=folder, check=True)
            walls.append(time.perf_counter() - start)
            with duckdb.connect(str(folder / "cache" / "greenreport.duckdb")) as connection:
                query = (
                    "SELECT sum(end_ns - start_ns) / 1e9, count(DISTINCT run_id) FROM marks JOIN runs USING (run_id) "
                    f"WHERE kind = 'run' AND repetition BETWEEN {first} AND {last}"
                )
                row = connection.execute(query).fetchone()
            inside, runs = (float(row[0]), int(row[1])) if row else (0.0, 0)
            insides.append(inside)
            numbers.append(runs)
            print(
                f"{runs} runs of the quick study: {walls[-1]:.1f} s of wall time, {inside:.1f} s inside phases: ratio {walls[-1] / inside:.3f}"
            )
        outside = [wall - inside for wall, inside in zip(walls, insides, strict=True)]
        each = (outside[1] - outside[0]) / (numbers[1] - numbers[0])
        print(f"each further run: {each * 1e3:.0f} ms outside phases: ratio {1 + each / (insides[1] / numbers[1]):.3f}")
        print(f"once: {outside[0] - each * numbers[0]:.1f} s, start-up of the command and of the fork server with torch")
