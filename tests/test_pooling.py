"""Tests of what may be pooled: an engine that is installed later makes no finished run of another engine one of another environment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from greenreport.analysis.measure.recorded_dataset import recorded_dataset
from greenreport.plan import Reason, current, make_plan, pending
from greenreport.pooling import EnginePlace, agree, key_of, libraries_of
from greenreport.record import EngineLibraries, Environment
from greenreport.store import Store
from greenreport.study import Study
from tests.conftest import minimal_study
from tests.records import ENVIRONMENT, record

ENGINES = ("torch", "llamacpp", "endpoint")


def environment(*libraries: tuple[str, str], **changes: object) -> Environment:
    """Return an environment with these libraries, as it is recorded."""
    made = replace(ENVIRONMENT, libraries=libraries, **changes)  # type: ignore[arg-type]
    return replace(made, key=key_of(made))


TORCH = ("torch", "2.13"), ("transformers", "4.57")
EARLIER = environment(*TORCH)
NOW = environment(*TORCH, ("xllamacpp", "2026"))
UPGRADED = environment(("torch", "2.14"), TORCH[1], ("xllamacpp", "2026"))


@pytest.mark.parametrize(
    ("engine", "one", "other", "pooled"),
    [
        ("torch", EARLIER, NOW, True),  # a library of another engine
        ("torch", NOW, UPGRADED, False),
        ("llamacpp", NOW, UPGRADED, True),
        ("llamacpp", EARLIER, NOW, False),
        ("endpoint", EARLIER, UPGRADED, True),  # its libraries are elsewhere
        ("of a package that is gone", EARLIER, NOW, False),
        ("of a package that is gone", NOW, NOW, True),
        ("torch", NOW, environment(*NOW.libraries, memory_b=1), False),
        ("torch", NOW, environment(*reversed(NOW.libraries)), True),
    ],
)
def test_the_hardware_and_the_libraries_of_the_engine_have_to_agree(
    engine: str, one: Environment, other: Environment, pooled: bool
) -> None:
    """Other libraries may differ; of an engine that is not known here, any could be its own."""
    assert agree(one, other, EnginePlace(engine)) is pooled
    assert agree(other, one, EnginePlace(engine)) is pooled


def test_an_engine_that_is_added_leaves_finished_runs_done(tmp_path: Path) -> None:
    """Runs from before count beside those from after it, and the environment that is shown names all libraries."""
    study = Study.model_validate(
        minimal_study(configurations=[{"engine": "torch"}, {"engine": "llamacpp"}], protocol={"repetitions": 1})
    )
    plan, store = make_plan(study, "prompts"), Store(tmp_path / "store.duckdb")
    runs = {run.cell.configuration.engine: run for run in plan.runs}

    def made(engine: str, where: Environment, run_id: str) -> None:
        cell = runs[engine].cell
        changes = {"key": cell.key, "fingerprint": cell.fingerprint, "engine": engine, "environment": where}
        store.append([record(run_id=run_id, repetition=1, **changes)])

    def reasons(here: Environment) -> dict[str, Reason]:
        return {item.run.cell.configuration.engine: item.reason for item in pending(plan, store.index(here), here.key)}

    made("torch", EARLIER, "before")
    assert reasons(EARLIER) == {"llamacpp": Reason.NEW}
    assert reasons(NOW) == {"llamacpp": Reason.NEW}  # before there is any run in it
    assert reasons(UPGRADED) == {"torch": Reason.OTHER_ENVIRONMENT, "llamacpp": Reason.NEW}
    made("llamacpp", NOW, "after")
    assert reasons(NOW) == {}
    assert reasons(UPGRADED) == {"torch": Reason.OTHER_ENVIRONMENT}
    counted = {key: {row.run_id for row in rows.values()} for key, rows in current(plan, store.index()).items()}
    assert counted == {EARLIER.key: {"before"}, NOW.key: {"before", "after"}}
    dataset = recorded_dataset(plan, store.records(["before", "after"]))
    assert dataset.environment == NOW


def test_the_libraries_of_an_engine_are_those_its_row_names() -> None:
    """What a converted model depends on, too."""
    assert libraries_of(EnginePlace("torch"), NOW) == TORCH
    assert libraries_of(EnginePlace("llamacpp"), NOW) == (("xllamacpp", "2026"),)
    assert libraries_of(EnginePlace("endpoint"), NOW) == ()


def test_runs_of_an_environment_are_told_apart_by_what_is_installed_there() -> None:
    """Greenreport's own libraries and Python do not matter to them, nor do other environments; those of their engine there do."""
    old, new = (EngineLibraries("pinned", "3.11.0", (("torch", version), ("rich", version))) for version in ("2.12", "2.13"))
    other = EngineLibraries("other", "3.12.0", ())
    there, again = environment(*TORCH, served=(old,)), environment(("torch", "3.0"), python="3.14.0", served=(old, other))
    here, upgraded, gone = EnginePlace("torch", "pinned"), environment(*TORCH, served=(new,)), environment(*TORCH)
    assert len({item.key for item in (there, again, upgraded, gone)}) == 4
    assert agree(there, again, here)
    assert not agree(there, upgraded, here)
    assert not agree(there, gone, here)
    assert agree(there, upgraded, EnginePlace("torch"))
    assert agree(there, upgraded, EnginePlace("llamacpp", "pinned"))
    assert libraries_of(here, there) == (("torch", "2.12"),)
