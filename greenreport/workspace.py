"""A working folder: where studies, cache and site lie, and how a study file becomes a plan."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from greenreport.errors import UsageError
from greenreport.models.weights import local_digest
from greenreport.plan import Plan, make_plan, meant, only
from greenreport.record import Environment, IndexRow
from greenreport.repetitions import pooled
from greenreport.store import Store
from greenreport.study import Overrides, Study, StudyFile, Weights, load_study
from greenreport.workloads.prompts import source_digest

STORE_FILE = "greenreport.duckdb"


@dataclass(frozen=True, slots=True)
class Planned:
    """A study file with its plan."""

    file: StudyFile
    plan: Plan

    @property
    def folder(self) -> Path:
        """Folder of the study file; relative paths in it start there."""
        return self.file.path.parent


def open_plan(
    path: Path, overrides: Overrides | None = None, conditions: Mapping[str, frozenset[str]] | None = None
) -> Planned:
    """Read a study file and expand it.

    Args:
        conditions: keep only cells that meet them (see `plan.only`).

    Raises:
        SpecError: the file has problems.
        PromptsUnavailable: a file of prompts cannot be read.
        ModelUnavailable: the folder of a model cannot be read.
        UsageError: the file is about imported results, which have no plan, or no cell meets the conditions.
    """
    file = load_study(path, overrides)
    if file.study.imported is not None:
        raise UsageError(
            f"{path} asks about the imported results {file.study.imported}, which have no runs of their own; use analyse, compare or build"
        )
    folder = path.parent
    plan = plan_in(file.study, source_digest(file.study.workload.prompts, folder), folder)
    if not conditions:
        return Planned(file, plan)
    kept = only(plan, conditions)
    if not kept.cells:
        asked = " ".join(f"{key}={','.join(sorted(values))}" for key, values in conditions.items())
        raise UsageError(
            f"--only {asked} matches no cell of {path}{meant(plan, conditions)}; `greenreport plan {path}` lists the cells"
        )
    return Planned(file, kept)


def plan_in(study: Study, prompts_digest: str, folder: Path) -> Plan:
    """Expand a study whose relative paths start in a folder.

    Raises:
        ModelUnavailable: the folder of a model cannot be read.
    """
    local = {
        model.id: local_digest(folder / model.path)
        for model in study.models
        if study.weights_of(model) is Weights.PATH and model.path is not None and model.sha256 is None
    }
    return make_plan(study, prompts_digest, local)


def index_here(plan: Plan, store: Store, here: Environment, *, partial: bool = False) -> tuple[IndexRow, ...]:
    """Return the index of a store as it is seen from a machine: what machines like it have done whole counts here (see `pooled`)."""
    with store.held():
        index, environments = store.index(here), store.environments()
    return pooled(plan, index, (*environments, here), here.key, partial=partial)


def open_store(cache: Path) -> Store:
    """Return the store in a cache folder, after it has taken up the records that waited beside it.

    Raises:
        StoreError: it cannot take them up.
    """
    store = Store(cache / STORE_FILE)
    store.take_up()
    return store


def results_folder(planned: Planned) -> Path:
    """Return where a study's published results lie: ``studies/<study>/results``."""
    return planned.folder / planned.file.study.study / "results"


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
