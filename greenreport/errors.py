"""The exception tree of greenreport.

::

    GreenReportError            a sentence a person can act on: what, where, how to fix
    ├─ SpecError                every problem of a study file at once, each with file:line
    ├─ UsageError               an argument of a command that cannot be used
    ├─ Unavailable              cause and remedy; never silently replaced by something else
    │  ├─ EngineUnavailable     engine or provider: an option it lacks, no GPU
    │  │  └─ EngineMissing      a package, program or driver that can be installed
    │  ├─ PythonUnavailable     environment of a study: a requirement that cannot be installed, a Python that is not there
    │  ├─ ModelUnavailable      model: offline, gated, no such revision
    │  ├─ PromptsUnavailable    prompt source: absent, unreadable, another digest
    │  ├─ MeterUnavailable      instrument: absent, not readable by this user
    │  └─ SandboxUnavailable    nothing holds judged programs on this machine
    ├─ RunError                 caught by the runner, which records an outcome with its reason
    │  ├─ WorkerCrashed
    │  ├─ WorkerTimedOut
    │  ├─ OutOfMemory
    │  └─ MeasurementInvalid
    ├─ StoreError               other schema version, unreadable, disk full
    │  ├─ StoreLocked           another process has it open, or measures on this host
    │  └─ UnstorableRecord      the store is in order, one record cannot be kept
    ├─ ImportFileError          a results file that cannot be imported, with the offending line
    └─ BuildError               page and template line
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

#: What helps against a refusal of the system that is no fault of a study: its disk is full, or may not be written.
DISK_REMEDIES = {
    errno.ENOSPC: "make room on that disk",
    errno.EDQUOT: "make room within your quota on that disk",
    errno.EFBIG: "raise the limit of `ulimit -f`",
    errno.EROFS: "choose a folder on another disk",
    errno.EIO: "the disk may be failing",
}


class GreenReportError(Exception):
    """Base of every error greenreport raises on purpose; its text is meant for the user."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One problem in a file: where it is and a sentence that says how to fix it."""

    file: str
    line: int
    message: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {'warning: ' if self.warning else ''}{self.message}"


class SpecError(GreenReportError):
    """All problems of a study file, in the order of its lines."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[SpecError], tuple[tuple[Problem, ...]]]:
        return (SpecError, (self.problems,))


class UsageError(GreenReportError):
    """An argument of a command that cannot be used."""


class Unavailable(GreenReportError):
    """Something a study names that is not available here; nothing takes its place.

    Args:
        cause: what is missing, as a clause ("RAPL counters are readable by root only").
        remedy: the exact command or action that makes it available, or "".
    """

    def __init__(self, cause: str, remedy: str = "") -> None:
        self.cause = cause
        self.remedy = remedy
        super().__init__(f"{cause}; {remedy}" if remedy else cause)

    def __reduce__(self) -> tuple[type[Unavailable], tuple[str, str]]:
        return (type(self), (self.cause, self.remedy))


class EngineUnavailable(Unavailable):
    """A runtime engine or execution provider that cannot be used on this machine."""


class EngineMissing(EngineUnavailable):
    """An engine of which something is not installed; its runs are tried again by the next `run`."""


class PythonUnavailable(Unavailable):
    """An environment of a study that cannot be made or used; its runs are tried again by the next `run`."""


class ModelUnavailable(Unavailable):
    """A model whose weights cannot be obtained."""


class PromptsUnavailable(Unavailable):
    """A prompt source that cannot be read."""


class MeterUnavailable(Unavailable):
    """An instrument that cannot be read."""


class SandboxUnavailable(Unavailable):
    """Nothing on this machine holds what a judged program may do; no answer is judged."""


class RunError(GreenReportError):
    """A run that ended early; the runner turns it into an outcome with a reason."""


class WorkerCrashed(RunError):
    """A process of the run ended without being asked to."""


class WorkerTimedOut(RunError):
    """A phase of the run took longer than its limit."""


class OutOfMemory(RunError):
    """The model or its state did not fit into memory."""


class MeasurementInvalid(RunError):
    """The run ended, but its numbers must not be used."""


class StoreError(GreenReportError):
    """The store of run records cannot be read or written."""


class StoreLocked(StoreError):
    """Another process has the store open, or measures on this host for a study on many."""


class UnstorableRecord(StoreError):
    """A record holds a value that the store cannot keep; nothing was stored."""


class ImportFileError(GreenReportError):
    """A file of results measured elsewhere that cannot be imported."""


class BuildError(GreenReportError):
    """The site could not be built; nothing was replaced."""


def refusal(error: OSError) -> str:
    """Return what the system refused, on which file, and what helps, as a sentence."""
    what = f"{error.strerror or error}"
    named = f"{error.filename}: {what}" if error.filename is not None else what
    remedy = DISK_REMEDIES.get(error.errno or 0)
    return f"{named}; {remedy}" if remedy else named
