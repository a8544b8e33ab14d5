"""Search for the largest load that works: doubled until it fails, then bisected; each trial is one short run.

::

    1 ok, 2 ok, 4 ok, 8 ok, 16 out of memory   →   12 ok, 14 out of memory, 13 ok   →   13

A trial answers whether a load works, not what it costs: there is no idle baseline, cool-down or warm-up, and every server gets one full
load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from greenreport.errors import UsageError
from greenreport.execute.assignment import Assignment, Reporter
from greenreport.execute.runner import ExtraRuns
from greenreport.plan import Cell, Run
from greenreport.record import Outcome, RecordKind
from greenreport.study import Configuration, Study

#: Bisection ends when good and bad are this close, as a share of the good one; below 16 it goes on to the exact number.
RESOLUTION = 1 / 16
#: How long a server waits in a trial for a dynamic batch to fill.
FILL_MS = 5000.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One load that was tried."""

    load: int
    outcome: Outcome
    reason: str | None


def search(tried: Callable[[int], Trial], largest: int) -> Iterator[Trial]:
    """Yield the trials that find the largest load that works, in order.

    Args:
        tried: tries a load.
        largest: no larger load is tried.
    """
    good, bad, load = 0, None, 1
    while load:
        trial = tried(load)
        yield trial
        if trial.outcome is Outcome.OK:
            good = load
        else:
            bad = load
        if bad is None:
            load = min(2 * good, largest) if good < largest else 0
        else:
            load = (good + bad) // 2 if bad - good > max(1, int(good * RESOLUTION)) else 0


def find_limit(assignment: Assignment, cell: Cell, factor: str, largest: int, reporter: Reporter) -> tuple[Trial, ...]:
    """Look for the largest level of a factor at which a cell still works; store every trial.

    Raises:
        Unavailable: the cell cannot run here.
        UsageError: the factor has one level only.
    """
    if factor == "batch_size" and assignment.study.workload.api == "chat":
        raise UsageError("a request in chat is one conversation, so `batch_size` is 1 there; ask for another --factor")
    runs, position = ExtraRuns(assignment, cell, RecordKind.LIMIT, reporter), count(1)

    def tried(load: int) -> Trial:
        configuration = at_load(cell.configuration, factor, load)
        study = _short(assignment.study, configuration)
        run = Run(replace(cell, configuration=configuration), 1, next(position))
        record = runs.perform(study, run, run.position, factor=factor, level=load)
        return Trial(load, record.outcome, record.reason)

    return tuple(search(tried, largest))


def describe_limit(factor: str, trials: Sequence[Trial]) -> str:
    """Return what trials say of a factor, for example ``batch_size 13 works, 14 does not (out of memory: …)``."""
    works = max((trial.load for trial in trials if trial.outcome is Outcome.OK), default=None)
    fails = min((trial for trial in trials if trial.outcome is not Outcome.OK), key=lambda trial: trial.load, default=None)
    largest = "no load works" if works is None else f"{factor} {works} works"
    if fails is None:
        return f"{largest}, the largest that was to be tried"
    return f"{largest}, {fails.load} does not ({fails.outcome.value.replace('_', ' ')}: {fails.reason})"


def at_load(configuration: Configuration, factor: str, load: int) -> Configuration:
    """Return the configuration at a level of a factor, under a load that reaches it.

    A dynamic batch is as large as the requests that wait at once: as many clients as it takes come together, and the server waits
    for them. Clients are a closed loop, also where the study has an open one.
    """
    changes: dict[str, object] = {factor: load}
    if factor in ("max_batch", "concurrency"):
        changes["request_rate"] = None
    if factor == "max_batch":
        changes["concurrency"] = max(1, load // configuration.batch_size) * configuration.replicas
        if load > 1 and configuration.server is None:  # another server batches by its own rules
            changes["max_wait_ms"] = max(configuration.max_wait_ms, FILL_MS)
    return configuration.model_copy(update=changes)


def _short(study: Study, configuration: Configuration) -> Study:
    """Return the study with one configuration and a protocol that only finds out whether its load works."""
    cooldown = study.protocol.cooldown.model_copy(update={"until": "none"})
    protocol = study.protocol.model_copy(update={"idle_baseline_s": 0, "cooldown": cooldown, "warmup_requests": 0})
    requests = configuration.batch_size * max(configuration.concurrency, configuration.replicas)
    workload = study.workload.model_copy(update={"requests": requests, "ramp_s": 0})
    changes = {"configurations": (configuration,), "protocol": protocol, "workload": workload, "meters": ()}
    return study.model_copy(update=changes)
