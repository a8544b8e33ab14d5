"""Results measured elsewhere, as a tidy table: one row for each value.

Columns: ``model, engine, provider, repetition, metric, value, unit``; optional ``size_category, host`` and, for sweeps of the
load, a column for each of `catalog.CURVE_FACTORS` (``batch_size``, ``concurrency``, …), as in a study file. Metrics carry the
names of `catalog.METRICS` and their units; anything else is an error with its line.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace
from pathlib import Path

from greenreport.catalog import CURVE_FACTORS, METRICS
from greenreport.errors import ImportFileError
from greenreport.store.store import Store

REQUIRED = ("model", "engine", "provider", "repetition", "metric", "value", "unit")
MAX_PROBLEMS = 20
MAX_LABEL = 200


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
    """
    rows = read_csv(file)
    source = f"{file.name} sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    with store.writing() as connection:
        connection.execute("DELETE FROM observations WHERE study = ?", [study])
        connection.executemany(
            f"INSERT INTO observations VALUES ({', '.join('?' * 12)})",
            [[study, *values, source, json.dumps(load)] for *values, load in map(astuple, rows)],
        )
    return len(rows)


def observed_studies(store: Store) -> dict[str, tuple[str, tuple[TidyRow, ...]]]:
    """Return imported studies: name → (source, rows)."""
    with store.reading() as connection:
        rows = connection.execute(
            "SELECT study, source, model, size_category, engine, provider, repetition, metric, value, unit, host, load "
            "FROM observations ORDER BY study, rowid"
        ).fetchall()
    studies: dict[str, tuple[str, list[TidyRow]]] = {}
    for study, source, *values, load in rows:
        levels = tuple((str(name), float(level)) for name, level in json.loads(load or "[]"))
        studies.setdefault(study, (source, []))[1].append(replace(TidyRow(*values), load=levels))
    return {study: (source, tuple(values)) for study, (source, values) in studies.items()}


def read_csv(file: Path) -> tuple[TidyRow, ...]:
    """Read and check a tidy table.

    Raises:
        ImportFileError: naming every problem (up to 20) with its line.
    """
    problems: list[str] = []
    rows: list[TidyRow] = []
    seen: dict[tuple[object, ...], int] = {}
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            absent = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
            if absent:
                raise ImportFileError(f"{file}:1: missing columns {', '.join(absent)}; needed: {', '.join(REQUIRED)}")
            for row in reader:
                try:
                    parsed = _row({key: (value or "").strip() for key, value in row.items() if key is not None})
                    identity = (parsed.model, parsed.engine, parsed.provider, parsed.repetition, parsed.metric, parsed.load)
                    if identity in seen:
                        raise ValueError(f"the same run and metric as line {seen[identity]}")
                    seen[identity] = reader.line_num
                    rows.append(parsed)
                except ValueError as error:
                    problems.append(f"{file}:{reader.line_num}: {error}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ImportFileError(f"{file}: cannot be read as CSV: {error}") from None
    if problems:
        more = f"\n… and {len(problems) - MAX_PROBLEMS} more" if len(problems) > MAX_PROBLEMS else ""
        raise ImportFileError("\n".join(problems[:MAX_PROBLEMS]) + more)
    if not rows:
        raise ImportFileError(f"{file}: holds no rows")
    return tuple(rows)


def _row(row: dict[str, str]) -> TidyRow:
    for name in ("model", "engine", "provider"):
        if not row[name]:
            raise ValueError(f"{name} is empty")
        if len(row[name]) > MAX_LABEL:
            raise ValueError(f"{name} is longer than {MAX_LABEL} characters")
    metric = row["metric"]
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric[:60]!r}; known: {', '.join(METRICS)}")
    if row["unit"] != METRICS[metric].unit:
        raise ValueError(f"{metric} is in {METRICS[metric].unit!r}, not {row['unit'][:20]!r}; convert it first")
    if not row["repetition"].isdigit() or int(row["repetition"]) < 1:
        raise ValueError(f"repetition {row['repetition'][:20]!r} is no whole number from 1")
    try:
        value = float(row["value"])
    except ValueError:
        raise ValueError(f"value {row['value'][:30]!r} is no number") from None
    if not math.isfinite(value):
        raise ValueError(f"value {row['value'][:30]!r} is not finite; leave the row out instead")
    return TidyRow(
        row["model"], row.get("size_category") or None, row["engine"], row["provider"], int(row["repetition"]), metric, value,
        row["unit"], row.get("host") or None, tuple(_levels(row)),
    )  # fmt: skip


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
