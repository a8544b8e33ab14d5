"""A process that has imported what commands need and forks one for each: a process of its own all the same, without seconds of imports."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

#: What `run`, `plan` and the others import when they are called.
PRELOADED = ("greenreport.__main__", "greenreport.cli.measuring", "greenreport.results", "greenreport.execute.doctor")
LONGEST_S = 580


def serve() -> None:
    """Fork a process for each request, a line of JSON, and answer with its exit code; negative, as elsewhere, where a signal ended it."""
    for name in PRELOADED:
        import_module(name)
    for line in iter(sys.stdin.readline, ""):
        if (child := os.fork()) == 0:
            return become_command(json.loads(line))
        if not select.select([os.pidfd_open(child)], [], [], LONGEST_S)[0]:
            os.kill(child, signal.SIGKILL)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


def become_command(request: Mapping[str, Any]) -> None:
    """Be what ``python -m greenreport`` would be in that folder, with those variables, printing into those files."""
    for number, (file, flags) in enumerate([(os.devnull, os.O_RDONLY), *((f, os.O_WRONLY) for f in request["files"])]):
        opened = os.open(file, flags)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.path[0] = request["folder"]
    entry = sys.modules["__main__"] = sys.modules["greenreport.__main__"]
    sys.argv = [str(entry.__file__), *request["arguments"]]
    entry.main()


if __name__ == "__main__":
    serve()
