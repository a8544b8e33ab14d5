"""What `schema.sql` says: the tables and columns of a store, and how stores of earlier versions are raised to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from greenreport.errors import StoreError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SCHEMA = Path(__file__).with_name("schema.sql")
SCHEMA_VERSION = 6
#: What raises a store of an earlier version by one.
RAISE = {
    1: "ALTER TABLE observations ADD COLUMN IF NOT EXISTS load VARCHAR",
    2: "ALTER TABLE requests ADD COLUMN IF NOT EXISTS server INTEGER",
    3: "ALTER TABLE marks ADD COLUMN IF NOT EXISTS steady BOOLEAN",
    4: SCHEMA.read_text(encoding="utf-8")  # the tables that are new
    + "ALTER TABLE requests ADD COLUMN IF NOT EXISTS prompt_sha256 VARCHAR;"
    "ALTER TABLE requests ADD COLUMN IF NOT EXISTS rendered_sha256 VARCHAR;"
    "ALTER TABLE requests ADD COLUMN IF NOT EXISTS reasoning_tokens INTEGER;"
    "ALTER TABLE requests ADD COLUMN IF NOT EXISTS first_answer_ns BIGINT;"
    "ALTER TABLE outputs ADD COLUMN IF NOT EXISTS reasoning VARCHAR",
    5: "ALTER TABLE observations ADD COLUMN IF NOT EXISTS factors VARCHAR;"
    "ALTER TABLE observations ADD COLUMN IF NOT EXISTS statistic VARCHAR;"
    "ALTER TABLE observations ADD COLUMN IF NOT EXISTS of_values DOUBLE",
}
#: Columns that earlier exports do not have.
ADDED = {
    "requests": {"server", "prompt_sha256", "rendered_sha256", "reasoning_tokens", "first_answer_ns"},
    "marks": {"steady"},
    "outputs": {"reasoning"},
}
#: Columns of text that may be long: answers, prompts, logs. Those of files are refused beyond `MOST_CHARACTERS` elsewhere.
LONG_TEXTS = frozenset({"text", "reasoning", "detail", "error"})
MOST_CHARACTERS = 100_000
#: The tables of run records, which are exported.
TABLES = ("environments", "runs", "marks", "requests", "outputs", "prompts", "verdicts", "traces")
#: Tables without a file where they are empty; earlier exports do not have them.
OPTIONAL_TABLES = frozenset({"prompts", "verdicts"})
#: Rows that several runs share: one that is there already stays as it is.
SHARED_TABLES = frozenset({"environments", "outputs", "prompts", "verdicts"})


@dataclass(frozen=True, slots=True)
class ColumnType:
    """Type of a column in SQL, and whether it may be NULL."""

    sql: str
    nullable: bool


def connect(path: Path | None = None, *, read_only: bool = False) -> DuckDBPyConnection:
    """Open a database, in memory without a path; it draws no progress bar and looks for no extensions on the network."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    connection = duckdb.connect(":memory:" if path is None else str(path), read_only=read_only, config=settings)
    connection.execute("SET enable_progress_bar = false")
    return connection


def first_line(error: Exception) -> str:
    """Return what DuckDB or the system says of a failure, in one line; the sentence around it brings its own full stop."""
    return str(error).partition("\n")[0].strip().rstrip(".!")


@cache
def schema() -> dict[str, dict[str, ColumnType]]:
    """Return the columns of each table."""
    statements = SCHEMA.read_text(encoding="utf-8")
    with closing(connect()) as connection:
        connection.execute(statements)
        return {table: _columns_of(connection, table) for table in re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", statements)}


def has_schema(connection: DuckDBPyConnection) -> bool:
    """Return whether a database has the tables and the version of this greenreport; otherwise `check_schema` says what is wrong.

    A database answers about tables whose names are given in a quarter of the time that looking at all of them takes.
    """
    try:
        complete = all(not _wrong(columns, _columns_of(connection, table)) for table, columns in schema().items())
        return complete and _version(connection) == SCHEMA_VERSION
    except duckdb.CatalogException:  # a table is not there
        return False


def _columns_of(connection: DuckDBPyConnection, table: str) -> dict[str, ColumnType]:
    rows = connection.execute(f"SELECT name, type, NOT \"notnull\" FROM pragma_table_info('{table}')").fetchall()
    return {name: ColumnType(kind, nullable) for name, kind, nullable in rows}


def _wrong(expected: Mapping[str, ColumnType], present: Mapping[str, ColumnType]) -> list[str]:
    """Return the columns that are not there, or of another type."""
    return [name for name, kind in expected.items() if present.get(name) != kind]


def _version(connection: DuckDBPyConnection) -> int | None:
    row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    return row[0] if row else None


def _every_column(connection: DuckDBPyConnection) -> dict[str, dict[str, ColumnType]]:
    tables: dict[str, dict[str, ColumnType]] = {}
    query = (
        "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
        "WHERE NOT internal AND table_oid IN (SELECT table_oid FROM duckdb_tables()) ORDER BY column_index"
    )
    for table, name, kind, nullable in connection.execute(query).fetchall():
        tables.setdefault(table, {})[name] = ColumnType(kind, nullable)
    return tables


def check_schema(connection: DuckDBPyConnection, of: str) -> None:
    """Give an empty database the tables, raise one of an earlier version, and refuse every other.

    Args:
        of: which database, for the error.

    Raises:
        StoreError: the database has another version or other tables.
    """
    present = _every_column(connection)
    if not present:
        connection.execute(SCHEMA.read_text(encoding="utf-8"))
        connection.execute("INSERT INTO schema_version VALUES (?)", [SCHEMA_VERSION])
        return
    if "version" not in present.get("schema_version", {}):
        raise StoreError(f"{of} is the database of another program; move it away, or use another --cache")
    version = _version(connection)
    while version in RAISE:
        connection.execute(RAISE[version])
        version += 1
        connection.execute("INSERT INTO schema_version VALUES (?)", [version])
        present = _every_column(connection)
    if version != SCHEMA_VERSION:
        raise StoreError(
            f"{of} has schema version {version}, this greenreport writes version {SCHEMA_VERSION}; "
            "export it with the greenreport that wrote it, or use another --cache"
        )
    for table, columns in schema().items():
        if wrong := _wrong(columns, present.get(table, {})):
            raise StoreError(
                f"{of} is damaged: its table {table} has no {', '.join(wrong)} of the type it had; "
                "replace the file by a copy, or use another --cache"
            )
