"""Studies on several hosts of a test's own, and what has to hold of them whatever went wrong on the way."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import yaml

from tests.conftest import ROOT, minimal_study

REPETITIONS, CELLS = 3, 4
#: How long the whole may take on a busy machine, s.
PATIENCE_S = 240


def study_data(token_s: float = 0.001, **protocol: Any) -> dict[str, Any]:
    """Return a study of three blocks of four cells."""
    configurations = [{"engine": "fake", "options": {"token_s": token_s * factor}} for factor in (1, 2, 3, 4)]
    return minimal_study(
        configurations=configurations, protocol=minimal_study()["protocol"] | {"repetitions": REPETITIONS} | protocol
    )


@dataclass
class Trial:
    """A study, its hosts, and the command that measures it."""

    folder: Path
    hosts: tuple[str, ...]
    cluster: Mapping[str, Any]
    environment: Mapping[str, str]

    def write(self, **changes: Any) -> None:
        """Write the study and the cluster file."""
        (self.folder / "studies").mkdir(exist_ok=True)
        (self.folder / "studies" / "tiny.yaml").write_text(
            yaml.safe_dump(study_data(**changes), sort_keys=False), encoding="utf-8"
        )
        (self.folder / "cluster.yaml").write_text(
            yaml.safe_dump({"control_drift": None} | dict(self.cluster)), encoding="utf-8"
        )

    def start(self) -> subprocess.Popen[str]:
        """Start `greenreport run` on the hosts."""
        command = [sys.executable, "-m", "greenreport", "run", "studies/tiny.yaml", "--cluster", "cluster.yaml"]
        return subprocess.Popen(
            command, cwd=self.folder, env=dict(self.environment), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def run(self) -> tuple[int, str]:
        """Run it to its end; return the exit code and what it printed."""
        process = self.start()
        printed, _ = process.communicate(timeout=PATIENCE_S)
        return process.returncode, printed

    def rows(self) -> list[tuple[str, int, str, str]]:
        """Return key, repetition, outcome and environment of every run of the store."""
        return self._query("SELECT key, repetition, outcome, environment FROM runs WHERE kind = 'run'")

    def _query(self, sql: str) -> list[tuple[Any, ...]]:
        file = self.folder / "cache" / "greenreport.duckdb"
        if not file.exists():
            return []
        for _ in range(100):
            try:
                with duckdb.connect(str(file), read_only=True) as connection:
                    return connection.execute(sql).fetchall()
            except duckdb.IOException:  # the command has it open
                time.sleep(0.1)
        raise TimeoutError(file)

    def processes(self) -> list[str]:
        """Return what runs on the hosts now."""
        named = [f"GREENREPORT_HOST={host}".encode() for host in self.hosts]
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                values = (folder / "environ").read_bytes().split(b"\0")
                if set(named) & set(values):
                    found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        pids = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
                named = (folder / "environ").read_bytes()
            except OSError:
                continue
            ours = any(f"GREENREPORT_HOST={host}\0".encode() in named for host in self.hosts)
            if ours and b"greenreport.cluster.worker" in words and b"-m" in words:
                pids.append(int(folder.name))
        return pids

    def check(self, *, redone: bool = False) -> None:
        """Check the whole: every run once, each repetition on one host, no two runs at once on a host, no process left.

        Args:
            redone: a repetition may have been done anew by another host, beside the part of the first one, where a run may have failed.
        """
        rows = [row for row in self.rows() if row[2] == "ok" or not redone]
        assert {row[2] for row in rows} == {"ok"}
        assert max(Counter((key, repetition, host) for key, repetition, _, host in rows).values()) == 1
        held = Counter((repetition, host) for _, repetition, _, host in rows)
        whole = Counter(repetition for (repetition, _), number in held.items() if number == CELLS)
        assert whole == Counter(range(1, REPETITIONS + 1)), held
        assert redone or len(rows) == CELLS * REPETITIONS, held
        spans = self._query(
            "SELECT environment, min(start_ns), max(end_ns) FROM runs JOIN marks USING (run_id) GROUP BY environment, run_id ORDER BY ALL"
        )
        for (host, _, end), (other, start, _) in pairwise(spans):
            assert host != other or start >= end, "two runs at once on one host"
        assert eventually(lambda: not self.processes()), self.processes()
        assert not list((self.folder / "host").rglob("*.duckdb")), "records that nobody collected"


def eventually(holds: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Wait until something holds; return whether it does."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.3)  # opening the store takes a tenth of that
    return True


def variables(**values: str) -> dict[str, str]:
    """Return the environment of a process that finds this greenreport."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **values}


def ssh_section(folder: Path, config: Path, hosts: Iterable[str]) -> dict[str, Any]:
    """Return the section of a cluster file for hosts of `ssh.ssh_server`."""
    named = [{"host": host, "environment": {"GREENREPORT_HOST": host}} for host in hosts]
    return {
        "hosts": named,
        "config": str(config),
        "python": sys.executable,
        "folder": str(folder / "host"),
        "environment": {"PYTHONPATH": str(ROOT)},
    }
