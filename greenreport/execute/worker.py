"""The processes that touch engines: one that prepares models, one that serves a model.

Whatever a library prints goes to a log file. Whatever it raises becomes a message to the parent: this is one of the two places
of greenreport that catch everything.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from greenreport.catalog import known_engines, load_target
from greenreport.engines.base import Engine, EngineJob, verified
from greenreport.engines.memory_errors import is_out_of_memory, memory_words
from greenreport.errors import GreenReportError, OutOfMemory, WorkerCrashed
from greenreport.execute.host import redact
from greenreport.models.weights import WeightsJob
from greenreport.record import Facts, Mark, Phase

QUIET = {  # no library reports its use or reaches for a network while it is measured
    "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONWARNINGS": "ignore",
    "TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ConvertJob:
    """Convert a model for an engine, into a folder that does not exist yet."""

    engine: EngineJob
    target: Path


@dataclass(frozen=True, slots=True)
class ServeJob:
    """Serve one model with one engine.

    Attributes:
        launched_ns: when the parent started the process; the phase `start` begins then.
    """

    model: str
    engine: EngineJob
    launched_ns: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A preparation is done."""

    path: Path
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """The server accepts requests."""

    port: int
    facts: Facts
    marks: tuple[Mark, ...]


class Failure(Exception):
    """An error of the worker with its traceback, for the log of the record."""

    def __init__(self, error: GreenReportError, detail: str) -> None:
        super().__init__(error, detail)
        self.error = error
        self.detail = detail


def isolate(log: Path, environment: dict[str, str]) -> None:
    """Lead a process group, ignore Ctrl-C (the parent decides), print into the log."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(QUIET | environment)
    os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)  # see `forked`
    log.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def prepare_main(connection: Connection, job: WeightsJob | ConvertJob, log: Path) -> None:
    """Entry of the preparing process."""
    isolate(log, {})
    guarded(connection, lambda: connection.send(_prepare(job)))


def _prepare(job: WeightsJob | ConvertJob) -> Prepared:
    start = time.monotonic_ns()
    if isinstance(job, WeightsJob):
        from greenreport.models.weights import obtain

        path = obtain(job)
        return Prepared(path, (Mark(Phase.MATERIALISE, start, time.monotonic_ns()),))
    engine = _engine_class(job.engine)
    part = job.target.with_name(f"{job.target.name}.{os.getpid()}.part")
    part.mkdir(parents=True)
    engine.convert(job.engine, part)
    part.rename(job.target)
    return Prepared(job.target, (Mark(Phase.CONVERT, start, time.monotonic_ns()),))


def server_main(connection: Connection, job: ServeJob, log: Path, environment: dict[str, str]) -> None:
    """Entry of the serving process; it ends when the parent closes the connection."""
    isolate(log, environment)
    guarded(connection, lambda: _serve(connection, job))


def _serve(connection: Connection, job: ServeJob) -> None:
    import uvicorn

    from greenreport.execute.model_server import make_app

    # The engine lives in one thread: thread counts of OpenMP belong to the thread that set them.
    thread = ThreadPoolExecutor(1, thread_name_prefix="engine")
    engine: Engine = thread.submit(lambda: _engine_class(job.engine)(job.engine)).result()
    marks = [Mark(Phase.START, job.launched_ns, time.monotonic_ns())]
    marks.append(_timed(Phase.LOAD, lambda: thread.submit(engine.load).result()))
    if engine.compiles:
        marks.append(_timed(Phase.COMPILE, lambda: thread.submit(engine.compile).result()))
    facts = verified(thread.submit(engine.facts).result(), job.engine)
    # With the protocol named, asyncio switches Nagle's algorithm off; otherwise each answer waits 40 ms for an acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    configuration = job.engine.configuration
    app = make_app(engine, job.model, thread, configuration.max_batch, configuration.max_wait_ms / 1e3)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    threading.Thread(target=_end_with_parent, args=(connection, engine), daemon=True).start()
    connection.send(Ready(listener.getsockname()[1], facts, tuple(marks)))
    server.run(sockets=[listener])


def _timed(phase: Phase, work: Callable[[], Any]) -> Mark:
    start = time.monotonic_ns()
    work()
    return Mark(phase, start, time.monotonic_ns())


def _engine_class(job: EngineJob) -> type[Engine]:
    info = known_engines()[job.configuration.engine]
    loaded: type[Engine] = load_target(info.target)
    return loaded


def _end_with_parent(connection: Connection, engine: Engine) -> None:
    """Wait for the parent to close its end (or to be gone), then end at once: nothing is left to save."""
    try:
        connection.recv()
    except (EOFError, OSError):
        engine.close()
    os._exit(0)


def guarded(connection: Connection, work: Callable[[], None]) -> None:
    """Do the work of a process; whatever it raises becomes a message to the parent."""
    try:
        work()
    except GreenReportError as error:
        _report(connection, Failure(error, redact(traceback.format_exc())))
    except Exception as error:  # whatever a library raises becomes a record
        if is_out_of_memory(error):
            words = memory_words(error) if str(error) else "the process ran out of memory"
            _report(connection, Failure(OutOfMemory(redact(words)), redact(traceback.format_exc())))
            return
        sentence = redact(f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}")[:500]
        _report(connection, Failure(WorkerCrashed(sentence), redact(traceback.format_exc())))


def _report(connection: Connection, failure: Failure) -> None:
    try:
        connection.send(failure)
    except (BrokenPipeError, ConnectionResetError):
        sys.exit(1)
