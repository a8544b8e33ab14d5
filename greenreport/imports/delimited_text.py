"""Tables of text with separators, read by DuckDB column by column: the file is never held as a whole.

Cells are text until a column is asked for as numbers; digits are those of ASCII, and the decimal mark is the declared one.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from greenreport.errors import ImportFileError
from greenreport.regular_files import regular_size

MAX_BYTES = 4_000_000_000
MAX_COLUMNS = 5_000
SEPARATORS = (",", ";", "\t", "|")
#: Bytes read at a time.
CHUNK = 1 << 22
#: What stands in a cell without a value.
BLANKS = ("", "nan", "na", "n/a", "null", "none", "-")
#: First problems of a column that are told.
SHOWN = 20
#: What DuckDB may use for a table; more lies on the disk meanwhile.
MEMORY = "400MB"
#: Different texts up to which a column is read as numbers of texts.
MOST_ENUM = 200_000
_HEAD_BYTES = 1 << 20
_WHERE = re.compile(r"CSV Error on Line: (\d+)")
_WHAT = re.compile(
    r"(?m)^(Expected Number of Columns: .*|Value with unterminated quote.*|.*unterminated.*|Maximum line size.*)$"
)


@dataclass(frozen=True, slots=True)
class NotNumbers:
    """Cells of a column that are no number: how many, and the first of them with their rows, from 0."""

    column: str
    count: int
    first: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What a column holds.

    Attributes:
        filled: cells that are not blank; numeric: those that are numbers; whole: those that are whole numbers.
        distinct: different texts among them; least, most: of the numbers.
    """

    name: str
    filled: int
    numeric: int
    whole: int
    distinct: int
    least: float
    most: float


@dataclass(slots=True)
class DelimitedText:
    """An open file with a header.

    Attributes:
        names: the columns, as the header spells them.
        digest: SHA-256 of the file.
    """

    path: Path
    names: tuple[str, ...]
    separator: str
    decimal: str
    digest: str
    rows: int
    _file: Path
    _connection: duckdb.DuckDBPyConnection = field(repr=False)
    _lines: NDArray[np.int64] | None = field(default=None, repr=False)
    _simple: bool = True

    def levels(self, name: str) -> tuple[list[str], NDArray[np.int64]]:
        """Return the different texts of a column in order, and for each row which of them it has; blanks around a text do not count."""
        cell, column = self._cell(name), f"c{self.names.index(name)}"
        # Cells as they are written are told apart first: few differ, and blanks around them are then cut off once for each, not in every row.
        self._query(f"CREATE OR REPLACE TEMP TABLE written AS SELECT DISTINCT {column} FROM t")
        pairs = self._query(f"SELECT {column}, {cell} FROM written ORDER BY 2, 1 NULLS LAST").fetchall()
        levels = list(dict.fromkeys(str(level) for _, level in pairs))
        places = {level: code for code, level in enumerate(levels)}
        if len(pairs) > MOST_ENUM:
            rows = [str(row[0]) for row in self._query(f"SELECT {cell} FROM t").fetchall()]
            return levels, np.array([places[row] for row in rows], dtype=np.int64)
        told = [str(level) for text, level in pairs if text is not None]
        self._query("DROP TYPE IF EXISTS written_type")
        self._query(
            f"CREATE TYPE written_type AS ENUM (SELECT {column} FROM written WHERE {column} IS NOT NULL ORDER BY {cell}, 1)"
        )
        found = self._query(
            f"SELECT coalesce(enum_code({column}::written_type)::BIGINT, {len(told)}) AS code FROM t"
        ).fetchnumpy()["code"]
        codes = np.array([*(places[level] for level in told), places.get("", 0)], dtype=np.int64)
        return levels, codes[np.asarray(found, dtype=np.int64)]

    def texts(self, names: Iterable[str]) -> dict[str, NDArray[np.object_]]:
        """Return columns as text; equal texts are one object."""
        found = {}
        for name in names:
            levels, codes = self.levels(name)
            found[name] = np.array([*levels, ""], dtype=np.object_)[codes]
        return found

    def numbers(
        self, names: Sequence[str], *, blanks: bool = True
    ) -> tuple[dict[str, NDArray[np.float64]], tuple[NotNumbers, ...]]:
        """Return columns as numbers, NaN where a cell is blank, and the cells that are neither.

        Args:
            blanks: whether a cell may be blank.
        """
        if not names:
            return {}, ()
        wanted = ", ".join(f"{self._number(name)} AS n{place}" for place, name in enumerate(names))
        found = self._query(f"SELECT {wanted} FROM t").fetchnumpy()
        columns = {
            name: np.ma.masked_array(found[f"n{place}"], dtype=np.float64).filled(np.nan) for place, name in enumerate(names)
        }
        wrong = []
        for name, values in columns.items():
            if np.isfinite(values).all():
                continue
            bad = self._query(
                f"SELECT row, text FROM (SELECT row_number() OVER () - 1 AS row, {self._cell(name)} AS text, {self._number(name)} AS value FROM t) "
                f"WHERE (value IS NULL OR NOT isfinite(value)){' AND NOT ' + self._blank('text') if blanks else ''} ORDER BY row"
            ).fetchmany(SHOWN + 1)
            if bad:
                number = int(np.count_nonzero(~np.isfinite(values))) if len(bad) > SHOWN else len(bad)
                wrong.append(NotNumbers(name, number, tuple((int(row), str(text)) for row, text in bad[:SHOWN])))
        return columns, tuple(wrong)

    def profiles(self) -> tuple[ColumnProfile, ...]:
        """Return what each column holds."""
        found = []
        for name in self.names:
            cell, value = self._cell(name), self._number(name)
            row = self._query(
                f"SELECT count(*), count(value), count(value) FILTER (value = trunc(value)), count(DISTINCT text), min(value), max(value) FROM "
                f"(SELECT {cell} AS text, {value} AS value FROM t) WHERE NOT {self._blank('text')}"
            ).fetchall()[0]
            found.append(
                ColumnProfile(name, *map(int, row[:4]), *(float("nan") if edge is None else float(edge) for edge in row[4:]))
            )
        return tuple(found)

    @property
    def lines(self) -> NDArray[np.int64]:
        """The line of the file on which each row ends."""
        if self._lines is None:
            if self._simple:
                self._lines = np.arange(2, self.rows + 2, dtype=np.int64)
            else:
                with self._file.open(encoding="utf-8-sig", newline="") as stream:
                    reader = csv.reader(stream, delimiter=self.separator)
                    next(reader)
                    lines = [reader.line_num for values in reader if values]
                self._lines = np.array(lines[: self.rows], dtype=np.int64)
        return self._lines

    def _cell(self, name: str) -> str:
        return f"coalesce(trim(c{self.names.index(name)}, e' \\t\\r\\n' || chr(160)), '')"

    def _number(self, name: str) -> str:
        cell, mark = self._cell(name), "[.]" if self.decimal == "." else ","
        pattern = rf"[+-]?([0-9]+{mark}?[0-9]*|{mark}[0-9]+)([eE][+-]?[0-9]+)?"
        text = cell if self.decimal == "." else f"replace({cell}, ',', '.')"
        return f"CASE WHEN regexp_full_match({cell}, '{pattern}') THEN TRY_CAST({text} AS DOUBLE) END"

    def _blank(self, text: str) -> str:
        return f"lower({text}) IN ({', '.join(repr(blank) for blank in BLANKS)})"

    def _query(self, query: str) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(query)
        except duckdb.Error as error:
            raise _unreadable(self.path, error) from None


@contextmanager
def open_table(
    path: Path, *, separator: str | None = None, decimal: str = ".", encoding: str = "utf-8"
) -> Iterator[DelimitedText]:
    """Open a table for as long as it is read.

    Raises:
        ImportFileError: it is no regular file, not text of this encoding, or no table with a header; with the line where that is known.
    """
    with (
        tempfile.TemporaryDirectory(prefix="greenreport-", ignore_cleanup_errors=True) as kept,
        closing(_connection()) as connection,
    ):
        try:
            regular_size(path, MAX_BYTES)
            digest, file, breaks = _checked(path, codecs.lookup(encoding), Path(kept))
        except LookupError:
            raise ImportFileError(
                f"{path}: the encoding {encoding!r} is not known; write for example utf-8, cp1252 or utf-16"
            ) from None
        except UnicodeDecodeError as error:
            raise ImportFileError(
                f"{path}: cannot be read as CSV: it is not {encoding} text ({error.reason}); declare its encoding in a mapping, for example `encoding: cp1252`"
            ) from None
        except OSError as error:
            raise ImportFileError(f"{path}: cannot be read as CSV: {error.strerror or error}") from None
        names, separator = _header(path, file, separator)
        table = DelimitedText(path, names, separator, decimal, digest, 0, file, connection)
        columns = "{" + ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(names))) + "}"
        quoted = str(file).replace("'", "''")
        mark = separator.replace("\t", "\\t")
        table._query(
            f"CREATE TEMP VIEW t AS SELECT * FROM read_csv('{quoted}', auto_detect = false, header = true, delim = e'{mark}', quote = '\"', "
            f"escape = '\"', strict_mode = true, columns = {columns}, max_line_size = 10000000)"
        )
        table.rows = int(table._query("SELECT count(*) FROM t").fetchall()[0][0])
        table._simple = table.rows == breaks - 1
        yield table


def _connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"SET memory_limit = '{MEMORY}'")
    return connection


def _checked(path: Path, codec: codecs.CodecInfo, folder: Path) -> tuple[str, Path, int]:
    """Decode a file once; return its digest, a file with its text in UTF-8 (itself, where it is that), and its number of lines."""
    digest, decoder = hashlib.sha256(), codec.incrementaldecoder()
    same = codec.name == "utf-8"
    breaks, last = 0, "\n"
    copy = folder / "text.csv"
    with path.open("rb") as stream, io.BytesIO() if same else copy.open("wb") as out:
        while True:
            data = stream.read(CHUNK)
            digest.update(data)
            text = decoder.decode(data, final=not data)
            breaks += text.count("\n")
            last = text[-1:] or last
            if "\0" in text:
                raise UnicodeDecodeError(codec.name, b"\0", 0, 1, "it holds characters of no text")
            if not same:
                out.write(text.encode())
            if not data:
                return digest.hexdigest(), path if same else copy, breaks + (last != "\n")


def _header(path: Path, file: Path, separator: str | None) -> tuple[tuple[str, ...], str]:
    """Return the names of the columns and what separates them."""
    with file.open("rb") as stream:
        head = stream.read(_HEAD_BYTES).decode("utf-8-sig", "ignore")
    found: dict[str, list[str]] = {}
    for mark in (separator,) if separator else SEPARATORS:
        try:
            found[mark] = next(csv.reader(io.StringIO(head), delimiter=mark, strict=True), [])
        except csv.Error as error:
            raise ImportFileError(f"{path}:1: cannot be read as CSV: {error}") from None
    best = max(found, key=lambda mark: len(found[mark]))
    header = [name.strip() for name in found[best]]
    if separator and len(header) == 1 and (other := max(SEPARATORS, key=header[0].count)) in header[0]:
        raise ImportFileError(
            f"{path}:1: one column only; its cells seem to be separated by {other!r}: declare `separator: {other!r}`"
        )
    if len(header) > MAX_COLUMNS:
        raise ImportFileError(f"{path}:1: {len(header):,} columns, and at most {MAX_COLUMNS:,} are read")
    names = tuple(name or f"column_{place}" for place, name in enumerate(header, 1))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ImportFileError(f"{path}:1: columns that stand there twice: {', '.join(twice)}")
    return names, best


def _unreadable(path: Path, error: duckdb.Error) -> ImportFileError:
    text = str(error)
    where, what = _WHERE.search(text), _WHAT.search(text)
    line = f":{where[1]}" if where else ""
    reason = what[0].strip() if what else text.partition("\n")[0][:200]
    return ImportFileError(f"{path}{line}: cannot be read as CSV: {reason}; are separator and quotes as elsewhere in the file?")
