"""The command about right answers: score. `run` does the same after its last run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from greenreport.cli import console
from greenreport.cli.exit_codes import Exit
from greenreport.cli.options import DEFAULT_CACHE, CacheOption, PromptsOption, QuietOption, StudyArgument, WeightsOption
from greenreport.errors import GreenReportError, PromptsUnavailable, StoreError, UsageError

if TYPE_CHECKING:
    from greenreport.store import Store
    from greenreport.study import StudyFile
    from greenreport.workspace import Planned


def score(
    study: StudyArgument,
    cache: CacheOption = DEFAULT_CACHE,
    weights: WeightsOption = None,
    prompts: PromptsOption = None,
    quiet: QuietOption = False,
) -> None:
    """Judge whether the stored answers of a study are right; `run` does so after its last run.

    Programs that models write are run with the tests of their task, each in a sandbox that can reach no file, no network and no other
    process. An answer that was judged by the same tests and limits is not judged again.
    """
    from greenreport.study import Overrides
    from greenreport.workspace import open_plan, open_store

    planned, store = open_plan(study, Overrides(weights=weights, prompts=prompts)), open_store(cache)
    judged = planned.file.study.quality is not None  # a study that declares no judgement is refused for that
    if judged and not any(row.study == planned.file.study.study for row in store.index()):
        raise StoreError(f"the store in {cache} has no run of {study}; `greenreport run {study}` makes them")
    print_scoring(planned, store, cache, quiet=quiet)
    raise typer.Exit(Exit.OK)


def score_after_run(planned: Planned, store: Store, cache: Path, *, quiet: bool) -> None:
    """Judge the answers of a study that has just run; where that fails, say what to do, for the runs are good without it."""
    if planned.file.study.quality is None:
        return
    try:
        print_scoring(planned, store, cache, quiet=quiet)
    except GreenReportError as error:
        console.print_warning(f"the answers are not judged: {error}. `greenreport score {planned.file.path}` judges them later")


def print_scoring(planned: Planned, store: Store, cache: Path, *, quiet: bool) -> None:
    """Judge what is not judged yet, alone on the cache, and print what came out.

    Raises:
        GreenReportError: see `quality.judge.judge`; nothing that was judged is lost.
    """
    from greenreport.cli.alone import alone
    from greenreport.quality.judge import judge
    from greenreport.workloads.prompts import resolve

    with alone(cache), console.out.status("judging answers") as status:
        if quiet:
            status.stop()
        listed = resolve(planned.file.study.workload.prompts, planned.folder, cache / "datasets")
        scoring = judge(
            planned.plan, listed, store, lambda done, total: status.update(f"judging answers: {done:,} of {total:,}")
        )
    if not quiet:
        console.out.print(f"{planned.file.study.study}: {scoring}", soft_wrap=True)


def unjudged(study_file: StudyFile) -> str | None:
    """Return why the answers of a study that declares `quality:` could not be judged, as far as its prompts can be read here."""
    from greenreport.quality.criteria import criteria
    from greenreport.workloads.prompts import resolve

    study = study_file.study
    prompts, folder = study.workload.prompts, study_file.path.parent
    if study.quality is None or prompts.source == "humaneval":  # which may have to be downloaded
        return None
    try:
        criteria(study, resolve(prompts, folder, folder))
    except (PromptsUnavailable, UsageError) as error:
        return str(error)
    return None


COMMANDS = (score,)
