"""Build time of a site of 100 small studies: from nothing, with nothing changed, and with one study changed."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.sites import append_runs, build_s, size_of_site, write_study
from greenreport.plan import Run
from tests.conftest import minimal_study
from tests.records import counter


def study(name: str, title: str) -> dict[str, Any]:
    """Return a study of one model in three configurations with two questions; its prompts are its own, so it shares no run with another."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:3])
    return minimal_study(
        study=name,
        workload={
            "prompts": {"source": "builtin", "count": 4, "seed": seed},
            "generation": {"output_tokens": 8, "exact": True},
        },
        title=title,
        questions={"RQ1": "Which configuration uses the least energy?", "RQ2": "Which is the fastest?"},
        configurations=[{"engine": engine} for engine in ("torch", "onnx", "openvino")],
        protocol={
            "repetitions": 5,
            "order": {"design": "randomized_complete_blocks", "seed": 3},
            "warmup_requests": 1,
            "idle_baseline_s": 2,
            "cooldown": {"until": "none"},  # the phases that the records have
        },
        meters=["rapl"],
        hypotheses=[
            {"id": "H1.0", "question": "RQ1", "metric": "energy_j"},
            {"id": "H2.0", "question": "RQ2", "metric": "duration_s"},
        ],
    )


def measured(name: str, run: Run) -> dict[str, Any]:
    """Return an energy trace whose power comes from a digest."""
    digest = hashlib.sha256(f"{name}{run.cell.key}{run.repetition}".encode()).digest()
    return {"traces": (counter("package-0", 10 + digest[0] / 100 + len(run.cell.configuration.engine)),)}


def write_studies(folder: Path, studies: int) -> Path:
    """Write so many studies and their runs; return the file of the last."""
    for index in range(studies):
        file = write_study(folder, study(f"small-{index:03}", f"Small study {index}"))
        append_runs(folder, file, lambda run, name=file.stem: measured(name, run))  # type: ignore[misc]
    return file


def main(*, small: bool = False) -> None:
    """Print how long builds take, and how large the site is."""
    studies = 2 if small else 100
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        file = write_studies(folder, studies)
        first = build_s(folder)
        print(f"{studies} studies of 15 runs, built from nothing: {first:.1f} s; {size_of_site(folder)}")
        unchanged = build_s(folder)
        write_study(folder, study(file.stem, "Another title"))
        for label, spent in (("nothing changed", unchanged), ("one study changed", build_s(folder))):
            print(f"{label}: {spent:.1f} s, {spent / first:.2f} of the first build")
