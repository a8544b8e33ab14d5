"""The sampling process: opens the meters of a run, samples them at an interval, returns traces.

::

    parent ── Watch(pids) ──▶            the serving process tree, once it exists
           ── Now() ──▶                  sample at once: a phase begins or ends
           ── AwaitSteady(…) ──▶  … ◀── Steadiness
           ── Stop() ──▶          … ◀── tuple[Trace, …]

The process sleeps in `poll` until the next deadline or message. A read that is late is late by itself: deadlines stay on the
grid, missed ones are left out, and the gap is visible in the trace.
"""

from __future__ import annotations

import os
import signal
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from greenreport.catalog import METERS, load_target
from greenreport.errors import MeterUnavailable
from greenreport.meters.base import Channel, Meter
from greenreport.meters.steady import History, Steadiness
from greenreport.record import Missing, Trace
from greenreport.study import MeterUse


@dataclass(frozen=True, slots=True)
class Watch:
    """Observe these process trees from now on."""

    pids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Now:
    """Take a sample now, besides the regular ones."""


@dataclass(frozen=True, slots=True)
class AwaitSteady:
    """Answer with a `Steadiness` as soon as the machine is steady, or after `max_s`."""

    window_s: float
    max_s: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Answer with the traces and end."""


@dataclass(frozen=True, slots=True)
class Opened:
    """First message of the process: which listed meters are missing, and which channels are read."""

    missing: tuple[Missing, ...]
    channels: tuple[tuple[str, Channel], ...]


class _Recorder:
    """One open meter with its growing traces."""

    def __init__(self, name: str, meter: Meter, channels: tuple[Channel, ...]) -> None:
        self.name = name
        self.meter = meter
        self.channels = channels
        self.times: list[array[int]] = [array("q") for _ in channels]
        self.values: list[array[float]] = [array("d") for _ in channels]

    def sample(self) -> None:
        before = time.monotonic_ns()
        values = self.meter.read()
        at = (before + time.monotonic_ns()) // 2
        for index, value in enumerate(values):
            if value is not None:
                self.times[index].append(at)
                self.values[index].append(value)

    def traces(self) -> list[Trace]:
        return [
            Trace(self.name, c.domain, c.quantity, c.kind, c.unit, c.method, times, values, c.wrap_at)
            for c, times, values in zip(self.channels, self.times, self.values, strict=True)
        ]


def open_meters(uses: Sequence[MeterUse]) -> tuple[list[tuple[str, Meter, tuple[Channel, ...]]], list[Missing]]:
    """Open the listed meters; a `fallback` one only when no other gives CPU energy.

    Returns:
        (name, meter, channels) of each open meter, and the missing ones with cause and remedy.
    """
    opened: list[tuple[str, Meter, tuple[Channel, ...]]] = []
    missing: list[Missing] = []
    for use in sorted(uses, key=lambda use: use.use == "fallback"):
        if use.use == "fallback" and any(measures_cpu(channels) for _, _, channels in opened):
            continue
        meter: Meter = load_target(METERS[use.name].target)(use)
        try:
            opened.append((use.name, meter, meter.open()))
        except MeterUnavailable as error:
            missing.append(Missing(use.name, error.cause, error.remedy))
    return opened, missing


def measures_cpu(channels: Sequence[Channel]) -> bool:
    """Whether the channels include the energy of the CPU or of the whole machine."""
    return any(c.quantity == "energy" and c.domain.startswith(("package", "cpu", "platform", "machine")) for c in channels)


def sampler_main(connection: Connection, uses: tuple[MeterUse, ...], interval_s: float) -> None:
    """Entry of the sampling process; ends on `Stop` or when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the parent decides
    os.setsid()
    opened, missing = open_meters(uses)
    recorders = [_Recorder(*item) for item in opened]
    connection.send(Opened(tuple(missing), tuple((name, c) for name, _, channels in opened for c in channels)))
    try:
        traces = _sample_until_stopped(connection, recorders, interval_s)
        connection.send(traces)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone, and with it the run
    finally:
        for recorder in recorders:
            recorder.meter.close()


def _sample_until_stopped(connection: Connection, recorders: list[_Recorder], interval_s: float) -> tuple[Trace, ...]:
    history: History | None = None
    due = time.monotonic()
    while True:
        for recorder in recorders:
            recorder.sample()
        if history is not None:
            verdict = history.judge([trace for recorder in recorders for trace in recorder.traces()])
            if verdict is not None:
                connection.send(verdict)
                history = None
        now = time.monotonic()
        due += interval_s * (1 + max(0, int((now - due) / interval_s)))
        if not connection.poll(max(0.0, due - now)):
            continue
        match connection.recv():
            case Stop():
                for recorder in recorders:
                    recorder.sample()
                return tuple(trace for recorder in recorders for trace in recorder.traces() if trace.t_ns)
            case Watch(pids=pids):
                for recorder in recorders:
                    recorder.meter.watch(pids)
            case AwaitSteady(window_s=window_s, max_s=max_s):
                history = History(window_s, max_s)
            case Now():
                pass


__all__ = ["AwaitSteady", "Now", "Opened", "Steadiness", "Stop", "Watch", "measures_cpu", "open_meters", "sampler_main"]
