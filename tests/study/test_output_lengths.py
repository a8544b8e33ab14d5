"""Tests of output lengths that differ from request to request."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from greenreport.errors import SpecError
from greenreport.store import Store
from greenreport.study import Lengths, load_study, output_lengths
from tests.conftest import minimal_study

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]
TAIL = {"distribution": "lognormal", "median": 12, "sigma": 0.6, "smallest": 2, "largest": 40, "seed": 5}


def workload(lengths: object, **changes: Any) -> dict[str, Any]:
    """Return the workload of the small study with these output lengths."""
    return minimal_study()["workload"] | {"generation": {"output_tokens": lengths, "exact": True}} | changes


def test_one_number_is_everybodys() -> None:
    """Without a distribution nothing is drawn."""
    assert output_lengths(7, 3) == (7, 7, 7)


def test_lengths_depend_on_seed_and_number_alone() -> None:
    """More requests change none of the earlier ones; another seed gives others."""
    lengths = Lengths.model_validate(TAIL)
    assert output_lengths(lengths, 50)[:20] == output_lengths(lengths, 20)
    assert output_lengths(lengths, 20) != output_lengths(lengths.model_copy(update={"seed": 6}), 20)


def test_lengths_follow_their_distribution() -> None:
    """Uniform over the whole range; lognormal with the median and spread that were asked for, within its bounds."""
    even = output_lengths(Lengths(distribution="uniform", smallest=10, largest=29), 4000)
    assert stats.chisquare(np.bincount(np.array(even) - 10, minlength=20)).pvalue > 0.001
    tail = np.array(output_lengths(Lengths(distribution="lognormal", median=1000, sigma=0.5, largest=100_000), 4000))
    assert stats.kstest(np.log(tail), "norm", args=(np.log(1000), 0.5)).pvalue > 0.001
    bounded = output_lengths(Lengths.model_validate(TAIL), 2000)
    assert (min(bounded), max(bounded)) == (2, 40)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ({"distribution": "uniform", "smallest": 9, "largest": 3}, "smallest (9) is above largest (3)"),
        ({"distribution": "lognormal", "largest": 9}, "needs `median` and `sigma`"),
        ({"distribution": "uniform", "largest": 9, "median": 4}, "belong to the lognormal distribution"),
        ({"distribution": "uniforn", "largest": 9}, "uniform"),
        ({"distribution": "uniform"}, "largest"),
        (0, "greater than or equal to 1"),
        ("many", "integer"),
    ],
)
def test_mistakes_are_explained_once(lengths: object, message: str, write_study: Write) -> None:
    """A wrong distribution is one problem, at its line."""
    with pytest.raises(SpecError) as raised:
        load_study(write_study(workload=workload(lengths)))
    assert len(raised.value.problems) == 1, raised.value.problems
    assert message in str(raised.value)
    assert "(a number)" not in str(raised.value)
    assert "(lengths)" not in str(raised.value)


def test_a_static_batch_cannot_mix_lengths(write_study: Write) -> None:
    """One HTTP request has one `max_tokens`; the message says what to use instead."""
    with pytest.raises(SpecError, match="use `max_batch` or `concurrency`"):
        load_study(write_study(workload=workload(TAIL), sweep={"batch_size": [1, 4]}))


def test_every_run_asks_for_the_same_lengths_and_is_checked_by_them(
    write_study: Write, command: Command, tmp_path: Path
) -> None:
    """Two configurations and two repetitions, with dynamic batches: each request got the tokens it asked for, and the runs are valid."""
    configurations = [
        {"engine": "fake", "provider": "cpu", "options": {"token_s": 0.001}},
        {"engine": "fake", "provider": "cpu", "options": {"token_s": 0.001}, "max_batch": 4, "concurrency": 4},
    ]
    write_study(workload=workload(TAIL, requests=12), configurations=configurations)
    command("run", "studies/tiny.yaml", "--quiet")
    store = Store(tmp_path / "cache" / "greenreport.duckdb")
    records = list(store.records([row.run_id for row in store.index()]))
    expected = output_lengths(Lengths.model_validate(TAIL), 12)
    assert len(set(expected)) > 4
    assert len(records) == 4
    for record in records:
        assert record.outcome == "ok", record.reason
        assert tuple(r.output_tokens for r in sorted(record.requests, key=lambda r: r.index)) == expected
