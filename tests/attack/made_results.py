"""A small study with made-up runs: what attacks on stores and exported files begin with."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path

import yaml

from greenreport.plan import Run
from greenreport.record import Metering, Phase, Prompt, RecordKind, RunRecord, RunSpec, Verdict, VerdictCode
from greenreport.store import Store, export_parquet
from greenreport.workspace import STORE_FILE, Planned, open_plan
from tests.conftest import minimal_study
from tests.records import record

STUDY, GOOD = "tiny", "good"
PROMPT = Prompt(hashlib.sha256(b"a prompt").hexdigest(), "a prompt")


@cache
def made_folder() -> Path:
    """Return a folder with two studies, a store of their runs, and exported results of the first; made once in a process."""
    folder = Path(tempfile.mkdtemp(prefix="attack-made-"))
    Finalize(None, shutil.rmtree, (folder,), exitpriority=0)  # also at the end of a child of multiprocessing
    (folder / "studies").mkdir()
    store = Store(folder / "cache" / STORE_FILE)
    for name in (STUDY, GOOD):
        file = folder / "studies" / f"{name}.yaml"
        study = minimal_study(study=name, meters=["utilisation"])
        study["models"][0]["id"] = f"model-{name}"
        file.write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
        records = _records(open_plan(file))
        store.append(records)
        if name == STUDY:
            export_parquet(store, [made.run_id for made in records], folder / "results", small=False)
    return folder


def _records(planned: Planned) -> list[RunRecord]:
    """Return a record for each run of a study, and one of each other kind."""
    study = planned.file.study.study
    runs = [_record(study, f"{study}-{run.position}", run) for run in planned.plan.runs]
    first = planned.plan.runs[0]
    return [
        *runs,
        *(
            replace(
                _record(study, f"{study}-calibrate-{metering}-{number}", first),
                kind=RecordKind.CALIBRATE,
                spec=RunSpec(protocol={"sampling_interval_ms": 23}, metering=metering),
            )
            for metering in Metering
            for number in range(2)
        ),
        replace(
            _record(study, f"{study}-limit", first),
            kind=RecordKind.LIMIT,
            spec=RunSpec(configuration={"engine": "fake", "provider": "cpu"}, factor="batch_size", level=4),
        ),
        replace(
            _record(study, f"{study}-prepare", first),
            kind=RecordKind.PREPARE,
            traces=(),
            spec=RunSpec(preparation=Phase.CONVERT, size_b=10),
        ),
    ]


def _record(study: str, run_id: str, run: Run) -> RunRecord:
    cell = run.cell
    made = record(
        run_id=run_id, study=study, key=cell.key, model=cell.model.id, fingerprint=cell.fingerprint, repetition=run.repetition,
        position=run.position,
        spec=RunSpec(cell.configuration.model_dump(mode="json"), {"sampling_interval_ms": 23}, {"questions": {}}, "p", 2),
    )  # fmt: skip
    requests = tuple(replace(request, prompt_sha256=PROMPT.sha256) for request in made.requests)
    verdict = Verdict(PROMPT.sha256, "digest-0", "task", VerdictCode.PASSED, None, "2026-01-02T00:00:00Z")
    return replace(made, requests=requests, prompts=(PROMPT,), verdicts=(verdict,))


def published_beside(folder: Path) -> Path:
    """Copy both studies into a folder, and the exported results beside the first; return the folder of these."""
    results = folder / "studies" / STUDY / "results"
    shutil.copytree(made_folder() / "studies", folder / "studies")
    shutil.copytree(made_folder() / "results", results)
    return results


def stored(folder: Path) -> Path:
    """Copy both studies and their store into a folder; return the file of the store."""
    shutil.copytree(made_folder() / "studies", folder / "studies")
    shutil.copytree(made_folder() / "cache", folder / "cache")
    return folder / "cache" / STORE_FILE
