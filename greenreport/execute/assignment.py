"""What to run, where to keep the results, and who is shown the progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from greenreport.execute.engine_environments import Environments
from greenreport.execute.processes import Launcher
from greenreport.plan import Cell, PendingRun, beyond
from greenreport.record import Environment, Outcome, Phase, RunRecord
from greenreport.store import Spooled, Store
from greenreport.study import Study
from greenreport.workloads.prompts import PromptList

_LIMITS = {Outcome.OUT_OF_MEMORY: "was out of memory", Outcome.TIMED_OUT: "took longer than its limit"}


@dataclass(frozen=True, slots=True)
class Limit:
    """A cell that ran out of memory or time."""

    cell: Cell
    outcome: Outcome

    def excludes(self, cell: Cell, worked: Iterable[Cell]) -> bool:
        """Return whether a cell asks for more in a direction of a sweep that ended here.

        Memory always ends a direction. Time ends it only where a lighter load worked: with a fixed number of requests the lightest load
        is the slowest, and larger batches may well be in time.
        """
        over = self.outcome is Outcome.OUT_OF_MEMORY or any(beyond(self.cell, lighter) for lighter in worked)
        return over and beyond(cell, self.cell)


class Reporter(Protocol):
    """Shows the progress of runs; it must not draw between `phase(WINDOW)` and the next call."""

    def preparing(self, what: str) -> None:
        """A download or conversion begins."""

    def run_begins(self, pending: PendingRun, number: int, total: int) -> None:
        """A run begins."""

    def phase(self, phase: Phase) -> None:
        """A phase of the current run begins."""

    def run_ended(self, record: RunRecord) -> None:
        """A run has been stored, or spooled."""

    def spooled(self, records: Spooled) -> None:
        """Records wait beside the store, which could not be written."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A study to run on this machine, and where its records go.

    Attributes:
        folder: folder of the study file.
        cache: folder with the store, models and logs.
        limits: cells known to run out of memory on this machine; larger loads are not tried.
        environments: those of the study that are there, by name, or why they are not.
    """

    study: Study
    prompts: PromptList
    environment: Environment
    store: Store
    folder: Path
    cache: Path
    limits: tuple[Limit, ...] = ()
    environments: Environments = field(default_factory=dict)

    @property
    def logs(self) -> Path:
        """Folder of the logs of runs that failed."""
        return self.cache / "logs"


@dataclass(frozen=True, slots=True)
class RunContext:
    """Everything the steps of a run share.

    Attributes:
        folder: folder of the study file, where relative paths of meters and commands start.
        entered: called with each phase that begins.
        repetition: number of the repetition, from 1.
    """

    study: Study
    prompts: PromptList
    folder: Path
    launcher: Launcher
    entered: Callable[[Phase], None]
    repetition: int = 1


class Attempts:
    """What the runs of this call have shown: which further runs need not be tried."""

    def __init__(self, limits: Iterable[Limit], give_up_after: int) -> None:
        self.limits = [*limits]
        self.give_up_after = give_up_after
        self.worked: list[Cell] = []
        self.failures: Counter[str] = Counter()
        self.last_reason: dict[str, str] = {}

    def refusal(self, cell: Cell) -> tuple[Outcome, str] | None:
        """Return the outcome and reason of a run that is not worth trying, or None."""
        for limit in self.limits:
            if limit.excludes(cell, self.worked):
                reason = f"not tried: {limit.cell.configuration.id}, which asks for less, {_LIMITS[limit.outcome]}"
                return limit.outcome, reason
        if self.failures[cell.key] >= self.give_up_after:
            reason = f"not tried after {self.failures[cell.key]} failures of this cell: {self.last_reason[cell.key]}"
            return Outcome.NOT_RUN, reason
        return None

    def add(self, cell: Cell, record: RunRecord) -> None:
        """Take note of a run that was tried."""
        if record.outcome in _LIMITS:
            self.limits.append(Limit(cell, record.outcome))
        if record.outcome is Outcome.OK:
            self.worked.append(cell)
        else:
            self.failures[cell.key] += 1
            self.last_reason[cell.key] = record.reason or record.outcome.value
