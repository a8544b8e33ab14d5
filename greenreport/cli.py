"""The command line: parse, call one function a command, print, exit.

Exit codes mean one thing each: 0 done, 1 some run of the study is not ok, 2 the study file is wrong, 3 something needed is not
available, 4 the site could not be built, 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from enum import IntEnum
from pathlib import Path
from typing import Annotated

import typer

from greenreport import __version__
from greenreport.errors import BuildError, GreenReportError, ImportFileError, SpecError, StoreError, Unavailable, UsageError

app = typer.Typer(
    help="Run serving studies of small language models and publish what they cost in energy, time and memory.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

StudyArgument = Annotated[Path, typer.Argument(help="Study file, for example studies/quickstart.yaml.", show_default=False)]
CacheOption = Annotated[Path, typer.Option("--cache", help="Folder of the store, models and data sets.")]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="KEY=VALUE",
        help="Only these cells; key: model, engine, provider, dtype, configuration, batch_size, replicas, … Repeatable.",
    ),
]
WeightsOption = Annotated[
    str | None, typer.Option("--weights", help="hub or untrained, for every model of the study; part of the fingerprint.")
]
RepetitionsOption = Annotated[
    int | None, typer.Option("--repetitions", min=1, help="Runs of each cell, instead of the study's.")
]
PromptsOption = Annotated[Path | None, typer.Option("--prompts", help="File of the prompts, for example HumanEval.jsonl.gz.")]
RecheckOption = Annotated[
    bool,
    typer.Option("--recheck", help="Judge finished runs by the study's present validity rules; what they exclude is pending."),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
CACHE = Path("cache")


class Exit(IntEnum):
    """Exit codes: done; some run is not ok; a study file or an argument is wrong; something is missing; no site; stopped."""

    OK = 0
    NOT_OK = 1
    SPEC = 2
    UNAVAILABLE = 3
    BUILD = 4
    INTERRUPTED = 130


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        print(f"greenreport {__version__}")
        raise typer.Exit


@app.command()
def validate(files: Annotated[list[Path], typer.Argument(help="Study files.", show_default=False)]) -> None:
    """Check study files and report every problem at once, each with file and line."""
    from greenreport import console
    from greenreport.study import load_study

    wrong = False
    for file in files:
        try:
            found = load_study(file)
        except SpecError as error:
            console.print_problems(error.problems)
            wrong = True
        else:
            console.print_problems(found.warnings)
            study = found.study
            cells = sum(not any(e.covers(m, c) for e in study.exclude) for m in study.models for c in study.configurations)
            console.out.print(f"{file}: valid; {cells} cells × {study.protocol.repetitions} repetitions", soft_wrap=True)
    raise typer.Exit(Exit.SPEC if wrong else Exit.OK)


@app.command()
def schema() -> None:
    """Print the JSON Schema of study files, for editors."""
    from greenreport.study.schema import study_schema

    print(json.dumps(study_schema(), indent=2))


@app.command()
def init(file: Annotated[Path, typer.Argument(help="File to write.")] = Path("studies/my-study.yaml")) -> None:
    """Write a commented starter study that runs as it is."""
    from greenreport.study.schema import write_starter

    write_starter(file)
    print(f"wrote {file}; next: greenreport run {file}")


@app.command()
def plan(
    study: StudyArgument,
    cache: CacheOption = CACHE,
    only: OnlyOption = None,
    weights: WeightsOption = None,
    repetitions: RepetitionsOption = None,
    prompts: PromptsOption = None,
    recheck: RecheckOption = False,
) -> None:
    """Show every cell, what is pending and why, and how long it will take."""
    from greenreport import console
    from greenreport.commands import prepare_run

    ready = prepare_run(study, cache, only or [], weights, repetitions, prompts, force=False, recheck=recheck)
    console.print_problems(ready.planned.file.warnings)
    console.print_plan(ready.planned.plan, ready.pending, ready.left_s)


@app.command()
def run(
    study: StudyArgument,
    cache: CacheOption = CACHE,
    only: OnlyOption = None,
    force: Annotated[bool, typer.Option("--force", help="Run again what is already done; old runs are kept.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would run and stop.")] = False,
    weights: WeightsOption = None,
    repetitions: RepetitionsOption = None,
    prompts: PromptsOption = None,
    recheck: RecheckOption = False,
    quiet: QuietOption = False,
) -> None:
    """Perform the runs of a study that are missing; a finished study does nothing."""
    from greenreport import console
    from greenreport.commands import perform, prepare_run, study_state

    ready = prepare_run(study, cache, only or [], weights, repetitions, prompts, force=force, recheck=recheck)
    if dry_run:
        console.print_plan(ready.planned.plan, ready.pending, ready.left_s)
        return
    if ready.pending:
        perform(ready, quiet=quiet)
    sentence, all_ok = study_state(ready)
    if not quiet or not all_ok:
        console.out.print(sentence, soft_wrap=True)
    raise typer.Exit(Exit.OK if all_ok else Exit.NOT_OK)


@app.command()
def calibrate(
    study: StudyArgument,
    cache: CacheOption = CACHE,
    only: OnlyOption = None,
    weights: WeightsOption = None,
    repetitions: Annotated[int, typer.Option("--repetitions", min=3, help="Runs under each of the four conditions.")] = 5,
    quiet: QuietOption = False,
) -> None:
    """Measure what measuring costs here, and how much equal runs differ: one cell, meters off, at two rates, and twice alike."""
    from greenreport.commands import calibrate as calibrated

    print(calibrated(study, cache, only or [], weights, repetitions, quiet=quiet))


@app.command()
def limit(
    study: StudyArgument,
    cache: CacheOption = CACHE,
    only: OnlyOption = None,
    weights: WeightsOption = None,
    factor: Annotated[
        str, typer.Option("--factor", help="batch_size, max_batch, concurrency, replicas or output_tokens.")
    ] = "batch_size",
    largest: Annotated[int, typer.Option("--largest", min=1, help="No larger load is tried.")] = 4096,
    quiet: QuietOption = False,
) -> None:
    """Find the largest load of each cell that works here, by doubling and bisection; the study's own runs are not touched."""
    from greenreport.commands import find_limits

    for line in find_limits(study, cache, only or [], weights, factor, largest, quiet=quiet):
        print(line)


@app.command()
def doctor(
    require: Annotated[
        list[str] | None, typer.Option("--require", metavar="METER", help="Fail unless this meter works.")
    ] = None,
) -> None:
    """Show what this machine can measure and run, and the exact remedy for what it cannot."""
    from greenreport import console
    from greenreport.catalog import METERS
    from greenreport.execute.doctor import examine

    environment, findings = examine()
    console.print_doctor(environment, findings)
    working = {finding.name for finding in findings if finding.group == "meter" and finding.works}
    for name in require or ():
        if name not in METERS:
            raise Unavailable(f"unknown meter {name!r}; known: {', '.join(METERS)}")
        if METERS[name].label not in working:
            raise Unavailable(f"the required meter {name} does not work here; the remedy is above")


@app.command()
def analyse(
    study: StudyArgument,
    cache: CacheOption = CACHE,
    weights: WeightsOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="All tests, claims and guidelines as JSON (docs/findings.md).")
    ] = False,
) -> None:
    """Print the answers of a study without building its pages."""
    from greenreport.commands import analyse_study

    print(analyse_study(study, cache, weights, as_json=as_json))


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="Study file.", show_default=False)],
    second: Annotated[
        Path, typer.Argument(help="Another study file, or a folder of results exported elsewhere.", show_default=False)
    ],
    cache: CacheOption = CACHE,
    weights: WeightsOption = None,
) -> None:
    """Compare two studies, or two machines: ratios, ratio of ratios, rank agreement, differences of environment."""
    from greenreport.commands import compare_results

    print(compare_results(first, second, cache, weights))


@app.command()
def export(
    study: StudyArgument,
    cache: CacheOption = CACHE,
    weights: WeightsOption = None,
    paper: Annotated[
        Path | None,
        typer.Option("--paper", metavar="DIR", help="Write LaTeX tables, figures, methods and BibTeX here instead."),
    ] = None,
) -> None:
    """Write a study's runs as Parquet into studies/<study>/results, to be published; or what a paper needs of it."""
    from greenreport.commands import export_paper, export_results

    print(export_results(study, cache, weights) if paper is None else export_paper(study, cache, weights, paper))


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="Folder of exported Parquet files, or a tidy .csv.", show_default=False)],
    study: Annotated[str | None, typer.Option("--study", help="Name of the study a .csv belongs to.")] = None,
    cache: CacheOption = CACHE,
) -> None:
    """Read exported runs, or a table of results measured elsewhere, into the store."""
    from greenreport.commands import import_results

    print(import_results(source, study, cache))


@app.command()
def build(
    site: Annotated[Path, typer.Option("--site", help="Folder to write.")] = Path("site"),
    studies: Annotated[Path, typer.Option("--studies", help="Folder of study files.")] = Path("studies"),
    cache: CacheOption = CACHE,
    weights: WeightsOption = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", metavar="URL", help="Address the site will have, instead of that in site.yaml.")
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Render every study found into a static website."""
    from greenreport.site import build_site

    message = build_site(studies, cache, site, weights, base_url)
    if not quiet:
        print(message)


@app.command()
def check(site: Annotated[Path, typer.Argument(help="Folder of the built site.")] = Path("site")) -> None:
    """Check a built site: links, security policy, structure, figures, weights, manifest."""
    from greenreport.site import check_built

    print(check_built(site))


@app.command()
def publish(
    target: Annotated[
        str, typer.Option("--target", help="A folder, or gh-pages: the branch of this Git repository.")
    ] = "gh-pages",
    site: Annotated[Path, typer.Option("--site", help="Folder of the built site.")] = Path("site"),
) -> None:
    """Put the built site where others can see it; nothing is pushed."""
    from greenreport.site import publish_site

    print(publish_site(site, target))


@app.command()
def serve(
    site: Annotated[Path, typer.Option("--site", help="Folder to show.")] = Path("site"),
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on this machine.")] = 8000,
) -> None:
    """Preview the built site on this machine."""
    from greenreport.site import serve_site

    serve_site(site, port)


_EXITS: tuple[tuple[type[GreenReportError], Exit], ...] = (
    (SpecError, Exit.SPEC),
    (UsageError, Exit.SPEC),
    (ImportFileError, Exit.SPEC),
    (Unavailable, Exit.UNAVAILABLE),
    (StoreError, Exit.UNAVAILABLE),
    (BuildError, Exit.BUILD),
    (GreenReportError, Exit.NOT_OK),
)


def main() -> None:
    """Run the command line; every error of greenreport becomes a sentence and an exit code."""
    from greenreport import console

    try:
        app()
    except SpecError as error:
        console.print_problems(error.problems)
        sys.exit(Exit.SPEC)
    except GreenReportError as error:
        console.print_error(str(error))
        sys.exit(next(code for kind, code in _EXITS if isinstance(error, kind)))
    except KeyboardInterrupt:
        console.print_error("interrupted; finished runs are kept, run the same command to go on")
        sys.exit(Exit.INTERRUPTED)
