"""What each command does, between the parsed arguments and the modules that do it."""

from __future__ import annotations

import fcntl
import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from greenreport.console import Progress
from greenreport.errors import GreenReportError, PromptsUnavailable, StoreError
from greenreport.execute.host import environment
from greenreport.plan import IndexRow, PendingRun, current, estimate_s, pending
from greenreport.record import Environment, Outcome
from greenreport.store import Store, export_parquet, import_parquet
from greenreport.study import Overrides
from greenreport.units import plain_duration
from greenreport.workspace import Planned, open_plan, open_store, results_folder

CONDITIONS = ("model", "engine", "provider", "dtype", "configuration")


class UsageError(GreenReportError):
    """An argument that cannot be used."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A study about to run on this machine."""

    planned: Planned
    pending: tuple[PendingRun, ...]
    left_s: float | None
    environment: Environment
    store: Store
    cache: Path


def prepare_run(
    study: Path,
    cache: Path,
    only: Sequence[str],
    weights: str | None,
    repetitions: int | None,
    prompts: Path | None,
    *,
    force: bool,
) -> Ready:
    """Read the study and the store; find what is pending here."""
    planned = open_plan(study, Overrides(weights, repetitions, prompts), conditions(only))
    if not planned.plan.cells:
        raise UsageError(f"--only {' '.join(only)} leaves no cell of {study}; `greenreport plan {study}` lists them")
    host, store = environment(), open_store(cache)
    index = store.index()
    todo = pending(planned.plan, index, host.key, force=force)
    here = [row for row in index if row.environment == host.key]
    return Ready(planned, todo, estimate_s(todo, here), host, store, cache)


def conditions(only: Sequence[str]) -> dict[str, frozenset[str]]:
    """Parse ``KEY=VALUE`` conditions; values of one key are alternatives (also ``KEY=A,B``)."""
    wanted: dict[str, frozenset[str]] = {}
    for item in only:
        key, separator, value = item.partition("=")
        if not separator or key not in CONDITIONS or not value:
            raise UsageError(f"--only {item!r}: write KEY=VALUE with KEY one of {', '.join(CONDITIONS)}")
        wanted[key] = wanted.get(key, frozenset()) | frozenset(value.split(","))
    return wanted


def perform(ready: Ready, *, quiet: bool) -> None:
    """Perform the pending runs with progress on the console.

    Raises:
        KeyboardInterrupt: on Ctrl-C or SIGTERM, after the current run was discarded.
    """
    from greenreport.execute.runner import Assignment, run_all
    from greenreport.workloads.prompts import PromptList, resolve

    study = ready.planned.file.study
    try:
        prompts = resolve(study.workload.prompts, ready.planned.folder, ready.cache / "datasets")
        obstacle = None
    except PromptsUnavailable as error:
        prompts, obstacle = PromptList((), "", ""), error
    assignment = Assignment(study, prompts, ready.environment, ready.store, ready.planned.folder, ready.cache)
    with _alone(ready.cache), _interruptible(), Progress(quiet=quiet, left_s=ready.left_s) as progress:
        run_all(assignment, ready.pending, progress, obstacle)


def study_state(ready: Ready) -> tuple[str, bool]:
    """Return a sentence on the study's runs on this machine, and whether all of them are ok."""
    plan = ready.planned.plan
    rows = current(plan, ready.store.index()).get(ready.environment.key, {})
    outcomes = Counter(row.outcome for row in rows.values())
    total, ok = len(plan.runs), outcomes[Outcome.OK]
    nothing = "" if ready.pending else "nothing to do: "
    name = ready.planned.file.study.study
    if ok == total:
        spent = plain_duration(sum(row.duration_s for row in rows.values()))
        return f"{name}: {nothing}all {total} runs are done and ok ({spent} of measurements). Next: greenreport build", True
    rest = ", ".join(f"{number} {outcome.value}" for outcome, number in sorted(outcomes.items()) if outcome is not Outcome.OK)
    missing = total - len(rows)
    parts = [f"{ok} of {total} runs ok", rest, f"{missing} not done" if missing else ""]
    return f"{name}: {nothing}" + "; ".join(part for part in parts if part), False


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Hold the lock that keeps two measurements on one cache from disturbing each other."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "run.lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise StoreError(
                f"another greenreport run (process {file.read().strip() or 'unknown'}) is measuring; "
                "two at once would disturb each other. Wait for it, or stop it"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextmanager
def _interruptible() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C, so that a batch system's stop discards the run cleanly."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def export_results(study: Path, cache: Path, weights: str | None) -> str:
    """Export the runs that count for a study, of the environment with the most of them; return a sentence."""
    planned = open_plan(study, Overrides(weights=weights))
    store = open_store(cache)
    chosen = richest(current(planned.plan, store.index()))
    if not chosen:
        raise StoreError(f"the store in {cache} has no run of {study}; `greenreport run {study}` makes them")
    folder = results_folder(planned)
    prepared = [record.run_id for record in store.preparations(planned.file.study.study)]
    rows = export_parquet(store, [*(row.run_id for row in chosen.values()), *prepared], folder)
    size = sum(file.stat().st_size for file in folder.glob("*.parquet"))
    return (
        f"wrote {rows['runs']} runs, {rows['requests']} requests and {rows['traces']} traces to {folder} ({size / 1e6:.1f} MB)"
    )


def richest(chosen: dict[str, dict[tuple[str, int], IndexRow]]) -> dict[tuple[str, int], IndexRow]:
    """Return the rows of the environment with the most OK runs (then the most runs)."""

    def wealth(rows: dict[tuple[str, int], IndexRow]) -> tuple[int, int]:
        return sum(row.outcome is Outcome.OK for row in rows.values()), len(rows)

    return max(chosen.values(), key=wealth, default={})


def import_results(source: Path, study: str | None, cache: Path) -> str:
    """Import exported runs or a tidy table; return a sentence."""
    store = open_store(cache)
    if source.is_dir():
        return f"imported {import_parquet(store, source)} runs from {source}"
    from greenreport.store.tidy import import_csv

    if study is None:
        raise UsageError("say which study the table belongs to: --study NAME")
    number = import_csv(store, source, study)
    return f"imported {number} observations of study {study} from {source}. Next: greenreport build"


def build_site(studies: Path, cache: Path, site: Path, weights: str | None) -> str:
    """Build the site; return a sentence."""
    from greenreport.report.build import build

    return build(studies, cache, site, weights)


def serve_site(site: Path, port: int) -> None:
    """Serve the built site on loopback until Ctrl-C."""
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    if not (site / "index.html").is_file():
        raise UsageError(f"{site} holds no site; run `greenreport build` first")
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise UsageError(f"port {port} cannot be used ({error.strerror}); choose another with --port") from None
    print(f"http://127.0.0.1:{server.server_port}/  (Ctrl-C ends)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
