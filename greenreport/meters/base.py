"""The seam every instrument implements.

::

    open() → channels (or MeterUnavailable) ─ read() … read() ─ close()

A meter reports raw values; the sampler adds times; nothing here integrates, unwraps or averages (that is `analysis.metrics`,
so that a corrected formula needs a rebuild, not a re-run). `read` must be quick and must not raise: a value that cannot be
read is None, which becomes a gap in the trace.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from greenreport.record import Kind, Method
from greenreport.study import MeterUse


@dataclass(frozen=True, slots=True)
class Channel:
    """One quantity of one domain; `wrap_at` is where a counter starts again from 0."""

    domain: str
    quantity: str
    kind: Kind
    unit: str
    method: Method = Method.MEASURED
    wrap_at: float | None = None


class Meter(ABC):
    """An instrument that is polled."""

    def __init__(self, use: MeterUse) -> None:
        self.use = use

    @abstractmethod
    def open(self) -> tuple[Channel, ...]:
        """Prepare for reading and return the channels, in the order `read` uses.

        Raises:
            MeterUnavailable: with cause and remedy.
        """

    @abstractmethod
    def read(self) -> Sequence[float | None]:
        """Return one value for each channel, in the channel's unit; None where it cannot be read now."""

    def watch(self, pids: tuple[int, ...]) -> None:
        """Observe the process trees of these processes, for meters that look at processes."""
        return

    def close(self) -> None:
        """Release files and handles."""
        return
