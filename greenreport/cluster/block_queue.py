"""Which repetition a host performs next. Pure: nothing here knows of processes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class BlockQueue:
    """The repetitions that hosts of equal hardware share.

    Attributes:
        open: those that are to be done.
        begun: for each, the environments that hold a part of it from earlier.
        taken: those in work, with the host that has them.
    """

    open: set[int]
    begun: Mapping[int, frozenset[str]] = field(default_factory=dict)
    taken: dict[int, str] = field(default_factory=dict)

    def take(self, host: str, environment: str, present: Collection[str]) -> int | None:
        """Return the repetition that a host performs now, and note it; None when there is none for it.

        A repetition that was begun is finished by the machine that began it, so that it stays whole; only where that machine is not
        there does another one do it anew.

        Args:
            environment: key of the host's environment.
            present: keys of the environments of all hosts that are there.
        """
        free = sorted(self.open - self.taken.keys())
        own = [number for number in free if environment in self.begun.get(number, ())]
        fresh = [number for number in free if not self.begun.get(number)]
        left = [number for number in free if not self.begun.get(number, frozenset()) & frozenset(present)]
        number = next(iter((*own, *fresh, *left)), None)
        if number is not None:
            self.taken[number] = host
        return number

    def finish(self, number: int) -> None:
        """Note that every run of a repetition has a record: it is tried again by the next `run` at the earliest."""
        self.open.discard(number)
        self.taken.pop(number, None)

    def give_back(self, host: str, held: Mapping[int, frozenset[str]]) -> None:
        """Note that a host is gone; what it had begun may be done by others once it does not come back.

        Args:
            held: what `begun` is now.
        """
        for number in [number for number, holder in self.taken.items() if holder == host]:
            del self.taken[number]
        self.begun = {number: held.get(number, frozenset()) for number in self.open}
