"""Tests of machines that share a study: which of them are alike, which repetitions are done, and from which machine each is taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from greenreport.plan import current, make_plan, pending
from greenreport.pooling import key_of
from greenreport.record import Environment, Gpu, Outcome
from greenreport.repetitions import counted, done, pooled, pools
from greenreport.store import Store
from greenreport.study import Study
from tests.conftest import minimal_study
from tests.records import ENVIRONMENT, record

PLAN = make_plan(Study.model_validate(minimal_study(protocol={"repetitions": 3})), "prompts")
GPU = Gpu(0, "H200", 150 * 10**9, "uuid-a", 700)


def machine(name: str, **changes: object) -> Environment:
    """Return the environment of a machine."""
    made = replace(ENVIRONMENT, host_sha256=name, gpus=(replace(GPU, uuid_sha256=f"uuid-{name}"),))
    made = replace(made, **changes)  # type: ignore[arg-type]
    return replace(made, key=key_of(made))


A, B = machine("a"), machine("b")
OTHERS = (
    machine("c", memory_b=1), machine("d", python="3.14"), machine("e", gpus=(replace(GPU, power_limit_w=500),)), machine("f", gpu_driver="9"),
)  # fmt: skip


def store_of(tmp_path: Path, *runs: tuple[Environment, int, str, Outcome]) -> Store:
    """Return a store with these runs: (machine, repetition, which cells, outcome)."""
    store = Store(tmp_path / "store.duckdb")
    for environment, repetition, cells, outcome in runs:
        for cell in [PLAN.cells["xy".index(name)] for name in cells]:
            run_id = f"{environment.host_sha256}-{repetition}-{cell.key}"
            changes = {"key": cell.key, "fingerprint": cell.fingerprint, "environment": environment, "outcome": outcome}
            store.append([record(run_id=run_id, repetition=repetition, **changes)])
    return store


def test_equal_machines_are_pooled_and_others_never() -> None:
    """Which machine it is and which of equal GPUs does not count; memory, Python, power limit and driver do."""
    alike = pools(PLAN, [A, B, *OTHERS])
    assert alike[A.key] == alike[B.key] == {A.key, B.key}
    assert all(alike[other.key] == {other.key} for other in OTHERS)


def test_each_repetition_comes_from_one_machine(tmp_path: Path) -> None:
    """A whole repetition of the other machine stands before an own part, its runs are all from there, and it is done for both."""
    store = store_of(
        tmp_path, (A, 1, "xy", Outcome.OK), (A, 2, "x", Outcome.OK), (B, 2, "xy", Outcome.OK), (B, 3, "y", Outcome.OK)
    )
    index, known = store.index(), store.environments()
    assert done(PLAN, index, frozenset({A.key, B.key})) == {1, 2}
    assert done(PLAN, index, frozenset({A.key})) == {1}
    rows = counted(PLAN, index, known)
    for here in (A, B):
        machines = {(repetition, row.environment) for (_, repetition), row in rows[here.key].items()}
        assert machines == {(1, A.key), (2, B.key), (3, B.key)}
        assert len(rows[here.key]) == 5
    todo = {
        here.key: [item.run.repetition for item in pending(PLAN, pooled(PLAN, index, known, here.key, partial=False), here.key)]
        for here in (A, B)
    }
    assert todo == {A.key: [3, 3], B.key: [3]}


def test_a_failed_cell_leaves_a_repetition_open(tmp_path: Path) -> None:
    """What ran out of memory stands; what failed is tried again, so the machine that has it whole is taken."""
    store = store_of(
        tmp_path,
        (A, 1, "x", Outcome.OK),
        (A, 1, "y", Outcome.FAILED),
        (B, 1, "x", Outcome.OK),
        (B, 1, "y", Outcome.OUT_OF_MEMORY),
    )
    index = store.index()
    assert done(PLAN, index, frozenset({A.key})) == frozenset()
    assert {row.environment for row in counted(PLAN, index, store.environments())[A.key].values()} == {B.key}


@pytest.mark.parametrize("other", OTHERS)
def test_a_different_machine_changes_nothing(tmp_path: Path, other: Environment) -> None:
    """The index stays as it is, whatever a machine of another kind has done."""
    store = store_of(tmp_path, (A, 1, "x", Outcome.OK), (other, 1, "xy", Outcome.OK))
    index = store.index()
    assert pooled(PLAN, index, store.environments(), A.key) == index
    assert len(current(PLAN, index)[A.key]) == 1
