"""Tests of what is said about hosts that share a study, and of an order of runs that each host has for itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.host_shares import host_shares
from greenreport.analysis.measure.recorded_dataset import recorded_dataset
from greenreport.analysis.measure.run_order import order_effects
from greenreport.plan import make_plan
from greenreport.pooling import key_of
from greenreport.record import Mark, Phase, RunRecord
from greenreport.study import Study
from tests.conftest import minimal_study
from tests.records import ENVIRONMENT, SECOND, record

PLAN = make_plan(Study.model_validate(minimal_study(protocol={"repetitions": 4})), "prompts")


def made(host: str, repetition: int, cell: int, window_s: float) -> RunRecord:
    """Return a run of a cell on a host; two hosts work beside each other, with monotonic clocks far apart."""
    environment = replace(ENVIRONMENT, host_sha256=host)
    environment = replace(environment, key=key_of(environment))
    hour = (repetition - 1) // 2
    start = (0 if host == "one" else 10**6) * SECOND + (hour * 3600 + cell * 60) * SECOND
    around = (Phase.COOLDOWN, Phase.START, Phase.LOAD, Phase.IDLE_BEFORE, Phase.WARMUP, Phase.IDLE_AFTER, Phase.STOP)
    chosen = PLAN.cells[cell]
    return record(
        run_id=f"{host}-{repetition}-{cell}", key=chosen.key, fingerprint=chosen.fingerprint, repetition=repetition, position=repetition * 2 + cell,
        environment=environment, started_at=f"2026-01-01T{hour:02}:{cell:02}:00Z",
        marks=(*(Mark(phase, start, start) for phase in around), Mark(Phase.WINDOW, start, start + round(window_s * SECOND))),
        traces=(), requests=(),
    )  # fmt: skip


def dataset(*records: RunRecord) -> Dataset:
    """Return the dataset of these runs."""
    return recorded_dataset(PLAN, records)


#: Host two is 21 % slower; both spread by ±10 %.
SHARED = [
    made(host, repetition, cell, length)
    for host, slower in (("one", 1.0), ("two", 1.21))
    for repetition, spread in ((1, 1 / 1.1), (3, 1.1))
    for cell, length in enumerate((10 * slower * spread, 20 * slower * spread))
]
SHARED = [replace(item, repetition=item.repetition + (item.environment.host_sha256 == "two")) for item in SHARED]


def test_each_host_has_its_repetitions_its_spread_and_its_level() -> None:
    """The spread is that around the means of cells on the host; the level is against all hosts; one host alone is no list."""
    shares = host_shares(dataset(*SHARED))
    assert [(share.name, share.host_sha256, share.repetitions, share.runs, share.valid) for share in shares] == [
        ("A", "one", (1, 3), 4, 4),
        ("B", "two", (2, 4), 4, 4),
    ]
    assert (shares[0].first, shares[0].last) == ("2026-01-01T00:00:00Z", "2026-01-01T01:01:00Z")
    for share, level in zip(shares, (1 / 1.1, 1.1), strict=True):
        [noise] = [item for item in share.noise if item.metric == "duration_s"]
        assert noise.spread == pytest.approx(0.0953 * 2**0.5, rel=1e-3)
        assert noise.level == pytest.approx(level, rel=1e-6)
    assert host_shares(dataset(*[item for item in SHARED if item.environment.host_sha256 == "one"])) == ()


def test_the_order_of_runs_is_that_of_each_host() -> None:
    """Clocks of two hosts are never subtracted from each other: the study lasted an hour, not the million seconds between the clocks."""
    [effects] = [item for item in order_effects(dataset(*SHARED)) if item.metric == "duration_s"]
    assert effects.runs == len(SHARED)
    assert effects.hours == pytest.approx(1 + 1 / 60)
