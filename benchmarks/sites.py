"""Sites of synthetic runs, for the benchmarks that time a build."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from greenreport.plan import Run
from greenreport.report.pages.explorer_page import CSV
from greenreport.study import Overrides
from greenreport.workspace import open_plan, open_store
from tests.records import record

BATCH = 50  # records appended at once, so that memory stays small


def write_study(folder: Path, study: Mapping[str, Any]) -> Path:
    """Write a study file where ``greenreport build`` looks for it."""
    file = folder / "studies" / f"{study['study']}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(dict(study), sort_keys=False), encoding="utf-8")
    return file


def append_runs(folder: Path, file: Path, measured: Callable[[Run], Mapping[str, Any]]) -> None:
    """Append a record for each run of a study; `measured` returns the fields that hold what was measured."""
    runs = open_plan(file, Overrides(weights="untrained")).plan.runs
    store = open_store(folder / "cache")
    for first in range(0, len(runs), BATCH):
        store.append([
            replace(
                record(), run_id=f"{file.stem}-{run.position:06}", study=file.stem, key=run.cell.key, model=run.cell.model.id,
                engine=run.cell.configuration.engine, provider=run.cell.configuration.provider, fingerprint=run.cell.fingerprint,
                repetition=run.repetition, position=run.position, **measured(run),
            )
            for run in runs[first : first + BATCH]
        ])  # fmt: skip


def build_s(folder: Path) -> float:
    """Build the site; return how long it took in seconds."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "greenreport", "build", "--quiet"], cwd=folder, check=True)
    return time.perf_counter() - start


def size_of_site(folder: Path) -> str:
    """Return how many cells of the site have results, the number of its files and their size, for printing.

    Raises:
        RuntimeError: if no run of the site is valid: its build would measure pages that say so.
    """
    sizes = [file.stat().st_size for file in (folder / "site").rglob("*") if file.is_file()]
    cells = len((folder / "site" / CSV).read_text(encoding="utf-8").splitlines()) - 1
    if not cells:
        raise RuntimeError("no run of this site is valid: the records lack what the study's protocol asks for")
    return f"{cells} cells with results, {len(sizes)} files, {sum(sizes) / 1e6:.0f} MB"
