"""The coordinator: gives each host one block at a time, stores what comes back, and goes on when hosts are lost or join late.

::

    start ─→ Hello ─→ collect its spool ─→ Block ─→ Records … ─→ BlockEnds ─→ the next block
      ↑                                      │
      └──────── lost: its block is given back ┘

One thread does everything with the store and the plan; what hosts send arrives in one queue. It sleeps until something arrives.
"""

from __future__ import annotations

import pickle
import queue
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from greenreport import __version__
from greenreport.cluster import messages
from greenreport.cluster.ending import end
from greenreport.cluster.host import ANSWER_S, LOCK_PATIENCE_S, Host, HostsReporter, HostState
from greenreport.cluster.host_process import Announced, Ended, Event, HostProcess
from greenreport.cluster.launch import Launch
from greenreport.cluster.shared_study import SharedStudy
from greenreport.cluster.work import Work
from greenreport.execute.prepare import PREPARE_TIMEOUT_S
from greenreport.record import Environment, Outcome, RecordKind
from greenreport.store.codec import MalformedRecord, decoded, read_environment
from greenreport.units import plain_duration

#: What a host may need beyond the limits of the protocol until it says the next thing, s.
MARGIN_S = 300.0
#: How much longer than its runs a block may take, with what lies between them.
JOB_MARGIN = 1.3


class Coordinator:
    """Performs the pending repetitions of a study on hosts.

    Args:
        further: called when all repetitions are done; returns the next one of a study that a rule ends, or None.
        drift: by how much the control of a host may differ from what it was before; None: it is not performed.
    """

    def __init__(
        self,
        shared: SharedStudy,
        launches: Sequence[Launch],
        reporter: HostsReporter,
        further: Callable[[Environment], int | None] | None = None,
        drift: float | None = None,
    ) -> None:
        self.shared, self.reporter, self.further, self.drift = shared, reporter, further, drift
        self.hosts = [Host(launch) for launch in launches]
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.work = Work(shared)
        self.assignment = pickle.dumps((shared.plan.study, shared.prompts))
        self.run_silence_s = shared.longest_silence_s + MARGIN_S

    def perform(self) -> None:
        """Perform what is pending; returns when nothing is left that a host could do.

        Raises:
            KeyboardInterrupt: after all hosts have ended and discarded their current runs.
            StoreError: a record cannot be stored here; it stays in the spool of its host.
        """
        try:
            while True:
                self._look_after()
                if self._finished():
                    return
                wait_s = min(host.due() for host in self.hosts) - time.monotonic()
                with suppress(queue.Empty):
                    self._take(*self.events.get(timeout=min(max(wait_s, 0.01), 3600.0)))
        finally:
            end(self.hosts, self.events, self.shared)

    def _look_after(self) -> None:
        """Start what is to be started, end what is silent, and give idle hosts a block."""
        now = time.monotonic()
        for host in self.hosts:
            if host.state is HostState.AWAY and host.again_at <= now:
                self._start(host)
            elif host.state is HostState.IDLE:
                self._give(host)
            elif host.process is not None and host.due() <= now and host.state is not HostState.LEAVING:
                process = host.process
                self._lose(host, f"nothing was heard of it for {plain_duration(host.silence_s)}")
                process.close()
                process.kill()

    def _start(self, host: Host) -> None:
        try:
            host.process = HostProcess(host.launch, self.events)
        except OSError as error:
            host.failures = 99
            host.lost(f"{host.launch.command[0]} cannot be started: {error.strerror}")
            self.reporter.lost(host)
            return
        host.blocks = 0
        host.expect(HostState.STARTING, float("inf") if host.launch.queued else ANSWER_S)
        self._show(host, "waiting to start" if host.launch.queued else "starting")

    def _take(self, process: HostProcess, message: object, payload: bytes) -> None:
        """Act on what a host has sent."""
        host = next((host for host in self.hosts if host.process is process), None)
        if host is None:
            return  # it was given up
        host.heard = time.monotonic()
        match message:
            case Announced():
                host.expect(HostState.STARTING, ANSWER_S)
                process.order(messages.Start(version=__version__, folder=host.launch.folder))
            case messages.Hello():
                self._greet(host, message)
            case messages.Records():
                self._store(host, message.name, payload)
            case messages.Absent():
                self._collected(host, message.name)
            case messages.Preparing():
                host.silence_s = PREPARE_TIMEOUT_S + MARGIN_S
                self._show(host, f"preparing {message.what}")
            case messages.RunBegins():
                host.silence_s = self.run_silence_s
                host.key, host.phase = message.key, None
                self._show(host, f"{message.key} repetition {message.repetition}")
            case messages.PhaseBegins():
                host.phase = message.phase
                self.reporter.changed(host)
            case messages.BlockEnds() if (
                host.state is HostState.WORKING and host.environment is not None and host.repetition is not None
            ):
                self.work.finish(host.environment, host.repetition)
                host.blocks, host.repetition = host.blocks + 1, None
                host.expect(HostState.IDLE, ANSWER_S)
            case messages.Refusal():
                self._refused(host, message)
            case Ended():
                self._ended(host, process, message)

    def _greet(self, host: Host, hello: messages.Hello) -> None:
        """Take note of what a host is."""
        try:
            here = decoded("its environment", read_environment, hello.environment)
        except MalformedRecord as error:
            self._leave_out(host, str(error))
            return
        twin = next((other for other in self.hosts if other is not host and other.is_machine(here)), None)
        if twin is not None:
            self._leave_out(
                host,
                f"it is the same machine as {twin.name}, or a copy of its image: in that case give each a GREENREPORT_HOST of its own",
            )
            return
        host.environment, host.waiting, host.job = here, list(hello.waiting), hello.job
        host.clock_offset_s = hello.clock_s - time.time()
        host.ends_at = None if hello.ends_at_s is None else time.monotonic() + hello.ends_at_s - hello.clock_s
        if hello.cpus < here.logical_cpus:
            self.reporter.note(f"{host.name}: the process may use {hello.cpus} of {here.logical_cpus} CPUs")
        host.expect(HostState.COLLECTING, ANSWER_S)
        self._collected(host, "")

    def _collected(self, host: Host, name: str) -> None:
        """Ask for the next file of the host's spool; with none left, it can measure."""
        if host.process is None or host.environment is None or host.state is not HostState.COLLECTING:
            return
        host.waiting = [waiting for waiting in host.waiting if waiting != name]
        if host.waiting:
            self._show(host, f"sending {len(host.waiting)} earlier records")
            host.process.order(messages.Collect(name=host.waiting[0]))
            return
        fingerprints = {cell.key: cell.fingerprint for cell in self.shared.plan.cells}
        host.process.order(messages.Assign(prompts=self.shared.prompts_digest, fingerprints=fingerprints), self.assignment)
        runs = self.work.join(host.environment)
        if runs is not None:
            self.reporter.asked(runs)
            if len(self.work.queues) == 2:
                self.reporter.note(
                    "the hosts are of different kinds, which are never pooled: each kind measures the whole study"
                )
        host.expect(HostState.IDLE, ANSWER_S)

    def _give(self, host: Host) -> None:
        """Give an idle host a block, where there is one for it."""
        if host.environment is None or host.process is None:
            return
        if self.drift is not None and not host.controlled and self.work.left(host.environment):
            before_s, study = self.shared.control_s(host.environment), self.shared.plan.study.study
            host.expect(HostState.CONTROL, ANSWER_S)
            host.process.order(messages.Control(study=study, before_s=before_s, most=self.drift))
            return
        expected = {other.environment.key for other in self.hosts if other.expected and other.environment is not None}
        portion = self.work.take(host.name, host.environment, expected)
        if portion is None:
            if host.due() <= time.monotonic():
                host.process.order(messages.Stay())
                host.heard = time.monotonic()
            return
        left_s = float("inf") if host.ends_at is None else host.ends_at - time.monotonic()
        if portion.needed_s is not None and left_s < JOB_MARGIN * portion.needed_s:
            self.work.give_back(host.name, host.environment)
            self._renew(host, portion.needed_s)
            return
        host.repetition, host.controlled = portion.repetition, False
        host.expect(HostState.WORKING, self.run_silence_s)
        host.process.order(messages.Block(repetition=portion.repetition, runs=portion.wanted))

    def _renew(self, host: Host, needed_s: float) -> None:
        """End a host whose job would end inside the next block; a new one is started, unless no job is long enough."""
        if not host.blocks:
            self._leave_out(
                host, f"its walltime holds no block, which takes about {plain_duration(needed_s)}: raise `walltime`"
            )
            return
        assert host.process is not None
        host.process.order(messages.Dismiss())
        host.process.close()
        host.process, host.state, host.again_at = None, HostState.AWAY, time.monotonic()
        self._show(host, "asking for another job: the rest of its walltime holds no block")

    def _store(self, host: Host, name: str, payload: bytes) -> None:
        """Store records, each once, and let the host forget them."""
        try:
            new = self.shared.absorb(payload)
        except MalformedRecord as error:
            self._leave_out(host, f"it sent records that cannot be read: {error}")
            return
        if host.process is not None:
            host.process.order(messages.Acknowledge(name=name))
        for record in new:
            if record.kind is RecordKind.RUN:
                host.runs, host.failures = host.runs + 1, 0
                self.reporter.run_ended(host, record)
            elif record.kind is RecordKind.CONTROL and host.state is HostState.CONTROL:
                host.controlled = record.outcome is Outcome.OK
                host.expect(HostState.IDLE, ANSWER_S)
                if not host.controlled:
                    self._leave_out(host, f"{record.reason}: it takes no more runs")
        self._collected(host, name)

    def _refused(self, host: Host, refusal: messages.Refusal) -> None:
        now = time.monotonic()
        host.first_locked = host.first_locked or now
        if refusal.code is messages.RefusalCode.LOCKED and now - host.first_locked < LOCK_PATIENCE_S:
            self._give_back(host)
            host.process, host.state, host.again_at = None, HostState.AWAY, now + 2.0
            self._show(host, refusal.text)
            return
        self._leave_out(host, refusal.text)

    def _ended(self, host: Host, process: HostProcess, end: Ended) -> None:
        if host.state is HostState.LEFT_OUT:
            return
        process.wait(1.0)
        code = process.process.poll()
        words = end.broken or process.last_words() or ("" if code is None else f"exit code {code}")
        self._lose(host, f"it ended{f': {words}' if words else ''}")

    def _lose(self, host: Host, reason: str) -> None:
        self._give_back(host)
        host.lost(reason)
        self.reporter.lost(host)

    def _leave_out(self, host: Host, reason: str) -> None:
        """Go on without a host."""
        self._give_back(host)
        if host.process is not None:
            host.process.order(messages.Dismiss())
            host.process.close()
        host.state, host.reason = HostState.LEFT_OUT, reason
        self.reporter.lost(host)

    def _give_back(self, host: Host) -> None:
        if host.environment is not None and host.repetition is not None:
            self.work.give_back(host.name, host.environment)
        host.repetition = None

    def _show(self, host: Host, what: str) -> None:
        host.what, host.phase = what, None
        self.reporter.changed(host)

    def _finished(self) -> bool:
        """Return whether nothing is left that a host could do; queued hosts are not waited for when all others are done."""
        idle = [host for host in self.hosts if host.state is HostState.IDLE and host.environment is not None]
        if any(host.busy or (host.state is HostState.STARTING and not host.launch.queued) for host in self.hosts):
            return False
        if self.work.left():
            return not any(host.active for host in self.hosts) and not any(self.work.left(host.environment) for host in idle)
        if idle and self.further is not None and len(self.work.queues) == 1:
            assert idle[0].environment is not None
            number = self.further(idle[0].environment)
            if number is not None:
                self.work.add(idle[0].environment, number)
                return False
        return True
