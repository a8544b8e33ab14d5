"""The command compare: two studies or machines beside each other, and a study now against what it was before."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenreport.cli.exit_codes import Exit
from greenreport.cli.options import DEFAULT_CACHE, CacheOption, WeightsOption
from greenreport.errors import Unavailable, UsageError

if TYPE_CHECKING:
    from greenreport.analysis.compare.history import StudyHistory
    from greenreport.analysis.compare.regression import FailCondition
    from greenreport.analysis.measure.dataset import Dataset

PREVIOUS = "previous"


def compare(
    first: Annotated[Path, typer.Argument(help="Study file.", show_default=False)],
    second: Annotated[
        Path | None, typer.Argument(help="Another study file, or a folder of results exported elsewhere.", show_default=False)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="WHEN",
            help="Compare the study with its own earlier results: WHEN is a day such as 2026-11-30 (the last time it was measured before that day) or 'previous' (the previous time).",
        ),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="CONDITION",
            help="Exit with code 5 where a metric rises ('energy_j > 5 %') or falls ('throughput_tokens_per_s < 5 %') by more, beyond doubt. Repeatable.",
        ),
    ] = None,
    cache: CacheOption = DEFAULT_CACHE,
    weights: WeightsOption = None,
) -> None:
    """Compare two studies, two machines, or a study with what it was before.

    Two studies: ratios, ratio of ratios, rank agreement, differences of environment. With --since or --fail-if: each cell now against the same
    cell before, with what changed around it (docs/history.md).
    """
    from greenreport.analysis.compare.comparison import compare_studies
    from greenreport.analysis.compare.regression import parse_condition
    from greenreport.results import load, load_published

    conditions = [parse_condition(text) for text in fail_if or ()]
    if second is None and since is None:
        raise UsageError(
            f"nothing to compare with: name a second study or a folder of results, or give --since DAY or --since {PREVIOUS}"
        )
    if second is not None and since is not None:
        raise UsageError("--since compares a study with itself; leave out the second study")
    if second is None:
        _judge(_since(first, since or PREVIOUS, cache, weights, conditions), conditions)
        return
    ours = load(first, cache, weights).dataset
    other = load_published(first, second) if second.is_dir() else load(second, cache, weights).dataset
    if conditions:
        _judge(_against(ours, other, conditions), conditions)
        return
    print("\n".join(compare_studies(ours, other, (str(first), str(second))).lines()))


def _since(study: Path, when: str, cache: Path, weights: str | None, conditions: list[FailCondition]) -> StudyHistory:
    """Return the step of each cell from the time before a day to now."""
    from greenreport.analysis.compare.history import history_of, metrics_of
    from greenreport.results import read_study

    if when != PREVIOUS and not _is_day(when):
        raise UsageError(f"--since {when!r}: write a day such as 2026-11-30, or {PREVIOUS}")
    data = read_study(study, cache, weights)
    steps = [course.since(None if when == PREVIOUS else when) for course in data.courses]
    found = [course for course in steps if course is not None]
    if not found:
        before = "more than once" if when == PREVIOUS else f"before {when} and again since"
        raise Unavailable(
            f"no cell of {study} was measured {before} on this hardware, with three runs each time",
            "`greenreport run --force` measures a finished study again; a folder of exported results can be given instead of --since",
        )
    return history_of(found, metrics_of(data.dataset.study, conditions), data.dataset, data.dataset.noise_floor)


def _is_day(text: str) -> bool:
    """Whether a text is a day of the calendar, written as runs record it."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _against(ours: Dataset, other: Dataset, conditions: list[FailCondition]) -> StudyHistory:
    """Return the step of each cell from other results of the same study to ours."""
    from greenreport.analysis.compare.history import history_of, metrics_of
    from greenreport.analysis.compare.study_diff import design_differences
    from greenreport.analysis.measure.courses import Period, course_of
    from greenreport.pooling import hardware_of

    if ours.environment is None or other.environment is None:
        raise Unavailable("the machine of one of the two is not known, so joules and seconds cannot be compared")
    if hardware_of(ours.environment) != hardware_of(other.environment):
        raise Unavailable(
            "the two were measured on different hardware, where joules and seconds cannot be compared",
            "measure both on one machine; without --fail-if, ratios are compared",
        )
    if differing := [item.name for item in design_differences(ours, other, ours.models)]:
        raise Unavailable(f"the two differ in what was asked of them: {', '.join(differing)}")
    pairs = [(cell, other.cell(cell.model.id, cell.configuration.id)) for cell in ours.cells if cell.ok]
    courses = [
        course_of([Period(before, other.environment), Period(now, ours.environment)])
        for now, before in pairs
        if before is not None and before.ok
    ]
    return history_of(courses, metrics_of(ours.study, conditions), ours, ours.noise_floor)


def _judge(history: StudyHistory, conditions: list[FailCondition]) -> None:
    """Print the steps and the verdicts; exit with a code where a condition is met, or cannot be judged."""
    from greenreport.analysis.compare.regression import regressions

    print("\n".join(history.lines()))
    judged = [regressions(history, condition) for condition in conditions]
    for item in judged:
        print("\n".join(item.lines()))
    if any(item.met for item in judged):
        raise typer.Exit(Exit.REGRESSION)
    if any(not item.judged for item in judged):
        raise typer.Exit(Exit.UNAVAILABLE)


COMMANDS = (compare,)
