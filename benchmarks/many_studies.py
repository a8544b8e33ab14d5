"""Build time of a site of 100 small studies: from nothing, with nothing changed, and with one study changed."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from benchmarks.sites import built, told

ROOT = Path(__file__).parents[1]
STUDIES = 100


def small_study(name: str, title: str) -> dict[str, Any]:
    """Return a study of one model in three configurations with two questions."""
    return {
        "study": name,
        "title": title,
        "questions": {"RQ1": "Which configuration uses the least energy?", "RQ2": "Which is the fastest?"},
        "weights": "untrained",
        "models": [
            {"id": "one", "architecture": {"type": "gpt2", "n_layer": 1, "n_head": 2, "n_embd": 32, "vocab_size": 4096}}
        ],
        "configurations": [{"engine": engine} for engine in ("torch", "onnx", "openvino")],
        "workload": {
            "prompts": {"source": "builtin", "count": 2, "seed": 1},
            "generation": {"output_tokens": 8, "exact": True},
        },
        "protocol": {"repetitions": 5, "order": {"design": "randomized_complete_blocks", "seed": 3}},
        "meters": ["rapl"],
        "hypotheses": [
            {"id": "H1.0", "question": "RQ1", "metric": "energy_j"},
            {"id": "H2.0", "question": "RQ2", "metric": "duration_s"},
        ],
    }


def small_records(folder: Path, name: str) -> None:
    """Put the runs of a small study into the store; their powers are made up from digests."""
    sys.path.insert(0, str(ROOT))
    from greenreport.study import Overrides
    from greenreport.workspace import open_plan, open_store
    from tests.records import counter, record

    batch = []
    for run in open_plan(folder / "studies" / f"{name}.yaml", Overrides(weights="untrained")).plan.runs:
        digest = hashlib.sha256(f"{name}{run.cell.key}{run.repetition}".encode()).digest()
        batch.append(
            replace(
                record(), run_id=f"{name}-{run.position:03}", study=name, key=run.cell.key, engine=run.cell.configuration.engine,
                provider=run.cell.configuration.provider, fingerprint=run.cell.fingerprint, repetition=run.repetition,
                position=run.position, traces=(counter("package-0", 10 + digest[0] / 100 + len(run.cell.configuration.engine)),),
            )
        )  # fmt: skip
    open_store(folder / "cache").append(batch)


def main(studies: int = STUDIES) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "studies").mkdir()
        for index in range(studies):
            file = folder / "studies" / f"small-{index:03}.yaml"
            file.write_text(yaml.safe_dump(small_study(file.stem, f"Small study {index}"), sort_keys=False), encoding="utf-8")
            small_records(folder, file.stem)
        print(f"{studies} studies of 15 runs, built from nothing: {built(folder):.1f} s")
        print(told(folder))
        print(f"nothing changed: {built(folder):.1f} s")
        file.write_text(yaml.safe_dump(small_study(file.stem, "Another title"), sort_keys=False), encoding="utf-8")
        print(f"one study changed: {built(folder):.1f} s")
