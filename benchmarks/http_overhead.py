"""What HTTP adds to a request: client latency against the engine's own time for the same prompts (aim: at most 2 %)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import yaml

STUDY = Path(__file__).parents[1] / "studies" / "code-slm-cpu.yaml"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for stream in (False, True):
            study = yaml.safe_load(STUDY.read_text(encoding="utf-8"))
            study["models"] = study["models"][:1]
            study["configurations"] = [{"engine": "torch"}, {"engine": "onnx"}]
            study["fidelity"], study["references"] = {}, []
            study["workload"]["stream"] = stream
            study["workload"]["prompts"]["count"] = 12
            study["protocol"] |= {"repetitions": 2, "idle_baseline_s": 1, "cooldown": {"until": "none"}}
            file = folder / "http.yaml"
            file.write_text(yaml.safe_dump(study), encoding="utf-8")
            subprocess.run([sys.executable, "-m", "greenreport", "run", str(file), "--quiet"], cwd=folder, check=True)
        with duckdb.connect(str(folder / "cache" / "greenreport.duckdb")) as connection:
            query = (
                "SELECT engine, first_token_ns IS NOT NULL, median(end_ns - start_ns) / 1e6, "
                "median((end_ns - start_ns) - (server_end_ns - server_start_ns)) / 1e6 "
                "FROM requests JOIN runs USING (run_id) GROUP BY ALL ORDER BY 1, 2"
            )
            for engine, streamed, latency, outside in connection.execute(query).fetchall():
                kind = "streamed" if streamed else "whole"
                print(
                    f"{engine:6} {kind:8} latency {latency:7.1f} ms, outside the engine's own time {outside:5.2f} ms: "
                    f"{100 * outside / (latency - outside):.2f} % of it"
                )
