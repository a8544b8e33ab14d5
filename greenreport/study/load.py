"""Read a study file: YAML 1.2 scalars, line numbers, every problem at once.

::

    text ─compose→ nodes ─plain→ values + line of each value ─pydantic→ Study ─check→ Study or SpecError

A study file is untrusted input. Aliases may share nodes but may not multiply them, tags other than the standard ones are
refused, duplicate keys and non-finite numbers are errors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml
from pydantic import ValidationError

from greenreport.errors import Problem, SpecError
from greenreport.study.check import check
from greenreport.study.error_messages import Remark, explain, shown
from greenreport.study.field_types import Spec
from greenreport.study.published_results import ReferenceStudy
from greenreport.study.site_settings import Site
from greenreport.study.spec import Study
from greenreport.study.sweep import swept

MAX_BYTES = 2_000_000
MAX_NODES = 200_000
MAX_DEPTH = 60
_COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")

Location = tuple[str | int, ...]
Sections = TypeVar("Sections", bound=Spec)


@dataclass(frozen=True, slots=True)
class StudyFile:
    """A valid study with the text it was read from and remarks that do not make it invalid."""

    study: Study
    path: Path
    text: str
    warnings: tuple[Problem, ...]


class _Loader(yaml.SafeLoader):
    """A loader with the scalars of YAML 1.2: `no` is a text, `010` is ten, `1e3` is a number, dates are texts."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc]


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+\.?[0-9]*)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("float", r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", "-+."),
    ("null", r"^(?:~|null|Null|NULL|)$", ("~", "n", "N", "")),
    ("merge", r"^<<$", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


class _Plain:
    """Turns nodes into plain values, noting the line of every value and every problem on the way."""

    def __init__(self) -> None:
        self.lines: dict[Location, int] = {}
        self.problems: list[tuple[int, str]] = []
        self.broken: set[Location] = set()
        self.nodes = 0

    def convert(self, node: yaml.Node, at: Location) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or len(at) > MAX_DEPTH:
            raise _TooLarge
        self.lines.setdefault(at, node.start_mark.line + 1)
        if not isinstance(node, yaml.ScalarNode) and node.tag not in _COLLECTIONS:
            self.problems.append((node.start_mark.line + 1, f"the tag {node.tag!r} is not allowed in a study file"))
            self.broken.add(at)
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            return [self.convert(child, (*at, index)) for index, child in enumerate(node.value)]
        return self._scalar(node, at)

    def _mapping(self, node: yaml.MappingNode, at: Location) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag.endswith(":merge"):
                merged.append(value_node)
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append((line, "a key must be a plain word"))
                continue
            key = str(key_node.value)
            if key in result:
                self.problems.append((line, f"duplicate key {key!r}; the first one is on line {self.lines[(*at, key)]}"))
                continue
            self.lines[(*at, key)] = line
            result[key] = self.convert(value_node, (*at, key))
        for source in merged:
            self._merge(source, at, result)
        return result

    def _merge(self, source: yaml.Node, at: Location, result: dict[str, Any]) -> None:
        sources = source.value if isinstance(source, yaml.SequenceNode) else [source]
        for node in sources:
            value = self.convert(node, (*at, "<<"))
            if isinstance(value, dict):
                for key, item in value.items():
                    result.setdefault(key, item)
                    self.lines.setdefault((*at, key), source.start_mark.line + 1)
            else:
                self.problems.append((source.start_mark.line + 1, "<< takes a mapping"))

    def _scalar(self, node: yaml.Node, at: Location) -> Any:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        text = str(node.value)
        line = node.start_mark.line + 1
        if kind == "str":
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int" and len(text) < 400:
            return int(text)
        if kind in ("int", "float"):
            value = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
            if math.isfinite(value):
                return value
            self.problems.append((line, f"{shown(text)} is not a finite number"))
        else:
            self.problems.append((line, f"the tag {node.tag!r} is not allowed in a study file"))
        self.broken.add(at)
        return None


class _TooLarge(Exception):
    """The document expands to more values than any study needs."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """Values given on the command line instead of those in the file.

    Attributes:
        weights: `hub` or `untrained`, for every model.
        repetitions: runs of each cell.
        prompts: file of the prompts.
    """

    weights: str | None = None
    repetitions: int | None = None
    prompts: Path | None = None

    def apply(self, data: dict[str, Any]) -> None:
        """Put the values into the data of a study file."""
        if self.weights is not None:
            data["weights"] = self.weights
            for model in data.get("models") or ():
                if isinstance(model, dict):
                    model.pop("weights", None)
        if self.repetitions is not None:
            data["protocol"] = {**(data.get("protocol") or {}), "repetitions": self.repetitions}
        if self.prompts is not None and isinstance(data.get("workload"), dict):
            prompts = data["workload"].get("prompts") or {}
            data["workload"] = {**data["workload"], "prompts": {**prompts, "path": str(self.prompts.resolve())}}


def load_study(path: Path, overrides: Overrides | None = None) -> StudyFile:
    """Read and check a study file.

    Args:
        path: the file.
        overrides: values that take the place of those in the file.

    Raises:
        SpecError: with every problem found, each with file and line.
    """
    name = str(path)
    text = _read(path, name)
    data, plain = _parse(text, name)
    problems = [Problem(name, line, message) for line, message in plain.problems]
    if not isinstance(data, dict):
        raise SpecError((Problem(name, 1, "a study file is a mapping that starts with `study: <name>`"), *problems))
    if overrides is not None:
        overrides.apply(data)
    study, remarks = _validate(data, path.parent)
    problems += [
        Problem(name, _line(plain.lines, remark.at), remark.message, remark.warning)
        for remark in remarks
        if remark.at not in plain.broken
    ]
    errors = tuple(problem for problem in problems if not problem.warning)
    if errors or study is None:
        raise SpecError(tuple(problems))
    return StudyFile(study, path, text, tuple(sorted(problems)))


def load_reference(path: Path) -> ReferenceStudy:
    """Read a file of published results.

    Raises:
        SpecError: with every problem found, each with file and line.
    """
    return _load(path, ReferenceStudy)


def load_site(path: Path) -> Site:
    """Read the settings of a site; without such a file they are those by default.

    Raises:
        SpecError: with every problem found, each with file and line.
    """
    return _load(path, Site) if path.exists() else Site()


def _load(path: Path, kind: type[Sections]) -> Sections:
    """Read a file whose sections need no checks across them."""
    name = str(path)
    data, plain = _parse(_read(path, name), name)
    problems = [Problem(name, line, message) for line, message in plain.problems]
    try:
        found = kind.model_validate({} if data is None else data)
    except ValidationError as error:
        remarks = [explain(item, data, kind) for item in error.errors()]
        problems += [Problem(name, _line(plain.lines, remark.at), remark.message) for remark in remarks]
        raise SpecError(tuple(problems)) from None
    if problems:
        raise SpecError(tuple(problems))
    return found


def _read(path: Path, name: str) -> str:
    try:
        if path.is_dir():
            raise SpecError((Problem(name, 1, "is a directory; give the study's .yaml file"),))
        if path.stat().st_size > MAX_BYTES:
            raise SpecError((Problem(name, 1, f"is larger than {MAX_BYTES // 1_000_000} MB; this is no study file"),))
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SpecError((Problem(name, 1, "no such file; `greenreport init` writes a starter study"),)) from None
    except UnicodeDecodeError as error:
        raise SpecError((Problem(name, 1, f"is not UTF-8 text ({error.reason} at byte {error.start})"),)) from None
    except OSError as error:
        raise SpecError((Problem(name, 1, f"cannot be read: {error.strerror}"),)) from None


def _parse(text: str, name: str) -> tuple[Any, _Plain]:
    plain = _Plain()
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        data = None if node is None else plain.convert(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SpecError((Problem(name, mark.line + 1 if mark else 1, f"not valid YAML: {error.problem}"),)) from None
    except yaml.YAMLError as error:
        raise SpecError((Problem(name, 1, f"not valid YAML: {error}".splitlines()[0]),)) from None
    except (_TooLarge, RecursionError):
        message = "expands to more values or deeper nesting than any study needs; check its anchors and aliases"
        raise SpecError((Problem(name, 1, message),)) from None
    return data, plain


def _validate(data: dict[str, Any], folder: Path) -> tuple[Study | None, list[Remark]]:
    """Return the study and every remark; broken sections are left out so that the rest is checked too."""
    try:
        study = Study.model_validate(data)
    except ValidationError as error:
        remarks = [explain(item, data) for item in error.errors()]
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
    """Leave out what is broken: an item of a list as a whole, otherwise the key; say which items of lists were kept."""
    drop = {at[:2] if len(at) > 1 and isinstance(at[1], int) else at[:1] for at in locations}
    result: dict[str, Any] = {}
    kept: dict[str, list[int]] = {}
    for key, value in data.items():
        if (key,) in drop:
            continue
        if isinstance(value, list):
            kept[key] = [index for index in range(len(value)) if (key, index) not in drop]
            result[key] = [value[index] for index in kept[key]]
        else:
            result[key] = value
    return {"study": "unnamed", "title": "unnamed", **result}, kept


def _original(at: Location, kept: dict[str, list[int]]) -> Location:
    """Translate a location of the pruned study back to the file."""
    if len(at) > 1 and isinstance(at[1], int) and str(at[0]) in kept:
        return (at[0], kept[str(at[0])][at[1]], *at[2:])
    return at


def _prefixes(location: Location) -> Iterator[Location]:
    for length in range(len(location), -1, -1):
        yield location[:length]


def _line(lines: dict[Location, int], location: Location) -> int:
    """Return the line of the innermost part of the location that the file has."""
    return next((lines[prefix] for prefix in _prefixes(location) if prefix in lines), 1)
