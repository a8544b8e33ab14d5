"""Tests of storing runs: a record that no store can hold is a failed one, and a store that cannot be written loses none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from greenreport.cli.console import Progress
from greenreport.cli.measuring import Session, open_session
from greenreport.errors import StoreLocked
from greenreport.execute import runner
from greenreport.execute.assignment import Assignment
from greenreport.execute.run_records import run_record
from greenreport.plan import Cell, Run
from greenreport.record import Mark, Outcome, Phase, RecordKind, Request, RunRecord
from greenreport.store import Store
from greenreport.study import Overrides
from greenreport.workloads.prompts import PromptList
from greenreport.workspace import open_store

HUGE = Request(0, 1, 2, prompt_tokens=10**40)


@pytest.fixture
def session(write_study: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Give a study of four runs that are made up instead of measured; the second has a value that cannot be stored."""

    def made(assignment: Assignment, run: Run, *_: object) -> RunRecord:
        requests = (HUGE,) if run.position == 2 else ()
        return replace(run_record(assignment, run), requests=requests, marks=(Mark(Phase.WINDOW, 0, 10**9),))

    monkeypatch.setattr(runner, "_launcher", lambda *_: SimpleNamespace(warm=lambda: None))
    monkeypatch.setattr(runner, "_run", made)
    return open_session(write_study(), tmp_path / "cache", {}, Overrides())


def perform(session: Session) -> None:
    """Perform the runs of a session."""
    cells = [item.run.cell for item in session.pending]
    runs = runner.StudyRuns(session.assignment(PromptList((), "", "")), cells, Progress(quiet=True, left_s=None))
    runs.perform(session.pending)


def test_a_run_that_cannot_be_stored_is_a_failed_one(session: Session) -> None:
    """Its record has the reason and none of its values; the runs after it are made and stored."""
    perform(session)
    records = list(session.store.records([row.run_id for row in session.store.index()]))
    ended = {record.position: (record.outcome, record.requests) for record in records}
    assert ended == {number: (Outcome.FAILED if number == 2 else Outcome.OK, ()) for number in (1, 2, 3, 4)}
    reason = next(record.reason for record in records if record.position == 2)
    assert reason is not None
    assert "cannot be stored: Invalid Input Error: Python integer too large" in reason


def test_a_preparation_that_cannot_be_stored_does_not_take_the_others_along(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that are stored together are stored one by one where one of them cannot be."""
    prepare = runner.Preparer.prepare

    def prepared(self: runner.Preparer, cell: Cell) -> Any:
        base = replace(run_record(self.assignment, Run(cell, 0, 0)), kind=RecordKind.PREPARE)
        good, bad = (replace(base, run_id=f"{name} {cell.key}") for name in ("good", "bad"))
        return prepare(self, cell)[0], (good, replace(bad, requests=(HUGE,)))

    monkeypatch.setattr(runner.Preparer, "prepare", prepared)
    perform(session)
    outcomes = {record.run_id[:4].strip(): record.outcome for record in session.store.of_kind(RecordKind.PREPARE, "tiny")}
    assert outcomes == {"good": Outcome.OK, "bad": Outcome.FAILED}


def test_a_locked_store_loses_no_run(
    session: Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs that end meanwhile wait beside the store, and the person is told where; the next command takes them up."""
    writing = Store.writing

    def locked(self: Store, *arguments: float) -> Any:
        if self.path == session.store.path:
            raise StoreLocked("it is in use")
        return writing(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "writing", locked)
        perform(session)
    assert session.store.index() == ()
    told = capsys.readouterr().err
    assert told.count("the next greenreport command takes it into the store. Why: it is in use") == 4
    assert sorted(row.outcome for row in open_store(session.cache).index()) == ["failed", "ok", "ok", "ok"]
