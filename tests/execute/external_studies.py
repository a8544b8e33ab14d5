"""Servers greenreport did not write, for tests: started beside a study or by its commands; and studies that are run once for several tests."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from greenreport.record import RunRecord
from greenreport.store import Store
from tests.commands import greenreport
from tests.conftest import minimal_study

HERE = Path(__file__).parent
ONCE = minimal_study()["protocol"] | {"repetitions": 1}
BARE = [{"id": "one"}]  # a model that only servers of others have needs no weights

Outside = Callable[..., str]


def starter(stack: ExitStack) -> Outside:
    """Return a function that starts a server as somebody else would, and returns its address; the stack ends it."""

    def start(*options: str, script: str = "small_server.py") -> str:
        line = [sys.executable, str(HERE / script), "--port", "0", *options]
        process = stack.enter_context(subprocess.Popen(line, stdout=subprocess.PIPE, text=True))
        stack.callback(process.kill)
        assert process.stdout is not None
        return f"http://127.0.0.1:{int(process.stdout.readline())}"  # it took a free one, and listens

    return start


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def listens(port: int) -> bool:
    """Whether something accepts connections on a port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def endpoint(url: str, **server: Any) -> dict[str, Any]:
    """Return a configuration that attaches to a server."""
    return {"engine": "endpoint", "name": "small", "server": {"url": url, **server}}


def starting(*options: str, **server: Any) -> dict[str, Any]:
    """Return a configuration that starts the small server."""
    line = [sys.executable, str(HERE / "small_server.py"), "--port", "{port}", *options]
    return {"engine": "command", "name": "small", "server": {"command": line, **server}}


def records(folder: Path) -> list[RunRecord]:
    """Return every run of the store in a folder."""
    store = Store(folder / "cache" / "greenreport.duckdb")
    return list(store.records([row.run_id for row in store.index()]))


def only(folder: Path) -> RunRecord:
    """Return the one run of the store."""
    [record] = records(folder)
    return record


@dataclass(frozen=True)
class Ran:
    """A study that was run.

    Attributes:
        records: the run of each configuration, by what stands behind the model in its key.
    """

    folder: Path
    records: Mapping[str, RunRecord]

    def say(self, command: str) -> str:
        """Return what a command prints about the study."""
        done = greenreport(self.folder, command, "studies/tiny.yaml")
        return done.stdout + done.stderr

    def pending(self) -> int:
        """Return how many of its runs did not end well, and would be run again."""
        return sum(record.outcome != "ok" for record in self.records.values())


def ran(folder: Path, configurations: Sequence[Mapping[str, Any]], **sections: Any) -> Ran:
    """Run a study of these configurations, each once."""
    study = minimal_study(configurations=list(configurations), **{"protocol": ONCE, "models": BARE} | sections)
    (folder / "studies").mkdir()
    (folder / "studies" / "tiny.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    done = greenreport(folder, "run", "studies/tiny.yaml")
    found = {record.key.partition("/")[2]: record for record in records(folder)}
    assert len(found) == len(configurations), done.stdout + done.stderr
    assert done.returncode == any(record.outcome != "ok" for record in found.values()), done.stdout + done.stderr
    return Ran(folder, found)
