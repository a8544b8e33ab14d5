"""Processes in another Python than greenreport's own: the one of an environment that a study names.

Such a process is like those of `multiprocessing`: a pipe to its parent, a group of its own, and the same functions run in it. It is given
the files of greenreport alone; every library comes from its own environment. Variables that would lead it to others are not handed on.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import weakref
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import greenreport
from greenreport.errors import PythonUnavailable
from greenreport.execute.interpreter_entry import BOOT, PROBE, PROTOCOL, portable_paths

PACKAGE = Path(greenreport.__file__).parent
HELLO_S = 60.0
PROBE_S = 120.0
NOT_HANDED_ON = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


class InterpreterProcess:
    """A process of another Python, with what `processes.Child` asks of one of `multiprocessing`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.pid = process.pid
        self.sentinel = os.pidfd_open(process.pid)
        weakref.finalize(self, os.close, self.sentinel)

    @property
    def exitcode(self) -> int | None:
        """How it ended: a status, or minus the number of a signal; None while it runs."""
        return self.process.poll()

    def is_alive(self) -> bool:
        """Return whether it runs."""
        return self.process.poll() is None

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end, without polling."""
        wait([self.sentinel], timeout)
        self.process.poll()

    def kill(self) -> None:
        """Kill it."""
        self.process.kill()


def started(python: Path, log: Path, main: Callable[..., None], *arguments: Any) -> tuple[InterpreterProcess, Connection]:
    """Start a process of a Python that runs ``main(connection, *arguments)``; return it and the pipe to it.

    Args:
        log: file for what it prints before `main` begins.

    Raises:
        PythonUnavailable: it does not start, or has another greenreport.
    """
    portable_paths()
    ours, theirs = multiprocessing.Pipe()
    log.parent.mkdir(parents=True, exist_ok=True)
    program = [str(python), "-I", "-c", BOOT, str(PACKAGE), str(theirs.fileno()), str(PROTOCOL)]
    with theirs, os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
        try:
            process = subprocess.Popen(
                program, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=_variables(), pass_fds=[theirs.fileno()]
            )
        except OSError as error:
            raise PythonUnavailable(f"{python} cannot be started: {error.strerror}") from None
    agreed = False
    try:
        _agree(python, ours, log)
        ours.send((main, arguments))
        agreed = True
    finally:
        if not agreed:
            ours.close()
            process.kill()
            process.wait()
    return InterpreterProcess(process), ours


def _agree(python: Path, connection: Connection, log: Path) -> None:
    """Read who answers.

    Raises:
        PythonUnavailable: nobody, or a greenreport that says other things.
    """
    try:
        hello = json.loads(connection.recv_bytes(1000)) if connection.poll(HELLO_S) else {}
    except (EOFError, OSError):
        hello = {}
    if not hello:
        raise PythonUnavailable(f"{python} did not start greenreport's server: {last_line(log.read_text(errors='replace'))}")
    if hello["protocol"] != PROTOCOL:
        raise PythonUnavailable(
            f"the files of greenreport were changed while it ran (protocols {PROTOCOL} and {hello['protocol']})",
            "start the command again",
        )


def probed(python: Path, modules: list[str]) -> dict[str, Any]:
    """Return what a Python says of itself: version, distributions, and which modules it does not have.

    Raises:
        PythonUnavailable: it cannot be started, or says nothing.
    """
    program = [str(python), "-I", "-c", PROBE, *modules]
    try:
        ended = subprocess.run(program, capture_output=True, text=True, timeout=PROBE_S, env=_variables(), check=False)
        said = json.loads(ended.stdout.splitlines()[-1]) if ended.returncode == 0 and ended.stdout else None
    except OSError as error:
        raise PythonUnavailable(f"{python} cannot be started: {error.strerror or error}") from None
    except (subprocess.TimeoutExpired, ValueError):
        said = None
    if not isinstance(said, dict):
        raise PythonUnavailable(f"{python} does not say what is installed there", "is it a Python?")
    return said


def last_line(text: str) -> str:
    """Return the last line of what a program printed, without the strokes that lead to it."""
    lines = [line.strip(" \t│╰─▶×") for line in text.splitlines()]
    return next((line[:400] for line in reversed(lines) if line), "it printed nothing")


def own_python() -> Path:
    """Return greenreport's own Python."""
    return Path(sys.executable)


def _variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in NOT_HANDED_ON}
