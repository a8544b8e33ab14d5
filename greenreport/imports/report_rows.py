"""Reports as rows: what readers of JSON and YAML documents put together, one row for each load that was measured."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from greenreport.errors import ImportFileError, SpecError
from greenreport.imports.declared_units import scale_of
from greenreport.imports.mapping import Mapping
from greenreport.imports.results_table import NO_ENGINE, NO_MODEL, NUMERIC, UNTOLD, Column, ResultsTable, Role
from greenreport.regular_files import read_regular
from greenreport.study import read_document

#: A report is read as a whole.
MAX_BYTES = 500_000_000
_PERCENTILE = re.compile(r"p_?(\d{1,2}(?:\.\d+)?)")
_NAMED = {
    "mean": "mean",
    "avg": "mean",
    "average": "mean",
    "median": "p50",
    "min": "min",
    "max": "max",
    "std": "std",
    "std_dev": "std",
    "stddev": "std",
}
_DURATION = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")


@dataclass(frozen=True, slots=True)
class Measured:
    """One value of a report.

    Attributes:
        name: where it stands in the document: ``latency.ttft.p99``.
        of_values: of how many values a statistic is, where that is told.
    """

    name: str
    key: str
    unit: str
    value: float
    statistic: str | None = None
    of_values: float = math.nan


@dataclass(slots=True)
class ReportRow:
    """One row: what was measured, under which load.

    Attributes:
        texts: (role, name) → text; load: load factor → level; within: factors that are different work.
    """

    line: int
    texts: dict[tuple[Role, str], str] = field(default_factory=dict)
    load: dict[str, float] = field(default_factory=dict)
    values: list[Measured] = field(default_factory=list)
    within: frozenset[str] = frozenset()

    def tell(self, role: Role, text: object, name: str = "") -> None:
        """Note a text, unless the document has none there."""
        if isinstance(text, str) and text.strip():
            self.texts[role, name or role.value] = text.strip()

    def ask(self, factor: str, level: object) -> None:
        """Note a load, unless the document has none there: some write infinity for one without bound."""
        if not math.isnan(value := number(level)) and value > 0:
            self.load[factor] = value

    def measure(
        self, name: str, key: str, unit: str, value: object, statistic: str | None = None, of_values: object = None
    ) -> None:
        """Note a value, unless the document has none there."""
        if not math.isnan(found := number(value)):
            self.values.append(Measured(name, key, unit, found, statistic, number(of_values)))

    def describe(self, name: str, key: str, unit: str, block: object) -> None:
        """Note every statistic of a block such as ``{mean: …, median: …, p99: …}``; percentiles may stand in a block of their own."""
        if not isinstance(block, dict):
            return
        nested = block.get("percentiles")
        levels = {**block, **(nested if isinstance(nested, dict) else {})}
        seen: set[str] = set()
        for told, value in levels.items():
            statistic = statistic_of(told)
            if statistic is not None and statistic not in seen and not math.isnan(number(value)):
                seen.add(statistic)
                self.measure(f"{name}.{told}", key, unit, value, statistic, block.get("count"))


def statistic_of(name: str) -> str | None:
    """Return a statistic as columns name it: of ``p999`` p99.9, of ``median`` p50; None for what is none."""
    if name in _NAMED:
        return _NAMED[name]
    name = name.replace("p99p9", "p99.9").replace("p0p1", "p0.1")
    if re.fullmatch(r"p0\d\d?", name):  # p05 is the 5th percentile, p001 the 0.1th
        return f"p{float(name[1:]) / 10 ** (len(name) - 3):g}" if len(name) == 4 else f"p{int(name[1:])}"
    if re.fullmatch(r"p9{3,}", name):
        return f"p99.{name[3:]}"
    found = _PERCENTILE.fullmatch(name)
    return None if found is None else f"p{float(found[1]):g}"


def number(value: object) -> float:
    """Return a finite number of a document, NaN for anything else."""
    if isinstance(value, str):
        try:
            value = float(value) if value.isascii() and "_" not in value else math.nan
        except ValueError:
            return math.nan
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300 else math.nan


def at(document: object, path: str) -> Any:
    """Return what stands at a path such as ``results.latency``, None where nothing does."""
    for part in path.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document


def seconds_of(text: object) -> float:
    """Return the seconds of an ISO 8601 duration or moment, NaN for anything else."""
    if not isinstance(text, str):
        return number(text)
    if (found := _DURATION.fullmatch(text)) is not None and any(found.groups()):
        return sum(float(part or 0) * scale for part, scale in zip(found.groups(), (86_400, 3600, 60, 1), strict=True))
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return math.nan


def read_json(path: Path) -> Any:
    """Return the document of a file.

    Raises:
        ImportFileError: it cannot be read or is no JSON, with the line.
    """
    try:
        return json.loads(read_regular(path, MAX_BYTES).decode("utf-8-sig"))
    except OSError as error:
        raise ImportFileError(f"{path}: cannot be read: {error.strerror or error}") from None
    except json.JSONDecodeError as error:
        raise ImportFileError(f"{path}:{error.lineno}: is not JSON: {error.msg}") from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise ImportFileError(f"{path}: is not JSON: {error}") from None


def read_yaml(path: Path) -> Any:
    """Return the document of a YAML file.

    Raises:
        ImportFileError: it cannot be read or is no YAML, with the line.
    """
    try:
        return read_document(path).data
    except SpecError as error:
        raise ImportFileError(str(error)) from None


def reports(path: Path, kind: str, rows: Sequence[ReportRow], mapping: Mapping, row: str = "report") -> ResultsTable:
    """Return rows as a table; what the mapping says for all rows takes the place of what the document says.

    Raises:
        ImportFileError: there are no rows, or the mapping names columns, which a document does not have.
    """
    if not rows or not any(item.values for item in rows):
        raise ImportFileError(f"{path}: holds no results")
    rows = [_declared(path, item, mapping) for item in rows]
    columns = [*_texts(rows), *_loads(rows), *_metrics(rows)]
    digest = hashlib.sha256(read_regular(path, MAX_BYTES)).hexdigest()
    return ResultsTable(path.name, kind, digest, tuple(columns), np.array([item.line for item in rows], dtype=np.int64), row)


def _declared(path: Path, row: ReportRow, mapping: Mapping) -> ReportRow:
    if mapping.metrics or mapping.left_out or mapping.repetition or mapping.block:
        raise ImportFileError(
            f"{path}: this format says itself what it measures; its mapping can give engine, provider, model, host and factors for all rows"
        )
    texts, load, within = dict(row.texts), dict(row.load), set(row.within)
    for role, name, place in mapping.places():
        if place.value is None:
            raise ImportFileError(f"{path}: has no columns; write `{name}: {{value: …}}` in the mapping")
        if role in NUMERIC:
            load[name] = number(place.value)
        else:
            texts[role, name] = str(place.value)
            within |= {name} if place.compare == "within" else set()
    texts.setdefault((Role.MODEL, "model"), NO_MODEL)
    return replace(row, texts=texts, load=load, within=frozenset(within))


def _texts(rows: Sequence[ReportRow]) -> Iterator[Column]:
    for role, name in dict.fromkeys(identity for row in rows for identity in row.texts):
        values = np.array(
            [row.texts.get((role, name), NO_ENGINE if role is Role.ENGINE else UNTOLD) for row in rows], dtype=np.object_
        )
        yield Column(name, role, values, key=name, within=any(name in row.within for row in rows))


def _loads(rows: Sequence[ReportRow]) -> Iterator[Column]:
    for name in dict.fromkeys(name for row in rows for name in row.load):
        yield Column(name, Role.LOAD, np.array([row.load.get(name, math.nan) for row in rows]), key=name)


def _metrics(rows: Sequence[ReportRow]) -> Iterator[Column]:
    found: dict[tuple[str, str | None], dict[int, Measured]] = {}
    for place, row in enumerate(rows):
        for value in row.values:
            found.setdefault((value.key, value.statistic), {}).setdefault(place, value)
    for (key, statistic), values in found.items():
        first = next(iter(values.values()))
        cells, counts = np.full(len(rows), math.nan), np.full(len(rows), math.nan)
        scale = scale_of(first.unit, key)
        for place, value in values.items():
            cells[place] = value.value if value.unit == first.unit else value.value * scale_of(value.unit, key) / scale
            counts[place] = value.of_values
        told = None if np.isnan(counts).all() else counts
        yield Column(first.name, Role.METRIC, cells, key, first.unit, scale, statistic, counts=told)


def first_of(document: AnyMapping[str, Any], names: Iterable[str]) -> Any:
    """Return the first of several entries that a document has."""
    return next((document[name] for name in names if document.get(name) is not None), None)
