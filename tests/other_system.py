"""Hides from Python what other systems than Linux lack, then runs commands: ``python -m tests.other_system "validate a.yaml" "build"``.

The libraries keep what they need of Linux, since they have other code elsewhere: psutil reads /proc, and numpy asks `os.uname`.
"""

from __future__ import annotations

import builtins
import io
import os
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil  # noqa: F401 - before its files are hidden

MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog")
FUNCTIONS = (
    "sched_getaffinity", "sched_setaffinity", "fork", "forkpty", "setsid", "killpg", "getpgid", "setpgid", "getpgrp", "pread", "preadv", "pwrite",
    "getloadavg", "getuid", "geteuid", "getgid", "getegid", "getgroups", "memfd_create", "pidfd_open", "mkfifo", "mknod", "statvfs", "fchmod",
    "fchown", "chown", "lchown", "nice", "posix_fadvise", "posix_fallocate", "sysconf", "wait4", "waitid", "chroot", "O_NOFOLLOW", "O_DIRECTORY",
    "O_NONBLOCK", "O_CLOEXEC",
)  # fmt: skip
SIGNALS = (
    "SIGHUP",
    "SIGUSR1",
    "SIGUSR2",
    "SIGSTOP",
    "SIGCONT",
    "SIGALRM",
    "SIGCHLD",
    "alarm",
    "setitimer",
    "pthread_sigmask",
    "sigwait",
)
FOLDERS = ("/proc", "/sys", "/etc/machine-id")


def hiding(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of a path that finds none of Linux's own folders, unless psutil asks."""

    def call(path: Any = ".", *args: Any, **options: Any) -> Any:
        hidden = isinstance(path, str | os.PathLike) and str(path).startswith(FOLDERS)
        if hidden and not sys._getframe(1).f_globals.get("__name__", "").startswith("psutil"):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return function(path, *args, **options)

    return call


def without_folders(function: Callable[..., int]) -> Callable[..., int]:
    """Return `os.open` as it is where folders cannot be opened."""

    def call(path: Any, *args: Any, **options: Any) -> int:
        if isinstance(path, str | os.PathLike) and Path(path).is_dir():
            raise PermissionError(13, "Permission denied", str(path))
        return function(path, *args, **options)

    return call


for name in MODULES:
    sys.modules[name] = None  # type: ignore[assignment]
for owner, names in ((os, FUNCTIONS), (signal, SIGNALS)):
    for name in names:
        if hasattr(owner, name):
            delattr(owner, name)
os.open = hiding(without_folders(os.open))
for owner, name in ((builtins, "open"), (io, "open"), (os, "stat"), (os, "scandir"), (os, "listdir")):
    setattr(owner, name, hiding(getattr(owner, name)))

if __name__ == "__main__":
    from greenreport.cli import main

    for command in sys.argv[1:]:
        sys.argv[1:] = shlex.split(command)
        try:
            main()
        except SystemExit as end:
            print(f"{command}: exit {end.code or 0}", flush=True)
