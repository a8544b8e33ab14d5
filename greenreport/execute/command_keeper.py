"""The process that keeps a command: it ends with the command, and everything the command started ends with it.

It waits until the server answers, says so to the parent, and then only watches. When the pipe to the parent closes, nothing of the
command is left.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from greenreport.errors import EngineUnavailable
from greenreport.execute.process_entry import end_with_parent, isolate
from greenreport.record import Mark, Phase
from greenreport.study import Server
from greenreport.workloads.exchanges import authorisation
from greenreport.workloads.server_probe import is_ready

LOOK_S = 0.1  # between two checks of a server that loads
GRACE_S = 8.0  # between SIGTERM and SIGKILL
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER


@dataclass(frozen=True, slots=True)
class CommandJob:
    """Start a command and wait until it answers.

    Attributes:
        arguments: program and arguments with every placeholder filled in.
        folder: working folder: that of the study file.
        launched_ns: when the parent started the keeper; the phase `start` begins then.
    """

    arguments: tuple[str, ...]
    folder: Path
    url: str
    server: Server
    launched_ns: int


@dataclass(frozen=True, slots=True)
class Answering:
    """The server of a command answers."""

    pid: int
    marks: tuple[Mark, ...]


def keeper_main(connection: Connection, job: CommandJob, log: Path, environment: dict[str, str]) -> None:
    """Entry of the process that keeps a command: it ends with the command, and the command ends with it."""
    isolate(log, environment)
    if sys.platform == "linux":  # processes whose parent is gone become children of this one
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    headers = authorisation(job.server.api_key_env)
    try:
        process = subprocess.Popen(job.arguments, cwd=job.folder, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise EngineUnavailable(f"{job.arguments[0]} cannot be started: {error.strerror}") from None
    started = time.monotonic_ns()
    end_with_parent(connection, _end_family)
    try:
        while process.poll() is None:
            if is_ready(job.url, job.server.health, headers):
                marks = (Mark(Phase.START, job.launched_ns, started), Mark(Phase.LOAD, started, time.monotonic_ns()))
                connection.send(Answering(process.pid, marks))
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_S)
        code = process.wait()
    finally:  # also when the parent was killed just before it could be told
        _end_family()
    if code < 0:  # end in the same way, so that the reason of the run is the true one
        with contextlib.suppress(OSError):  # SIGKILL has no handler to set back
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


def _end_family() -> None:
    """End every descendant: ask first, then kill."""
    for number, wait_s in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, 2.0)):
        family = psutil.Process().children(recursive=True)
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)
        psutil.wait_procs(family, wait_s)
