"""Commands about many hosts: performing a study on them, and looking at what each of them can measure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from greenreport.cli.alone import alone
from greenreport.cli.console import out, print_stored
from greenreport.cli.exit_codes import Exit
from greenreport.cli.hosts_progress import HostsProgress
from greenreport.cli.measuring import Session, StudyState, looked
from greenreport.cli.scoring import score_after_run
from greenreport.cluster.cluster_file import load_cluster
from greenreport.cluster.coordinator import Coordinator
from greenreport.cluster.launch import launches
from greenreport.cluster.shared_study import SharedStudy
from greenreport.errors import Unavailable, UsageError
from greenreport.plan import begun, current
from greenreport.record import Environment
from greenreport.study import Overrides
from greenreport.workloads.prompts import resolve, source_digest
from greenreport.workspace import Planned, index_here, open_plan, open_store


def run_on_hosts(
    study: Path,
    cluster: Path,
    cache: Path,
    conditions: Mapping[str, frozenset[str]],
    overrides: Overrides,
    *,
    force: bool,
    quiet: bool,
) -> Exit:
    """Perform a study on the hosts of a cluster file, and say how far it is on each kind of them.

    Raises:
        SpecError: a file has problems.
        Unavailable: no host could be started.
        KeyboardInterrupt: on Ctrl-C or SIGTERM, after every host has ended.
    """
    session, states = _perform(study, cluster, cache, conditions, overrides, force=force, quiet=quiet)
    score_after_run(session.planned, session.store, session.cache, quiet=quiet)
    complete = all(state.complete for state in states)
    for state in states:
        if not quiet or not complete:
            out.print(str(state), soft_wrap=True)
    return Exit.OK if complete else Exit.SOME_RUN_NOT_OK


def _perform(
    study: Path,
    cluster: Path,
    cache: Path,
    conditions: Mapping[str, frozenset[str]],
    overrides: Overrides,
    *,
    force: bool,
    quiet: bool,
) -> tuple[Session, list[StudyState]]:
    """Perform the pending runs; return a session for what follows, and the state of the study on each kind of hosts."""
    hosts = launches(load_cluster(cluster))
    planned = open_plan(study, overrides, conditions)
    if not planned.plan.cells:
        raise UsageError(f"--only leaves no cell of {study}; `greenreport plan {study}` lists them")
    if named := {place.served for place in planned.plan.places} - {None}:
        raise UsageError(
            f"hosts of a cluster make no environments (here: {', '.join(sorted(map(str, named)))}); install there what is to serve, or run without --cluster"
        )
    spec = planned.file.study.workload.prompts
    prompts = resolve(spec, planned.folder, cache / "datasets")
    with alone(cache, here=False), HostsProgress(quiet=quiet) as progress:
        store = open_store(cache)

        def session(environment: Environment) -> Session:
            return Session(planned, (), None, environment, store, cache, False, whole=not conditions)

        def further(environment: Environment) -> int | None:
            look = looked(session(environment))
            return look.blocks + 1 if look is not None and look.goes_on else None

        shared = SharedStudy(planned.plan, prompts, source_digest(spec, planned.folder), store, cache / "incoming", force)
        coordinator = Coordinator(shared, hosts, progress, further)
        try:
            coordinator.perform()
        except KeyboardInterrupt:
            print_stored(progress.stored)
            raise
    kinds = [replace(session(environment), pending=()) for environment in coordinator.work.kinds.values()]
    if not kinds:
        reasons = "; ".join(f"{host.name}: {host.reason}" for host in coordinator.hosts)
        raise Unavailable(f"no host could be started: {reasons}", f"greenreport doctor --cluster {cluster} looks at each")
    return kinds[0], [_state(kind, idle=not progress.stored) for kind in kinds]


def _state(session: Session, *, idle: bool) -> StudyState:
    """Return how many runs of a study are done on hosts of one kind."""
    planned: Planned = session.planned
    index = index_here(planned.plan, session.store, session.environment, partial=True)
    rows = current(planned.plan, index).get(session.environment.key, {}).values()
    last = begun(planned.plan, index, session.environment.key)
    total = sum(run.repetition <= last for run in planned.plan.runs)
    outcomes, spent_s = Counter(row.outcome for row in rows), sum(row.duration_s for row in rows)
    return StudyState(planned.file.study.study, outcomes, total, idle, spent_s)
