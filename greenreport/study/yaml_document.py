"""YAML documents with line numbers, from untrusted files.

Scalars are those of YAML 1.2. Aliases may share nodes but may not multiply them; tags other than the standard ones, duplicate
keys, non-finite numbers and control characters are problems.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from greenreport.errors import Problem, SpecError
from greenreport.regular_files import read_regular_text
from greenreport.study.error_messages import Location, nearest, shown

MAX_BYTES = 2_000_000
#: Values of a document, of the file and again after its aliases are followed.
MAX_NODES = 50_000
#: Characters of all values together, after aliases are followed.
MAX_CHARACTERS = 10_000_000
MAX_DEPTH = 60
MAX_KEY = 300
MAX_PROBLEMS = 100
MAX_DIGITS = 30
#: Whole numbers below it fit into the columns of a database, a file of JSON and a seed.
MOST_WHOLE = 2**63
_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "null": "null"}
#: Part of what the parser says → what it usually means: a text with a sign that YAML takes for its own.
_ADVICE = {
    "expected ',' or": 'between { } or [ ], put a text that holds ? , : { } [ or ] in quotes: {RQ1: "How is it?"}',
    "mapping values are not allowed": "put a text that holds a colon in quotes",
    "cannot start any token": "put a text that begins with @, `, % or a tab in quotes; indent with spaces",
    "could not find expected ':'": "a key needs a colon and a space, and a text over several lines needs quotes or a | before it",
    "expected <block end>": "lines of one list or mapping begin in the same column; a text that begins with a quote must end with it",
}
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
    return parse_document(path, _read(path))


def parse_document(path: Path, text: str) -> YamlDocument:
    """Read the text of a YAML file.

    Raises:
        SpecError: it is not YAML or expands to too much.
    """
    try:
        loader = _Loader(text)
        converter = _Converter(loader)
        node = loader.get_single_node()
        data = None if node is None else converter.convert(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        advice = next((f"; {text}" for part, text in _ADVICE.items() if part in (error.problem or "")), "")
        raise _invalid(path, f"not valid YAML: {error.problem}{advice}", mark.line + 1 if mark else 1) from None
    except yaml.YAMLError as error:
        raise _invalid(path, f"not valid YAML: {error}".splitlines()[0]) from None
    except (_TooLarge, RecursionError):
        message = "expands to more values or deeper nesting than any study needs; check its anchors and aliases"
        raise _invalid(path, message) from None
    problems = tuple(Problem(str(path), line, message) for line, message in converter.problems[:MAX_PROBLEMS])
    return YamlDocument(path, text, data, converter.lines, problems, frozenset(converter.broken))


def _read(path: Path) -> str:
    try:
        return read_regular_text(path, MAX_BYTES)
    except FileNotFoundError:
        raise _invalid(path, f"no such file{_meant(path)}") from None
    except IsADirectoryError:
        raise _invalid(path, "is a directory; give the study's .yaml file") from None
    except UnicodeDecodeError as error:
        raise _invalid(path, f"is not UTF-8 text ({error.reason} at byte {error.start})") from None
    except OSError as error:
        raise _invalid(path, f"cannot be read: {error.strerror}") from None


def _meant(path: Path) -> str:
    """Return the study files that a path may have meant, as the end of a sentence."""
    folders = {folder: sorted(folder.glob("*.yaml")) for folder in (path.parent, path.parent / "studies") if folder.is_dir()}
    every = {file.stem: str(file) for files in folders.values() for file in files[:MAX_PROBLEMS]}
    if path.stem in every:
        return f"; did you mean {every[path.stem]}?"
    if not every:
        return "; `greenreport init` writes a starter study"
    return f"{nearest(path.stem, every) or '.'} Studies here: {', '.join(list(every.values())[:12])}{', …' if len(every) > 12 else ''}"


def _invalid(path: Path, message: str, line: int = 1) -> SpecError:
    return SpecError((Problem(str(path), line, message),))


#: What YAML can write and no terminal, page or request can carry: control characters but tab and line break, halves of a character.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")


class _Loader(yaml.SafeLoader):
    """A loader with the scalars of YAML 1.2: `no` is a text, `010` is ten, `1e3` is a number, dates are texts."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc]
    nodes = depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Read a node; a document that is too large ends here, before the rest of it is read."""
        self.nodes += 1
        self.depth += 1
        if self.nodes > MAX_NODES or self.depth > MAX_DEPTH:
            raise _TooLarge
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def stands_for(self, node: yaml.ScalarNode) -> bool:
        """Whether the text of a scalar is one of its tag: ``!!int x`` is not."""
        tags = (tag for tag, pattern in self.yaml_implicit_resolvers.get(node.value[:1], ()) if pattern.match(node.value))
        return node.tag in tags


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

    def __init__(self, loader: _Loader) -> None:
        self.loader = loader
        self.lines: dict[Location, int] = {}
        self.problems: list[tuple[int, str]] = []
        self.broken: set[Location] = set()
        self.nodes = self.characters = 0

    def convert(self, node: yaml.Node, at: Location) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or len(at) > MAX_DEPTH:
            raise _TooLarge
        self.lines.setdefault(at, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, at)
        if node.tag not in _COLLECTIONS:
            return self._refused(node, at, f"the tag {shown(node.tag)} is not allowed in a study file")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, at)
        return [self.convert(child, (*at, index)) for index, child in enumerate(node.value)]

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
            key = self._text(key_node)
            if len(key) > MAX_KEY or _UNPRINTABLE.search(key):
                self.problems.append(
                    (line, f"{shown(key)} cannot be a key: too long, or a character that has no place in a study file")
                )
                continue
            if key in result:
                self.problems.append((line, f"duplicate key {shown(key)}; the first one is on line {self.lines[(*at, key)]}"))
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

    def _text(self, node: yaml.ScalarNode) -> str:
        """Return the text of a scalar; the texts of all together are bounded, since an alias repeats one."""
        self.characters += len(node.value)
        if self.characters > MAX_CHARACTERS:
            raise _TooLarge
        return str(node.value)

    def _scalar(self, node: yaml.ScalarNode, at: Location) -> Any:
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        text = self._text(node)
        if kind == "str":
            wrong = _UNPRINTABLE.search(text)
            return self._refused(node, at, f"the character {wrong[0]!r} has no place in a study file") if wrong else text
        if not self.loader.stands_for(node):
            is_not = (
                f"{shown(text)} is not {_KINDS[kind]}"
                if kind in _KINDS
                else f"the tag {shown(node.tag)} is not allowed in a study file"
            )
            return self._refused(node, at, is_not)
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int":
            whole = int(text) if len(text) <= MAX_DIGITS else MOST_WHOLE
            return whole if abs(whole) < MOST_WHOLE else self._refused(node, at, f"{shown(text)} has too many digits")
        value = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        return value if math.isfinite(value) else self._refused(node, at, f"{shown(text)} is not a finite number")

    def _refused(self, node: yaml.Node, at: Location, message: str) -> None:
        """Note a problem; nothing takes the place of the value."""
        self.problems.append((node.start_mark.line + 1, message))
        self.broken.add(at)


class _TooLarge(Exception):
    """The document expands to more values than any study needs."""
