"""Commands about results: analyse, export, merge, import, new-study."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenreport.catalog import INTERCHANGE
from greenreport.cli.auditing import audit_line
from greenreport.cli.options import DEFAULT_CACHE, CacheOption, WeightsOption
from greenreport.errors import StoreError, UsageError
from greenreport.units import counted, listed

if TYPE_CHECKING:
    from greenreport.analysis.analyse import Analysis
    from greenreport.results.importing import Imported


def analyse(
    study: Annotated[Path, typer.Argument(help="Study file, or the name of a study imported as a table.", show_default=False)],
    cache: CacheOption = DEFAULT_CACHE,
    weights: WeightsOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="All tests, claims and guidelines as JSON (docs/findings.md).")
    ] = False,
) -> None:
    """Print the answers of a study without building its pages."""
    from greenreport.analysis.findings_json.document import document
    from greenreport.results import load

    analysis = load(study, cache, weights)
    if as_json:
        print(json.dumps(document(analysis), indent=1))
    else:
        print("\n".join(answers_in_words(analysis)))


def answers_in_words(analysis: Analysis) -> Iterator[str]:
    """Yield the lines ``greenreport analyse`` prints: headline, answers, guidelines, and what limits their validity."""
    from greenreport.analysis.findings_json.plain_values import plain_text
    from greenreport.analysis.hypotheses.claim_text import plain
    from greenreport.analysis.measure.validity_badge import BadgeLevel

    yield from (analysis.dataset.study.title, "", plain_text(plain(analysis.headline)))
    yield from ([plain_text(plain(analysis.advice)), ""] if analysis.advice else [""])
    for answer in analysis.answers:
        yield f"{answer.id}: {answer.question}"
        for part in answer.answers:
            for sentence in (plain(part.lead), part.decision, *part.exceptions):
                yield f"  {plain_text(sentence)}"
        yield ""
    yield from _judged_answers(analysis)
    if analysis.stopping is not None:
        yield from (plain_text(analysis.stopping.account()), "")
    for guideline in analysis.guidelines:
        recommended = f"no data: {guideline.reason}" if guideline.standing is None else guideline.standing.leader.id
        yield f"{guideline.objective.wish}: {plain_text(recommended)}"
    yield from ("", f"Validity: {analysis.badge.level.value}")
    for rule in analysis.badge.rules:
        if rule.level is not BadgeLevel.PASS:
            yield f"  {rule.name}: {plain_text(rule.found)}"


def _judged_answers(analysis: Analysis) -> Iterator[str]:
    """Yield a line for each configuration whose answers are judged: how many are right, and what one takes."""
    from greenreport.analysis.findings_json.plain_values import plain_text
    from greenreport.units import p_equation, quantity

    if analysis.quality is None:
        return
    labels, costs = analysis.dataset.labels, (("s_per_right_answer", "s"), ("j_per_right_answer", "J"))
    for item in analysis.quality.models:
        yield f"Right answers, {item.model.label}:"
        for row in item.rows:
            cell = row.answers.cell
            spent = [quantity(value, unit) for metric, unit in costs if (value := cell.median(metric)) is not None]
            each = f", {' and '.join(spent)} each" if spent else ""
            against = f"; {row.against()} (p {p_equation(row.p_adjusted)})" if row.difference is not None else ""
            yield plain_text(f"  {labels[row.configuration]}: {row.right()}{each}{against}{'; not ranked' if row.lost else ''}")
    yield ""


def export(
    study: Annotated[Path, typer.Argument(help="Study file, or the name of a study imported as a table.", show_default=False)],
    cache: CacheOption = DEFAULT_CACHE,
    weights: WeightsOption = None,
    paper: Annotated[
        Path | None,
        typer.Option("--paper", metavar="DIR", help="Write LaTeX tables, figures, methods and BibTeX here instead."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--as", metavar="FORMAT", help=f"Write a third-party format instead: {', '.join(INTERCHANGE)}."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="With --as: where to; exports/STUDY/FORMAT when absent.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="With --as: write into a folder that holds something already.")
    ] = False,
) -> None:
    """Export a study: its runs as Parquet in studies/STUDY/results, ready to publish; the material for a paper (--paper); or a third-party format (--as).

    docs/exports.md says of each format which field becomes what, what is lost, and how it is checked.
    """
    if kind is None and (out is not None or force):
        raise UsageError("--out and --force belong to --as FORMAT")
    if kind is not None:
        if paper is not None:
            raise UsageError("--as and --paper are two exports; give one of them")
        from greenreport.report.interchange.study_export import export_as

        folder, number = export_as(kind, study, cache, weights, out, force=force)
        print(f"wrote {counted(number, 'file')} to {folder}: {INTERCHANGE[kind].summary}")
    else:
        print(_export_runs(study, cache, weights) if paper is None else _export_paper(study, cache, weights, paper))


def _export_runs(study: Path, cache: Path, weights: str | None) -> str:
    """Export the runs of the environment that has most of the study; return a sentence."""
    from greenreport.plan import completeness
    from greenreport.repetitions import counted as counting
    from greenreport.store import export_parquet
    from greenreport.study import Overrides
    from greenreport.workspace import open_plan, open_store, results_folder

    planned, store = open_plan(study, Overrides(weights=weights)), open_store(cache)
    runs = max(counting(planned.plan, store.index(), store.environments()).values(), key=completeness, default={})
    if not runs:
        raise StoreError(f"the store in {cache} has no run of {study}; `greenreport run {study}` makes them")
    folder = results_folder(planned)
    run_ids = [*(row.run_id for row in runs.values()), *store.other_ids(planned.file.study.study)]
    rows = export_parquet(store, run_ids, folder)
    megabytes = sum(file.stat().st_size for file in folder.glob("*.parquet")) / 1e6
    other = rows["runs"] - len(runs)
    records = counted(len(runs), "run") + (f" and {counted(other, 'record')} of preparation and calibration" if other else "")
    return f"wrote {records}, {rows['requests']} requests and {rows['traces']} traces to {folder} ({megabytes:.1f} MB)"


def _export_paper(study: Path, cache: Path, weights: str | None, folder: Path) -> str:
    """Write tables, figures, methods and references for a paper; return a sentence."""
    from greenreport.report.exports.paper import write_paper
    from greenreport.results import load

    analysis = load(study, cache, weights)
    if not analysis.dataset.outcomes.total():
        raise StoreError(f"{study} has no runs yet; `greenreport run {study}` makes them")
    files = write_paper(analysis, folder)
    return (
        f"wrote {len(files)} files to {folder}: tables (.tex, .csv), figures (.svg, .pdf), methods.tex, answers.tex, "
        "references.bib, and example.tex, which uses them"
    )


def merge(
    caches: Annotated[
        list[Path],
        typer.Argument(
            metavar="CACHE…", help="Caches of other machines, or folders of exported Parquet files.", show_default=False
        ),
    ],
    cache: CacheOption = DEFAULT_CACHE,
) -> None:
    """Add the runs of other machines to this cache, each once; where two stores disagree about a run, nothing is added."""
    from greenreport.store import merge as merge_stores
    from greenreport.store import published
    from greenreport.workspace import STORE_FILE, open_store

    target = open_store(cache)
    for source in caches:
        if source.resolve() == cache.resolve():
            raise UsageError(f"{source} is the cache itself; name the caches of other machines")
        reader = published(source) or (open_store(source) if (source / STORE_FILE).is_file() else None)
        if reader is None:
            raise UsageError(f"{source} holds neither {STORE_FILE} nor exported runs; name the cache of another machine")
        done = merge_stores(target, reader)
        verdicts = f", {counted(done.verdicts, 'judgement')} of answers" if done.verdicts else ""
        print(f"{source}: {counted(done.added, 'record')} added, {done.held} there already{verdicts}")


def import_(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH…",
            help="Result files of other tools, folders of them, or a folder of exported Parquet files.",
            show_default=False,
        ),
    ],
    study: Annotated[
        str | None, typer.Option("--study", help="Name of the study to create from the results of other tools.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--format", help="Format of the files; recognised when absent (docs/imports.md).")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--map", metavar="YAML", help="What the columns of a table are (docs/imports.md).")
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="Import only the results of the machine with this name.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an earlier import of the same name.")] = False,
    suggest: Annotated[bool, typer.Option("--suggest", help="Print a mapping to begin with, and import nothing.")] = False,
    studies: Annotated[Path, typer.Option("--studies", help="Folder of study files.")] = Path("studies"),
    cache: CacheOption = DEFAULT_CACHE,
) -> None:
    """Read the results of other tools, or exported runs, into the store."""
    from greenreport.imports.suggestion import suggestion
    from greenreport.results.importing import import_results
    from greenreport.store import import_parquet
    from greenreport.workspace import open_store

    if suggest:
        print(suggestion(paths[0], kind), end="")
        return
    if study is None and len(paths) == 1 and paths[0].is_dir():
        print(f"imported {import_parquet(open_store(cache), paths[0])} runs from {paths[0]}")
        return
    if study is None:
        raise UsageError("name the study to import the results into: --study NAME")
    done = import_results(
        open_store(cache), paths, study, kind=kind, mapping=mapping, host=host, replace=replace, studies=studies
    )
    print("\n".join(_read_as(done)))
    print(audit_line(done.table, study))
    print(
        f"imported {done.values} observations of study {study} from {listed([str(path) for path in paths])}. Next: greenreport build"
    )


def _read_as(done: Imported) -> Iterator[str]:
    """Yield what each column was taken for, and what no page will show."""
    from greenreport.imports.results_table import Role

    yield f"read {counted(len(done.table), done.table.row)} as {done.table.format}:"
    stored = list(done.observed.metrics.values())
    for column in done.table.columns:
        if column.role is Role.LEFT_OUT:
            meaning = f"left out: {column.why_left_out}"
        elif column.role is Role.METRIC:
            named = f"{column.key}, {column.statistic}" if column.statistic else column.key
            meaning = f"{named} in {column.unit}" + (
                "" if column in stored else ": on no page, since the catalog has no such metric"
            )
        else:
            work = ", compared within" if column.within else ""
            engine = ", in the place of the engine" if column is done.observed.promoted else ""
            meaning = f"{column.role.value.replace('_', ' ')}{f' {column.key}' if column.role in (Role.LOAD, Role.FACTOR) else ''}{work}{engine}"
        yield f"  {column.name}: {meaning}"


def new_study(
    name: Annotated[str, typer.Argument(metavar="FROM", help="Name under which results are imported.", show_default=False)],
    file: Annotated[
        Path | None, typer.Argument(help="File to write; studies/FROM.yaml when absent.", show_default=False)
    ] = None,
    cache: CacheOption = DEFAULT_CACHE,
) -> None:
    """Write a study file with questions and hypotheses about imported results."""
    from greenreport.results.new_study import write_new_study
    from greenreport.workspace import open_store

    target = file or Path("studies") / f"{name}.yaml"
    write_new_study(open_store(cache), name, target)
    print(f"wrote {target}; next: greenreport analyse {target}")


COMMANDS = (analyse, export, merge, import_, new_study)
