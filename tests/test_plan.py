"""Tests of the plan: identity and content, order, what is pending and why."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenreport.plan import FINGERPRINT_VERSION, Plan, Reason, current, estimate_s, make_plan, only, pending
from greenreport.record import IndexRow, Outcome
from greenreport.study import Configuration, Generation, Protocol, Study, Workload
from greenreport.study.run_order import Order
from tests.conftest import minimal_study

HERE = "this machine"


def plan_of(prompts: str = "prompts", **changes: Any) -> Plan:
    """Return the plan of a minimal study."""
    return make_plan(Study.model_validate(minimal_study(**changes)), prompts)


def rows_of(plan: Plan, outcome: Outcome = Outcome.OK, environment: str = HERE) -> list[IndexRow]:
    """Return a row for every run of the plan."""
    return [
        IndexRow(f"{environment}-{outcome}-{run.position}", "tiny", run.cell.key, run.cell.fingerprint, run.repetition,
                 environment, outcome, 2.0, f"2026-01-01T00:00:{run.position:02}Z")
        for run in plan.runs
    ]  # fmt: skip


def reasons(plan: Plan, rows: list[IndexRow]) -> set[Reason]:
    """Return the reasons of the pending runs."""
    return {item.reason for item in pending(plan, rows, HERE)}


def test_a_finished_study_has_nothing_to_do() -> None:
    """Runs that are ok are not pending, and force makes all of them so."""
    plan = plan_of()
    assert pending(plan, rows_of(plan), HERE) == ()
    assert {item.reason for item in pending(plan, rows_of(plan), HERE, force=True)} == {Reason.FORCED}


def test_each_reason_is_given_where_it_holds() -> None:
    """New, changed, failed and other environment are told apart."""
    plan = plan_of()
    assert reasons(plan, []) == {Reason.NEW}
    assert reasons(plan, rows_of(plan_of(prompts="others"))) == {Reason.CHANGED}
    assert reasons(plan, rows_of(plan, Outcome.FAILED)) == {Reason.FAILED}
    assert reasons(plan, rows_of(plan, Outcome.INVALID)) == {Reason.FAILED}
    assert reasons(plan, rows_of(plan, Outcome.NOT_RUN)) == {Reason.NOT_RUN}
    assert reasons(plan, rows_of(plan, environment="elsewhere")) == {Reason.OTHER_ENVIRONMENT}
    assert reasons(plan, rows_of(plan, Outcome.UNSUPPORTED)) == set()


def test_more_repetitions_and_models_run_only_what_is_missing() -> None:
    """Extending a study keeps every finished run and its order within the block."""
    plan = plan_of()
    protocol = minimal_study()["protocol"]
    longer = plan_of(protocol=protocol | {"repetitions": 3})
    assert [item.run.repetition for item in pending(longer, rows_of(plan), HERE)] == [3, 3]
    models = minimal_study()["models"]
    wider = plan_of(models=[*models, models[0] | {"id": "two", "seed": 1}])
    todo = pending(wider, rows_of(plan), HERE)
    assert {item.run.cell.model.id for item in todo} == {"two"}
    kept = [run.cell.key for run in wider.runs if run.cell.model.id == "one"]
    assert kept == [run.cell.key for run in plan.runs]


def test_the_fingerprint_digests_everything_that_could_change_a_number() -> None:
    """Names and repetitions leave the fingerprint alone; protocol, meters, weights, prompts and threads change it."""
    base = minimal_study()
    fingerprint = plan_of().cells[0].fingerprint
    same: list[dict[str, Any]] = [
        {"title": "another"},
        {"protocol": base["protocol"] | {"repetitions": 9, "window_timeout_s": 5, "give_up_after": 7}},
        {"models": [base["models"][0] | {"name": "One", "parameters": "1M", "size_category": 2}]},
        {"hypotheses": []},
    ]
    other: list[dict[str, Any]] = [
        {"protocol": base["protocol"] | {"warmup_requests": 2}},
        {"protocol": base["protocol"] | {"idle_baseline_s": 0.2}},
        {"protocol": base["protocol"] | {"order": {"design": "fixed"}}},
        {"meters": ["utilisation"]},
        {"models": [base["models"][0] | {"seed": 5}]},
        {"configurations": [base["configurations"][0] | {"threads": 1}]},
        {"workload": base["workload"] | {"generation": {"output_tokens": 9}}},
        {"workload": base["workload"] | {"stream": True}},
    ]
    assert all(plan_of(**change).cells[0].fingerprint == fingerprint for change in same)
    digests = [plan_of(**change).cells[0].fingerprint for change in other] + [plan_of(prompts="x").cells[0].fingerprint]
    assert fingerprint not in digests
    assert len(set(digests)) == len(digests)


def test_a_changed_default_needs_a_new_fingerprint_version() -> None:
    """Settings at their defaults are not in a fingerprint: whoever changes one of these raises `FINGERPRINT_VERSION`."""
    defaults = [Protocol(), Generation(), Workload(), Configuration(engine="torch")]
    values: dict[str, Any] = {}
    for item in defaults:
        values |= item.model_dump(mode="json", exclude={"prompts", "generation", "name"})
    values |= Generation().model_dump(mode="json")  # of a configuration, `output_tokens` is absent
    known = {
        "order": {"design": "randomized_complete_blocks", "seed": 0},
        "worker": "fresh",
        "warmup_requests": 2,
        "idle_baseline_s": 10.0,
        "cooldown": {"until": "steady", "max_s": 300.0, "window_s": 10.0},
        "sampling_interval_ms": 97,
        "output_tokens": 64,
        "exact": True,
        "stream": False,
        "provider": "cpu",
        "dtype": "float32",
        "threads": None,
        "kv_cache": True,
        "options": {},
        "requests": None,
        "arrivals": {"process": "poisson", "seed": 0},
        "ramp_s": 0.0,
        "batch_size": 1,
        "max_batch": 1,
        "max_wait_ms": 0.0,
        "concurrency": 1,
        "request_rate": None,
        "replicas": 1,
    }
    assert FINGERPRINT_VERSION == 2
    assert {name: values[name] for name in known} == known


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_every_block_holds_every_cell_once(seed: int, repetitions: int) -> None:
    """Randomised complete blocks: each repetition is a permutation of the cells, and the same seed gives the same order."""
    protocol = minimal_study()["protocol"] | {"repetitions": repetitions, "order": {"seed": seed}}
    plan = plan_of(protocol=protocol)
    for repetition in range(1, repetitions + 1):
        block = [run.cell.key for run in plan.runs if run.repetition == repetition]
        assert sorted(block) == sorted(cell.key for cell in plan.cells)
    assert plan.runs == plan_of(protocol=protocol).runs
    assert [run.position for run in plan.runs] == list(range(1, len(plan.runs) + 1))


def test_order_differs_between_blocks_and_fixed_order_does_not() -> None:
    """Over many blocks each cell comes first sometimes; the fixed design keeps the order of the file."""
    protocol = minimal_study()["protocol"] | {"repetitions": 40}
    first = {run.cell.key for run in plan_of(protocol=protocol).runs if run.position % 2 == 1}
    assert len(first) == 2
    fixed = plan_of(protocol=protocol | {"order": {"design": "fixed"}})
    assert {run.cell.key for run in fixed.runs if run.position % 2 == 1} == {fixed.cells[0].key}


def test_the_newest_ok_record_counts() -> None:
    """A later failure does not displace a good run; a later good run does."""
    plan = plan_of()
    good, again, bad = rows_of(plan), rows_of(plan, environment=HERE), rows_of(plan, Outcome.FAILED)
    again = [IndexRow(**{**_fields(row), "run_id": f"again-{row.run_id}"}) for row in again]
    chosen = current(plan, [*good, *again, *bad])[HERE]
    assert {row.run_id for row in chosen.values()} == {row.run_id for row in again}
    only_bad = current(plan, bad)[HERE]
    assert {row.outcome for row in only_bad.values()} == {Outcome.FAILED}


def _fields(row: IndexRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in IndexRow.__slots__}


def test_only_keeps_cells_that_meet_every_condition() -> None:
    """Conditions on different keys must all hold; values of one key are alternatives."""
    plan = plan_of()
    identifier = plan.cells[0].configuration.id
    kept = only(plan, {"model": frozenset({"one", "x"}), "configuration": frozenset({identifier})})
    assert [cell.configuration.id for cell in kept.cells] == [identifier]
    assert only(plan, {"provider": frozenset({"cuda"})}).cells == ()


def test_time_left_comes_from_finished_runs() -> None:
    """Each pending run takes as long as the median finished run of its cell."""
    plan = plan_of()
    todo = pending(plan, [], HERE)
    assert estimate_s(todo, []) is None
    assert estimate_s(todo, rows_of(plan)) == 2.0 * len(plan.runs)


def test_only_knows_every_factor_as_a_study_writes_it() -> None:
    """Truth values and whole numbers are written in more than one way; output tokens are the workload's where nothing else is said."""
    plan = plan_of(
        configurations=[
            {"engine": "fake", "kv_cache": False, "max_batch": 4, "max_wait_ms": 5},
            {"engine": "fake", "output_tokens": 3, "request_rate": 2.5},
        ]
    )
    first, second = (cell.configuration.id for cell in plan.cells)
    for key, value, wanted in (
        ("kv_cache", "false", first),
        ("kv_cache", "True", second),
        ("max_wait_ms", "5", first),
        ("max_wait_ms", "5.0", first),
        ("output_tokens", "8", first),
        ("output_tokens", "3", second),
        ("request_rate", "2.5", second),
    ):
        kept = only(plan, {key: frozenset({value})})
        assert [cell.configuration.id for cell in kept.cells] == [wanted], (key, value)


@pytest.mark.parametrize("cells", [1, 2, 3, 4, 5, 8, 17])
def test_a_williams_design_is_balanced_for_the_run_before(cells: int) -> None:
    """Each cell follows each other once in k blocks (k even) or twice in 2k (k odd), and has each place equally often."""
    keys = [f"cell-{number}" for number in range(cells)]
    sequences = cells if cells % 2 == 0 else 2 * cells
    blocks = list(Order(design="williams", seed=4).blocks(keys, 2 * sequences))
    assert all(sorted(block) == list(range(cells)) for block in blocks)
    for half in (blocks[:sequences], blocks[sequences:]):
        successors = Counter(pair for block in half for pair in pairwise(block))
        assert set(successors) == set(permutations(range(cells), 2))
        assert set(successors.values()) <= {1 if cells % 2 == 0 else 2}
        places = Counter((place, cell) for block in half for place, cell in enumerate(block))
        assert set(places.values()) == {sequences // cells}
    assert blocks != list(Order(design="williams", seed=5).blocks(keys, 2 * sequences)) or cells < 3


def test_a_williams_design_is_another_protocol_and_its_balance_is_told() -> None:
    """Its runs are not those of randomised blocks; the plan says whether the repetitions complete it."""
    protocol = minimal_study()["protocol"]
    plan = plan_of(protocol=protocol | {"order": {"design": "williams"}})
    assert plan.cells[0].fingerprint != plan_of().cells[0].fingerprint
    order = plan.study.protocol.order
    assert order.balance(4, 4).endswith("after every 4 repetitions, which the planned ones complete")
    assert order.balance(5, 5).endswith("after every 10 repetitions, 5 are planned")
    assert Order().balance(5, 5) == "randomised complete blocks (seed 0)"
