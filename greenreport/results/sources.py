"""Sources of a study's runs, the store or published files, and the dataset made of them."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from greenreport.analysis.analyse import Analysis, analyse
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.recorded_dataset import recorded_dataset
from greenreport.errors import StoreError, UsageError
from greenreport.plan import completeness, current
from greenreport.pooling import hardware_of
from greenreport.record import Environment, IndexRow, Outcome, RecordKind
from greenreport.repetitions import counted
from greenreport.results.imported_studies import asked, imported
from greenreport.results.located import Located, StudyData
from greenreport.results.repeated import Repeated, courses, repeated
from greenreport.store import Published, Store, export_parquet, published
from greenreport.store.observations import observed_studies
from greenreport.store.schema import OPTIONAL_TABLES, TABLES
from greenreport.study import Overrides, Weights, load_reference, load_study
from greenreport.workspace import Planned, digest_of, index_here, open_plan, open_store, results_folder

#: A time as runs record it; others are no date a feed can have.
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a study's runs are read from: the store or exported files; `environment` is the key of the one they count in."""

    reader: Store | Published
    environment: str
    rows: dict[tuple[str, int], IndexRow]
    words: str


def load(study: str | Path, cache: str | Path = "cache", weights: str | None = None) -> Analysis:
    """Return the analysis of a study: dataset, findings, answers, guidelines, claims, validity (see `load_dataset`)."""
    return analyse(load_dataset(study, cache, weights))


def load_dataset(study: str | Path, cache: str | Path = "cache", weights: str | None = None) -> Dataset:
    """Return the data of a study, not analysed.

    Args:
        study: the study file, or the name of a study imported as a table.
        cache: folder of the store; published results beside the study file are used where they hold more valid runs.
        weights: ``hub`` or ``untrained``, as for ``greenreport run --weights``.

    Raises:
        SpecError: the study file is wrong, or missing.
        UsageError: there are imported studies, and none has that name.
    """
    return read_study(study, cache, weights).dataset


def read_study(
    study: str | Path, cache: str | Path = "cache", weights: str | None = None, exports: Path | None = None
) -> StudyData:
    """Return a study with its data (see `load_dataset`).

    Args:
        exports: where Parquet files of runs from the store are kept; none are made when absent.
    """
    store = open_store(Path(cache))
    if not Path(study).exists() and (observed := observed_studies(store)):
        if str(study) not in observed:
            names = ", ".join(sorted(observed))
            raise UsageError(f"{study} is neither a study file nor an imported study; imported: {names}")
        return imported(str(study), *observed[str(study)]).read()
    return find(Path(study), store, weights, exports)


def load_published(study: Path, folder: Path, weights: str | None = None) -> Dataset:
    """Return the dataset of a study from a folder of exported results, for example those of another machine.

    Args:
        weights: as for `load`.

    Raises:
        StoreError: the folder holds no export, or none of its runs belongs to the study.
    """
    planned = open_plan(study, Overrides(weights=weights))
    reader = Published(folder)
    rows = max(counted(planned.plan, reader.index(), reader.environments()).values(), key=len, default={})
    if not rows:
        raise StoreError(f"{folder} holds no run of {study}: other models, configurations or protocol")
    return recorded_dataset(planned.plan, reader.records([row.run_id for row in rows.values()]), source=str(folder))


def locate_all(studies: Path, cache: Path, weights: str | None) -> list[Located]:
    """Return every study of a folder, then imported tables that belong to none of them.

    A study whose published results are damaged is among them, and says so when it is read.

    Raises:
        SpecError: a study file is wrong.
        StoreError: the store is damaged or locked.
    """
    store = open_store(cache)
    files = sorted(studies.glob("*.yaml")) if studies.is_dir() else []
    located = []
    with store.held():
        observed = observed_studies(store)
        for file in files:
            try:
                located.append(locate(file, store, weights, cache / "export"))
            except StoreError as error:
                located.append(_damaged(file, error))
    taken = {item.name for item in located} | {load_study(file).study.imported for file in files}
    return located + [imported(name, *table) for name, table in observed.items() if name not in taken]


def _damaged(file: Path, error: StoreError) -> Located:
    def read() -> StudyData:
        raise error

    return Located(load_study(file).study.study, hashlib.sha256(str(error).encode()).hexdigest(), read, file=file)


def find(file: Path, store: Store, weights: str | None, exports: Path | None) -> StudyData:
    """Read a study with the runs that count (see `locate`)."""
    if (asking := load_study(file)).study.imported is not None:
        return asked(asking, store).read()
    return _read(*_planned(file, store, weights), store, exports)


def locate(file: Path, store: Store, weights: str | None, exports: Path | None) -> Located:
    """Find the runs of a study that count: those of its file, or of untrained weights where only these exist.

    Args:
        exports: where Parquet files of runs from the store are kept; none are made when absent.
    """
    if (asking := load_study(file)).study.imported is not None:
        return asked(asking, store)
    planned, source = _planned(file, store, weights)
    study, rows = planned.file.study, {} if source is None else source.rows
    compared = tuple((file.parent / path).resolve() for path in study.compare)
    references = tuple((file.parent / path).resolve() for path in study.references)
    own = [path for path in (study.workload.prompts.path, *(model.path for model in study.models)) if path is not None]
    parts = [_facts(planned, source, store)]
    for target in compared:
        if target.is_dir():
            parts.append([digest_of(table) for table in sorted(target.glob("*.parquet")) if table.is_file()])
        elif target.is_file():
            parts.append(_facts(*_planned(target, store, weights), store))
    return Located(
        study.study,
        hashlib.sha256(json.dumps(parts).encode()).hexdigest(),
        lambda: _read(planned, source, store, exports),
        dated=any(MOMENT.fullmatch(row.started_at) for row in rows.values()),
        measured=source is not None,
        file=file,
        compared=compared,
        references=references,
        named=(
            *(path if path.is_dir() else path.parent for path in compared),
            *references,
            *((file.parent / path).resolve() for path in own),
        ),
    )


def measured_here(planned: Planned, store: Store, here: Environment) -> Dataset:
    """Return the dataset of the runs that one machine has made of a study; it has some."""
    rows = current(planned.plan, index_here(planned.plan, store, here, partial=True))[here.key]
    return _read(planned, Source(store, here.key, rows, "the store of this machine"), store, None).dataset


def _planned(file: Path, store: Store, weights: str | None) -> tuple[Planned, Source | None]:
    planned = open_plan(file, Overrides(weights=weights))
    source, study = _source(planned, store), planned.file.study
    can_be_untrained = study.weights is Weights.HUB and all(model.architecture is not None for model in study.models)
    if source is None and weights is None and can_be_untrained:
        untrained = open_plan(file, Overrides(weights=Weights.UNTRAINED.value))
        other = _source(untrained, store)
        if other is not None and any(row.outcome is Outcome.OK for row in other.rows.values()):
            return untrained, other
    return planned, source


def _facts(planned: Planned, source: Source | None, store: Store) -> list[object]:
    """Return what a study's data is known by; runs of the store never change, so their ids stand for them."""
    with nullcontext() if source is None else source.reader.held():
        return list(_known_by(planned, source, store))


def _known_by(planned: Planned, source: Source | None, store: Store) -> list[object]:
    study = planned.file.study
    facts: list[object] = [planned.file.text, study.weights.value, [cell.fingerprint for cell in planned.plan.cells]]
    facts += [digest_of(file) for path in study.references if (file := planned.folder / path).is_file()]
    if source is not None:
        facts += [source.words, sorted(row.run_id for row in source.rows.values()), _others(planned, source)]
        if again := _repeated(planned, source):
            facts.append(sorted(row.run_id for times in again.values() for rows in times for row in rows))
        if isinstance(source.reader, Published):
            files = (source.reader.folder / f"{table}.parquet" for table in TABLES)
            facts += [digest_of(file) for file in files if file.is_file()]
        else:
            facts += store.other_ids(study.study)
            if study.quality is not None:
                facts += store.verdicts_on([row.run_id for row in source.rows.values()])
    return facts


def _read(planned: Planned, source: Source | None, store: Store, exports: Path | None) -> StudyData:
    file, study = planned.file.path, planned.file.study
    references = [load_reference(planned.folder / path) for path in study.references]
    if source is None:
        return StudyData(study.study, planned.file.text, recorded_dataset(planned.plan, (), references=references), file=file)
    # Files first: sorting them takes memory that is free again before the runs are read.
    parquet = tuple(_parquet(source, study.study, store, exports)) if exports is not None else ()
    with source.reader.held():
        dataset = recorded_dataset(
            planned.plan,
            source.reader.records([row.run_id for row in source.rows.values()]),
            source=source.words,
            other_runs=_others(planned, source),
            references=references,
            preparations=list(source.reader.of_kind(RecordKind.PREPARE, study.study)),
            calibrations=list(source.reader.of_kind(RecordKind.CALIBRATE, study.study)),
            trials=list(source.reader.of_kind(RecordKind.LIMIT, study.study)),
            controls=list(source.reader.of_kind(RecordKind.CONTROL, study.study)),
        )
        again = courses(planned.plan, source.reader, _repeated(planned, source))
    return StudyData(study.study, planned.file.text, dataset, parquet, again, file)


def _source(planned: Planned, store: Store) -> Source | None:
    """Return the runs of the machine with the most valid ones, from the store or from published results."""
    readers = ((store, "the store of this machine"), (published(results_folder(planned)), "published results"))
    candidates = []
    for reader, words in readers:
        if reader is not None:
            with reader.held():
                rows_of = counted(planned.plan, reader.index(), reader.environments())
            candidates += [Source(reader, environment, rows, words) for environment, rows in rows_of.items()]
    return max(candidates, key=lambda source: completeness(source.rows), default=None)


def _repeated(planned: Planned, source: Source) -> Repeated:
    """Return the cells that were measured more than once on hardware like that of the runs that are shown."""
    environments = source.reader.environments()
    shown = (environment for environment in environments if environment.key == source.environment)
    hardware = next(map(hardware_of, shown), None)
    if hardware is None:  # published results may name a machine that they do not describe
        return {}
    return repeated(planned.plan, source.reader.index(), hardware, environments)


def _others(planned: Planned, source: Source) -> dict[str, int]:
    """Count the study's runs that are not shown: of another machine, or of an earlier protocol."""
    chosen = {row.run_id for row in source.rows.values()}
    fingerprints = {cell.fingerprint for cell in planned.plan.cells}

    def why(row: IndexRow) -> str:
        if row.fingerprint not in fingerprints:
            return "of an earlier version of the study"
        return (
            "superseded by a newer run" if row.counts_in(source.environment) else "of another machine or other library versions"
        )

    rows = (row for row in source.reader.index() if row.study == planned.file.study.study and row.run_id not in chosen)
    return dict(Counter(map(why, rows)))


def _parquet(source: Source, study: str, store: Store, exports: Path) -> Iterable[tuple[Path, int]]:
    """Yield the Parquet files of a study: those it is read from, or an export of the runs that are shown.

    An export is kept as long as it holds the same runs.
    """
    if isinstance(source.reader, Published):
        folder = source.reader.folder
    else:
        run_ids = [*(row.run_id for row in source.rows.values()), *store.other_ids(study)]
        folder = exports / hashlib.sha256("\n".join(sorted(run_ids)).encode()).hexdigest()[:16]
        if not all((folder / f"{table}.parquet").is_file() for table in TABLES if table not in OPTIONAL_TABLES):
            export_parquet(store, run_ids, folder, small=False)
    counts = Published(folder).counts()
    for table in TABLES:
        if (file := folder / f"{table}.parquet").is_file():
            yield file, counts[table]
