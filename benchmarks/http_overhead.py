"""What HTTP adds to a request: client latency against the engine's own time for the same prompts (aim: at most 2 %)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import yaml

STUDY = Path(__file__).parents[1] / "studies" / "code-slm-cpu.yaml"
QUERY = (
    "SELECT engine, first_token_ns IS NOT NULL, median(end_ns - start_ns) / 1e6, "
    "median((end_ns - start_ns) - (server_end_ns - server_start_ns)) / 1e6 "
    "FROM requests JOIN runs USING (run_id) GROUP BY ALL ORDER BY 1, 2"
)


def one_model(engines: tuple[str, ...], prompts: int, repetitions: int, *, stream: bool) -> dict[str, Any]:
    """Return the shipped study with its first model only."""
    study: dict[str, Any] = yaml.safe_load(STUDY.read_text(encoding="utf-8"))
    return study | {
        "models": study["models"][:1],
        "configurations": [{"engine": engine} for engine in engines],
        "fidelity": {},
        "references": [],
        "workload": study["workload"] | {"stream": stream, "prompts": study["workload"]["prompts"] | {"count": prompts}},
        "protocol": study["protocol"] | {"repetitions": repetitions, "idle_baseline_s": 1, "cooldown": {"until": "none"}},
        "validity": {"foreign_load": 1.0},  # a ratio of medians; runs on a busy machine count
    }


def main(*, small: bool = False) -> None:
    engines, prompts, repetitions = (("fake",), 2, 1) if small else (("torch", "onnx"), 12, 2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "http.yaml"
        for stream in (False, True):
            file.write_text(yaml.safe_dump(one_model(engines, prompts, repetitions, stream=stream)), encoding="utf-8")
            subprocess.run([sys.executable, "-m", "greenreport", "run", str(file), "--quiet"], cwd=folder, check=True)
        with duckdb.connect(str(folder / "cache" / "greenreport.duckdb")) as connection:
            for engine, streamed, latency, outside in connection.execute(QUERY).fetchall():
                kind = "streamed" if streamed else "whole"
                print(
                    f"{engine:6} {kind:8} latency {latency:7.1f} ms, outside the engine's own time {outside:5.2f} ms: "
                    f"{100 * outside / (latency - outside):.2f} % of it"
                )
