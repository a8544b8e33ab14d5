"""A mapping to begin with, as a file: what the columns of a table seem to be, ready to edit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from greenreport.catalog import METRICS
from greenreport.errors import ImportFileError
from greenreport.imports.formats.plain_csv import TextReader
from greenreport.imports.mapping import ColumnPlace, Mapping
from greenreport.imports.reading import reader, recognised

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*( [A-Za-z0-9_./()-]+)*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off"})


def suggestion(path: Path, kind: str | None = None) -> str:
    """Return the YAML of a mapping that names every column of a table.

    Raises:
        ImportFileError: the file is no table of text: other formats need no mapping.
    """
    name, file = next(iter(recognised([path], kind)))
    found = reader(name)
    if not isinstance(found, TextReader):
        raise ImportFileError(
            f"{file}: {name} says itself what its fields are; a mapping for it names the engine, the provider or the host alone, as `engine: {{value: vllm}}`"
        )
    with found.opened(file, Mapping()) as table:
        mapping = found.completed(table, Mapping())
        return (
            "\n".join(
                [
                    f"# What the columns of {file.name} are; docs/imports.md explains the keys.",
                    *_lines(mapping, table.separator),
                ]
            )
            + "\n"
        )


def _lines(mapping: Mapping, separator: str) -> Iterator[str]:
    yield f"separator: {json.dumps(separator)}"
    for name in ("model", "size_category", "engine", "provider", "host"):
        place = getattr(mapping, name)
        if place is not None:
            yield f"{name}: {_place(place)}"
    for name in ("repetition", "block"):
        column = getattr(mapping, name)
        if column is not None:
            yield f"{name}: {_text(column)}"
    for section, places in (("load", mapping.load), ("factors", mapping.factors)):
        if places:
            yield f"{section}:"
            yield from (f"  {name}: {_place(place)}" for name, place in places.items())
    if mapping.metrics:
        yield "metrics:"
        for name, metric in mapping.metrics.items():
            unknown = "" if name in METRICS else "  # no metric of the catalog: read and audited, on no page"
            statistic = f", statistic: {metric.statistic}" if metric.statistic else ""
            yield f"  {name}: {{column: {_text(metric.column)}, unit: {_text(metric.unit)}{statistic}}}{unknown}"
    if mapping.left_out:
        yield "left_out:"
        yield from (f"  {_text(name)}: {_text(why)}" for name, why in mapping.left_out.items())


def _place(place: ColumnPlace) -> str:
    if place.column is None:
        return f"{{value: {_text(str(place.value))}}}"
    return _text(place.column) if place.compare == "across" else f"{{column: {_text(place.column)}, compare: within}}"


def _text(text: str) -> str:
    """Return a text as YAML reads it back."""
    plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)
