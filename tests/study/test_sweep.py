"""Tests of sweeps: one configuration stands for many, and each is a configuration like any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from greenreport.errors import SpecError
from greenreport.plan import beyond, make_plan
from greenreport.study import Exclusion, Sweep, load_study, swept
from tests.conftest import minimal_study

Write = Callable[..., Path]
ONE = [{"engine": "fake", "options": {"token_s": 0.001}}]


def ids(file: Path) -> list[str]:
    """Return the ids of a study's configurations, options left out."""
    return [c.id.removesuffix("-token_s.0.001") for c in load_study(file).study.configurations]


def test_levels_are_crossed_in_the_order_of_the_file(write_study: Write) -> None:
    """Every combination of levels is a configuration; the last factor changes fastest, defaults stay out of the name."""
    file = write_study(configurations=ONE, sweep={"batch_size": [1, 2], "replicas": [1, 2]})
    assert ids(file) == ["fake-cpu", "fake-cpu-r2", "fake-cpu-b2", "fake-cpu-b2-r2"]


def test_zipped_levels_go_together(write_study: Write) -> None:
    """`combine: zip` pairs the levels; unequal numbers of levels are an error."""
    file = write_study(configurations=ONE, sweep={"combine": "zip", "batch_size": [1, 2], "output_tokens": [8, 4]})
    assert ids(file) == ["fake-cpu-o8", "fake-cpu-b2-o4"]
    with pytest.raises(SpecError, match="zipped factors need equally many levels: batch_size has 2, replicas has 1"):
        load_study(write_study(sweep={"combine": "zip", "batch_size": [1, 2], "replicas": [1]}))


def test_a_configuration_keeps_what_it_sets_itself(write_study: Write) -> None:
    """A factor named in the configuration is not swept there; sweeping twice changes nothing."""
    file = write_study(configurations=[*ONE, {"engine": "fake", "batch_size": 4}], sweep={"batch_size": [1, 2]})
    assert ids(file) == ["fake-cpu", "fake-cpu-b2", "fake-cpu-b4"]
    study = load_study(file).study
    assert swept(study.configurations, study.sweep) == study.configurations


def test_a_sweep_changes_no_fingerprint_of_what_was_there_before(write_study: Write) -> None:
    """A study that is extended by a sweep keeps its finished runs: the point at the defaults is the same cell."""
    plain = load_study(write_study(configurations=ONE)).study
    wide = load_study(write_study(configurations=ONE, sweep={"batch_size": [1, 2]})).study
    before, after = make_plan(plain, prompts_digest="x").cells, make_plan(wide, prompts_digest="x").cells
    assert [cell.fingerprint for cell in before] == [after[0].fingerprint]
    assert after[1].fingerprint != after[0].fingerprint


def test_points_are_left_out_with_a_reason(write_study: Write) -> None:
    """`exclude` knows the swept factors."""
    file = write_study(
        configurations=ONE,
        sweep={"batch_size": [1, 2], "replicas": [1, 2]},
        exclude=[{"replicas": 2, "batch_size": 2, "reason": "too much"}],
    )
    plan = make_plan(load_study(file).study, prompts_digest="x")
    assert len(plan.cells) == 3
    assert [(e.configuration.batch_size, e.configuration.replicas) for e in plan.excluded] == [(2, 2)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sweep": {"batch_size": [2, 2]}}, "batch_size lists a level twice"),
        ({"sweep": {"batch_size": [0]}}, "0 is not allowed: input should be greater than or equal to 1"),
        ({"sweep": {"colour": [1]}}, "colour"),
        (
            {"sweep": {"concurrency": [1, 2], "request_rate": [1.0]}},
            "`request_rate` is an open loop and `concurrency` a closed one",
        ),
        ({"sweep": {"max_wait_ms": [5]}}, "say with `max_batch` how large it may get"),
        ({"sweep": {"dtype": ["int3"]}}, "int3"),
        ({"sweep": {"batch_size": [8]}}, "a batch of 8 prompts is never full with 4"),
        (
            {"sweep": {"concurrency": [1, 2], "replicas": [1, 2]}},
            "1 client cannot keep 2 replicas busy (fake-cpu-r2-token_s.0.001): each needs one",
        ),
        (
            {"sweep": {"batch_size": list(range(1, 40)), "concurrency": list(range(1, 40))}},
            "the sweep makes 1,521 configurations; at most 1,000",
        ),
    ],
)
def test_impossible_sweeps_are_refused_with_their_line(changes: dict[str, Any], message: str, write_study: Write) -> None:
    """Every mistake is one sentence with file and line."""
    file = write_study(configurations=ONE, **changes)
    with pytest.raises(SpecError) as caught:
        load_study(file)
    line = file.read_text(encoding="utf-8").splitlines().index("sweep:") + 1
    found = [p for p in caught.value.problems if message in p.message]
    assert found, caught.value
    assert all(problem.line is not None and problem.line >= line for problem in found)


def test_what_lies_beyond_a_limit_asks_for_more_of_the_same(write_study: Write) -> None:
    """Larger in one load and smaller in none, all else equal; another engine option is another direction."""
    file = write_study(
        configurations=[*ONE, {"engine": "fake", "options": {"token_s": 0.003}}],
        sweep={"batch_size": [1, 2, 4], "replicas": [1, 2]},
    )
    cells = {c.configuration.id: c for c in make_plan(load_study(file).study, prompts_digest="x").cells}
    limit = cells["fake-cpu-b2-token_s.0.001"]
    further = {name for name, cell in cells.items() if beyond(cell, limit)}
    assert further == {
        "fake-cpu-b4-token_s.0.001",
        "fake-cpu-b2-r2-token_s.0.001",
        "fake-cpu-b4-r2-token_s.0.001",
    }


def test_the_workload_is_part_of_the_fingerprint(write_study: Write) -> None:
    """Arrivals, ramp and the number of requests change what is measured; their defaults change nothing."""
    workload = minimal_study()["workload"]

    def fingerprint(**changes: Any) -> str:
        study = load_study(write_study(configurations=ONE, workload=workload | changes)).study
        return make_plan(study, prompts_digest="x").cells[0].fingerprint

    assert fingerprint() == fingerprint(ramp_s=0) == fingerprint(arrivals={"process": "poisson"})
    assert len({fingerprint(), fingerprint(ramp_s=1), fingerprint(requests=8), fingerprint(arrivals={"seed": 1})}) == 4


@pytest.mark.parametrize(
    ("configuration", "warning"),
    [
        (
            {"replicas": 3, "batch_size": 2},
            "4 prompts do not fill a batch of 2 on each of 3 replicas (fake-cpu-b2-r3); give the workload at least `requests: 6`",
        ),
        ({"replicas": 2, "batch_size": 2}, None),
        (
            {"max_batch": 4, "max_wait_ms": 5, "concurrency": 4, "replicas": 2},
            "a dynamic batch of 4 is never full with 2 prompts under way at once (fake-cpu-m4-w5-c4-r2); raise `concurrency`",
        ),
        ({"max_batch": 4, "concurrency": 4}, None),
        ({"max_batch": 4, "batch_size": 2, "concurrency": 2}, None),
        ({"max_batch": 4, "request_rate": 50.0}, None),
    ],
)
def test_levels_that_are_never_reached_are_told(configuration: dict[str, Any], warning: str | None, write_study: Write) -> None:
    """A run would carry the name of a load that no server of it ever had."""
    found = [
        problem.message
        for problem in load_study(write_study(configurations=[{"engine": "fake", **configuration}])).warnings
        if "fill a batch" in problem.message or "never full" in problem.message
    ]
    assert [message[: len(warning)] for message in found if warning] == ([warning] if warning else [])
    assert bool(found) == bool(warning)


def test_options_of_the_engine_are_swept_like_other_factors(write_study: Write) -> None:
    """Each level is a configuration; an option the configuration sets itself stays, and sweeping twice changes nothing."""
    file = write_study(
        configurations=[*ONE, {"engine": "fake", "options": {"prefill_s": 0.5}}],
        sweep={"batch_size": [1, 2], "options": {"prefill_s": [0.0, 0.25], "busy": [True]}},
    )
    assert ids(file)[:4] == [
        "fake-cpu-busy.true-prefill_s.0.0",
        "fake-cpu-busy.true-prefill_s.0.25",
        "fake-cpu-b2-busy.true-prefill_s.0.0",
        "fake-cpu-b2-busy.true-prefill_s.0.25",
    ]
    assert ids(file)[4:] == ["fake-cpu-busy.true-prefill_s.0.5", "fake-cpu-b2-busy.true-prefill_s.0.5"]
    study = load_study(file).study
    assert swept(study.configurations, study.sweep) == study.configurations
    with pytest.raises(SpecError, match=r"options\.prefill_s lists a level twice"):
        load_study(write_study(configurations=ONE, sweep={"options": {"prefill_s": [1, 1]}}))
    with pytest.raises(SpecError, match=r"zipped factors need equally many levels: batch_size has 2, options\.busy has 1"):
        load_study(write_study(sweep={"combine": "zip", "batch_size": [1, 2], "options": {"busy": [True]}}))


def test_every_factor_of_a_sweep_can_be_left_out(write_study: Write) -> None:
    """`exclude` knows each factor a sweep knows, options included; a truth value is no number."""
    file = write_study(
        configurations=[{"engine": "fake"}],
        sweep={
            "max_batch": [2, 4],
            "max_wait_ms": [0, 5],
            "output_tokens": [4, 8],
            "kv_cache": [True, False],
            "options": {"busy": [1, True]},
        },
        exclude=[
            {"max_wait_ms": 5, "max_batch": 4, "reason": "r"},
            {"output_tokens": 8, "kv_cache": False, "reason": "r"},
            {"options": {"busy": True}, "reason": "r"},
        ],
    )
    kept = [cell.configuration for cell in make_plan(load_study(file).study, prompts_digest="x").cells]
    assert {(c.max_batch, c.max_wait_ms) for c in kept} == {(2, 0), (2, 5), (4, 0)}
    assert {(c.output_tokens, c.kv_cache) for c in kept} == {(4, True), (4, False), (8, True)}
    assert {type(c.options["busy"]) for c in kept} == {int}
    assert set(Sweep.model_fields) - {"combine"} <= set(Exclusion.model_fields)
    with pytest.raises(SpecError, match="so it would exclude everything"):
        load_study(write_study(exclude=[{"reason": "r"}]))
    rates = write_study(configurations=ONE, sweep={"request_rate": [1.0, 2.0]}, exclude=[{"request_rate": 2, "reason": "r"}])
    assert len(make_plan(load_study(rates).study, prompts_digest="x").cells) == 1
