"""The seam every instrument implements.

::

    open() → channels (or MeterUnavailable) ─ sample() … sample(edge=True) … sample() ─ finish() ─ close()
                                               └ read(), with times

A meter reports raw values with their times; `traces` unwraps and integrates them. Most meters only implement `read`. Those that
know better when a value was true (a counter that just ticked, a program that writes its own times) implement `sample` as well.

Every meter has a thread of its own, so a read may be slow, but not endless. A value that cannot be read is None, which becomes a gap
in the trace; `note` tells people about it.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from greenreport.record import Method, TraceKind
from greenreport.study import MeterUse

#: Shortest and longest time between two samples, in intervals. They lie one interval apart, so that load which repeats with the interval
#: is met equally often at each point of its period.
SPREAD = (0.5, 1.5)


@dataclass(frozen=True, slots=True)
class Channel:
    """One quantity of one domain; `wrap_at` is where a counter starts again from 0."""

    domain: str
    quantity: str
    kind: TraceKind
    unit: str
    method: Method = Method.MEASURED
    wrap_at: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one channel.

    Attributes:
        channel: position in the tuple that `open` returned.
        t_ns: when the value was true, CLOCK_MONOTONIC.
    """

    channel: int
    t_ns: int
    value: float


class Meter(ABC):
    """An instrument.

    Attributes:
        use: how the study uses it.
        own_interval_s: interval of instruments for which the study's would be too short; `interval_ms` overrides it.
    """

    own_interval_s: ClassVar[float | None] = None

    def __init__(self, use: MeterUse) -> None:
        self.use = use
        self._notes: dict[str, str] = {}

    @abstractmethod
    def open(self) -> tuple[Channel, ...]:
        """Prepare for reading and return the channels, in the order `read` uses.

        Raises:
            MeterUnavailable: with cause and remedy.
        """

    @abstractmethod
    def read(self) -> Sequence[float | None]:
        """Return one value for each channel, in the channel's unit; None where it cannot be read now."""

    def sample(self, *, edge: bool = False) -> Sequence[Sample]:
        """Return what there is to record now: by default one `read`, at the middle of the time it took.

        Args:
            edge: a phase begins or ends; take up to 0.1 s to make the value exact.
        """
        before = time.monotonic_ns()
        values = self.read()
        at = (before + time.monotonic_ns()) // 2
        return [Sample(index, at, value) for index, value in enumerate(values) if value is not None]

    def finish(self) -> Sequence[Sample]:
        """Return the last samples of the run; by default one more, made exact."""
        return self.sample(edge=True)

    def interval_s(self, default_s: float) -> float:
        """Return the mean time between two samples: the study's for this meter, else the instrument's own, else the study's."""
        if self.use.interval_ms is not None:
            return self.use.interval_ms / 1e3
        return self.own_interval_s or default_s

    def watch(self, pids: tuple[int, ...]) -> None:
        """Observe the process trees of these processes, for meters that look at processes."""
        return

    def final(self, channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
        """Return the channels with the facts that only the data showed, such as where a counter wraps."""
        return channels

    def note(self, cause: str, remedy: str = "") -> None:
        """Keep a note on this run's measurement for people; the same cause is kept once."""
        self._notes.setdefault(cause, remedy)

    def notes(self) -> tuple[tuple[str, str], ...]:
        """Return (cause, remedy) of each note."""
        return tuple(self._notes.items())

    def close(self) -> None:
        """Release files and handles; called once, by the thread that reads."""
        return
