"""Tests of a study on three hosts that are reached by ssh, and of what becomes of it when something goes wrong."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable

import pytest

from greenreport.results import load_dataset
from tests.cluster.hosts import CELLS, PATIENCE_S, REPETITIONS, Trial, eventually
from tests.cluster.ssh import MISSING, SSHD

pytestmark = pytest.mark.skipif(SSHD is None or shutil.which("ssh") is None, reason=MISSING)
#: Whether it is time for something to happen.
Due = Callable[[], bool]


@pytest.mark.acceptance
def test_hosts_share_the_repetitions_of_a_study(trial: Trial) -> None:
    """Three hosts do a block each; the study is done for all of them, its analysis takes each block from one, nothing is left to do."""
    code, printed = trial.run()
    assert code == 0, printed
    assert "all 12 runs are done and ok" in printed
    trial.check()
    assert len({row[3] for row in trial.rows()}) == REPETITIONS
    dataset = load_dataset(trial.folder / "studies" / "tiny.yaml", trial.folder / "cache")
    assert {cell.key: len(cell.runs) for cell in dataset.cells} == dict.fromkeys((row[0] for row in trial.rows()), REPETITIONS)
    code, printed = trial.run()
    assert code == 0, printed
    assert "nothing to do" in printed
    assert len(trial.rows()) == CELLS * REPETITIONS


def disturb(trial: Trial, *happenings: tuple[Due, str]) -> None:
    """Let things happen, each when it is due and a worker is there, and wait for the end of the command."""
    process = trial.start()
    for due, kind in happenings:
        assert eventually(lambda due=due: (bool(trial.workers()) and due()) or process.poll() is not None, PATIENCE_S)
        if process.poll() is not None:
            break
        if kind == "worker" and (workers := trial.workers()):
            os.kill(random.choice(workers), signal.SIGKILL)
        elif kind != "worker":
            process.send_signal(signal.SIGKILL if kind == "coordinator" else signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert eventually(lambda: not trial.processes()), trial.processes()


def stored(trial: Trial, runs: int) -> Due:
    """Return whether so many runs are stored."""
    return lambda: len(trial.rows()) >= runs


def after(seconds: float) -> Due:
    """Return whether so many seconds have passed since it was first asked."""
    asked: list[float] = []

    def due() -> bool:
        asked.append(time.monotonic())
        return asked[-1] - asked[0] >= seconds

    return due


def test_what_dies_costs_no_finished_run(trial: Trial) -> None:
    """A worker is killed, then the coordinator, then Ctrl-C: no process stays, and the next `run` completes the study without doing a run twice."""
    section = trial.cluster["ssh"]
    trial.cluster = {"ssh": section | {"hosts": section["hosts"][:2]}}
    trial.write(token_s=0.01)
    disturb(trial, (stored(trial, 1), "worker"), (stored(trial, 3), "coordinator"))
    assert 0 < len(trial.rows()) < CELLS * REPETITIONS
    disturb(trial, (stored(trial, 4), "interrupt"))
    code, printed = trial.run()
    assert code == 0, printed
    assert "all 12 runs are done and ok" in printed
    trial.check()
    code, printed = trial.run()
    assert code == 0, printed
    assert "nothing to do" in printed
    assert len(trial.rows()) == CELLS * REPETITIONS


@pytest.mark.acceptance
@pytest.mark.parametrize("seed", range(20))
def test_it_may_happen_at_any_moment(trial: Trial, seed: int) -> None:
    """The same at twenty random moments, two in a row."""
    chance = random.Random(seed)
    trial.write(token_s=0.01)
    for _ in range(2):
        disturb(trial, (after(chance.uniform(0, 14)), chance.choice(["worker", "coordinator", "interrupt"])))
    code, printed = trial.run()
    assert code == 0, printed
    trial.check()


@pytest.mark.acceptance
def test_a_host_that_refuses_does_not_end_the_others(trial: Trial) -> None:
    """A host without greenreport is left out with its own words; the others do its blocks."""
    section = dict(trial.cluster["ssh"])
    section["hosts"] = [*section["hosts"][:2], {"host": trial.hosts[2], "python": "/nowhere/python"}]
    trial.cluster = {"ssh": section}
    trial.write()
    code, printed = trial.run()
    assert code == 0, printed
    assert "left out" in printed
    assert "/nowhere/python" in printed
    trial.check()
