"""The coordinator's end of a host: a process and three threads that read and write its pipes, so that nothing waits for one host."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
from collections import deque
from contextlib import suppress
from typing import BinaryIO

from greenreport.cluster.launch import Launch
from greenreport.cluster.messages import BrokenChannel, Order, Report, await_announcement, receive, send

KEPT_LINES = 30
LONGEST_LINE = 400


class Announced:
    """The process on the host has started."""


class Ended:
    """The process is gone; `broken` says what was wrong with what it sent."""

    def __init__(self, broken: str | None) -> None:
        self.broken = broken


Event = tuple["HostProcess", Announced | Ended | Report, bytes]


class HostProcess:
    """A started host.

    Args:
        events: where everything that it reports goes.
    """

    def __init__(self, launch: Launch, events: queue.SimpleQueue[Event]) -> None:
        self.launch, self.events = launch, events
        self.errors: deque[str] = deque(maxlen=KEPT_LINES)
        self.outgoing: queue.SimpleQueue[tuple[Order, bytes] | None] = queue.SimpleQueue()
        # In a session of its own: Ctrl-C reaches the coordinator alone, which ends its hosts in order.
        self.process = subprocess.Popen(
            launch.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        for work, stream in (
            (self._write, self.process.stdin),
            (self._read, self.process.stdout),
            (self._listen, self.process.stderr),
        ):
            threading.Thread(target=work, args=(stream,), daemon=True).start()

    def order(self, message: Order, payload: bytes = b"") -> None:
        """Send an order; a host that is gone is reported by `Ended`."""
        self.outgoing.put((message, payload))

    def close(self) -> None:
        """Close the pipe to the host, which ends it and its run."""
        self.outgoing.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the process; return whether it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.process.poll() is not None

    def terminate(self, kind: signal.Signals = signal.SIGTERM) -> None:
        """Ask the process, and what it has started here, to end."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, kind)

    def kill(self) -> None:
        """End the process and what it has started here."""
        for kind in (signal.SIGTERM, signal.SIGKILL):
            self.terminate(kind)
            if self.wait(3.0):
                return

    def last_words(self) -> str:
        """Return the last line that the process or its launcher printed."""
        lines = [line for line in self.errors if line.strip()]
        return lines[-1].strip() if lines else ""

    def _write(self, stream: BinaryIO) -> None:
        with suppress(OSError):
            while (item := self.outgoing.get()) is not None:
                send(stream, *item)
        with suppress(OSError):
            stream.close()

    def _read(self, stream: BinaryIO) -> None:
        broken = None
        try:
            if await_announcement(stream):
                self.events.put((self, Announced(), b""))
                while (received := receive(stream)) is not None:
                    message, payload = received
                    if isinstance(message, Order):
                        raise BrokenChannel("it sent an order")
                    self.events.put((self, message, payload))
        except BrokenChannel as error:
            broken = str(error)
        self.outgoing.put(None)
        self.events.put((self, Ended(broken), b""))

    def _listen(self, stream: BinaryIO) -> None:
        for line in iter(lambda: stream.readline(LONGEST_LINE), b""):
            text = line.decode("utf-8", "replace")
            self.errors.append("".join(c if c.isprintable() else " " for c in text))
