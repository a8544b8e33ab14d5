"""The servers of a run: where the client finds them, which processes the meters watch, what they loaded.

::

    engines of greenreport ─ replicas × our server ─┐
    engine: command ──────── replicas × a command ──┼─▶ Serving: urls │ pids │ children │ facts │ marks
    engine: endpoint ─────── a server that runs ────┘

Replicas start together, as they do when a service starts; a mark covers the phase from the first replica that enters it to the
last one that leaves it. Each replica has the threads of the configuration, or its share of the physical cores, and a log of
its own. They must report the same facts; the first one that fails ends the run with its reason.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from pathlib import Path

import psutil

from greenreport.catalog import Served, known_engines, load_target
from greenreport.engines.base import EngineJob
from greenreport.errors import MeasurementInvalid
from greenreport.execute.processes import Child, receive_each
from greenreport.execute.run_context import Bench
from greenreport.execute.worker import ServeJob, ServerReady, server_main
from greenreport.record import Facts, Mark, Phase
from greenreport.study import Model

LOADING = "starting and loading"


@dataclass(frozen=True, slots=True)
class Serving:
    """What client, meters and record need to know of the servers of a run.

    Attributes:
        urls: base addresses without ``/v1``, one a replica.
        model: name to ask for, which every answer must carry.
        pids: heads of the process trees to watch; none where they are not known.
        children: processes that belong to the run: the end of one ends it.
        facts: what was loaded, as far as it is known.
        marks: start, load and compile; of a server that ran already, only when it was looked for.
        local: whether the study's meters measure the machine that serves.
    """

    urls: tuple[str, ...]
    model: str
    pids: tuple[int, ...]
    children: tuple[Child, ...]
    facts: Facts
    marks: tuple[Mark, ...]
    local: bool = True


class Outside(ABC):
    """A way to have a server that greenreport did not write."""

    def __init__(self, job: EngineJob) -> None:
        self.job = job

    @abstractmethod
    def serve(self, stack: ExitStack, bench: Bench, model: Model, log: Path, others: Sequence[Child]) -> Serving:
        """Return the servers, ready to answer; arguments and errors are those of `serve`."""


def serve(stack: ExitStack, bench: Bench, model: Model, job: EngineJob, log: Path, others: Sequence[Child] = ()) -> Serving:
    """Return the servers of a run, ready to answer.

    Args:
        stack: what is started is stopped when it closes.
        log: file of the first server; further replicas have files beside it (see `log_of`).
        others: processes whose end also ends the wait.

    Raises:
        GreenReportError: why there is no server; `Failure` from a server process likewise.
    """
    info = known_engines()[job.configuration.engine]
    if info.served is not Served.OWN:
        outside: Outside = load_target(info.target)(job)
        return outside.serve(stack, bench, model, log, others)
    launched = time.monotonic_ns()
    environment = {"OMP_NUM_THREADS": str(job.threads), "MKL_NUM_THREADS": str(job.threads)}
    children = []
    for number in range(1, job.configuration.replicas + 1):
        file, name = log_of(log, number), name_of(number, job.configuration.replicas)
        work = ServeJob(model.id, job, launched)
        child = bench.launcher.start(name, bench.launcher.servers, server_main, work, file, environment)
        child.log = file
        stack.callback(child.stop)
        children.append(child)
    ready = receive_each(children, ServerReady, bench.study.protocol.load_timeout_s, others, LOADING)
    facts = with_sharing(agreed([item.facts for item in ready]), job)
    urls = tuple(f"http://127.0.0.1:{item.port}" for item in ready)
    pids = tuple(child.pid for child in children)
    return Serving(urls, model.id, pids, tuple(children), facts, covering([item.marks for item in ready]))


def name_of(number: int, replicas: int) -> str:
    """Return what a server process is called in reasons."""
    return "model server" if replicas == 1 else f"model server {number} of {replicas}"


def log_of(log: Path, number: int) -> Path:
    """Return the log file of a replica, counted from 1."""
    return log if number == 1 else log.with_name(f"{log.stem}-{number}{log.suffix}")


def covering(replicas: Sequence[Sequence[Mark]]) -> tuple[Mark, ...]:
    """Return the marks of one server, or marks that cover those of all replicas."""
    if len(replicas) == 1:
        return tuple(replicas[0])
    note = f"{len(replicas)} replicas started together: from the first to begin to the last to end"
    found: dict[Phase, list[Mark]] = {}
    for mark in (mark for marks in replicas for mark in marks):
        found.setdefault(mark.phase, []).append(mark)
    return tuple(
        Mark(phase, min(mark.start_ns for mark in marks), max(mark.end_ns for mark in marks), note=note)
        for phase, marks in found.items()
    )


def agreed(replicas: Sequence[Facts]) -> Facts:
    """Return the facts all replicas agree on.

    Raises:
        MeasurementInvalid: two replicas loaded different things.
    """
    first = replicas[0]
    for number, other in enumerate(replicas[1:], start=2):
        for name in (field.name for field in fields(Facts)):
            one, two = getattr(first, name), getattr(other, name)
            if one != two:
                raise MeasurementInvalid(f"replicas 1 and {number} loaded different things: {name} {one!r} and {two!r}")
    if len(replicas) == 1:
        return first
    return replace(first, details=(*first.details, ("replicas", f"{len(replicas)} processes, each with these facts")))


def with_sharing(facts: Facts, job: EngineJob) -> Facts:
    """Add that processes share the GPU through NVIDIA's multi-process service, where the host runs it; it is never switched."""
    found = multi_process_service() if job.configuration.provider == "cuda" else None
    return facts if found is None else replace(facts, details=(*facts.details, ("NVIDIA MPS", found)))


def multi_process_service() -> str | None:
    """Return how NVIDIA's multi-process service shows on this host, or None."""
    running = any((process.info["name"] or "").startswith("nvidia-cuda-mps") for process in psutil.process_iter(["name"]))
    named = "CUDA_MPS_PIPE_DIRECTORY" in os.environ
    if running:
        return "the host runs it, so replicas may share the GPU at the same time"
    return "CUDA_MPS_PIPE_DIRECTORY is set, but no such process is seen" if named else None
