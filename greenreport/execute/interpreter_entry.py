"""Entry of a process that an environment's own Python runs: agree on the protocol, then do what the parent asks.

The file is read by interpreters that greenreport is not installed in, so it imports nothing but the standard library before both sides
have agreed. What follows needs `SERVER_REQUIREMENTS` and what the engine itself needs.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

#: Raised when what the two sides say to each other changes.
PROTOCOL = 1
OLDEST_PYTHON = (3, 11)
#: What our server needs besides the libraries of its engine, as `pyproject.toml` bounds it.
SERVER_REQUIREMENTS = ("psutil>=7.0", "pydantic>=2.12", "pyyaml>=6.0.2", "starlette>=0.46", "uvicorn>=0.34")
SERVER_MODULES = ("psutil", "pydantic", "yaml", "starlette", "uvicorn")
#: Handed to ``python -c``: makes this copy of the package importable, and no library that lies beside it.
BOOT = """
import importlib.util, sys
folder, sys.argv = sys.argv[1], sys.argv[1:]
spec = importlib.util.spec_from_file_location("greenreport", folder + "/__init__.py", submodule_search_locations=[folder])
module = sys.modules["greenreport"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from greenreport.execute.interpreter_entry import main
main(int(sys.argv[1]), int(sys.argv[2]))
"""
#: Also handed to ``python -c``, of any version: prints what is installed there, and which of the modules named are not.
PROBE = """
import json, platform, sys
found, missing = {}, []
if sys.version_info >= (3, 8):
    from importlib import metadata, util
    for item in reversed(list(metadata.distributions())):
        if item.metadata["Name"]:
            found[item.metadata["Name"].lower().replace("_", "-")] = item.version
    for name in sys.argv[1:]:
        try:
            if util.find_spec(name) is None:
                missing.append(name)
        except ImportError:
            missing.append(name)
print(json.dumps({"python": platform.python_version(), "packages": found, "missing": missing}))
"""


def main(descriptor: int, protocol: int) -> None:
    """Tell the parent who this is, then run the function it sends.

    Args:
        descriptor: this end of the pipe.
        protocol: the parent's version.
    """
    connection = Connection(descriptor)
    connection.send_bytes(json.dumps({"protocol": PROTOCOL, "python": platform.python_version()}).encode())
    if protocol != PROTOCOL:
        sys.exit(f"greenreport was changed while it ran (protocols {protocol} and {PROTOCOL}); start the command again")
    portable_paths()
    from greenreport.execute.process_entry import guarded

    function, arguments = connection.recv()
    guarded(function, connection, *arguments)


def portable_paths() -> None:
    """Let paths be sent to a Python of another version, whose class of paths lies in another module."""
    ForkingPickler.register(type(Path()), _reduced)


def path_from(text: str) -> Path:
    """Return the path that was sent."""
    return Path(text)


def _reduced(path: Path) -> tuple[Callable[[str], Path], tuple[str]]:
    return path_from, (str(path),)
