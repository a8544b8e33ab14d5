"""The command line for tests: in an interpreter or a process of its own, or inside this one where a second would show nothing more."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

#: Commands that only read, compute and write files. Importing what they need takes longer than most of what tests ask of them.
#: Those that measure have a process of their own: they start others, hear signals, and know folders and keys of the process that began them.
INSIDE = frozenset({"analyse", "audit", "build", "check", "compare", "export", "import", "publish", "validate"})
Done = subprocess.CompletedProcess[str]


def greenreport(folder: Path, *arguments: str, process: bool = False, **options: Any) -> Done:
    """Run the command line in a folder.

    Args:
        process: in an interpreter of its own, whatever the command; so are commands with `options` for the process but variables.
    """
    environment = options.get("env", os.environ)
    if process or set(options) - {"env"} or _read_at_the_start(environment) != _read_at_the_start(os.environ):
        return _alone(folder, *arguments, **options)
    if "env" in options or arguments[0] not in INSIDE:
        return _forked(folder, *arguments, environment=environment)
    return _inside(folder, *arguments)


def _alone(folder: Path, *arguments: str, **options: Any) -> Done:
    """Run the real command line."""
    command = [sys.executable, "-m", "greenreport", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=580, check=False, **options)


def _forked(folder: Path, *arguments: str, environment: Mapping[str, str]) -> Done:
    """Run the command line in a process of its own that a `tests.command_server` forks."""
    server = _command_server()
    with tempfile.TemporaryDirectory() as outputs:
        files = [Path(outputs, name) for name in ("out", "err")]
        for file in files:
            file.touch()
        request = {
            "folder": str(folder.absolute()), "arguments": arguments, "environment": dict(environment), "files": list(map(str, files)),
        }  # fmt: skip
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        texts = [file.read_text(encoding="utf-8") for file in files]
    return subprocess.CompletedProcess(["greenreport", *arguments], code, *texts)


@cache
def _command_server() -> subprocess.Popen[str]:
    """Return the server of this test process, which ends with it."""
    command = [sys.executable, "-m", "tests.command_server"]
    server = subprocess.Popen(
        command,
        cwd=Path(__file__).resolve().parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    atexit.register(server.communicate)
    return server


def _read_at_the_start(environment: Mapping[str, str]) -> set[tuple[str, str]]:
    """Return the variables that the loader, Python and libraries read when a process begins, so that a fork would not heed them."""
    return {(name, value) for name, value in environment.items() if name.startswith(("LD_", "PYTHON", "OMP_", "MALLOC_"))}


def _inside(folder: Path, *arguments: str) -> Done:
    """Run it in this process: from the words of the command line to output and exit code it is the same."""
    from greenreport import __main__ as entry  # not above: its imports would count where tests ask for quick ones
    from greenreport.cli import main

    out, err, code = StringIO(), StringIO(), 0
    before = sys.modules["__main__"], sys.argv
    sys.modules["__main__"], sys.argv = entry, ["greenreport", *arguments]  # processes it starts look for the main module
    try:
        with chdir(folder), redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a warning is an error of tests, and none of the command line
            main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.modules["__main__"], sys.argv = before
    return subprocess.CompletedProcess(["greenreport", *arguments], code, out.getvalue(), err.getvalue())
