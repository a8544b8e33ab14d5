"""Start, stop and exchange messages with the processes of a run.

Each process leads a process group of its own and holds one end of a pipe. The parent blocks until a message, the end of the process or a
deadline; it never polls, which would cost energy while energy is measured. A process whose parent is gone sees its pipe close and ends.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, Protocol, TypeVar

from greenreport.between_processes import nothing_imported_from_here
from greenreport.engines.memory_errors import memory_line
from greenreport.errors import OutOfMemory, RunError, WorkerCrashed, WorkerTimedOut
from greenreport.execute.interpreters import started
from greenreport.execute.process_entry import Failure, guarded

Message = TypeVar("Message")
STOP_S = 2.0
LOG_TAIL_B = 65_536
LIGHT_MODULES = (
    "greenreport.execute.fork_preload", "greenreport.meters.sampler", "greenreport.meters.utilisation", "greenreport.workloads.client",
    "greenreport.execute.command_keeper",
)  # fmt: skip
HEAVY_MODULES = (
    "torch", "transformers", "transformers.models.auto.modeling_auto", "greenreport.engines.hf", "greenreport.execute.model_server",
    "uvicorn",
)  # fmt: skip


class Launcher:
    """Starts processes: clients and samplers from a fork server, model servers as the protocol asks.

    Args:
        fork_servers: fork model servers too, instead of starting a new interpreter for each.
        engines: import torch and transformers in the fork server beforehand.
    """

    def __init__(self, *, fork_servers: bool, engines: bool) -> None:
        self.forked: BaseContext = multiprocessing.get_context("forkserver")
        heavy = HEAVY_MODULES if engines else ("greenreport.execute.model_server", "uvicorn")
        self.forked.set_forkserver_preload(list(LIGHT_MODULES + (heavy if fork_servers else ())))
        self.servers: BaseContext = self.forked if fork_servers else multiprocessing.get_context("spawn")

    def warm(self) -> None:
        """Start the fork server now, so that its imports are not part of the first run."""
        process = self.forked.Process(target=int)  # type: ignore[attr-defined]  # it does nothing
        with nothing_imported_from_here():
            process.start()
        process.join()

    def start(self, name: str, context: BaseContext, main: Callable[..., None], *arguments: Any) -> Child:
        """Start a process that runs ``main(connection, *arguments)``."""
        ours, theirs = context.Pipe()
        process = context.Process(target=guarded, args=(main, theirs, *arguments), name=name, daemon=True)  # type: ignore[attr-defined]
        with nothing_imported_from_here():
            process.start()
        theirs.close()
        return Child(name, process, ours)

    def start_engine(
        self, name: str, python: Path | None, main: Callable[..., None], work: object, log: Path, *further: Any
    ) -> Child:
        """Start a process that touches an engine: in the Python of an environment, or in greenreport's own as the protocol asks.

        Raises:
            PythonUnavailable: that Python cannot run it.
        """
        if python is None:
            child = self.start(name, self.servers, main, work, log, *further)
        else:
            child = Child(name, *started(python, log, main, work, log, *further))
        child.log = log
        return child


class RunningProcess(Protocol):
    """What is asked of a process, whoever has started it."""

    @property
    def pid(self) -> int | None: ...
    @property
    def sentinel(self) -> int: ...
    @property
    def exitcode(self) -> int | None: ...
    def is_alive(self) -> bool: ...
    def join(self, timeout: float | None = None) -> None: ...
    def kill(self) -> None: ...


class Child:
    """A process of the run and the pipe to it."""

    def __init__(self, name: str, process: RunningProcess, connection: Connection) -> None:
        self.name = name
        self.process = process
        self.connection = connection
        self.log: Path | None = None
        self.oom_kills = oom_kills()
        self.stop_s = STOP_S

    @property
    def pid(self) -> int:
        """Process id, also that of its group."""
        return int(self.process.pid or 0)

    def send(self, message: object) -> None:
        """Send a message; a process that is gone is reported by the next `receive`."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(message)

    def receive(self, kind: type[Message], timeout_s: float, others: Sequence[Child] = (), doing: str = "") -> Message:
        """Wait for the next message, which must be of this kind; arguments and errors are those of `receive_each`."""
        return receive_each([self], kind, timeout_s, others, doing)[0]

    def take(self, kind: type[Message]) -> Message:
        """Return the message that waits in the pipe, which must be of this kind; errors are those of `receive`."""
        try:
            message = self.connection.recv()
        except (EOFError, ConnectionResetError):
            raise self.crashed() from None
        if isinstance(message, BaseException):
            raise message
        if not isinstance(message, kind):
            raise WorkerCrashed(f"the {self.name} process sent {type(message).__name__}, expected {kind.__name__}")
        return message

    def crashed(self) -> RunError | Failure:
        """Return how the process ended: the error it sent, or what can be seen from outside."""
        self.process.join(STOP_S)
        with contextlib.suppress(EOFError, OSError):
            while self.connection.poll():
                if isinstance(message := self.connection.recv(), Failure):
                    return message
        code = self.process.exitcode
        if code == -signal.SIGKILL and oom_kills() > self.oom_kills:
            return OutOfMemory(f"the kernel killed the {self.name} process: no memory left")
        if (line := memory_line(self.log_tail())) is not None:
            return OutOfMemory(f"the {self.name} process ended: {line}")
        if code is not None and code < 0:
            return WorkerCrashed(f"the {self.name} process was killed by {signal.Signals(-code).name}")
        return WorkerCrashed(f"the {self.name} process ended with exit code {code}")

    def stop(self) -> None:
        """End the process: close its pipe, wait, then kill whatever is left of its group."""
        with contextlib.suppress(OSError):
            self.connection.close()
        self.process.join(self.stop_s)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.process.is_alive():
                self.process.kill()
        self.process.join(STOP_S)

    def log_tail(self) -> str:
        """Return the end of what the process printed."""
        return "" if self.log is None else last_lines(self.log)


def last_lines(file: Path, number: int = 40) -> str:
    """Return the end of a log; nothing where there is none."""
    with contextlib.suppress(OSError), file.open("rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_B))
        return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-number:])
    return ""


def receive_each(
    children: Sequence[Child], kind: type[Message], timeout_s: float, others: Sequence[Child] = (), doing: str = ""
) -> list[Message]:
    """Wait for one message of each process, in whatever order they come.

    Args:
        others: processes whose end also ends the wait.
        doing: the subject of a time-out's reason ("loading").

    Raises:
        RunError: one of them sent no message within `timeout_s`, or ended; `Failure` that it sent.
    """
    deadline = time.monotonic() + timeout_s
    sentinels = {child.process.sentinel: child for child in (*children, *others)}
    messages: dict[int, Message] = {}
    while waiting := {child.connection: index for index, child in enumerate(children) if index not in messages}:
        ready = wait([*waiting, *sentinels], max(0.0, deadline - time.monotonic()))
        if not ready:
            name = children[next(iter(waiting.values()))].name
            raise WorkerTimedOut(f"{doing or f'an answer of the {name} process'} took longer than {timeout_s:g} s")
        answering = [index for connection, index in waiting.items() if connection in ready]
        for index in answering:
            messages[index] = children[index].take(kind)
        if not answering:
            raise next(child for sentinel, child in sentinels.items() if sentinel in ready).crashed()
    return [messages[index] for index in range(len(children))]


def oom_kills() -> int:
    """Return how many processes the kernel has killed for lack of memory, in this control group and on the machine."""
    total = 0
    for file in ("/sys/fs/cgroup/memory.events", "/proc/vmstat"):
        with contextlib.suppress(OSError, ValueError):
            for line in Path(file).read_text(encoding="ascii").splitlines():
                name, _, value = line.partition(" ")
                total += int(value) if name == "oom_kill" else 0
    return total


def require_alive(children: Sequence[Child], seconds: float) -> None:
    """Wait for some seconds; raise the reason when one of the processes ends meanwhile."""
    sentinels = {child.process.sentinel: child for child in children}
    for sentinel in wait(list(sentinels), seconds):
        raise sentinels[sentinel].crashed()  # type: ignore[index]
