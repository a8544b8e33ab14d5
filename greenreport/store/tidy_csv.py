"""Results measured elsewhere, as a tidy table: one row for each value.

Columns: ``model, engine, provider, repetition, metric, value, unit``; optional ``size_category, host`` and, for sweeps of the
load, a column for each of `catalog.CURVE_FACTORS` (``batch_size``, ``concurrency``, …), as in a study file. Metrics carry the
names of `catalog.METRICS` and their units; anything else is an error with its line.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
from collections.abc import Iterator, Sized
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from greenreport.catalog import CURVE_FACTORS, METRICS
from greenreport.errors import ImportFileError
from greenreport.regular_files import read_regular
from greenreport.store.store import Store, insert_rows
from greenreport.study import Configuration
from greenreport.study.sweep import MOST_CONFIGURATIONS
from greenreport.units import safe_slug

REQUIRED = ("model", "engine", "provider", "repetition", "metric", "value", "unit")
COLUMNS = (
    "study", "source", "model", "size_category", "engine", "provider", "repetition", "metric", "value", "unit", "host", "load",
)  # fmt: skip
MAX_PROBLEMS = 20
MAX_LABEL = 200
#: More is surely another column; a study cannot ask for more either.
MAX_REPETITION = 10_000
MAX_BYTES = 200_000_000
#: Rows inserted by one statement.
CHUNK = 20_000
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class TidyRow:
    """One imported value.

    Attributes:
        load: (factor, level) of every load column that has a value.
    """

    model: str
    size_category: str | None
    engine: str
    provider: str
    repetition: int
    metric: str
    value: float
    unit: str
    host: str | None
    load: tuple[tuple[str, float], ...] = ()


def import_csv(store: Store, file: Path, study: str) -> int:
    """Replace a study's imported observations by those of a table; return their number.

    Raises:
        ImportFileError: naming every problem (up to 20) with its line.
        StoreError: the store cannot be written.
    """
    try:
        _check_label("the name of the study", study, required=True)
    except ValueError as error:
        raise ImportFileError(f"{error}; give another one with --study") from None
    content = _content(file)
    rows = _parsed(file, content)
    source = f"{file.name} sha256:{hashlib.sha256(content).hexdigest()}"
    with store.writing() as connection:
        connection.execute("DELETE FROM observations WHERE study = ?", [study])
        for start in range(0, len(rows), CHUNK):
            values = [
                (study, source, row.model, row.size_category, row.engine, row.provider, row.repetition, row.metric, row.value, row.unit,
                 row.host, _load_json(row.load))
                for row in rows[start : start + CHUNK]
            ]  # fmt: skip
            insert_rows(connection, "observations", COLUMNS, values)
    return len(rows)


@cache
def _load_json(load: tuple[tuple[str, float], ...]) -> str:
    return json.dumps(load)


@cache
def _read_load(text: str) -> tuple[tuple[str, float], ...]:
    return tuple((str(name), float(level)) for name, level in json.loads(text))


def observed_studies(store: Store) -> dict[str, tuple[str, tuple[TidyRow, ...]]]:
    """Return imported studies: name → (source, rows)."""
    with store.reading() as connection:
        rows = connection.execute(
            "SELECT study, source, model, size_category, engine, provider, repetition, metric, value, unit, host, load "
            "FROM observations ORDER BY study, rowid"
        ).fetchall()
    studies: dict[str, tuple[str, list[TidyRow]]] = {}
    for study, source, *values, load in rows:
        studies.setdefault(study, (source, []))[1].append(TidyRow(*[*values, _read_load(load or "[]")]))
    return {study: (source, tuple(values)) for study, (source, values) in studies.items()}


def read_csv(file: Path) -> tuple[TidyRow, ...]:
    """Read and check a tidy table.

    Raises:
        ImportFileError: naming every problem (up to 20) with its line.
    """
    return _parsed(file, _content(file))


def _content(file: Path) -> bytes:
    try:
        return read_regular(file, MAX_BYTES)
    except OSError as error:
        raise ImportFileError(f"{file}: cannot be read as CSV: {error.strerror or error}") from None


def _parsed(file: Path, content: bytes) -> tuple[TidyRow, ...]:
    problems: list[str] = []
    found = 0
    rows: list[TidyRow] = []
    seen: dict[tuple[object, ...], int] = {}
    try:
        for line, values in _lines(file, content):
            try:
                parsed = _row(values)
                identity = (parsed.model, parsed.engine, parsed.provider, parsed.repetition, parsed.metric, parsed.load)
                if identity in seen:
                    raise ValueError(f"the same run and metric as line {seen[identity]}")
                seen[identity] = line
                rows.append(parsed)
            except ValueError as error:
                found += 1
                if found <= MAX_PROBLEMS:
                    problems.append(f"{file}:{line}: {error}")
    except (UnicodeDecodeError, csv.Error) as error:
        raise ImportFileError(f"{file}: cannot be read as CSV: {error}") from None
    if problems:
        more = f"\n… and {found - MAX_PROBLEMS} more" if found > MAX_PROBLEMS else ""
        raise ImportFileError("\n".join(problems) + more)
    if not rows:
        raise ImportFileError(f"{file}: holds no rows")
    configurations = {(row.engine, row.provider, row.load) for row in rows}
    groups: Sized
    for what, groups in (("models", {row.model for row in rows}), ("configurations", configurations)):
        if len(groups) > MOST_CONFIGURATIONS:
            raise ImportFileError(f"{file}: holds {len(groups):,} {what}, and a study has at most {MOST_CONFIGURATIONS:,}")
    return tuple(rows)


def _lines(file: Path, content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line on which each row ends, and its values by column."""
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline=""), strict=True)
    header = next(reader, [])
    absent = [name for name in REQUIRED if name not in header]
    if absent:
        raise ImportFileError(f"{file}:1: missing columns {', '.join(absent)}; needed: {', '.join(REQUIRED)}")
    twice = sorted({name for name in header if header.count(name) > 1 and name in (*REQUIRED, *CURVE_FACTORS)})
    if twice:
        raise ImportFileError(f"{file}:1: columns that stand there twice: {', '.join(twice)}")
    empty = dict.fromkeys(header, "")
    for values in reader:
        if values:
            yield reader.line_num, empty | dict(zip(header, map(str.strip, values), strict=False))


def _row(row: dict[str, str]) -> TidyRow:
    for name in ("model", "engine", "provider", "size_category", "host"):
        _check_label(name, row.get(name, ""), required=name in REQUIRED)
    metric = row["metric"]
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric[:60]!r}; known: {', '.join(METRICS)}")
    if row["unit"] != METRICS[metric].unit:
        raise ValueError(f"{metric} is in {METRICS[metric].unit!r}, not {row['unit'][:20]!r}; convert it first")
    parsed = TidyRow(
        row["model"], row.get("size_category") or None, row["engine"], row["provider"], _repetition(row["repetition"]), metric,
        _number(row["value"]), row["unit"], row.get("host") or None, tuple(_levels(row)),
    )  # fmt: skip
    configuration_of(parsed.engine, parsed.load)
    return parsed


def _check_label(name: str, text: str, *, required: bool) -> None:
    if required and not text:
        raise ValueError(f"{name} is empty")
    if len(text) > MAX_LABEL:
        raise ValueError(f"{name} is longer than {MAX_LABEL} characters")
    if CONTROL.search(text):
        raise ValueError(f"{name} holds a line break or another control character")


def _repetition(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 20 else 0
    if number < 1:
        raise ValueError(f"repetition {text[:20]!r} is no whole number from 1")
    if number > MAX_REPETITION:
        raise ValueError(f"repetition {text[:20]!r} is more than {MAX_REPETITION:,}, the most a study has")
    return number


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"value {text[:30]!r} is no number") from None
    if not math.isfinite(value):
        raise ValueError(f"value {text[:30]!r} is not finite; leave the row out instead")
    return value


@cache
def configuration_of(engine: str, load: tuple[tuple[str, float], ...]) -> Configuration:
    """Return the configuration that rows with these values are about, without its name.

    Raises:
        ValueError: no study can have a load of this size.
    """
    levels = {name: int(level) if CURVE_FACTORS[name].whole else level for name, level in load}
    try:
        return Configuration.model_validate({"engine": safe_slug(engine), **levels})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _levels(row: dict[str, str]) -> Iterator[tuple[str, float]]:
    for name, factor in CURVE_FACTORS.items():
        if not (text := row.get(name)):
            continue
        try:
            level = float(text)
        except ValueError:
            raise ValueError(f"{name} {text[:20]!r} is no number") from None
        if not math.isfinite(level) or level <= 0 or (factor.whole and level != int(level)):
            raise ValueError(f"{name} {text[:20]!r} is no {'whole number from 1' if factor.whole else 'rate'}")
        yield name, level
