"""YAML documents with line numbers, from untrusted files.

Scalars are those of YAML 1.2. Aliases may share nodes but may not multiply them; tags other than the standard ones, duplicate
keys and non-finite numbers are problems.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from greenreport.errors import Problem, SpecError
from greenreport.study.error_messages import Location, shown

MAX_BYTES = 2_000_000
MAX_NODES = 200_000
MAX_DEPTH = 60
_COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """The values of a document.

    Attributes:
        data: mappings, lists and scalars; None in place of each value at `broken`.
        lines: location of each value → its line.
        problems: of the YAML itself.
    """

    path: Path
    text: str
    data: Any
    lines: dict[Location, int]
    problems: tuple[Problem, ...]
    broken: frozenset[Location]

    def problem(self, location: Location, message: str, *, warning: bool = False) -> Problem:
        """Return a problem at the line of the innermost part of a location that the document has."""
        prefixes = (location[:length] for length in range(len(location), -1, -1))
        line = next((self.lines[prefix] for prefix in prefixes if prefix in self.lines), 1)
        return Problem(str(self.path), line, message, warning)


def read_document(path: Path) -> YamlDocument:
    """Read a YAML file.

    Raises:
        SpecError: the file cannot be read, is not YAML or is too large.
    """
    text = _read(path)
    converter = _Converter()
    try:
        node = _Loader(text).get_single_node()
        data = None if node is None else converter.convert(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _invalid(path, f"not valid YAML: {error.problem}", mark.line + 1 if mark else 1) from None
    except yaml.YAMLError as error:
        raise _invalid(path, f"not valid YAML: {error}".splitlines()[0]) from None
    except (_TooLarge, RecursionError):
        message = "expands to more values or deeper nesting than any study needs; check its anchors and aliases"
        raise _invalid(path, message) from None
    problems = tuple(Problem(str(path), line, message) for line, message in converter.problems)
    return YamlDocument(path, text, data, converter.lines, problems, frozenset(converter.broken))


def _read(path: Path) -> str:
    try:
        if path.is_dir():
            raise _invalid(path, "is a directory; give the study's .yaml file")
        if path.stat().st_size > MAX_BYTES:
            raise _invalid(path, f"is larger than {MAX_BYTES // 1_000_000} MB; this is not a study file")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _invalid(path, "no such file; `greenreport init` writes a starter study") from None
    except UnicodeDecodeError as error:
        raise _invalid(path, f"is not UTF-8 text ({error.reason} at byte {error.start})") from None
    except OSError as error:
        raise _invalid(path, f"cannot be read: {error.strerror}") from None


def _invalid(path: Path, message: str, line: int = 1) -> SpecError:
    return SpecError((Problem(str(path), line, message),))


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


class _Converter:
    """Conversion of nodes to plain values, noting the line of every value and every problem on the way."""

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
