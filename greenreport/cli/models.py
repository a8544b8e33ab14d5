"""Commands about the models of a study: pin."""

from __future__ import annotations

from greenreport.cli import console
from greenreport.cli.options import StudyArgument
from greenreport.errors import UsageError
from greenreport.units import counted


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
        print(f"{study}: nothing to pin; every hub model names its commit")
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


COMMANDS = (pin,)
