"""Tests of a study on three hosts that are reached by ssh, and of what becomes of it when something goes wrong."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time

import pytest

from greenreport.results import load_dataset
from tests.cluster.hosts import CELLS, PATIENCE_S, REPETITIONS, Trial, eventually
from tests.cluster.ssh import MISSING, SSHD

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(SSHD is None or shutil.which("ssh") is None, reason=MISSING),
]


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


def disturb(trial: Trial, moment_s: float, *kinds: str) -> None:
    """Let things happen, each some time after a worker is there, and wait for the end of the command."""
    process = trial.start()
    for kind in kinds:
        assert eventually(lambda: bool(trial.workers()) or process.poll() is not None, 60)
        time.sleep(moment_s)
        if process.poll() is not None:
            break
        if kind == "worker" and (workers := trial.workers()):
            os.kill(random.choice(workers), signal.SIGKILL)
        elif kind != "worker":
            process.send_signal(signal.SIGKILL if kind == "coordinator" else signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert eventually(lambda: not trial.processes()), trial.processes()


def test_what_dies_costs_no_finished_run(trial: Trial) -> None:
    """A worker is killed, then the coordinator, then Ctrl-C: no process stays, and the next `run` completes the study without doing a run twice."""
    trial.write(token_s=0.01)
    disturb(trial, 6.0, "worker", "coordinator")
    assert 0 < len(trial.rows()) < CELLS * REPETITIONS
    disturb(trial, 1.0, "interrupt")
    code, printed = trial.run()
    assert code == 0, printed
    trial.check()


@pytest.mark.acceptance
@pytest.mark.parametrize("seed", range(20))
def test_it_may_happen_at_any_moment(trial: Trial, seed: int) -> None:
    """The same at twenty random moments, two in a row."""
    chance = random.Random(seed)
    trial.write(token_s=0.01)
    for _ in range(2):
        disturb(trial, chance.uniform(0, 14), chance.choice(["worker", "coordinator", "interrupt"]))
    code, printed = trial.run()
    assert code == 0, printed
    trial.check()


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
