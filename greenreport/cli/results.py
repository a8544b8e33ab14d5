"""Commands about results: analyse, compare, export, import."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenreport.cli.options import DEFAULT_CACHE, CacheOption, StudyArgument, WeightsOption
from greenreport.errors import StoreError, UsageError
from greenreport.units import counted

if TYPE_CHECKING:
    from greenreport.analysis.analyse import Analysis


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

    yield from (analysis.dataset.study.title, "", plain_text(plain(analysis.headline)), "")
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


def compare(
    first: Annotated[Path, typer.Argument(help="Study file.", show_default=False)],
    second: Annotated[
        Path, typer.Argument(help="Another study file, or a folder of results exported elsewhere.", show_default=False)
    ],
    cache: CacheOption = DEFAULT_CACHE,
    weights: WeightsOption = None,
) -> None:
    """Compare two studies, or two machines: ratios, ratio of ratios, rank agreement, differences of environment."""
    from greenreport.analysis.compare.comparison import compare_studies
    from greenreport.results import load, load_published

    ours = load(first, cache, weights).dataset
    other = load_published(first, second) if second.is_dir() else load(second, cache, weights).dataset
    print("\n".join(compare_studies(ours, other, (str(first), str(second))).lines()))


def export(
    study: StudyArgument,
    cache: CacheOption = DEFAULT_CACHE,
    weights: WeightsOption = None,
    paper: Annotated[
        Path | None,
        typer.Option("--paper", metavar="DIR", help="Write LaTeX tables, figures, methods and BibTeX here instead."),
    ] = None,
) -> None:
    """Write a study's runs as Parquet to studies/STUDY/results for publication, or what a paper needs of them."""
    print(_export_runs(study, cache, weights) if paper is None else _export_paper(study, cache, weights, paper))


def _export_runs(study: Path, cache: Path, weights: str | None) -> str:
    """Export the runs of the environment that has most of the study; return a sentence."""
    from greenreport.plan import completeness, current
    from greenreport.store import export_parquet
    from greenreport.study import Overrides
    from greenreport.workspace import open_plan, open_store, results_folder

    planned, store = open_plan(study, Overrides(weights=weights)), open_store(cache)
    runs = max(current(planned.plan, store.index()).values(), key=completeness, default={})
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


def import_(
    source: Annotated[Path, typer.Argument(help="Folder of exported Parquet files, or a tidy .csv.", show_default=False)],
    study: Annotated[str | None, typer.Option("--study", help="Name of the study a .csv belongs to.")] = None,
    cache: CacheOption = DEFAULT_CACHE,
) -> None:
    """Read exported runs, or a table of results measured elsewhere, into the store."""
    from greenreport.store import import_parquet
    from greenreport.store.tidy_csv import import_csv
    from greenreport.workspace import open_store

    store = open_store(cache)
    if source.is_dir():
        print(f"imported {import_parquet(store, source)} runs from {source}")
        return
    if study is None:
        raise UsageError("name the study that the table belongs to: --study NAME")
    number = import_csv(store, source, study)
    print(f"imported {number} observations of study {study} from {source}. Next: greenreport build")


COMMANDS = (analyse, compare, export, import_)
