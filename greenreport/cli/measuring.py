"""A measuring session: a study, what is pending of it on this machine, and the lock that keeps two sessions apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from greenreport.cli.alone import alone
from greenreport.cli.console import Progress, print_stored, print_warning
from greenreport.errors import PromptsUnavailable
from greenreport.execute.assignment import Assignment, Limit
from greenreport.execute.engine_environments import Environments, known, make, with_environments
from greenreport.execute.host import busy_share, environment
from greenreport.execute.runner import StudyRuns
from greenreport.plan import PendingRun, Plan, begun, current, estimate_s, pending
from greenreport.record import Environment, FlagCode, IndexRow, Outcome
from greenreport.store import Store
from greenreport.study import Overrides
from greenreport.study.analysis_spec import Validity
from greenreport.units import declared_percent, percent, plain_duration
from greenreport.validity import judged
from greenreport.workloads.prompts import PromptList, resolve
from greenreport.workspace import Planned, index_here, open_plan, open_store

if TYPE_CHECKING:  # the analysis is imported when a study is looked at: others never need it to measure
    from greenreport.analysis.hypotheses.stopping import StoppingLook

RUN_ID = 32  # digits
LOOK_S = 0.5  # at the load of other programs
LOG_OF_RUN = re.compile(rf"[0-9a-f]{{{RUN_ID}}}[.-]")


@dataclass(frozen=True, slots=True)
class StudyState:
    """How many runs of a study are done on this machine.

    Attributes:
        outcomes: number of current runs by outcome.
        total: number of runs the study asks for.
        idle: whether there was nothing left to do.
        spent_s: duration of the runs that are done, s.
    """

    study: str
    outcomes: Counter[Outcome]
    total: int
    idle: bool
    spent_s: float

    @property
    def complete(self) -> bool:
        """Whether every run is done and ok."""
        return self.outcomes[Outcome.OK] == self.total

    def __str__(self) -> str:
        """Return the state as a sentence."""
        start = f"{self.study}: {'nothing to do: ' if self.idle else ''}"
        if self.complete:
            spent = plain_duration(self.spent_s)
            every = "the one run is" if self.total == 1 else f"all {self.total} runs are"
            return f"{start}{every} done and ok ({spent} of measurements). Next: greenreport build"
        rest = ", ".join(
            f"{n} {outcome.value.replace('_', ' ')}"
            for outcome, n in sorted(self.outcomes.items())
            if outcome is not Outcome.OK
        )
        missing = self.total - self.outcomes.total()
        parts = (f"{self.outcomes[Outcome.OK]} of {self.total} runs ok", rest, f"{missing} not done" if missing else "")
        return start + "; ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Session:
    """A study and what is pending of it on this machine.

    Attributes:
        left_s: estimated duration of the pending runs, s; None where no earlier run tells.
        recheck: whether finished runs are judged by the study's current validity rules.
        most_left_s: the same for all blocks that may follow.
        look: what is known of the contrasts where a rule ends the study and no run is missing before the next block.
        environments: those of the study that are there, by name, or why they are not.
        whole: whether every cell of the study is among the runs; without, blocks are not complete and no look is taken.
    """

    planned: Planned
    pending: tuple[PendingRun, ...]
    left_s: float | None
    environment: Environment
    store: Store
    cache: Path
    recheck: bool
    most_left_s: float | None = None
    look: StoppingLook | None = None
    whole: bool = True
    environments: Environments = field(default_factory=dict)

    def state(self) -> StudyState:
        """Return how many runs of the study are done now, those that waited beside the store among them."""
        self.store.take_up()
        index = _index(self.store, self.planned, self.environment, recheck=self.recheck)
        rows = current(self.planned.plan, index).get(self.environment.key, {}).values()
        outcomes = Counter(row.outcome for row in rows)
        spent_s = sum(row.duration_s for row in rows)
        blocks = begun(self.planned.plan, index, self.environment.key)
        total = sum(run.repetition <= blocks for run in self.planned.plan.runs)
        return StudyState(self.planned.file.study.study, outcomes, total, not self.pending, spent_s)

    @property
    def plan(self) -> Plan:
        """The plan as far as its blocks are begun or pending."""
        plan = self.planned.plan
        blocks = begun(plan, index_here(plan, self.store, self.environment), self.environment.key)
        last = max([blocks, *(item.run.repetition for item in self.pending)])
        return replace(plan, runs=tuple(run for run in plan.runs if run.repetition <= last))

    def block(self, number: int) -> tuple[PendingRun, ...]:
        """Return what is still to do of one block."""
        todo = pending(self.planned.plan, index_here(self.planned.plan, self.store, self.environment), self.environment.key)
        return tuple(item for item in todo if item.run.repetition == number)

    @property
    def partial(self) -> bool:
        """Whether a rule ends the study, which cannot be asked about these cells alone."""
        return self.planned.plan.study.protocol.sequential is not None and not self.whole

    def prompts(self) -> PromptList:
        """Return the prompts of the study.

        Raises:
            PromptsUnavailable: they cannot be read.
        """
        workload = self.planned.file.study.workload
        return resolve(workload.prompts, self.planned.folder, self.cache / "datasets", chat=workload.api == "chat")

    def assignment(self, prompts: PromptList) -> Assignment:
        """Return what to measure and where to keep it.

        Cells that ran out of memory here and never worked are its limits: larger loads of their sweep need no trial.
        """
        rows = [row for row in self.store.index(self.environment) if row.counts_in(self.environment.key)]
        worked, failed = (
            {row.fingerprint for row in rows if row.outcome is outcome} for outcome in (Outcome.OK, Outcome.OUT_OF_MEMORY)
        )
        cells = [cell for cell in self.planned.plan.cells if cell.fingerprint in failed - worked]
        limits = tuple(Limit(cell, Outcome.OUT_OF_MEMORY) for cell in cells)
        study, folder = self.planned.file.study, self.planned.folder
        return Assignment(study, prompts, self.environment, self.store, folder, self.cache, limits, self.environments)


def open_session(
    study: Path,
    cache: Path,
    conditions: Mapping[str, frozenset[str]],
    overrides: Overrides,
    *,
    force: bool = False,
    recheck: bool = False,
    environments: Environments | None = None,
) -> Session:
    """Read the study and the store, and find what is pending on this machine.

    Args:
        conditions: which cells, see `options.parse_only`.
        force: perform runs again that are done.
        recheck: judge finished runs by the study's current validity rules first.
        environments: what has become of the study's environments in this command; those that are known otherwise.

    Raises:
        UsageError: no cell meets the conditions.
    """
    planned = open_plan(study, overrides, conditions)
    environments = {**known(planned.file.study, planned.folder, cache), **(environments or {})}
    host, store = with_environments(environment(), environments), open_store(cache)
    index = _index(store, planned, host, recheck=recheck)
    blocks = begun(planned.plan, index, host.key)
    every = pending(planned.plan, index, host.key, force=force)
    todo = tuple(item for item in every if item.run.repetition <= blocks)
    here = [row for row in index if row.counts_in(host.key)]
    left_s, most_left_s = estimate_s(todo, here), estimate_s(every, here)
    session = Session(planned, todo, left_s, host, store, cache, recheck, most_left_s, None, not conditions, environments)
    if todo or (look := looked(session)) is None:
        return session
    further = session.block(look.blocks + 1) if look.goes_on else ()
    return replace(session, pending=further, left_s=estimate_s(further, here), look=look)


def named_environments(session: Session) -> list[str]:
    """Return the environments that cells of a session name."""
    return sorted({name for cell in session.planned.plan.cells if (name := cell.configuration.environment) is not None})


def make_environments(session: Session, names: Iterable[str], *, quiet: bool) -> Environments:
    """Make the environments that are not there yet, with progress on the console; return each, or why it cannot be used."""
    with measuring(session.cache, quiet=quiet) as progress:
        return make(session.planned.file.study, names, session.planned.folder, session.cache, progress.preparing)


def looked(session: Session) -> StoppingLook | None:
    """Return what the runs that are done say of a study that a rule ends; None where its number of repetitions is fixed.

    Raises:
        StoreError: the store cannot take up runs that wait beside it.
    """
    if session.planned.plan.study.protocol.sequential is None or not session.whole:
        return None
    from greenreport.analysis.hypotheses.stopping import look
    from greenreport.results import measured_here

    session.store.take_up()
    return look(measured_here(session.planned, session.store, session.environment))


def _index(store: Store, planned: Planned, here: Environment, *, recheck: bool) -> tuple[IndexRow, ...]:
    """Return the rows of the store, on `recheck` with the outcomes that the current validity rules give."""
    index = index_here(planned.plan, store, here)
    if not recheck:
        return index
    cells = {cell.fingerprint for cell in planned.plan.cells}
    judged_ids = [row.run_id for row in index if row.fingerprint in cells and row.outcome in (Outcome.OK, Outcome.INVALID)]
    outcomes = {record.run_id: judged(record, planned.file.study).outcome for record in store.records(judged_ids)}
    return tuple(replace(row, outcome=outcomes.get(row.run_id, row.outcome)) for row in index)


def perform(session: Session, *, quiet: bool) -> None:
    """Perform the pending runs with progress on the console.

    Raises:
        KeyboardInterrupt: on Ctrl-C or SIGTERM, after the current run was discarded.
    """
    obstacle = None
    try:
        prompts = session.prompts()
    except PromptsUnavailable as error:
        prompts, obstacle = PromptList((), "", ""), error
    with measuring(session.cache, quiet=quiet, left_s=session.left_s) as progress:
        assignment, todo = session.assignment(prompts), session.pending
        _sweep_logs(assignment)
        if not quiet:
            warn_of_load(session.planned.file.study.validity)
        sequential = session.planned.plan.study.protocol.sequential is not None
        cells = session.planned.plan.cells if sequential else [item.run.cell for item in todo]
        runs = StudyRuns(assignment, cells, progress, obstacle)
        while todo:
            runs.perform(todo)
            look = looked(session)
            progress.looked(look)
            todo = session.block(look.blocks + 1) if look is not None and look.goes_on else ()


def warn_of_load(rules: Validity) -> None:
    """Say before anything is measured that other programs use more of the CPUs than the study allows."""
    busy = busy_share(LOOK_S)
    if busy > rules.foreign_load:
        shares = f"other programs use {percent(busy)} of the CPUs now, but this study allows only {declared_percent(rules.foreign_load)}"
        cost = "the study will answer nothing" if FlagCode.FOREIGN_LOAD in rules.admit else "runs will not count"
        print_warning(f"{shares}: stop them, or {cost}")


def _sweep_logs(assignment: Assignment) -> None:
    """Remove the logs of runs that were killed: they have no record that a log could explain."""
    logs = [log for log in assignment.logs.glob("*.log") if LOG_OF_RUN.match(log.name)]
    stored = assignment.store.ids() if logs else frozenset()
    for log in logs:
        if log.name[:RUN_ID] not in stored:
            log.unlink(missing_ok=True)


@contextmanager
def measuring(cache: Path, *, quiet: bool, left_s: float | None = None) -> Iterator[Progress]:
    """Measure alone (see `alone`), and show progress: of an interrupted command it is said what is stored.

    Raises:
        StoreError: another process holds the lock of the cache, or the cache cannot be written.
    """
    with alone(cache), Progress(quiet=quiet, left_s=left_s) as progress:
        try:
            yield progress
        except KeyboardInterrupt:
            print_stored(progress.stored)
            raise
