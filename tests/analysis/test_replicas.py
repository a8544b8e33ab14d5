"""Tests of what each of several servers of a run did."""

from __future__ import annotations

from dataclasses import replace

import pytest

from greenreport.analysis.measure.replicas import Replica, replicas
from greenreport.record import Mark, Phase, Request, RunRecord, RunSpec
from tests.records import SECOND, record

WINDOW = Mark(Phase.WINDOW, 4 * SECOND, 14 * SECOND)


def run(*sent: tuple[int | None, float, float], number: int = 2) -> RunRecord:
    """Return a run with requests of 8 tokens: which server answered, and begin and end in seconds."""
    requests = tuple(
        Request(index, round(begin * SECOND), round(end * SECOND), output_tokens=8, server=server)
        for index, (server, begin, end) in enumerate(sent)
    )
    return record(requests=requests, spec=RunSpec(configuration={"replicas": number}))


def test_each_replica_has_its_own_row() -> None:
    """Three requests to the first server and one, slow, to the second; over ten seconds."""
    found = replicas(run((0, 4, 5), (1, 4, 12), (0, 5, 6), (0, 6, 7)), WINDOW)
    assert found == (
        Replica(1, 3, pytest.approx(2.4), pytest.approx(1.0)),  # type: ignore[arg-type]
        Replica(2, 1, pytest.approx(0.8), pytest.approx(8.0)),  # type: ignore[arg-type]
    )


def test_a_replica_without_a_request_is_told() -> None:
    """Its latency is not known, and not zero."""
    assert replicas(run((0, 4, 5), number=2), WINDOW)[1] == Replica(2, 0, None, None)


def test_only_what_is_in_the_window_counts() -> None:
    """With a ramp the window is a part of the load."""
    [first, _] = replicas(run((0, 1, 3), (0, 3, 5), (1, 4, 6)), WINDOW)
    assert (first.requests, first.tokens_per_s) == (1, pytest.approx(0.8))


def test_one_server_and_old_runs_have_no_table() -> None:
    """Runs from before this was kept do not tell who answered."""
    assert replicas(run((0, 4, 5), number=1), WINDOW) == ()
    assert replicas(run((None, 4, 5), (None, 5, 6)), WINDOW) == ()
    assert replicas(replace(record(), spec=RunSpec()), WINDOW) == ()
