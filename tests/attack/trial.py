"""What an attack is, how a trial of it may end, and the command under attack."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from greenreport.errors import GreenReportError

MOST_MEMORY_B = 500e6
COMMAND = (sys.executable, "-m", "greenreport")


class Ending(StrEnum):
    """How a trial ended."""

    SURVIVED = "survived"
    LOST = "lost"
    REPEATED = "repeated"
    TRACEBACK = "traceback"
    HANG = "hang"


class Defeat(Exception):
    """Greenreport did something it promises never to do."""

    def __init__(self, ending: Ending, detail: str) -> None:
        super().__init__(detail)
        self.ending = ending


@dataclass(frozen=True, slots=True)
class Attack:
    """One kind of attack.

    Attributes:
        name: what is attacked, as named on the command line.
        trials: number of trials of the full attack.
        attempt: makes the trial with a number in an empty folder; returns when greenreport survived, raises `Defeat` when it
            did not; a `GreenReportError` is an answer, any other exception a traceback.
        longest_s: a trial that takes longer hangs.
        batch: trials of one process; more would measure how much memory libraries keep, which is what the soak is for.
    """

    name: str
    trials: int
    attempt: Callable[[int, Path], None]
    longest_s: float = 60.0
    batch: int = 50


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left: exit code, both outputs together, largest resident memory of it or one of its children in bytes."""

    code: int
    output: str
    memory_b: float


def attempted(attack: Attack, number: int, folder: Path) -> tuple[Ending, str]:
    """Make one trial; return how it ended, and the details of a defeat."""
    try:
        attack.attempt(number, folder)
    except Defeat as defeat:
        return defeat.ending, str(defeat)
    except GreenReportError:
        pass
    except Exception as error:
        return Ending.TRACEBACK, f"{type(error).__name__}: {error}"
    return Ending.SURVIVED, ""


def run(
    arguments: Sequence[str], folder: Path, *, longest_s: float = 60.0, environment: Mapping[str, str] | None = None
) -> Ended:
    """Run a command of greenreport in a folder.

    Raises:
        Defeat: it printed a traceback, ended by a signal or took too long.
    """
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", start_new_session=True, env={**os.environ, **(environment or {})},
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=longest_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        raise Defeat(
            Ending.HANG, f"greenreport {' '.join(arguments)} took longer than {longest_s:g} s: {output[-300:]}"
        ) from None
    if "Traceback (most recent call last)" in output or process.returncode < 0:
        raise Defeat(Ending.TRACEBACK, f"greenreport {' '.join(arguments)} (exit {process.returncode}): {output[-600:]}")
    return Ended(process.returncode, output, most_memory_b())


def most_memory_b() -> float:
    """Return the largest resident memory of this process, or of one that ended below it, in bytes.

    The kernel's ``ru_maxrss`` of a process begins with that of its parent, which under pytest has browsers' pages in memory, so this
    process reads its own peak where it is counted anew.
    """
    own_kib = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(encoding="utf-8"), re.MULTILINE)
    below_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return max(int(own_kib[1]) if own_kib else 0, below_kib) * 1024.0
