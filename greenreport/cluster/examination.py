"""What each host of a cluster can measure and run, and which of them would share the repetitions of a study."""

from __future__ import annotations

import queue
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from greenreport import __version__
from greenreport.catalog import ENGINES
from greenreport.cluster import messages
from greenreport.cluster.host_process import Announced, Ended, Event, HostProcess
from greenreport.cluster.launch import Launch
from greenreport.pooling import COMPARABLE, EnginePlace, pool_of
from greenreport.record import Environment
from greenreport.store.codec import MalformedRecord, decoded, read_environment

#: How long all hosts together may take, s; jobs that wait in a queue for longer are told as such.
PATIENCE_S = 120.0


@dataclass(slots=True)
class HostReport:
    """What is known of a host.

    Attributes:
        clock_offset_s: its wall clock minus ours; the way of the message is part of it.
        cpus: how many CPUs a process may use there.
        reason: why nothing is known.
    """

    launch: Launch
    environment: Environment | None = None
    clock_offset_s: float = 0.0
    free_b: int = 0
    cpus: int = 0
    checks: tuple[messages.CheckLine, ...] = ()
    reason: str = "it did not answer"
    over: bool = field(default=False)

    @property
    def meters(self) -> tuple[str, ...]:
        """Names of the meters that work."""
        return tuple(check.name for check in self.checks if check.group == "meter" and check.works)

    @property
    def problems(self) -> tuple[messages.CheckLine, ...]:
        """What hinders measuring on it as a whole."""
        return tuple(check for check in self.checks if check.group in ("lock", "folder") and not check.works)


def examine_hosts(launches: Sequence[Launch], patience_s: float = PATIENCE_S) -> tuple[HostReport, ...]:
    """Look at all hosts at once; nothing is measured."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    reports: dict[HostProcess, HostReport] = {}
    result = []
    for launch in launches:
        result.append(HostReport(launch))
        try:
            reports[HostProcess(launch, events)] = result[-1]
        except OSError as error:
            result[-1].reason = f"{launch.command[0]} cannot be started: {error.strerror}"
    deadline = time.monotonic() + patience_s
    try:
        while not all(report.over for report in reports.values()) and time.monotonic() < deadline:
            with suppress(queue.Empty):
                process, message, _ = events.get(timeout=max(0.01, deadline - time.monotonic()))
                _note(reports[process], process, message)
    finally:
        for process in reports:
            process.terminate()
            process.close()
        for process in reports:
            if not process.wait(3.0):
                process.kill()
    return tuple(result)


def _note(report: HostReport, process: HostProcess, message: object) -> None:
    match message:
        case Announced():
            process.order(messages.Start(version=__version__, folder=report.launch.folder, examine=True))
        case messages.Hello():
            report.clock_offset_s = message.clock_s - time.time()
            report.free_b, report.cpus = message.free_b, message.cpus
            try:
                report.environment = decoded("its environment", read_environment, message.environment)
            except MalformedRecord as error:
                report.reason, report.over = str(error), True
        case messages.Examined():
            report.checks, report.over = message.checks, True
        case messages.Refusal():
            report.reason, report.over = message.text, True
        case Ended() if not report.over:
            report.reason, report.over = message.broken or process.last_words() or "it ended without a word", True
        case _:
            pass


def kinds(reports: Sequence[HostReport]) -> list[tuple[list[HostReport], list[str]]]:
    """Return the hosts that share repetitions whatever the engines, and in what each further kind differs from the first one."""
    together: defaultdict[str, list[HostReport]] = defaultdict(list)
    for report in reports:
        if report.environment is not None:
            together[pool_of(report.environment, [EnginePlace(engine) for engine in ENGINES])].append(report)
    groups = list(together.values())
    return [(group, [] if group is groups[0] else _differences(groups[0][0], group[0])) for group in groups]


def _differences(one: HostReport, other: HostReport) -> list[str]:
    assert one.environment is not None
    assert other.environment is not None
    found = []
    for name in COMPARABLE:
        if name in ("host_sha256", "libraries"):
            continue
        ours, theirs = (_shown(name, environment) for environment in (one.environment, other.environment))
        if ours != theirs:
            found.append(f"{name}: {theirs} instead of {ours}")
    libraries, others = dict(one.environment.libraries), dict(other.environment.libraries)
    found += [
        f"{name}: {others.get(name, 'absent')} instead of {libraries.get(name, 'absent')}"
        for name in sorted(libraries.keys() | others.keys())
        if libraries.get(name) != others.get(name)
    ]
    return found


def _shown(name: str, environment: Environment) -> str:
    if name == "gpus":
        return ", ".join(f"{gpu.name} ({gpu.memory_b} B, {gpu.power_limit_w} W)" for gpu in environment.gpus) or "none"
    return str(getattr(environment, name))
