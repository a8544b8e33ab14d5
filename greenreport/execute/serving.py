"""The servers of a run as its other parts see them: addresses, processes, facts and marks of one server or of all replicas.

A mark covers a phase from the first replica that enters it to the last one that leaves it. All replicas must report the same facts.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, fields, replace
from itertools import chain
from pathlib import Path

import psutil

from greenreport.engines.base import EngineJob
from greenreport.errors import EngineUnavailable, MeasurementInvalid
from greenreport.execute.assignment import RunContext
from greenreport.execute.host import redact
from greenreport.execute.processes import Child
from greenreport.record import Facts, Mark, Phase
from greenreport.study import Configuration, Model, Server
from greenreport.workloads.server_probe import server_info

LOADING = "starting and loading"
NOT_VERIFIED = ("not verified", "type, KV cache and threads: the server does not tell them")


@dataclass(frozen=True, slots=True)
class Serving:
    """The servers of a run, as the client, the meters and the record need them.

    Attributes:
        urls: base addresses without ``/v1``, one per replica.
        model: name to ask for, which every answer must carry.
        headers: what every request carries besides: the key, where the servers want one.
        pids: roots of the process trees to watch; empty where they are unknown.
        children: processes that belong to the run: the end of one ends it.
        facts: what was loaded; None for what a server does not report.
        marks: start, load and compile; for a server that ran already, when it was looked for.
    """

    urls: tuple[str, ...]
    model: str
    headers: Mapping[str, str] = field(repr=False)
    pids: tuple[int, ...]
    children: tuple[Child, ...]
    facts: Facts
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class ExternalServer(ABC):
    """A way to reach a server that greenreport did not write."""

    job: EngineJob

    @abstractmethod
    def serve(self, stack: ExitStack, context: RunContext, model: Model, log: Path, others: Sequence[Child]) -> Serving:
        """Return the servers, ready to answer; arguments and errors are those of `run_servers.serve`."""


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
    by_phase: dict[Phase, list[Mark]] = {}
    for mark in chain(*replicas):
        by_phase.setdefault(mark.phase, []).append(mark)
    return tuple(
        Mark(phase, min(mark.start_ns for mark in marks), max(mark.end_ns for mark in marks), note=note)
        for phase, marks in by_phase.items()
    )


def agreed(replicas: Sequence[Facts]) -> Facts:
    """Return the facts all replicas agree on.

    Raises:
        MeasurementInvalid: two replicas loaded different things.
    """
    first = replicas[0]
    for number, other in enumerate(replicas[1:], start=2):
        for name in (fact.name for fact in fields(Facts)):
            if (one := getattr(first, name)) != (two := getattr(other, name)):
                raise MeasurementInvalid(f"replicas 1 and {number} loaded different things: {name} {one!r} and {two!r}")
    if len(replicas) == 1:
        return first
    return replace(first, details=(*first.details, ("replicas", f"{len(replicas)} processes, each with these facts")))


def with_sharing(facts: Facts, job: EngineJob) -> Facts:
    """Add to facts that NVIDIA's multi-process service shares the GPU, where the host runs it; it is never switched on or off."""
    state = multi_process_service() if job.configuration.provider == "cuda" else None
    return facts if state is None else replace(facts, details=(*facts.details, ("NVIDIA MPS", state)))


def multi_process_service() -> str | None:
    """Return the state of NVIDIA's multi-process service on this host, or None where there is no sign of it."""
    running = any((process.info["name"] or "").startswith("nvidia-cuda-mps") for process in psutil.process_iter(["name"]))
    named = "CUDA_MPS_PIPE_DIRECTORY" in os.environ
    if running:
        return "the host runs it, so replicas may share the GPU at the same time"
    return "CUDA_MPS_PIPE_DIRECTORY is set, but no such process is seen" if named else None


def server_of(configuration: Configuration) -> Server:
    """Return the server of a configuration; the checks of study files ensure that there is one."""
    if configuration.server is None:
        raise EngineUnavailable(f"{configuration.engine} needs `server:`, which says how to reach it")
    return configuration.server


def facts_of(url: str, headers: Mapping[str, str], model: str, patience_s: float) -> Facts:
    """Return the facts a server reports about a model; the others are None.

    Raises:
        RunError: no server answers, it refuses the key, or it lists models and not this one.
    """
    info = server_info(url, headers, model, patience_s)
    details = tuple((name, redact(value)) for name, value in info.details)
    return Facts(None, None, None, None, info.parameters, info.weights_b, (*details, NOT_VERIFIED), model)
