"""Between the processes of one machine: whether another is still running, who holds a lock, and where a new one may import from.

Locks are those of POSIX. Where there are none, as under Windows, nothing is locked: such a machine checks, imports, audits and builds,
and measures nothing that two commands could disturb.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

#: Python's variable, and the value that says that greenreport set it: any text does.
_SAFE_PATH, _OURS = "PYTHONSAFEPATH", "greenreport"


@contextmanager
def nothing_imported_from_here() -> Iterator[None]:
    """Let processes that `multiprocessing` starts meanwhile import nothing from the current folder, which may hold somebody's studies.

    They begin with ``python -c``, which looks there first, so a file ``socket.py`` would run.
    """
    theirs = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = theirs or _OURS
    try:
        yield
    finally:
        if not theirs:
            forget_where_to_import()


def forget_where_to_import() -> None:
    """Take back what `nothing_imported_from_here` set, for the programs that this process starts."""
    if os.environ.get(_SAFE_PATH) == _OURS:
        del os.environ[_SAFE_PATH]


def process_exists(number: int) -> bool:
    """Whether a process with this number is running on this machine."""
    return psutil.pid_exists(number)


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock of an open file or folder, which ends with the process; False when another process holds it.

    Args:
        shared: beside others that take it so.
    """
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def open_folder(folder: os.PathLike[str]) -> int | None:
    """Return a descriptor of a folder for `try_lock`, or None where the system opens no folders."""
    try:
        return os.open(folder, os.O_RDONLY)
    except PermissionError:
        return None
