"""Processes of other programs that compute on the GPUs of a run.

Before the server starts, every process on a GPU belongs to another program. Later, those of the serving process tree are subtracted,
as the meter counted them. Inside a container NVML reports the process numbers of the host, among which our servers cannot be found;
as many processes as the run has servers are then taken to be ours.

A server that ran before the run is on its GPU from the beginning. Where the meter finds it, the other processes belong to other
programs; where it does not, its processes cannot be told apart from those of others, and nothing is reported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from greenreport.catalog import ENGINES, Served
from greenreport.record import Phase, Quantity, RunRecord, Trace

UP = (Phase.IDLE_BEFORE, Phase.WARMUP, Phase.WINDOW, Phase.IDLE_AFTER)


@dataclass(frozen=True, slots=True)
class ForeignProcesses:
    """Processes of other programs: when they were seen, their largest number at one time, and on which GPUs."""

    when: str
    number: int
    gpus: tuple[str, ...]


def foreign_processes(record: RunRecord) -> tuple[ForeignProcesses, ...]:
    """Return the processes of other programs before the server started and while it was up, where there were any."""
    start, up = record.mark(Phase.START), [mark for phase in UP if (mark := record.mark(phase)) is not None]
    server_found = any(any(trace.value) for trace in _traces(record, Quantity.OWN_PROCESSES))
    groups = []
    if start is not None and not ran_before(record):
        groups.append(_seen(record, "before the server started", lambda t_ns: t_ns < start.start_ns, hidden=0))
    if up and (server_found or not ran_before(record)):
        first, last = min(mark.start_ns for mark in up), max(mark.end_ns for mark in up)
        # What a command computes on is the command's affair: `provider` of such a configuration is a label.
        on_gpu = record.provider != "cpu" or _served(record) is Served.STARTED
        hidden = record.spec.replicas if on_gpu and not server_found else 0
        groups.append(_seen(record, "while the server was up", lambda t_ns: first <= t_ns <= last, hidden=hidden))
    return tuple(group for group in groups if group is not None)


def ran_before(record: RunRecord) -> bool:
    """Whether the run used a server that ran before it and went on running."""
    return _served(record) is Served.RUNNING


def _served(record: RunRecord) -> Served | None:
    """Return who served the model of a run, or None for an engine that is not installed here."""
    info = ENGINES.get(record.engine)
    return None if info is None else info.served


def _seen(record: RunRecord, when: str, within: Callable[[int], bool], *, hidden: int) -> ForeignProcesses | None:
    numbers = {}
    for trace in _traces(record, Quantity.PROCESSES):
        own_trace = record.trace(trace.domain, Quantity.OWN_PROCESSES)
        own = {} if own_trace is None else dict(zip(own_trace.t_ns, own_trace.value, strict=True))
        counts = [value - own.get(t_ns, 0.0) for t_ns, value in zip(trace.t_ns, trace.value, strict=True) if within(t_ns)]
        if counts and max(counts) > 0:
            numbers[trace.domain] = int(max(counts))
    total = sum(numbers.values()) - hidden
    return ForeignProcesses(when, total, tuple(sorted(numbers))) if total > 0 else None


def _traces(record: RunRecord, quantity: str) -> list[Trace]:
    return [trace for trace in record.traces if trace.quantity == quantity]
