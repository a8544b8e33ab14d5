"""What orchestration adds: wall time of a study ÷ time inside declared phases (aim: at most 1.10)."""

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
        start = time.perf_counter()
        subprocess.run([*command, "--repetitions", "3"], cwd=folder, check=True)
        wall = time.perf_counter() - start
        with duckdb.connect(str(folder / "cache" / "greenreport.duckdb")) as connection:
            query = (
                "SELECT sum(end_ns - start_ns) / 1e9, count(DISTINCT run_id) FROM marks JOIN runs USING (run_id) "
                "WHERE kind = 'run' AND repetition > 1"
            )
            row = connection.execute(query).fetchone()
        inside, runs = (float(row[0]), int(row[1])) if row else (0.0, 0)
        print(
            f"{runs} runs of the quick study: {wall:.1f} s of wall time, {inside:.1f} s inside phases: ratio {wall / inside:.3f}"
        )
        print(
            f"per run: {(wall - inside) / runs * 1e3:.0f} ms outside phases, start-up of the command and of the fork server included"
        )
