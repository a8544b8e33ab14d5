"""Build the site: find studies, read their runs, analyse, render, write."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from greenreport.analysis.analyse import analyse
from greenreport.analysis.dataset import Dataset, from_records
from greenreport.plan import IndexRow, current
from greenreport.record import Outcome
from greenreport.report.context import Page, StudyContext, study_context
from greenreport.report.observations import imported_dataset, observations_csv
from greenreport.report.pages import site_pages, study_pages
from greenreport.report.render import Download, render_site, templates_folder, write_site
from greenreport.report.text import safe_slug
from greenreport.store import Published, Store, export_parquet, published
from greenreport.store.tidy import TidyRow, observed_studies
from greenreport.study import Overrides, Weights
from greenreport.workspace import Planned, open_plan, open_store, results_folder

PARQUET = {
    "runs": "one row a run: cell, outcome, reason, flags, parameters as executed",
    "marks": "phases of each run",
    "requests": "requests with client and server times",
    "outputs": "texts and token ids, once each",
    "traces": "raw samples of every meter",
    "environments": "machines and library versions",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a study's runs are read from: the store or exported files."""

    reader: Store | Published
    rows: dict[tuple[str, int], IndexRow]
    words: str


@dataclass(frozen=True, slots=True)
class Found:
    """A study with its data, before it is analysed.

    Attributes:
        parquet: its runs as files, each with its number of rows.
    """

    name: str
    text: str
    dataset: Dataset
    parquet: tuple[tuple[Path, int], ...] = ()


def build(studies: Path, cache: Path, site: Path, weights: str | None) -> str:
    """Build the site; return a sentence.

    Raises:
        SpecError: a study file is wrong.
        BuildError: a page could not be rendered or the folder is not a site.
    """
    store = open_store(cache)
    found = [_find(file, store, weights, cache) for file in sorted(studies.glob("*.yaml"))] if studies.is_dir() else []
    taken = {item.name for item in found}
    found += [_imported(name, source, rows) for name, (source, rows) in observed_studies(store).items() if name not in taken]
    contexts: list[StudyContext] = []
    pages: list[Page] = []
    slugs: list[str] = []
    for item in found:
        slugs.append(safe_slug(item.name, slugs))
        context = study_context(slugs[-1], analyse(item.dataset))
        contexts.append(context)
        pages += study_pages(context, item.text)
    folders = [folder for folder in (studies / "templates", templates_folder()) if folder.is_dir()]
    files, copies, downloads = _downloads(found, contexts)
    shown = sorted(contexts, key=lambda c: (c.dataset.outcomes[Outcome.OK] == 0, c.dates == "", c.slug))
    rendered = render_site([*site_pages(shown), *pages], downloads, folders, cache / "figures")
    write_site(rendered | files, copies, site)
    return f"built {len(pages)} pages of {len(found)} studies into {site}; open {site / 'index.html'}"


def _find(file: Path, store: Store, weights: str | None, cache: Path) -> Found:
    """Read a study with the runs that count: those of its file, or of untrained weights where only these exist."""
    planned = open_plan(file, Overrides(weights=weights))
    source = _source(planned, store)
    if source is None and weights is None and planned.file.study.weights is Weights.HUB and _can_be_untrained(planned):
        untrained = open_plan(file, Overrides(weights=Weights.UNTRAINED.value))
        other = _source(untrained, store)
        if other is not None and any(row.outcome is Outcome.OK for row in other.rows.values()):
            planned, source = untrained, other
    if source is None:
        return Found(planned.file.study.study, planned.file.text, from_records(planned.plan, ()))
    # Files first: sorting them takes memory that is free again before the runs are read.
    parquet = tuple(_parquet(source, planned.file.study.study, store, cache / "export"))
    ids = [row.run_id for row in source.rows.values()]
    dataset = from_records(
        planned.plan,
        source.reader.records(ids),
        source=source.words,
        other_runs=_others(planned, source),
        preparations=list(source.reader.preparations(planned.file.study.study)),
    )
    return Found(planned.file.study.study, planned.file.text, dataset, parquet)


def _can_be_untrained(planned: Planned) -> bool:
    return all(model.architecture is not None for model in planned.file.study.models)


def _source(planned: Planned, store: Store) -> Source | None:
    """Return the runs of the machine with the most valid ones, from the store or from published results."""
    candidates: list[Source] = []
    results = published(results_folder(planned))
    for reader, words in ((store, "the store of this machine"), (results, "published results")):
        if reader is not None:
            candidates += [Source(reader, rows, words) for rows in current(planned.plan, reader.index()).values()]

    def wealth(source: Source) -> tuple[int, int]:
        return sum(row.outcome is Outcome.OK for row in source.rows.values()), len(source.rows)

    return max(candidates, key=wealth, default=None)


def _others(planned: Planned, source: Source) -> dict[str, int]:
    """Count the study's runs that are not shown: of another machine, or of an earlier protocol."""
    chosen = {row.run_id for row in source.rows.values()}
    here = next(iter(source.rows.values())).environment
    fingerprints = {cell.fingerprint for cell in planned.plan.cells}
    counts: Counter[str] = Counter()
    for row in source.reader.index():
        if row.study != planned.file.study.study or row.run_id in chosen:
            continue
        if row.fingerprint not in fingerprints:
            counts["of an earlier version of the study"] += 1
        elif row.environment != here:
            counts["of another machine or other library versions"] += 1
        else:
            counts["superseded by a newer run"] += 1
    return dict(counts)


def _imported(name: str, source: str, rows: Sequence[TidyRow]) -> Found:
    dataset = imported_dataset(name, source, rows)
    return Found(name, f"# imported: {source}\n", dataset)


def _downloads(
    found: Sequence[Found], contexts: Sequence[StudyContext]
) -> tuple[dict[str, bytes], list[tuple[Path, str]], dict[str, list[Download]]]:
    """Return small files by content, large files by path, and what each study offers."""
    files: dict[str, bytes] = {}
    copies: list[tuple[Path, str]] = []
    offers: dict[str, list[Download]] = {}
    for item, context in zip(found, contexts, strict=True):
        offer = offers.setdefault(context.slug, [])
        table, rows = observations_csv(context.dataset)
        for name, content, text, number in (
            ("observations.csv", table, "every observation: one row a run and metric, with unit, boundary and method", rows),
            ("study.yaml", item.text.encode(), "the study file as it was read", None),
        ):
            if rows or name == "study.yaml":
                files[f"{context.root}data/{name}"] = content
                offer.append(Download(name, text, number, len(content), hashlib.sha256(content).hexdigest()))
        for path, rows_of_table in item.parquet:
            copies.append((path, f"{context.root}data/{path.name}"))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            offer.append(Download(path.name, PARQUET[path.stem], rows_of_table, path.stat().st_size, digest))
    return files, copies, offers


def _parquet(source: Source, study: str, store: Store, exports: Path) -> Iterable[tuple[Path, int]]:
    """Yield the Parquet files of a study: those it is read from, or an export of the runs that are shown.

    An export is kept as long as it holds the same runs.
    """
    if isinstance(source.reader, Published):
        folder = source.reader.folder
    else:
        prepared = [record.run_id for record in store.preparations(study)]
        run_ids = [*(row.run_id for row in source.rows.values()), *prepared]
        folder = exports / hashlib.sha256("\n".join(sorted(run_ids)).encode()).hexdigest()[:16]
        if not all((folder / f"{table}.parquet").is_file() for table in PARQUET):
            export_parquet(store, run_ids, folder, small=False)
    counts = Published(folder).counts()
    for table in PARQUET:
        yield folder / f"{table}.parquet", counts[table]
