"""What the commands about studies and their runs do, between the parsed arguments and the modules that do it."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from greenreport.console import Progress
from greenreport.errors import MeasurementInvalid, PromptsUnavailable, StoreError, UsageError
from greenreport.execute.host import environment
from greenreport.plan import CONDITIONS, Cell, IndexRow, PendingRun, current, estimate_s, pending, wealth
from greenreport.record import Environment, Outcome, RecordKind
from greenreport.store import Store, export_parquet, import_parquet
from greenreport.study import Overrides
from greenreport.units import plain_duration
from greenreport.workspace import Planned, open_plan, open_store, results_folder

if TYPE_CHECKING:  # the runner imports what only `run` needs
    from greenreport.execute.runner import Assignment


@dataclass(frozen=True, slots=True)
class Ready:
    """A study about to run on this machine."""

    planned: Planned
    pending: tuple[PendingRun, ...]
    left_s: float | None
    environment: Environment
    store: Store
    cache: Path
    recheck: bool = False


def prepare_run(
    study: Path,
    cache: Path,
    only: Sequence[str],
    weights: str | None,
    repetitions: int | None,
    prompts: Path | None,
    *,
    force: bool,
    recheck: bool = False,
) -> Ready:
    """Read the study and the store; find what is pending here.

    Args:
        recheck: judge finished runs by the study's present validity rules first.
    """
    planned = _planned(study, Overrides(weights, repetitions, prompts), only)
    host, store = environment(), open_store(cache)
    index = _index(store, planned, recheck=recheck)
    todo = pending(planned.plan, index, host.key, force=force)
    here = [row for row in index if row.environment == host.key]
    return Ready(planned, todo, estimate_s(todo, here), host, store, cache, recheck)


def _planned(study: Path, overrides: Overrides, only: Sequence[str]) -> Planned:
    """Read a study and expand it; keep the cells that meet the conditions.

    Raises:
        UsageError: no cell does.
    """
    planned = open_plan(study, overrides, conditions(only))
    if not planned.plan.cells:
        raise UsageError(f"--only {' '.join(only)} leaves no cell of {study}; `greenreport plan {study}` lists them")
    return planned


def _index(store: Store, planned: Planned, *, recheck: bool) -> tuple[IndexRow, ...]:
    """Return the rows of the store, with the outcomes the validity rules give now where that is asked for."""
    index = store.index()
    if not recheck:
        return index
    from greenreport.validity import judged

    cells = {cell.fingerprint for cell in planned.plan.cells}
    chosen = [row.run_id for row in index if row.fingerprint in cells and row.outcome in (Outcome.OK, Outcome.INVALID)]
    now = {record.run_id: judged(record, planned.file.study).outcome for record in store.records(chosen)}
    return tuple(replace(row, outcome=now.get(row.run_id, row.outcome)) for row in index)


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
    from greenreport.execute.runner import Assignment, Limit, run_all
    from greenreport.workloads.prompts import PromptList, resolve

    study = ready.planned.file.study
    try:
        prompts = resolve(study.workload.prompts, ready.planned.folder, ready.cache / "datasets")
        obstacle = None
    except PromptsUnavailable as error:
        prompts, obstacle = PromptList((), "", ""), error
    host = ready.environment.key
    full = {(row.fingerprint, row.outcome) for row in ready.store.index() if row.environment == host}
    limits = tuple(
        Limit(cell, Outcome.OUT_OF_MEMORY)
        for cell in ready.planned.plan.cells
        if (cell.fingerprint, Outcome.OUT_OF_MEMORY) in full and (cell.fingerprint, Outcome.OK) not in full
    )
    assignment = Assignment(study, prompts, ready.environment, ready.store, ready.planned.folder, ready.cache, limits)
    with _alone(ready.cache), _interruptible(), Progress(quiet=quiet, left_s=ready.left_s) as progress:
        run_all(assignment, ready.pending, progress, obstacle)


def _chosen(study: Path, cache: Path, only: Sequence[str], weights: str | None) -> tuple[tuple[Cell, ...], Assignment]:
    """Return the cells an extra measurement is about, and where it is made and kept."""
    from greenreport.execute.runner import Assignment
    from greenreport.workloads.prompts import resolve

    planned = _planned(study, Overrides(weights=weights), only)
    spec = planned.file.study
    prompts = resolve(spec.workload.prompts, planned.folder, cache / "datasets")
    return planned.plan.cells, Assignment(spec, prompts, environment(), open_store(cache), planned.folder, cache)


def find_limits(
    study: Path, cache: Path, only: Sequence[str], weights: str | None, factor: str, largest: int, *, quiet: bool
) -> Iterator[str]:
    """Look for the largest load of every cell, other factors at their own level; yield a line each."""
    from greenreport.execute.limit_search import FACTORS, find_limit

    if factor not in FACTORS:
        raise UsageError(f"--factor {factor!r}: one of {', '.join(FACTORS)}")
    chosen, assignment = _chosen(study, cache, only, weights)
    cells = {(cell.model.id, cell.configuration.model_copy(update={factor: 1}).id): cell for cell in reversed(chosen)}
    with _alone(cache), _interruptible(), Progress(quiet=quiet, left_s=None) as progress:
        for cell in reversed(cells.values()):
            trials = find_limit(assignment, cell, factor, largest, progress)
            good = max((trial.load for trial in trials if trial.outcome is Outcome.OK), default=None)
            bad = min((trial for trial in trials if trial.outcome is not Outcome.OK), key=lambda t: t.load, default=None)
            works = "no load works" if good is None else f"{factor} {good} works"
            why = ", the largest that was to be tried"
            if bad is not None:
                why = f", {bad.load} does not ({bad.outcome.value.replace('_', ' ')}: {bad.reason})"
            yield f"{cell.key}: {works}{why}"


def calibrate(study: Path, cache: Path, only: Sequence[str], weights: str | None, repetitions: int, *, quiet: bool) -> str:
    """Run one cell with meters off, at two rates, and twice alike; return what was found, a line each."""
    from greenreport.analysis.measure.calibration import calibration, from_calibrations
    from greenreport.execute.calibrate import calibrate_cell

    cells, assignment = _chosen(study, cache, only, weights)
    with _alone(cache), _interruptible(), Progress(quiet=quiet, left_s=None) as progress:
        calibrate_cell(assignment, cells[0], repetitions, progress)
    done = assignment.store.of_kind(RecordKind.CALIBRATE, assignment.study.study)
    found = calibration(from_calibrations(done, assignment.environment.key), assignment.study.protocol.repetitions)
    if found is None:
        raise MeasurementInvalid("no calibration run ended well; their reasons are above")
    return "\n".join(f"{name}: {text}" for name, text in found.lines())


def study_state(ready: Ready) -> tuple[str, bool]:
    """Return a sentence on the study's runs on this machine, and whether all of them are ok."""
    plan = ready.planned.plan
    rows = current(plan, _index(ready.store, ready.planned, recheck=ready.recheck)).get(ready.environment.key, {})
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
    chosen = max(current(planned.plan, store.index()).values(), key=wealth, default={})
    if not chosen:
        raise StoreError(f"the store in {cache} has no run of {study}; `greenreport run {study}` makes them")
    folder = results_folder(planned)
    name = planned.file.study.study
    rows = export_parquet(store, [*(row.run_id for row in chosen.values()), *store.besides(name)], folder)
    size = sum(file.stat().st_size for file in folder.glob("*.parquet"))
    return (
        f"wrote {rows['runs']} runs, {rows['requests']} requests and {rows['traces']} traces to {folder} ({size / 1e6:.1f} MB)"
    )


def export_paper(study: Path, cache: Path, weights: str | None, folder: Path) -> str:
    """Write tables, figures, methods and references of a study for a paper; return a sentence."""
    from greenreport.report.exports.paper import write_paper
    from greenreport.results import load

    analysis = load(study, cache, weights)
    if not analysis.dataset.outcomes.total():
        raise StoreError(f"{study} has no runs yet; `greenreport run {study}` makes them")
    files = write_paper(analysis, folder)
    return f"wrote {len(files)} files to {folder}: tables (.tex, .csv), figures (.svg, .pdf), methods.tex, answers.tex, references.bib, and example.tex, which uses them"


def import_results(source: Path, study: str | None, cache: Path) -> str:
    """Import exported runs or a tidy table; return a sentence."""
    store = open_store(cache)
    if source.is_dir():
        return f"imported {import_parquet(store, source)} runs from {source}"
    from greenreport.store.tidy_csv import import_csv

    if study is None:
        raise UsageError("say which study the table belongs to: --study NAME")
    number = import_csv(store, source, study)
    return f"imported {number} observations of study {study} from {source}. Next: greenreport build"


def analyse_study(study: Path, cache: Path, weights: str | None, *, as_json: bool) -> str:
    """Return the findings of a study, as JSON or in words."""
    from greenreport.analysis.findings_json.document import document
    from greenreport.results import load

    found = document(load(study, cache, weights))
    if as_json:
        return json.dumps(found, indent=1, ensure_ascii=False)
    lines = [found["title"], "", found["headline"], ""]
    for answer in found["answers"]:
        lines += [f"{answer['question']}: {answer['text']}"]
        for part in answer["hypotheses"]:
            lines += [f"  {sentence}" for sentence in (part["answer"], part["decision"], *part["exceptions"])]
        lines.append("")
    lines += [f"{g['wish']}: {g['recommended'] or 'no data: ' + str(g['reason'])}" for g in found["guidelines"]]
    lines += ["", f"Validity: {found['validity']['level']}"]
    lines += [f"  {r['rule']}: {r['found']}" for r in found["validity"]["rules"] if r["level"] != "pass"]
    return "\n".join(lines)


def compare_results(first: Path, second: Path, cache: Path, weights: str | None) -> str:
    """Compare two studies, or a study with exported results of another machine; return the lines."""
    from greenreport.analysis.compare.comparison import compare_studies
    from greenreport.results import load, load_published

    one = load(first, cache, weights).dataset
    other = load_published(first, second) if second.is_dir() else load(second, cache, weights).dataset
    return "\n".join(compare_studies(one, other, (str(first), str(second))).lines())
