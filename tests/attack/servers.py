"""Servers that answer with anything: whatever comes over the wire, the run ends as a record, and the next run of the study works.

A real server on loopback behaves in one hostile way, to one kind of question, while a small study is run; then it behaves well, and the
study is run again.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path

import yaml

from greenreport import __main__ as entry
from greenreport.cli import main
from greenreport.meters.procfs import children
from greenreport.record import Outcome, RunRecord
from greenreport.store import Store
from tests.attack.behaviours import BEHAVIOURS, GOOD, GOOD_CHAT, MODELS, Behaviour, Parts, head, whole
from tests.attack.trial import MOST_MEMORY_B, Attack, Defeat, Ending
from tests.conftest import minimal_study


class HostileServer:
    """Behaves well, but in one way to one path, as long as it is hostile."""

    def __init__(self, path: str, behaviour: Behaviour) -> None:
        self.path, self.behaviour, self.hostile = path, behaviour, True
        self.listener = socket.create_server(("127.0.0.1", 0))

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        """Answer until the listener is closed; each connection has a thread, and one request."""
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, ValueError):
            reader = connection.makefile("rb")
            path = reader.readline().split()[1].decode()
            length = 0
            while (line := reader.readline().strip().lower()) != b"":
                length = int(line.partition(b":")[2]) if line.startswith(b"content-length") else length
            body = json.loads(reader.read(length) or b"{}")
            stream = bool(body.get("stream"))
            for part in self.behaviour(stream) if self.hostile and path == self.path else self._good(path, stream):
                if part is None:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                connection.sendall(part)

    def _good(self, path: str, stream: bool) -> Parts:
        good = {"/v1/completions": GOOD, "/v1/chat/completions": GOOD_CHAT}.get(path)
        if good is not None:
            return whole(good, stream=stream)
        return whole(MODELS) if path == "/v1/models" else [head("404 Not Found")]


@contextmanager
def listening(path: str, behaviour: Behaviour) -> Iterator[HostileServer]:
    """Give a server that answers until the end."""
    server = HostileServer(path, behaviour)
    threading.Thread(target=server.serve, daemon=True).start()
    try:
        yield server
    finally:
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()


@contextmanager
def memory_watched() -> Iterator[None]:
    """Look at the memory of all processes of the runs.

    Raises:
        Defeat: one of them took more than is allowed.
    """
    ended, peaks_b = threading.Event(), [0.0]

    def look() -> None:
        while not ended.wait(0.05):
            for pid in children(os.getpid()):
                with suppress(OSError, StopIteration):
                    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
                    peaks_b.append(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024.0)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if max(peaks_b) > MOST_MEMORY_B:
        raise Defeat(Ending.LOST, f"a process of the run took {max(peaks_b) / 1e6:.0f} MB")


def attempt(number: int, folder: Path) -> None:
    """Run a study against a hostile server, and again when it behaves well."""
    path, stream, name, behaviour = BEHAVIOURS[number]
    with memory_watched(), listening(path, behaviour) as server:
        (folder / "studies").mkdir()
        study = minimal_study(
            models=[{"id": "one"}],
            configurations=[{"engine": "endpoint", "name": "hostile", "server": {"url": server.url}}],
            workload={
                "prompts": {"source": "builtin", "count": 2},
                "generation": {"output_tokens": 8},
                "stream": stream,
                "api": "chat" if path == "/v1/chat/completions" else "completions",
            },
            protocol=minimal_study()["protocol"]
            | {"repetitions": 1, "idle_baseline_s": 0, "load_timeout_s": 1, "window_timeout_s": 2},
        )
        (folder / "studies" / "tiny.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
        what = f"{path}, {name}{', streamed' if stream else ''}"
        records = ran(folder)
        if len(records) != 1:
            raise Defeat(Ending.LOST, f"{what}: the run left {len(records)} records")
        if "Traceback" in str(records[0].detail):
            raise Defeat(Ending.TRACEBACK, f"{what}: {records[0].detail}")
        server.hostile = False
        again = ran(folder)
        wanted = 1 if records[0].outcome is Outcome.OK else 2
        if len(again) != wanted:
            raise Defeat(
                Ending.REPEATED if len(again) > wanted else Ending.LOST, f"{what}: {len(again)} records after the next run"
            )
        if all(record.outcome is not Outcome.OK for record in again):
            raise Defeat(Ending.LOST, f"{what}: the next run did not work: {again[-1].reason}")


def ran(folder: Path) -> list[RunRecord]:
    """Run the study, in this process; return all records."""
    before = sys.modules["__main__"], sys.argv
    sys.modules["__main__"], sys.argv = (
        entry,
        ["greenreport", "run", "studies/tiny.yaml"],
    )  # processes it starts look for the main module
    try:
        with chdir(folder), redirect_stdout(StringIO()), redirect_stderr(StringIO()), suppress(SystemExit):
            main()
    finally:
        sys.modules["__main__"], sys.argv = before
    store = Store(folder / "cache" / "greenreport.duckdb")
    return list(store.records([row.run_id for row in store.index()]))


ATTACK = Attack("servers", len(BEHAVIOURS), attempt)
