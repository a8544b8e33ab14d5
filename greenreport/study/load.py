"""Study files: read, check, and report every problem at once.

::

    file ─read_document→ values + line of each value ─pydantic→ Study ─check→ Study or SpecError
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from greenreport.errors import Problem, SpecError
from greenreport.study.check import check
from greenreport.study.error_messages import Location, Remark, explain
from greenreport.study.field_types import Spec
from greenreport.study.published_results import ReferenceStudy
from greenreport.study.site_settings import Site
from greenreport.study.spec import Study
from greenreport.study.sweep import swept
from greenreport.study.yaml_document import MAX_PROBLEMS, YamlDocument, parse_document, read_document

#: Sections that a study about imported results does not have.
MEASURED = frozenset(
    {"models", "configurations", "sweep", "exclude", "workload", "protocol", "meters", "quality", "weights", "environments"}
)
Sections = TypeVar("Sections", bound=Spec)


@dataclass(frozen=True, slots=True)
class StudyFile:
    """A valid study with the text it was read from, and the warnings about it."""

    study: Study
    path: Path
    text: str
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Overrides:
    """Values from the command line that replace those in the file.

    Attributes:
        weights: `hub` or `untrained`, for every model.
        repetitions: runs of each cell.
        prompts: file of the prompts.
    """

    weights: str | None = None
    repetitions: int | None = None
    prompts: Path | None = None

    def apply(self, data: dict[str, Any]) -> None:
        """Replace the values in the data of a study file."""
        if self.weights is not None:
            data["weights"] = self.weights
            models = data.get("models")
            for model in models if isinstance(models, list) else ():
                if isinstance(model, dict):
                    model.pop("weights", None)
        if self.repetitions is not None:
            data["protocol"] = _section(data, "protocol", repetitions=self.repetitions)
        if self.prompts is not None and isinstance(data.get("workload"), dict):
            prompts = _section(data["workload"], "prompts", path=str(self.prompts.resolve()))
            data["workload"] = _section(data, "workload", prompts=prompts)


def _section(data: dict[str, Any], name: str, **values: Any) -> Any:
    """Return a section with other values in it; what is no section is left as it is, to be refused."""
    section = data.get(name)
    return {**(section or {}), **values} if section is None or isinstance(section, dict) else section


def load_study(path: Path, overrides: Overrides | None = None) -> StudyFile:
    """Read and check a study file.

    Raises:
        SpecError: with every problem, each with file and line.
    """
    return _checked(read_document(path), overrides)


def parse_study(path: Path, text: str) -> StudyFile:
    """Check the text of a study as if it were that of a file.

    Raises:
        SpecError: with every problem, each with file and line.
    """
    return _checked(parse_document(path, text), None)


def _checked(document: YamlDocument, overrides: Overrides | None) -> StudyFile:
    path = document.path
    if not isinstance(document.data, dict):
        start = Problem(str(path), 1, "a study file is a mapping that starts with `study: <name>`")
        raise SpecError((start, *document.problems))
    if overrides is not None:
        overrides.apply(document.data)
    measured = list(_stand_in(document.data)) if document.data.get("imported") is not None else []
    study, remarks = _validate(document.data, path.parent)
    remarks = [*measured, *remarks]
    remaining = [remark for remark in remarks if remark.at not in document.broken]
    problems = [*document.problems, *(document.problem(r.at, r.message, warning=r.warning) for r in remaining)]
    if study is None or any(not problem.warning for problem in problems):
        raise SpecError(tuple(problems))
    return StudyFile(study, path, document.text, tuple(sorted(problems)))


def _stand_in(data: dict[str, Any]) -> Iterator[Remark]:
    """Yield a remark on each section that says what was measured, which imported results say themselves; put what the types need in place."""
    for key in MEASURED & data.keys():
        yield Remark((key,), f"{key} does not go with `imported`: the results say what was measured")
    data |= {"models": [{"id": "imported"}], "configurations": [{"engine": "fake"}]}


def load_reference(path: Path) -> ReferenceStudy:
    """Read a file of published results.

    Raises:
        SpecError: with every problem, each with file and line.
    """
    return load_sections(path, ReferenceStudy)


def load_site(path: Path) -> Site:
    """Read the settings of a site; the defaults where there is no such file.

    Raises:
        SpecError: with every problem, each with file and line.
    """
    return load_sections(path, Site) if path.exists() else Site()


def load_sections(path: Path, kind: type[Sections]) -> Sections:
    """Read a file whose sections need no checks across them.

    Raises:
        SpecError: with every problem, each with file and line.
    """
    document = read_document(path)
    data = {} if document.data is None else document.data
    try:
        sections = kind.model_validate(data)
    except ValidationError as error:
        remarks = list(_explained(error, data, kind))
        problems = [document.problem(remark.at, remark.message) for remark in remarks]
        raise SpecError((*document.problems, *problems)) from None
    if document.problems:
        raise SpecError(document.problems)
    return sections


def _explained(error: ValidationError, data: dict[str, Any], kind: type[Spec] = Study) -> Iterator[Remark]:
    """Yield a sentence for each error, up to a number that somebody still reads."""
    errors = error.errors(include_url=False)
    yield from (explain(item, data, kind) for item in errors[:MAX_PROBLEMS])
    if len(errors) > MAX_PROBLEMS:
        yield Remark((), f"… and {len(errors) - MAX_PROBLEMS:,} more problems")


def _validate(data: dict[str, Any], folder: Path) -> tuple[Study | None, list[Remark]]:
    """Return the study and every remark; broken sections are left out so that the rest is checked too."""
    try:
        study = Study.model_validate(data)
    except ValidationError as error:
        remarks = list(_explained(error, data))
        whole, kept = _prune(data, {item["loc"] for item in error.errors()})
    else:
        remarks = check(study, folder)
        if any(not remark.warning for remark in remarks):
            return None, remarks
        return study.model_copy(update={"configurations": swept(study.configurations, study.sweep)}), remarks
    try:
        partial = Study.model_validate(whole)
    except ValidationError:
        return None, remarks
    return None, [*remarks, *(replace(r, at=_original(r.at, kept)) for r in check(partial, folder))]


def _prune(data: dict[str, Any], locations: set[Location]) -> tuple[dict[str, Any], dict[str, list[int]]]:
    """Drop what is broken, an item of a list as a whole, otherwise the key; return also the kept indices of each list."""
    drop = {at[:2] if len(at) > 1 and isinstance(at[1], int) else at[:1] for at in locations}
    rest = {key: value for key, value in data.items() if (key,) not in drop}
    lists = {key: value for key, value in rest.items() if isinstance(value, list)}
    kept = {key: [index for index in range(len(items)) if (key, index) not in drop] for key, items in lists.items()}
    pruned = {key: [items[index] for index in kept[key]] for key, items in lists.items()}
    return {"study": "unnamed", "title": "unnamed", **rest, **pruned}, kept


def _original(at: Location, kept: dict[str, list[int]]) -> Location:
    """Translate a location of the pruned study back to the file."""
    if len(at) > 1 and isinstance(at[1], int) and str(at[0]) in kept:
        return (at[0], kept[str(at[0])][at[1]], *at[2:])
    return at
