"""The processes that touch engines: one prepares models, one serves a model. Whatever a library prints goes to a log file."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from greenreport.catalog import known_engines, load_target
from greenreport.engines.base import Engine, EngineJob, verified
from greenreport.execute.process_entry import isolate
from greenreport.models.weights import WeightsJob
from greenreport.record import Facts, Mark, Phase


@dataclass(frozen=True, slots=True)
class ConvertJob:
    """Convert a model for an engine into a new folder."""

    engine: EngineJob
    target: Path


@dataclass(frozen=True, slots=True)
class ServeJob:
    """Serve one model with one engine.

    Attributes:
        launched_ns: when the parent started the process, the start of the phase `start`.
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
class ServerReady:
    """The server accepts requests."""

    port: int
    facts: Facts
    marks: tuple[Mark, ...]


def prepare_main(connection: Connection, job: WeightsJob | ConvertJob, log: Path) -> None:
    """Entry of the preparing process."""
    isolate(log, {})
    connection.send(_prepare(job))


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
    connection.send(ServerReady(listener.getsockname()[1], facts, tuple(marks)))
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
