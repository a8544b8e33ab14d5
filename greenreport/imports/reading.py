"""Reads the results of other tools: finds the files, recognises their format, and returns their columns as one table."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from greenreport.catalog import FORMATS, load_target
from greenreport.errors import ImportFileError, UsageError
from greenreport.imports.mapping import Mapping, load_mapping
from greenreport.imports.reader import Candidate, Reader
from greenreport.imports.results_table import GROUPING, NUMERIC, Column, ResultsTable, Role
from greenreport.units import counted

#: Files of a folder; more are surely something else.
MOST_FILES = 20_000


def read_results(
    paths: Sequence[Path],
    format: str | None = None,  # noqa: A002 - the word of the command and of the mapping
    mapping: Mapping | Path | None = None,
    *,
    runs: bool = False,
) -> ResultsTable:
    """Return what files and folders say, as one table.

    Args:
        paths: files, and folders that are walked for files of one format.
        format: name of a format of the catalog; recognised by what a file holds when absent.
        mapping: what the columns are, or the file that says so; suggested by names and cells when absent.
        runs: take a file of samples for one run, with the energy that its samples make.

    Raises:
        ImportFileError: nothing is recognised, files of several formats are, or one is not what it seems.
        SpecError: the mapping is wrong.
        UsageError: there is no such format.
    """
    declared = load_mapping(mapping) if isinstance(mapping, Path) else mapping or Mapping()
    found = list(recognised(paths, format or declared.format))
    names = sorted({name for name, _ in found})
    if len(names) > 1:
        raise ImportFileError(
            f"{paths[0]}: files of several formats lie here ({', '.join(names)}); choose with --format, or give one folder of each"
        )
    return joined([(reader(name).runs if runs else reader(name).read)(file, declared) for name, file in found])


def recognised(paths: Sequence[Path], kind: str | None = None) -> Iterator[tuple[str, Path]]:
    """Yield format and path of every file of results; files of a folder that hold none are passed over.

    Raises:
        ImportFileError: a named file is of no known format, or a folder holds none.
        UsageError: there is no such format.
    """
    if kind is not None and kind not in FORMATS:
        raise UsageError(f"unknown format {kind!r}; there are {', '.join(FORMATS)}")
    for path in paths:
        if not path.is_dir():
            yield _format_of(Candidate(path), kind), path
            continue
        files = [
            file
            for file in sorted(path.rglob("*"))
            if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
        ]
        if len(files) > MOST_FILES:
            raise ImportFileError(
                f"{path}: holds {len(files):,} files, and at most {MOST_FILES:,} are looked at; name the files"
            )
        known = [(name, file) for file in files if (name := known_format(Candidate(file), kind)) is not None]
        if not known:
            raise ImportFileError(
                f"{path}: {counted(len(files), 'file')}, none with results of a known format ({', '.join(FORMATS)})"
            )
        yield from _foremost(known)


def known_format(file: Candidate, kind: str | None = None) -> str | None:
    """Return the name of the first format that a file is of, of one alone where it is given; None without any."""
    return next((name for name in FORMATS if kind in (None, name) and reader(name).recognises(file)), None)


def _format_of(file: Candidate, kind: str | None) -> str:
    found = kind or known_format(file)
    if not file.head or found is None:
        what = (
            "is empty"
            if not file.head
            else f"is of no known format ({', '.join(FORMATS)}); --format names one, and any table of text can be mapped (docs/imports.md)"
        )
        raise ImportFileError(f"{file.path}: {what}")
    return found


def _foremost(known: Sequence[tuple[str, Path]]) -> list[tuple[str, Path]]:
    """Return the files of the format that is most particular: beside a run table, its traces and other tables are parts of it."""
    first = min((name for name, _ in known), key=list(FORMATS).index)
    return [(name, file) for name, file in known if name == first]


@cache
def reader(name: str) -> Reader:
    """Return the reader of a format."""
    made: Reader = load_target(FORMATS[name].target)()
    return made


def joined(tables: Sequence[ResultsTable]) -> ResultsTable:
    """Return tables as one: rows after each other, a column for each that any of them has."""
    if len(tables) == 1:
        return tables[0]
    rows = [len(table) for table in tables]
    identities = dict.fromkeys((c.name, c.role, c.key, c.statistic) for table in tables for c in table.columns)
    columns = []
    for identity in identities:
        if identity[1] in GROUPING - {Role.LOAD} and any(all(c.name != identity[0] for c in table.columns) for table in tables):
            raise ImportFileError(
                f"{tables[0].source} and other files do not tell the same: {identity[0]} is in some of them alone. Import each kind of file on its own"
            )
        parts = [next((c for c in table.columns if (c.name, c.role, c.key, c.statistic) == identity), None) for table in tables]
        columns.append(_joined_column(next(part for part in parts if part is not None), parts, rows))
    digest = hashlib.sha256("".join(table.digest for table in tables).encode()).hexdigest()
    source = f"{tables[0].source} and {counted(len(tables) - 1, 'more file')}"
    return ResultsTable(
        source, tables[0].format, digest, tuple(columns), np.concatenate([table.lines for table in tables]), tables[0].row
    )


def _joined_column(like: Column, parts: Sequence[Column | None], rows: Sequence[int]) -> Column:
    blank: object = np.nan if like.role in NUMERIC else ""
    kind = np.float64 if like.role in NUMERIC else np.object_
    pieces, counts = [], []
    for part, number in zip(parts, rows, strict=True):
        values = np.full(number, blank, dtype=kind) if part is None else part.values
        if part is not None and part.scale != like.scale:
            values = part.scaled / like.scale
        pieces.append(values)
        counts.append(np.full(number, np.nan) if part is None or part.counts is None else part.counts)
    known = any(part is not None and part.counts is not None for part in parts)
    return replace(like, values=np.concatenate(pieces), counts=np.concatenate(counts) if known else None)
