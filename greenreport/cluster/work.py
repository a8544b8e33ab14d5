"""The work of a study that is left: for each kind of hosts the repetitions they share, and which a host performs next."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from greenreport.cluster.block_queue import BlockQueue
from greenreport.cluster.messages import WantedRun
from greenreport.cluster.shared_study import SharedStudy
from greenreport.plan import PendingRun
from greenreport.record import Environment


@dataclass(frozen=True, slots=True)
class Portion:
    """A repetition for a host.

    Attributes:
        needed_s: how long it will take, s; None where no earlier run tells.
    """

    repetition: int
    runs: tuple[PendingRun, ...]
    needed_s: float | None

    @property
    def wanted(self) -> tuple[WantedRun, ...]:
        """The runs as a host is told them."""
        return tuple(WantedRun(key=item.run.cell.key, position=item.run.position) for item in self.runs)


class Work:
    """The repetitions of a study by the kind of hosts that share them."""

    def __init__(self, shared: SharedStudy) -> None:
        self.shared = shared
        self.queues: dict[str, BlockQueue] = {}  # by the digest that `pooling.pool_of` makes
        #: One environment of each kind.
        self.kinds: dict[str, Environment] = {}

    def join(self, environment: Environment) -> int | None:
        """Return how many runs there are for hosts like this one, None where such hosts are known already."""
        key = self.shared.pool_of(environment)
        if key in self.queues:
            return None
        self.queues[key], self.kinds[key] = self.shared.queue(environment), environment
        return sum(len(self.shared.block(number, environment)[0]) for number in self.queues[key].open)

    def take(self, host: str, environment: Environment, present: Collection[str]) -> Portion | None:
        """Return what a host performs now (see `BlockQueue.take`)."""
        number = self._queue(environment).take(host, environment.key, present)
        return None if number is None else Portion(number, *self.shared.block(number, environment))

    def finish(self, environment: Environment, number: int) -> None:
        """Note that every run of a repetition has a record."""
        self._queue(environment).finish(number)

    def give_back(self, host: str, environment: Environment) -> None:
        """Note that a host does not finish what it has taken."""
        blocks = self._queue(environment)
        blocks.give_back(host, self.shared.begun(blocks.open, environment))

    def add(self, environment: Environment, number: int) -> None:
        """Add a repetition to those that are to be done."""
        self._queue(environment).open.add(number)

    def left(self, environment: Environment | None = None) -> bool:
        """Return whether anything is left, of all kinds of hosts or of one; before any host is known, everything is."""
        if environment is not None:
            return bool(self._queue(environment).open)
        return not self.queues or any(blocks.open for blocks in self.queues.values())

    def _queue(self, environment: Environment) -> BlockQueue:
        return self.queues[self.shared.pool_of(environment)]
