"""Tests of what a command prints while it measures, without a terminal."""

from __future__ import annotations

import pytest

from greenreport.cli import console
from greenreport.plan import PendingRun, Reason, make_plan
from greenreport.record import Phase
from greenreport.study import Study
from tests.conftest import minimal_study
from tests.records import record

PHASES = (Phase.COOLDOWN, Phase.START, Phase.IDLE_BEFORE, Phase.WARMUP, Phase.WINDOW, Phase.IDLE_AFTER, Phase.STOP)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give a clock that stands until it is moved."""
    now = [1000.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    return now


def lines(clock: list[float], capsys: pytest.CaptureFixture[str], phase_s: float, *, quiet: bool = False) -> list[str]:
    """Return what two runs print whose phases take so long, and after which silence of how many seconds."""
    first, second, *_ = make_plan(Study.model_validate(minimal_study()), "prompts").runs
    longest, last = 0.0, clock[0]
    said = []

    def read() -> None:
        nonlocal longest, last
        if new := capsys.readouterr().out.splitlines():
            said.extend(new)
            longest, last = max(longest, clock[0] - last), clock[0]

    with console.Progress(quiet=quiet, left_s=None) as progress:
        progress.preparing("one/fake-cpu")
        for number, run in enumerate((first, second), start=1):
            progress.run_begins(PendingRun(run, Reason.NEW), number, 2)
            for phase in PHASES:
                progress.phase(phase)
                read()
                clock[0] += phase_s
            progress.run_ended(record())
            read()
    assert longest <= max(console.MOST_SILENT_S, phase_s) + phase_s
    return said


def test_without_a_terminal_every_run_is_a_line(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    """What is prepared, the first window, of which nobody knows how long it takes, and each run."""
    said = lines(clock, capsys, 1.0)
    assert said[0] == "preparing one/fake-cpu"
    assert [line.rpartition(": ")[2].partition(" ")[0] for line in said[1:-2]] == ["measuring"]
    assert [line.partition(" in ")[0].rpartition(" ")[2] for line in said[-2:]] == ["ok", "ok"]


def test_long_runs_say_what_they_do(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    """A line at least at each change of a phase of a minute, the window announced before it begins; quiet ones say nothing."""
    said = lines(clock, capsys, 61.0)
    assert sum("measuring" in line for line in said) == 2
    assert sum("starting the server" in line for line in said) == 2
    assert lines(clock, capsys, 61.0, quiet=True) == []
