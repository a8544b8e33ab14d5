"""The client process: sends the requests of a run and records their times.

::

    parent ── WarmUp(n) ──▶  … ◀── Warmed          answers discarded
           ── Go() ──▶       … ◀── Finished        the load of the study (see `load_loops`)

The client talks to any OpenAI-compatible server. It sends nothing to the parent while the window runs.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

import httpx

from greenreport.record import Output, Prompt, Request, RequestError
from greenreport.workloads.exchanges import connecting
from greenreport.workloads.load_loops import Answered, closed_loop, open_loop
from greenreport.workloads.prompts import text_digest
from greenreport.workloads.sender import ClientJob, Sender


@dataclass(frozen=True, slots=True)
class Ready:
    """The client has started: from now on it only waits."""


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Send this many requests to every server and discard the answers."""

    requests: int


@dataclass(frozen=True, slots=True)
class Go:
    """Send every batch once."""


@dataclass(frozen=True, slots=True)
class Warmed:
    """The warm-up is over; `error` says why it is incomplete.

    Attributes:
        first_end_ns: when the first answer of the new server was complete.
    """

    start_ns: int
    first_end_ns: int
    end_ns: int
    error: RequestError | None


@dataclass(frozen=True, slots=True)
class Finished:
    """The window is over: requests in the order of their prompts.

    Attributes:
        error: what ended it early: one failed request more than are tolerated.
        cpu_s: CPU time this process spent on the window, so that it does not count as load of other programs.
        sent: when each HTTP request was sent (ns) and how late that was (s), in order of sending; for open loops.
        spans: name → (ns, s): the server's work besides generating, per HTTP request, in the order in which servers began them.
        retried_ns: when each request that was sent twice was sent first.
        cached_tokens: tokens of all prompts that servers took from a cache; None where they do not say.
        rendered: texts that servers made of messages for their models, by which requests name them.
    """

    requests: tuple[Request, ...]
    outputs: tuple[Output, ...]
    cpu_s: float
    sent: tuple[tuple[int, float], ...] = ()
    spans: tuple[tuple[str, tuple[tuple[int, float], ...]], ...] = ()
    retried_ns: tuple[int, ...] = ()
    cached_tokens: int | None = None
    rendered: tuple[Prompt, ...] = ()
    error: RequestError | None = None


def client_main(connection: Connection, job: ClientJob) -> None:
    """Entry of the client process; ends when the parent closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.setsid()
    one = httpx.Limits(max_connections=1, max_keepalive_connections=1)
    with ExitStack() as stack:

        def connect(url: str) -> httpx.Client:
            return stack.enter_context(httpx.Client(**connecting(url, job.headers), timeout=job.timeout_s, limits=one))

        def new_sender(server: int | None = None) -> Sender:
            return Sender([connect(url) for url in job.urls], job, server)

        # Each client of a closed loop keeps to one server; if it took them in turn, one could idle while another has a queue.
        senders = [new_sender(client % len(job.urls)) for client in range(job.concurrency)]
        connection.send(Ready())
        while True:
            try:
                match connection.recv():
                    case WarmUp(requests=number):
                        connection.send(_warm_up(senders[0], number))
                    case Go():
                        spent = time.process_time()
                        if job.due_s is None:
                            answered = closed_loop(senders, len(job.batches), job.tolerated)
                        else:
                            answered = open_loop(new_sender, job.due_s, job.tolerated)
                        connection.send(_finished(answered, time.process_time() - spent, job.tolerated))
            except (EOFError, BrokenPipeError, ConnectionResetError):
                return


def _warm_up(sender: Sender, number: int) -> Warmed:
    """Send the requests of the warm-up; where failures are tolerated, one that was answered is enough."""
    start = first_end = time.monotonic_ns()
    error, answered = None, False
    for index in range(number * len(sender.clients)):
        failed = sender.send(index % len(sender.job.batches), index % len(sender.clients), None).error
        first_end = time.monotonic_ns() if index == 0 else first_end
        error, answered = failed or error, answered or failed is None
        if failed is not None and not sender.job.tolerated:
            break
    return Warmed(start, first_end, time.monotonic_ns(), None if answered and sender.job.tolerated else error)


def _began_ns(item: Answered) -> int:
    """Return when the server began a request by its own clock, or when it was sent where the server does not say."""
    return item.requests[0].server_start_ns or item.sent_ns


def _finished(answered: Sequence[Answered], cpu_s: float, tolerated: int = 0) -> Finished:
    outputs = {output.sha256: output for item in answered for output in item.outputs}
    in_time = sorted(answered, key=lambda item: item.sent_ns)
    with_spans = sorted((item for item in answered if item.spans), key=_began_ns)
    names = dict.fromkeys(name for item in with_spans for name, _ in item.spans)
    errors = [item.error for item in answered if item.error is not None]
    rendered = {text: Prompt(text_digest(text), text) for item in answered if (text := item.rendered) is not None}
    return Finished(
        tuple(
            request if item.rendered is None else replace(request, rendered_sha256=rendered[item.rendered].sha256)
            for item in answered
            for request in item.requests
        ),
        tuple(outputs.values()),
        cpu_s,
        tuple((item.sent_ns, (item.sent_ns - item.requests[0].start_ns) / 1e9) for item in in_time),
        tuple(
            (name, tuple((_began_ns(i), dict(i.spans)[name]) for i in with_spans if name in dict(i.spans))) for name in names
        ),
        tuple(item.sent_ns for item in in_time if item.retried),
        sum(known) if (known := [item.cached_tokens for item in answered if item.cached_tokens is not None]) else None,
        tuple(rendered.values()),
        errors[-1] if len(errors) > tolerated else None,
    )
