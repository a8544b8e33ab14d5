"""A study that hosts share: which of its repetitions are to be done, and the one store that all records go to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from uuid import uuid4

from greenreport.cluster.block_queue import BlockQueue
from greenreport.errors import StoreError
from greenreport.plan import PendingRun, Plan, begun, estimate_s, pending
from greenreport.pooling import pool_of
from greenreport.record import Environment, IndexRow, Outcome, RecordKind, RunRecord
from greenreport.repetitions import blocks, done, pools
from greenreport.store import Store
from greenreport.store.codec import MalformedRecord
from greenreport.workloads.prompts import PromptList


@dataclass(frozen=True, slots=True)
class SharedStudy:
    """A study, what is asked in it, and its store.

    Attributes:
        prompts_digest: of the source of the prompts, for fingerprints (see `prompts.source_digest`).
        incoming: folder where received records lie until they are stored.
        force: all repetitions are to be done again.
    """

    plan: Plan
    prompts: PromptList
    prompts_digest: str
    store: Store
    incoming: Path
    force: bool = False

    @property
    def longest_silence_s(self) -> float:
        """How long a run may last in one of its phases, s."""
        protocol = self.plan.study.protocol
        return max(protocol.load_timeout_s, protocol.window_timeout_s, protocol.idle_baseline_s, protocol.cooldown.max_s)

    def pool_of(self, environment: Environment) -> str:
        """Return the digest of what hosts must share to share repetitions."""
        return pool_of(environment, self.plan.places)

    def queue(self, environment: Environment) -> BlockQueue:
        """Return the repetitions that are to be done in the pool of an environment."""
        index, pool = self._seen(environment)
        last = max(begun(self.plan, index, key) for key in pool)
        every = {run.repetition for run in self.plan.runs if run.repetition <= last}
        if self.force:
            return BlockQueue(every)
        opened = every - done(self.plan, index, pool)
        return BlockQueue(opened, _begun(self.plan, index, pool, opened))

    def begun(self, repetitions: Iterable[int], environment: Environment) -> dict[int, frozenset[str]]:
        """Return the environments that hold a part of each repetition."""
        return _begun(self.plan, *self._seen(environment), set(repetitions))

    def block(self, repetition: int, environment: Environment) -> tuple[tuple[PendingRun, ...], float | None]:
        """Return what a host has to do of a repetition, and how long it will take, s; None where no earlier run tells."""
        index, pool = self._seen(environment)
        todo = pending(self.plan, index, environment.key, force=self.force)
        runs = tuple(item for item in todo if item.run.repetition == repetition)
        return runs, estimate_s(runs, [row for row in index if any(row.counts_in(key) for key in pool)])

    def absorb(self, payload: bytes) -> tuple[RunRecord, ...]:
        """Store the records that a host has sent, each once; return those that are new.

        Raises:
            MalformedRecord: they cannot be read.
            StoreError: they cannot be stored here.
        """
        self.incoming.mkdir(parents=True, exist_ok=True)
        file = self.incoming / f"{uuid4().hex}.duckdb"
        try:
            file.write_bytes(payload)
            try:
                records = Store(file).every_record()
            except StoreError as error:
                raise MalformedRecord(str(error)) from None
        finally:
            file.unlink(missing_ok=True)
        held = self.store.ids()
        new = [record for record in records if record.run_id not in held]
        if new:
            self.store.append(new)
        return tuple(new)

    def control_s(self, environment: Environment) -> float | None:
        """Return what the control took in an environment before, s: the median of those that did not drift; None before the first."""
        earlier = self.store.of_kind(RecordKind.CONTROL, self.plan.study.study)
        times = [
            record.duration_s
            for record in earlier
            if record.environment.key == environment.key and record.outcome is Outcome.OK
        ]
        return median(times) if times else None

    def _seen(self, environment: Environment) -> tuple[tuple[IndexRow, ...], frozenset[str]]:
        """Return the index of the store, and the keys of the environments in the pool of one."""
        known = (*self.store.environments(), environment)
        return self.store.index(environment), pools(self.plan, known)[environment.key]


def _begun(plan: Plan, index: Iterable[IndexRow], pool: frozenset[str], numbers: set[int]) -> dict[int, frozenset[str]]:
    held = blocks(plan, index)
    return {number: frozenset(key for key in pool if held.get(key, {}).get(number)) for number in numbers}
