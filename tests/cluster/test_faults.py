"""Tests of hosts that drift, fill their disk, join late, are locked, or cannot be heard any more: the others complete the study."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import psutil
import pytest

from greenreport.record import Outcome, RecordKind
from greenreport.store import Store
from tests.cluster.hosts import PATIENCE_S, Trial, eventually, variables
from tests.cluster.ssh import MISSING, SSHD
from tests.commands import greenreport

pytestmark = pytest.mark.skipif(SSHD is None or shutil.which("ssh") is None, reason=MISSING)
#: What Python runs first where this lies on its path: the control takes twice as long from the second time on.
DRIFTS = """
from greenreport.execute import control

times = iter([1.0] + [2.0] * 100)
control.control_s = lambda: next(times)
"""


def changed(trial: Trial, number: int, *, alone: bool = False, **settings: Any) -> None:
    """Give one host of a trial other settings; leave the others out where it is to be alone."""
    section = dict(trial.cluster["ssh"])
    hosts = [dict(host) for host in section["hosts"]]
    hosts[number] |= settings
    section["hosts"] = [hosts[number]] if alone else hosts
    trial.cluster = dict(trial.cluster) | {"ssh": section}
    trial.write(token_s=0.01)


@pytest.mark.acceptance
def test_a_host_that_drifts_takes_no_more_runs(trial: Trial) -> None:
    """Its second control takes twice as long: it is left out with the reason, its record is kept, and the page of the environment says so."""
    usual = trial.cluster
    (trial.folder / "drifts").mkdir()
    (trial.folder / "drifts" / "sitecustomize.py").write_text(DRIFTS, encoding="ascii")
    trial.cluster = dict(trial.cluster) | {"control_drift": 0.5}
    path = f"{trial.folder / 'drifts'}:{variables()['PYTHONPATH']}"
    changed(trial, 0, alone=True, environment={"GREENREPORT_HOST": trial.hosts[0], "PYTHONPATH": path})
    code, printed = trial.run()
    assert code == 1, printed
    assert "its control took 100 % longer than before, and 50 % are admitted" in printed
    rows = trial.rows()
    assert {row[1] for row in rows} == {1}
    store = Store(trial.folder / "cache" / "greenreport.duckdb")
    controls = list(store.of_kind(RecordKind.CONTROL, "tiny"))
    assert Counter(control.outcome for control in controls) == {Outcome.OK: 1, Outcome.INVALID: 1}
    trial.cluster = usual  # all hosts, and no control
    trial.write(token_s=0.01)
    assert trial.run()[0] == 0
    assert greenreport(trial.folder, "build").returncode == 0
    page = (trial.folder / "site" / "s" / "tiny" / "environment" / "index.html").read_text(encoding="utf-8")
    assert "took no more runs from" in page


@pytest.mark.acceptance
def test_a_full_disk_leaves_a_host_out(trial: Trial) -> None:
    """What it has stored is kept, and its block is done by another host."""
    disk = trial.folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80000000", "none", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        changed(trial, 2, folder=str(disk))
        process = trial.start()
        assert eventually(lambda: len(list(disk.rglob("*.duckdb"))) > 0 or len(trial.rows()) > 2, PATIENCE_S)
        with (disk / "filler").open("wb") as filler:
            try:
                while True:
                    filler.write(bytes(1_000_000))
                    filler.flush()
            except OSError:
                pass
        printed, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, printed
        assert "left out" in printed
        trial.check(redone=True)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.acceptance
def test_a_host_that_joins_late_is_given_the_next_block(trial: Trial) -> None:
    """It comes when the first host has begun, and does a block of its own."""
    late = f"late-{os.getpid()}"
    changed(trial, 0, alone=True)
    trial.cluster = dict(trial.cluster) | {
        "command": {
            "hosts": [late], "start": ["bash", "-c", 'sleep 5; exec "$@"', "{host}"], "python": sys.executable,
            "folder": str(trial.folder / "host-late"),
            "environment": {"GREENREPORT_HOST": late, "PYTHONPATH": variables()["PYTHONPATH"]},
        }
    }  # fmt: skip
    trial.write(token_s=0.05)
    code, printed = trial.run()
    assert code == 0, printed
    trial.check()
    assert len({row[3] for row in trial.rows()}) == 2


@pytest.mark.acceptance
def test_a_locked_host_is_asked_again(trial: Trial) -> None:
    """Another study holds its lock for some seconds; then it measures."""
    changed(trial, 0, alone=True)
    holder = subprocess.Popen(
        [sys.executable, "-c", "import time\nfrom greenreport.execute.host_lock import host_lock\nwith host_lock(shared=False): print('held', flush=True); time.sleep(8)"],
        env=variables(GREENREPORT_HOST=trial.hosts[0]), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        code, printed = trial.run()
    assert holder.returncode == 0
    assert code == 0, printed
    trial.check()


@pytest.mark.acceptance
def test_a_connection_that_hangs_is_given_up(trial: Trial) -> None:
    """The server's side of one connection is stopped: after a minute the host is lost, and the others complete the study."""
    trial.write(token_s=0.01)
    process = trial.start()
    assert eventually(lambda: len(trial.workers()) == 3, PATIENCE_S)
    time.sleep(2)
    chain = psutil.Process(trial.workers()[0]).parents()
    session = next(parent for parent in chain if parent.name().startswith("sshd"))
    session.send_signal(signal.SIGSTOP)
    try:
        printed, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        session.send_signal(signal.SIGCONT)
    assert process.returncode == 0, printed
    trial.check(redone=True)
