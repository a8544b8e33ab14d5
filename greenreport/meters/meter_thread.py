"""One open meter with its growing traces, in a thread of its own.

A thread for each meter keeps a slow one (a wall meter that does not answer, memory maps of a large process) from delaying the
others: all of them wait in system calls, outside the interpreter's lock. The thread sleeps until the next deadline or command.

The time from one sample to the next is drawn anew each time, between half and one and a half intervals. Load that repeats with the
interval, or a part of it, is then met at every point of its period; with equal times it would always be met at the same one. No seed
is kept: the times are in the trace, and runs must not miss the same moments. A sample that comes late is not made up for, and the
gap is visible in the trace.
"""

from __future__ import annotations

import random
import threading
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import TypeVar

from greenreport.meters.base import SPREAD, Channel, Meter, Sample
from greenreport.record import Missing, MissingCode, Trace

Result = TypeVar("Result")

#: What files, sockets and drivers raise, and what answers without the expected fields or numbers lead to.
_FAULTS = (LookupError, OSError, RuntimeError, ValueError)


class Recorder(threading.Thread):
    """Samples one meter until it is told to stop.

    Args:
        name: the meter's name in the catalog.
        default_s: the study's sampling interval.
    """

    def __init__(self, name: str, meter: Meter, channels: tuple[Channel, ...], default_s: float) -> None:
        super().__init__(name=name, daemon=True)  # a meter that hangs must not keep the process alive
        self.meter = meter
        self.channels = channels
        self.interval_s = meter.interval_s(default_s)
        self._times: list[array[int]] = [array("q") for _ in channels]
        self._values: list[array[float]] = [array("d") for _ in channels]
        self._lock = threading.Lock()
        self._commands: SimpleQueue[tuple[int, ...] | threading.Event | None] = SimpleQueue()
        self._dice = random.Random()
        self._failures = 0
        self._first_failure = ""
        self._finished = False

    # --- called by the main thread

    def watch(self, pids: tuple[int, ...]) -> None:
        """Tell the meter which process trees to observe."""
        self._commands.put(pids)

    def edge(self) -> threading.Event:
        """Ask for a sample now; the event is set when it is taken."""
        done = threading.Event()
        self._commands.put(done)
        return done

    def stop(self) -> None:
        """Ask for a last sample and the end of the thread."""
        self._commands.put(None)

    def recent(self, window_ns: int) -> list[Trace]:
        """Return copies of the last `window_ns` of the traces, of those that have samples."""
        with self._lock:
            starts = [bisect_left(times, times[-1] - window_ns) if times else 0 for times in self._times]
            copies = [(t[start:], v[start:]) for t, v, start in zip(self._times, self._values, starts, strict=True)]
        return self._traces(copies, self.channels)

    def traces(self) -> list[Trace]:
        """Return the traces that have samples."""
        with self._lock:
            copies = [(t[:], v[:]) for t, v in zip(self._times, self._values, strict=True)]
        return self._traces(copies, self.meter.final(self.channels))

    def events(self) -> list[Missing]:
        """Return the notes of the meter, and what went wrong while it was read."""
        remarks = [Missing(self.name, cause, remedy, MissingCode.REMARK) for cause, remedy in self.meter.notes()]
        faults, report = {}, "please report this as a bug"
        if self._failures:
            reads = "a read" if self._failures == 1 else f"{self._failures} reads"
            faults[f"{reads} failed: {self._first_failure}"] = report
        if self.is_alive():
            faults["the instrument did not answer at the end of the run"] = ""
        elif not self._finished:  # its traceback is in the log of the sampling process
            faults["reading ended early by a fault of the meter's code"] = report
        return [*remarks, *(Missing(self.name, cause, remedy, MissingCode.READ_FAULT) for cause, remedy in faults.items())]

    # --- the thread

    def run(self) -> None:
        """Sample from time to time, obey commands in between."""
        due = time.monotonic()
        while True:
            try:
                command = self._commands.get(timeout=max(0.0, due - time.monotonic()))
            except Empty:
                self._keep(self.meter.sample)
                due = self._next(due)
                continue
            if command is None:
                break
            if isinstance(command, threading.Event):
                self._keep(partial(self.meter.sample, edge=True))
                command.set()
            else:
                self._guarded(partial(self.meter.watch, command))
        self._keep(self.meter.finish)
        self._guarded(self.meter.close)
        self._finished = True

    def _next(self, due: float) -> float:
        """Return when the next sample is due; where that is past already, an interval begins now."""
        following, now = due + self.interval_s * self._dice.uniform(*SPREAD), time.monotonic()
        return following if following > now else now + self.interval_s * self._dice.uniform(*SPREAD)

    def _keep(self, take: Callable[[], Sequence[Sample]]) -> None:
        samples = self._guarded(take) or ()
        with self._lock:
            for sample in samples:
                self._times[sample.channel].append(sample.t_ns)
                self._values[sample.channel].append(sample.value)

    def _guarded(self, act: Callable[[], Result]) -> Result | None:
        """One instrument's fault is a gap in its own traces, never the end of the others."""
        try:
            return act()
        except _FAULTS as error:  # counted, and reported with the traces
            self._failures += 1
            self._first_failure = self._first_failure or f"{type(error).__name__}: {error}"
            return None

    def _traces(self, copies: list[tuple[array[int], array[float]]], channels: tuple[Channel, ...]) -> list[Trace]:
        return [
            Trace(self.name, c.domain, c.quantity, c.kind, c.unit, c.method, times, values, c.wrap_at)
            for c, (times, values) in zip(channels, copies, strict=True)
            if times
        ]
