"""Commands about the models of a study: select, pin."""

from __future__ import annotations

import csv

from greenreport.cli import console
from greenreport.cli.options import DEFAULT_CACHE, CacheOption, StudyArgument
from greenreport.errors import UsageError
from greenreport.units import counted

#: Models that fell out, printed for each criterion; all are in a table.
MOST_SHOWN = 20


def pin(study: StudyArgument) -> None:
    """Write the commit of each hub model into the study file, so that others measure the same weights."""
    from greenreport.models.hub import COMMIT, commit_of
    from greenreport.study import load_study
    from greenreport.study.load import parse_study
    from greenreport.study.pinning import with_revisions

    file = load_study(study)
    found: dict[int, str] = {}
    for number, model in enumerate(file.study.models):
        if model.hub is None or COMMIT.fullmatch(model.revision or ""):
            continue
        found[number] = commit_of(model.hub, model.revision)
        was = f" (was {model.revision})" if model.revision else ""
        console.out.print(f"{model.id}: {model.hub} at {found[number]}{was}", soft_wrap=True)
    if not found:
        print(f"{study}: nothing to pin; no hub model lacks its commit")
        return
    by_hand = UsageError(f"{study} writes its models in a way that cannot be edited; put the revisions above into it by hand")
    try:
        text = with_revisions(file.text, found)
    except KeyError:
        raise by_hand from None
    pinned = parse_study(study, text).study.models
    wanted = tuple(
        model.model_copy(update={"revision": found.get(number, model.revision)})
        for number, model in enumerate(file.study.models)
    )
    if pinned != wanted:
        raise by_hand
    with study.open("rb") as old:
        line_end = "\r\n" if b"\r\n" in old.read() else "\n"
    part = study.with_name(f".{study.name}.part")
    part.write_text(text, encoding="utf-8", newline=line_end)
    part.replace(study)
    print(f"{study}: {counted(len(found), 'revision')} written; runs of other weights are pending again")


def select(study: StudyArgument, cache: CacheOption = DEFAULT_CACHE) -> None:
    """Apply a study's selection criteria to the models on the hub or in a saved list; report how many remain, and why the others were rejected."""
    from greenreport.models.candidates import as_text, candidates, digest_of_text, funnel
    from greenreport.study import load_study

    file = load_study(study).study
    selection = file.selection
    if selection is None:
        raise UsageError(f"{study} declares no `selection:`, so there are no criteria to apply")
    models = [model.hub for model in file.models if model.hub is not None]
    found = candidates(selection, study.parent)
    text = as_text(found)
    copy = cache / "selections" / f"{digest_of_text(text)}.json"
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(text, encoding="utf-8")
    _count(f"{counted(len(found), 'candidate')} from {selection.source}", len(found), selection.candidates)
    reasons = []
    for step in funnel(found, selection.criteria, models):
        _count(f"{step.left:,} left: {step.criterion.text}", step.left, step.criterion.left)
        for name, reason in step.fallen[:MOST_SHOWN]:
            console.out.print(f"    {name}: {reason}", markup=False, soft_wrap=True)
        if len(step.fallen) > MOST_SHOWN:
            console.out.print(f"    and {len(step.fallen) - MOST_SHOWN:,} others", soft_wrap=True)
        reasons += [(name, step.criterion.text, reason) for name, reason in step.fallen]
    table = copy.with_suffix(".csv")
    with table.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("model", "criterion", "reason"), *reasons])
    out = {name for name, _, _ in reasons}
    lost = [name for name in models if name in out or name not in {item.id for item in found}]
    if lost:
        console.print_warning(
            f"models of the study that the criteria reject, or that are not among the candidates: {', '.join(lost)}"
        )
    if selection.sha256 not in (None, copy.stem):
        console.print_warning(f"this is not the list that the study names, whose sha256 is {selection.sha256}")
    console.out.print(
        f"list kept as {copy}, all reasons in {table}; `sha256: {copy.stem}` names it in the study", soft_wrap=True
    )


def _count(sentence: str, number: int, declared: int | None) -> None:
    """Print a number of models, with the declared one where that is another."""
    other = declared is not None and declared != number
    console.out.print(f"{sentence}{f' (the study says {declared:,})' if other else ''}", markup=False, soft_wrap=True)


COMMANDS = (select, pin)
