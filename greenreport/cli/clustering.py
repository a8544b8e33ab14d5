"""Commands about many hosts: performing a study on them, and looking at what each of them can measure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.table import Table

from greenreport.catalog import METERS
from greenreport.cli.alone import alone
from greenreport.cli.console import out, print_error, print_stored
from greenreport.cli.exit_codes import Exit
from greenreport.cli.hosts_progress import HostsProgress
from greenreport.cli.measuring import Session, StudyState, looked
from greenreport.cli.scoring import score_after_run
from greenreport.cluster.cluster_file import load_cluster
from greenreport.cluster.coordinator import Coordinator
from greenreport.cluster.examination import examine_hosts, kinds
from greenreport.cluster.launch import launches
from greenreport.cluster.shared_study import SharedStudy
from greenreport.errors import Unavailable, UsageError
from greenreport.plan import begun, current
from greenreport.record import Environment
from greenreport.repetitions import blocks, done, pools
from greenreport.study import Overrides
from greenreport.units import counted, listed, quantity
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
    declared = load_cluster(cluster)
    hosts = launches(declared)
    planned = open_plan(study, overrides, conditions)
    if named := {place.served for place in planned.plan.places} - {None}:
        raise UsageError(
            f"hosts of a cluster make no environments (here: {', '.join(sorted(map(str, named)))}); install there what is to serve, or run without --cluster"
        )
    workload = planned.file.study.workload
    spec = workload.prompts
    prompts = resolve(spec, planned.folder, cache / "datasets", chat=workload.api == "chat")
    with alone(cache, here=False), HostsProgress(quiet=quiet) as progress:
        store = open_store(cache)

        def session(environment: Environment) -> Session:
            return Session(planned, (), None, environment, store, cache, False, whole=not conditions)

        def further(environment: Environment) -> int | None:
            look = looked(session(environment))
            return look.blocks + 1 if look is not None and look.goes_on else None

        shared = SharedStudy(planned.plan, prompts, source_digest(spec, planned.folder), store, cache / "incoming", force)
        coordinator = Coordinator(shared, hosts, progress, further, declared.control_drift)
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


def print_hosts_plan(
    study: Path, cluster: Path, cache: Path, conditions: Mapping[str, frozenset[str]], overrides: Overrides
) -> None:
    """Print the hosts of a cluster file, and what each kind of hosts that has measured the study has still to do; no host is asked."""
    names = listed([launch.name for launch in launches(load_cluster(cluster))])
    planned, store = open_plan(study, overrides, conditions), open_store(cache)
    plan, index, known = planned.plan, store.index(), store.environments()
    repetitions = plan.study.protocol.fewest_repetitions
    out.print(
        f"{counted(len(plan.cells), 'cell')}, {counted(repetitions, 'repetition')}, on {names}", soft_wrap=True, markup=False
    )
    held = blocks(plan, index)
    kinds = {pool: next(e for e in known if e.key in pool) for pool in set(pools(plan, known).values()) if pool & held.keys()}
    for pool, environment in sorted(kinds.items(), key=lambda item: item[1].key):
        finished = len(done(plan, index, pool))
        machines = len({e.host_sha256 for e in known if e.key in pool and held.get(e.key)})
        out.print(
            f"{counted(machines, 'host')} with {environment.cpu_model}: {finished} of {counted(repetitions, 'repetition')} done",
            soft_wrap=True, markup=False,
        )  # fmt: skip
    if not kinds:
        out.print(f"nothing is measured yet: {len(plan.cells) * repetitions} runs, once for each kind of hosts", soft_wrap=True)


def _state(session: Session, *, idle: bool) -> StudyState:
    """Return how many runs of a study are done on hosts of one kind."""
    planned: Planned = session.planned
    index = index_here(planned.plan, session.store, session.environment, partial=True)
    rows = current(planned.plan, index).get(session.environment.key, {}).values()
    last = begun(planned.plan, index, session.environment.key)
    total = sum(run.repetition <= last for run in planned.plan.runs)
    outcomes, spent_s = Counter(row.outcome for row in rows), sum(row.duration_s for row in rows)
    return StudyState(planned.file.study.study, outcomes, total, idle, spent_s)


def doctor_of_hosts(cluster: Path, require: Sequence[str]) -> Exit:
    """Print a row for every host, which of them would share a study, and what hinders; exit code 3 where a host cannot measure.

    Args:
        require: meters that have to work on every host.
    """
    reports = examine_hosts(launches(load_cluster(cluster)))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("host", "Python", "CPUs", "memory", "GPUs", "driver", "meters", "disk free", "clock"):
        table.add_column(column)
    hindered = []
    for report in reports:
        here = report.environment
        if here is None:
            table.add_row(report.launch.name, *["–"] * 8)
            hindered.append(f"{report.launch.name}: {report.reason}")
            continue
        gpus = ", ".join(dict.fromkeys(gpu.name for gpu in here.gpus)) or "–"
        cpus = f"{report.cpus} of {here.logical_cpus}, {here.cpu_model}"
        clock = f"{report.clock_offset_s:+.2f} s"
        facts = (quantity(here.memory_b, "B"), gpus, here.gpu_driver or "–", ", ".join(report.meters) or "none")
        table.add_row(report.launch.name, here.python, cpus, *facts, quantity(report.free_b, "B"), clock)
        hindered += [f"{report.launch.name}: {check.detail}" for check in report.problems]
        for meter in require:
            if meter not in METERS:
                raise Unavailable(f"unknown meter {meter!r}; known: {', '.join(METERS)}")
            if METERS[meter].label not in report.meters:
                hindered.append(f"{report.launch.name}: the required meter {meter} does not work there")
    out.print(table)
    for number, (group, differing) in enumerate(kinds(reports), start=1):
        names = ", ".join(report.launch.name for report in group)
        text = "share the repetitions of a study" if len(group) > 1 else "shares its repetitions with no other host"
        out.print(f"{names}: {text}", soft_wrap=True)
        for difference in differing if number > 1 else ():
            out.print(f"    {difference}", soft_wrap=True, markup=False)
    for text in hindered:
        print_error(text)
    return Exit.UNAVAILABLE if hindered else Exit.OK
