"""A host as the coordinator knows it: whether it is there, what it does, and what becomes of it when it is lost."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from greenreport.cluster.host_process import HostProcess
from greenreport.cluster.launch import Launch
from greenreport.record import Environment, Phase, RunRecord

#: So often a host may be lost without a finished run in between.
MOST_FAILURES = 3
#: So long after its start by ssh a host may say nothing, s.
START_S = 180.0
#: How long a host may hold the records it is asked for, s.
ANSWER_S = 300.0
#: So often an idle host hears that there may be more, s.
STAY_S = 300.0
#: How long the lock of a host may be held, as it is for some seconds after a coordinator was killed, s.
LOCK_PATIENCE_S = 45.0


class HostState(StrEnum):
    """What a host does."""

    AWAY = "waiting to be started again"
    STARTING = "starting"
    COLLECTING = "sending earlier records"
    CONTROL = "performing the control"
    IDLE = "idle"
    WORKING = "measuring"
    LEAVING = "ending"
    LEFT_OUT = "left out"


@dataclass(slots=True)
class Host:
    """A host of the cluster.

    Attributes:
        heard: when it last sent something, on the monotonic clock.
        silence_s: how long it may be silent in what it does now.
        again_at: when it is started again, on the monotonic clock.
        ends_at: when its job ends, on the monotonic clock.
        clock_offset_s: its wall clock minus ours.
        waiting: files of its spool that are still to be collected.
        blocks: finished since it was started.
        controlled: whether the control was performed since its last block.
        what: what it does, for people.
        reason: why it was lost or left out.
    """

    launch: Launch
    state: HostState = HostState.AWAY
    process: HostProcess | None = None
    environment: Environment | None = None
    heard: float = 0.0
    silence_s: float = START_S
    again_at: float = 0.0
    first_locked: float | None = None
    ends_at: float | None = None
    clock_offset_s: float = 0.0
    job: str | None = None
    waiting: list[str] = field(default_factory=list)
    repetition: int | None = None
    blocks: int = 0
    controlled: bool = False
    runs: int = 0
    failures: int = 0
    key: str = ""
    phase: Phase | None = None
    what: str = ""
    reason: str = ""

    @property
    def name(self) -> str:
        """Its name in messages."""
        return self.launch.name

    @property
    def present(self) -> bool:
        """Whether it has said what it is, and can measure."""
        return self.environment is not None and self.state in (
            HostState.COLLECTING, HostState.CONTROL, HostState.IDLE, HostState.WORKING,
        )  # fmt: skip

    @property
    def busy(self) -> bool:
        """Whether it does something that ends by itself."""
        return self.state in (HostState.COLLECTING, HostState.CONTROL, HostState.WORKING)

    def is_machine(self, environment: Environment) -> bool:
        """Return whether it is there, and an environment is of the same machine."""
        return self.present and self.environment is not None and self.environment.host_sha256 == environment.host_sha256

    @property
    def expected(self) -> bool:
        """Whether it is there, or will be again soon: what it has begun is left to it. A batch system may give another machine."""
        return self.present or (not self.launch.queued and self.state in (HostState.AWAY, HostState.STARTING))

    @property
    def active(self) -> bool:
        """Whether something is still to be expected of it."""
        return self.busy or self.state in (HostState.STARTING, HostState.AWAY)

    def expect(self, state: HostState, silence_s: float) -> None:
        """Note what it does now, and how long it may be silent."""
        self.state, self.silence_s, self.heard = state, silence_s, time.monotonic()

    def due(self) -> float:
        """Return when the coordinator has to look after it, on the monotonic clock."""
        if self.state is HostState.AWAY:
            return self.again_at
        if self.state is HostState.IDLE:
            return self.heard + STAY_S
        if self.busy or self.state is HostState.STARTING:
            return self.heard + self.silence_s
        return float("inf")

    def lost(self, reason: str) -> None:
        """Note that its process is gone, and when it is tried again."""
        self.failures += 1
        self.reason = reason
        self.process = None
        self.repetition = None
        if self.failures >= MOST_FAILURES:
            self.state = HostState.LEFT_OUT
        else:
            self.state = HostState.AWAY
            self.again_at = time.monotonic() + 2.0 ** (self.failures - 1)


class HostsReporter(Protocol):
    """Shows what hosts do."""

    def changed(self, host: Host) -> None:
        """A host does something else now."""

    def run_ended(self, host: Host, record: RunRecord) -> None:
        """A run of a host is stored."""

    def asked(self, runs: int) -> None:
        """Hosts of a kind have so many runs to do."""

    def lost(self, host: Host) -> None:
        """A host is gone, and is started again or left out; its `reason` says why."""

    def note(self, text: str) -> None:
        """Something that whoever watches should know."""
