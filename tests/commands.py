"""The command line for tests: a process of its own, or inside this one where a second interpreter would show nothing more."""

from __future__ import annotations

import subprocess
import sys
import warnings
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

#: Commands that only read, compute and write files. Importing what they need takes longer than most of what tests ask of them.
#: Those that measure stay alone: they start processes, hear signals, and know folders and keys of the process that began them.
INSIDE = frozenset({"analyse", "audit", "build", "check", "compare", "export", "import", "publish", "validate"})
Done = subprocess.CompletedProcess[str]


def greenreport(folder: Path, *arguments: str, process: bool = False, **options: Any) -> Done:
    """Run the command line in a folder.

    Args:
        process: in a process of its own, whatever the command; so are commands with `options` for the process.
    """
    if process or options or arguments[0] not in INSIDE:
        return _alone(folder, *arguments, **options)
    return _inside(folder, *arguments)


def _alone(folder: Path, *arguments: str, **options: Any) -> Done:
    """Run the real command line."""
    command = [sys.executable, "-m", "greenreport", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=580, check=False, **options)


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
