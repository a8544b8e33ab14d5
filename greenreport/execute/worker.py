"""The processes that touch engines: one prepares models, one serves a model. Whatever a library prints goes to a log file."""

from __future__ import annotations

import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from greenreport.catalog import ENGINES, load_target
from greenreport.engines.base import Engine, EngineJob, verified
from greenreport.execute.process_entry import end_with_parent, isolate
from greenreport.models.weights import WeightsJob, obtain
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
        api_key: key that every request must carry; it is handed over through the pipe, so no list of processes shows it.
    """

    model: str
    engine: EngineJob
    launched_ns: int
    api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A preparation is done."""

    path: Path
    mark: Mark


@dataclass(frozen=True, slots=True)
class ServerReady:
    """The server accepts requests."""

    port: int
    facts: Facts
    marks: tuple[Mark, ...]


def prepare_main(connection: Connection, job: WeightsJob | ConvertJob, log: Path) -> None:
    """Entry of the preparing process."""
    isolate(log, {})
    start = time.monotonic_ns()
    if isinstance(job, WeightsJob):
        path, phase = obtain(job), Phase.MATERIALISE
    else:
        path, phase = job.target, Phase.CONVERT
        engine = _engine_class(job.engine)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        part.mkdir(parents=True)
        engine.convert(job.engine, part)
        part.rename(path)
    connection.send(Prepared(path, Mark(phase, start, time.monotonic_ns())))


def server_main(connection: Connection, job: ServeJob, log: Path, environment: dict[str, str]) -> None:
    """Entry of the serving process; it ends when the parent closes the connection."""
    isolate(log, environment)
    import uvicorn

    from greenreport.execute.model_server import make_app

    # The engine lives in one thread: thread counts of OpenMP belong to the thread that set them.
    thread = ThreadPoolExecutor(1, thread_name_prefix="engine")
    engine: Engine = thread.submit(lambda: _engine_class(job.engine)(job.engine)).result()
    marks = [Mark(Phase.START, job.launched_ns, time.monotonic_ns())]
    compiling = [(Phase.COMPILE, engine.compile)] if engine.compiles else []
    for phase, work in [(Phase.LOAD, engine.load), *compiling]:
        start = time.monotonic_ns()
        thread.submit(work).result()
        marks.append(Mark(phase, start, time.monotonic_ns()))
    facts = verified(thread.submit(engine.facts).result(), job.engine)
    # With the protocol named, asyncio switches Nagle's algorithm off; otherwise each answer waits 40 ms for an acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    configuration = job.engine.configuration
    app = make_app(engine, job.model, thread, configuration.max_batch, configuration.max_wait_ms / 1e3, job.api_key)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    end_with_parent(connection, engine.close)
    connection.send(ServerReady(listener.getsockname()[1], facts, tuple(marks)))
    server.run(sockets=[listener])


def _engine_class(job: EngineJob) -> type[Engine]:
    loaded: type[Engine] = load_target(ENGINES[job.configuration.engine].target)
    return loaded
