"""The sampling process: opens the meters of a run, samples them at an interval, returns traces.

::

    parent ── Watch(pids) ──▶                  the serving process tree, once it exists
           ── Ask(urls, headers) ──▶           servers of others, once they answer
           ── Edge() ──▶         … ◀── Sampled  a phase begins: the answer comes when the samples are taken
           ── Now() ──▶                         a phase ended: sample at once, no answer
           ── AwaitSteady(…) ──▶ … ◀── Steadiness
           ── Stop() ──▶         … ◀── Recorded

Each meter is read by a thread of its own (`meter_thread`); the main thread sleeps until a message comes. A meter that fails is a
gap in its own traces and an event in the answer; a process that is gone closes the pipe, which its parent sees at once.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from greenreport.catalog import METERS, load_target
from greenreport.errors import MeterUnavailable
from greenreport.meters.base import Channel, Meter
from greenreport.meters.meter_thread import Recorder
from greenreport.meters.server_metrics import NAME, ServerMetrics
from greenreport.meters.steady_state import History
from greenreport.record import ENERGY_QUANTITIES, Missing, MissingCode, Trace, is_cpu
from greenreport.study import MeterUse

#: Longest wait for the samples of an edge: twice the slowest refresh of an energy counter, less than a slow wall meter takes.
EDGE_S = 0.2
#: Longest wait for the last samples.
END_S = 5.0
JUDGE_S = 0.5


@dataclass(frozen=True, slots=True)
class Watch:
    """Observe these process trees from now on."""

    pids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask these servers for their metrics from now on; arguments are those of `ServerMetrics`."""

    urls: tuple[str, ...]
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Now:
    """Take a sample now, besides the regular ones, as exact as the instruments allow."""


@dataclass(frozen=True, slots=True)
class Edge:
    """Like `Now`, and answer with `Sampled` when it is done, after at most `EDGE_S`."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """The samples of an `Edge` are taken; False when an instrument was too slow for it."""

    complete: bool


@dataclass(frozen=True, slots=True)
class AwaitSteady:
    """Answer with a `Steadiness` as soon as the machine is steady, or after `max_s`."""

    window_s: float
    max_s: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Answer with `Recorded` and end."""


@dataclass(frozen=True, slots=True)
class Opened:
    """First message of the process: which listed meters are missing, and which channels are read."""

    missing: tuple[Missing, ...]
    channels: tuple[tuple[str, Channel], ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded.

    Attributes:
        events: what failed or should be known, by meter: lost devices, failed reads, shortened intervals.
    """

    traces: tuple[Trace, ...]
    events: tuple[Missing, ...] = ()


def open_meters(
    uses: Sequence[MeterUse], folder: Path | None = None
) -> tuple[list[tuple[str, Meter, tuple[Channel, ...]]], list[Missing]]:
    """Open the listed meters; a `fallback` one only when no other gives CPU energy.

    Args:
        folder: where relative paths start (the folder of the study file); the working directory when absent.

    Returns:
        (name, meter, channels) of each open meter, and the missing ones with cause and remedy.
    """
    opened: list[tuple[str, Meter, tuple[Channel, ...]]] = []
    missing: list[Missing] = []
    for use in sorted(uses, key=lambda use: use.is_fallback):
        if use.is_fallback and any(measures_cpu(channels) for _, _, channels in opened):
            continue
        meter: Meter = load_target(METERS[use.name].target)(use if folder is None else use.located(folder))
        try:
            opened.append((use.name, meter, meter.open()))
        except MeterUnavailable as error:
            missing.append(Missing(use.name, error.cause, error.remedy, MissingCode.UNAVAILABLE))
    return opened, missing


def measures_cpu(channels: Sequence[Channel]) -> bool:
    """Whether the channels include the energy of the CPU."""
    return any(c.quantity in ENERGY_QUANTITIES and is_cpu(c.domain) for c in channels)


def sampler_main(connection: Connection, uses: tuple[MeterUse, ...], interval_s: float, folder: Path | None = None) -> None:
    """Entry of the sampling process; ends on `Stop` or when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the parent decides
    os.setsid()
    opened, missing = open_meters(uses, folder)
    recorders = [Recorder(*item, interval_s) for item in opened]
    for recorder in recorders:
        recorder.start()
    try:
        connection.send(Opened(tuple(missing), tuple((name, c) for name, _, channels in opened for c in channels)))
        _obey_until_stopped(connection, recorders, interval_s)
        _end(recorders)
        traces = tuple(trace for recorder in recorders for trace in recorder.traces())
        connection.send(Recorded(traces, tuple(event for recorder in recorders for event in recorder.events())))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        _end(recorders)  # the parent is gone, and with it the run


def _obey_until_stopped(connection: Connection, recorders: list[Recorder], interval_s: float) -> None:
    """Obey messages; servers that are to be asked are added to the recorders."""
    history: History | None = None
    while True:
        if not connection.poll(None if history is None else JUDGE_S):
            assert history is not None
            verdict = history.judge([t for recorder in recorders for t in recorder.recent(int(history.window_s * 1e9))])
            if verdict is not None:
                connection.send(verdict)
                history = None
            continue
        match connection.recv():
            case Stop():
                return
            case Watch(pids=pids):
                for recorder in recorders:
                    recorder.watch(pids)
            case Ask(urls=urls, headers=headers):
                metrics = ServerMetrics(urls, headers)
                recorders.append(Recorder(NAME, metrics, metrics.open(), interval_s))
                recorders[-1].start()
            case AwaitSteady(window_s=window_s, max_s=max_s):
                history = History(window_s, max_s)
            case Edge():
                connection.send(Sampled(_edge(recorders)))
            case Now():
                for recorder in recorders:
                    recorder.edge()


def _edge(recorders: Sequence[Recorder]) -> bool:
    deadline = time.monotonic() + EDGE_S
    asked = [recorder.edge() for recorder in recorders]
    return all(done.wait(max(0.0, deadline - time.monotonic())) for done in asked)


def _end(recorders: Sequence[Recorder]) -> None:
    deadline = time.monotonic() + END_S
    for recorder in recorders:
        recorder.stop()
    for recorder in recorders:
        recorder.join(max(0.0, deadline - time.monotonic()))
