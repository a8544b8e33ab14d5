"""Studies that end by themselves: blocks are added while a contrast is open, and a study that was stopped goes on as if it had not been."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from greenreport.cli.measuring import Session, open_session, perform
from greenreport.cli.study import _print_plan
from greenreport.execute import runner
from greenreport.execute.assignment import Assignment
from greenreport.execute.run_records import run_record
from greenreport.plan import Run
from greenreport.record import Mark, Outcome, Phase, RunRecord
from greenreport.study import Overrides
from tests.conftest import minimal_study
from tests.records import SECOND, record

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]
#: Blocks of the rule at most, and those after which the runs that are made up end a study.
BLOCKS, ENDS_AFTER = 8, 5


class MadeRuns:
    """Runs that are made up instead of measured: they last 11 s and 11.44 s, with a spread that needs more than three blocks.

    Attributes:
        made: repetition of every run, in order.
        interrupt_at: number of the run that is interrupted; 0 for none.
    """

    def __init__(self) -> None:
        self.noise = np.random.default_rng(4).normal(0, 0.008, (BLOCKS + 1, 2))
        self.made: list[int] = []
        self.interrupt_at = 0

    def __call__(self, assignment: Assignment, run: Run, *_: object) -> RunRecord:
        if len(self.made) + 1 == self.interrupt_at:
            raise KeyboardInterrupt
        self.made.append(run.repetition)
        second = run.cell.configuration.options["token_s"] == 0.003
        if second and run.repetition == 2:
            return replace(run_record(assignment, run), outcome=Outcome.FAILED, reason="made to fail")
        length = int((11.44 if second else 11) * np.exp(self.noise[run.repetition, int(second)]) * SECOND)
        good, end = record(), 4 * SECOND + length
        window = {
            Phase.WINDOW: (4 * SECOND, end),
            Phase.IDLE_AFTER: (end, end + 2 * SECOND),
            Phase.STOP: (end + 2 * SECOND, end + 3 * SECOND),
        }
        marks = tuple(Mark(m.phase, *window.get(m.phase, (m.start_ns, m.end_ns)), m.planned_s) for m in good.marks)
        return replace(
            run_record(assignment, run), marks=marks, requests=good.requests, outputs=good.outputs, traces=good.traces
        )


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> MadeRuns:
    """Let no run be measured."""
    made = MadeRuns()
    monkeypatch.setattr(runner, "_launcher", lambda *_: SimpleNamespace(warm=lambda: None))
    monkeypatch.setattr(runner, "_run", made)
    return made


def protocol(**changes: Any) -> dict[str, Any]:
    """Return the protocol of a study of 3 to 8 blocks."""
    rule = {"at_least": 3, "at_most": BLOCKS, "until": {"interval_width": "5 %"}, "for": ["H1.0"]} | changes
    return dict(minimal_study()["protocol"] | {"repetitions": rule})


def opened(file: Path, tmp_path: Path) -> Session:
    """Open a session on the study."""
    return open_session(file, tmp_path / "cache", {}, Overrides())


def test_blocks_are_added_until_the_contrast_is_decided(
    runs: MadeRuns, write_study: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first look finds the contrast open; whole blocks follow; then nothing is left to do, and every run is in the store."""
    file = write_study(protocol=protocol(), workload=minimal_study()["workload"] | {"requests": 2})
    session = opened(file, tmp_path)
    assert Counter(item.run.repetition for item in session.pending) == {1: 2, 2: 2, 3: 2}
    _print_plan(session)
    assert "at least 3 blocks, at most 8 (6 to 16 runs)" in " ".join(capsys.readouterr().out.split())
    perform(session, quiet=False)
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("after ")]
    assert [line.rpartition("; ")[2] for line in said] == [*["another block follows"] * (len(said) - 1), "the study ends here"]
    last = max(runs.made)
    assert last == ENDS_AFTER and len(said) == last - 2
    assert Counter(runs.made) == dict.fromkeys(range(1, last + 1), 2)  # a run that failed is not tried again in the same call
    assert len(session.store.index()) == 2 * last


def test_a_study_that_was_interrupted_goes_on_with_the_same_decisions(
    runs: MadeRuns, write_study: Write, tmp_path: Path
) -> None:
    """Stopped within a block or between two, it makes what is missing, and ends after the same block as one that was not stopped."""
    file = write_study(protocol=protocol(), workload=minimal_study()["workload"] | {"requests": 2})
    for interrupt_at in (6, 8):  # in the third block, and after it
        runs.interrupt_at = interrupt_at
        with pytest.raises(KeyboardInterrupt):
            perform(opened(file, tmp_path), quiet=True)
    runs.interrupt_at = 0
    session = opened(file, tmp_path)
    perform(session, quiet=True)
    assert max(runs.made) == ENDS_AFTER
    again = opened(file, tmp_path)
    assert {item.run.repetition for item in again.pending} == {2}  # only what failed is tried once more
    state = session.state()
    assert (state.total, state.outcomes[Outcome.OK]) == (2 * ENDS_AFTER, 2 * ENDS_AFTER - 1)


def test_a_study_on_the_real_engine_ends(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Runs in processes of their own, looks between them: it ends after three or four blocks, and then has nothing to do."""
    file = write_study(protocol=protocol(at_most=4))
    said = command("run", str(file)).stdout
    ended = re.search(r"after ([34]) of at most 4 blocks: of 1 contrast, .*; the study ends here", said)
    assert ended is not None and f"all {2 * int(ended[1])} runs are done and ok" in said
    again = opened(file, tmp_path)
    assert again.pending == () and again.look is not None and (again.look.blocks, again.look.goes_on) == (int(ended[1]), False)
