"""Tests of a study on the nodes of a Slurm cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.hosts import PATIENCE_S, Trial, eventually, variables
from tests.cluster.slurm import MISSING, installed, jobs, slurm_cluster
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(not installed(), reason=MISSING)


def test_a_cancelled_job_is_asked_for_again(tmp_path: Path) -> None:
    """A job is cancelled while it measures: another node, or the same in a new job, does its block whole; no job and no process stays."""
    token = f"gr{os.getpid()}"
    section = {
        "hosts": 2,
        "walltime": "00:10:00",
        "prologue": [f"export GREENREPORT_HOST={token}-$SLURMD_NODENAME", f"export PYTHONPATH={ROOT}"],
        "python": sys.executable,
        "folder": str(tmp_path / "host"),
    }
    with slurm_cluster(tmp_path / "slurm", 2) as environment:
        hosts = tuple(f"{token}-n{number}" for number in (1, 2))
        trial = Trial(tmp_path, hosts, {"slurm": section}, variables(**environment))
        trial.write(token_s=0.01)
        process = trial.start()
        try:
            assert eventually(lambda: len(trial.rows()) > 1, PATIENCE_S)
            running = jobs(environment, "R")
            assert len(running) == 2
            subprocess.run(["scancel", running[0]], env=environment, check=True)
            printed, _ = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
        assert process.returncode == 0, printed
        assert "it is started again" in printed
        trial.check(redone=True)
        assert eventually(lambda: not jobs(environment, "R", "PD", "CG"))
