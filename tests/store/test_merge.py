"""Tests of joining the stores of machines that never met."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from greenreport.errors import StoreError
from greenreport.record import Outcome, Verdict, VerdictCode
from greenreport.store import Merged, Store, export_parquet, merge, published
from tests.commands import greenreport
from tests.records import record


def verdict(scored_at: str, code: VerdictCode) -> Verdict:
    """Return a verdict on the first answer of a record."""
    return Verdict("prompt", "digest-0", "task", code, None, scored_at)


def test_every_record_is_added_once(tmp_path: Path) -> None:
    """From a store or from exported files, as often as wanted; what is there already stays."""
    ours, theirs = Store(tmp_path / "ours.duckdb"), Store(tmp_path / "theirs.duckdb")
    ours.append([record(run_id="both"), record(run_id="ours")])
    theirs.append([record(run_id="both"), record(run_id="theirs", repetition=2)])
    assert merge(ours, theirs) == Merged(1, 1, 0)
    assert merge(ours, theirs) == Merged(0, 2, 0)
    export_parquet(ours, ours.ids(), tmp_path / "exported")
    reader = published(tmp_path / "exported")
    assert reader is not None
    fresh = Store(tmp_path / "fresh.duckdb")
    assert merge(fresh, reader) == Merged(3, 0, 0)
    assert sorted(fresh.records(fresh.ids()), key=lambda item: item.run_id) == sorted(
        ours.records(ours.ids()), key=lambda item: item.run_id
    )


def test_a_record_that_differs_is_refused_and_nothing_is_added(tmp_path: Path) -> None:
    """The run and the parts that differ are named; the new record beside it is not taken either."""
    ours, theirs = Store(tmp_path / "ours.duckdb"), Store(tmp_path / "theirs.duckdb")
    ours.append([record(run_id="both")])
    theirs.append([record(run_id="both", outcome=Outcome.FAILED, traces=()), record(run_id="new")])
    with pytest.raises(
        StoreError, match=r"nothing was merged: run both \(one/fake-cpu, repetition 1\) has other outcome, traces\. "
    ):
        merge(ours, theirs)
    assert ours.ids() == {"both"}


def test_the_latest_verdict_stays(tmp_path: Path) -> None:
    """An answer that was judged again on one of the machines has its later verdict, whichever store is merged into which."""
    first = record(run_id="both")
    asked = replace(first, requests=tuple(replace(request, prompt_sha256="prompt") for request in first.requests))
    for name, other in (("early", "late"), ("late", "early")):
        stores = {key: Store(tmp_path / f"{name}-{key}.duckdb") for key in ("early", "late")}
        for store in stores.values():
            store.append([asked])
        stores["early"].add_verdicts([verdict("2026-01-01T00:00:00Z", VerdictCode.WRONG)])
        stores["late"].add_verdicts([verdict("2026-02-01T00:00:00Z", VerdictCode.PASSED)])
        merge(stores[name], stores[other])
        [merged] = stores[name].records(["both"])
        assert {item.code for item in merged.verdicts} == {VerdictCode.PASSED}


def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    """Records are counted; a folder without a store, and the cache itself, are refused with exit code 2."""
    (tmp_path / "empty").mkdir()
    for name in ("cache", "other"):
        (tmp_path / name).mkdir()
        Store(tmp_path / name / "greenreport.duckdb").append([record(run_id=name)])
    done = greenreport(tmp_path, "merge", "other")
    assert (done.returncode, done.stdout) == (0, "other: 1 record added, 0 there already\n")
    for wrong in ("cache", "empty", "absent"):
        assert greenreport(tmp_path, "merge", wrong).returncode == 2
