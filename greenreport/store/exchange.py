"""Exchange with files: a study's runs as Parquet, and tables of results measured elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from greenreport.errors import StoreError
from greenreport.store.codec import MalformedRecord
from greenreport.store.reader import RecordReader, records_where
from greenreport.store.schema import (
    ADDED,
    LONG_TEXTS,
    MOST_CHARACTERS,
    OPTIONAL_TABLES,
    SHARED_TABLES,
    TABLES,
    connect,
    first_line,
    schema,
)
from greenreport.store.store import Store

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SORT_MEMORY = "1GB"
_ORDER = {
    "environments": "content", "runs": "repetition, position, run_id", "marks": "run_id, start_ns, end_ns",
    "requests": 'run_id, "index"', "outputs": "sha256", "prompts": "sha256", "verdicts": "prompt_sha256, output_sha256, task",
    "traces": "run_id, meter, domain, quantity",
}  # fmt: skip
_BELONGS = {
    "environments": "content IN (SELECT environment_content FROM runs WHERE run_id IN (SELECT unnest($ids)))",
    "outputs": "sha256 IN (SELECT output_sha256 FROM requests WHERE run_id IN (SELECT unnest($ids)))",
    "prompts": "sha256 IN (SELECT unnest([prompt_sha256, rendered_sha256]) FROM requests WHERE run_id IN (SELECT unnest($ids)))",
    "verdicts": "(prompt_sha256, output_sha256) IN "
    "(SELECT (prompt_sha256, output_sha256) FROM requests WHERE run_id IN (SELECT unnest($ids)))",
}
#: What names something that is not there, for each table.
_ORPHANS = {
    "runs": "SELECT environment_content FROM runs WHERE environment_content NOT IN (SELECT content FROM environments)",
    "marks": "SELECT run_id FROM marks WHERE run_id NOT IN (SELECT run_id FROM runs)",
    "traces": "SELECT run_id FROM traces WHERE run_id NOT IN (SELECT run_id FROM runs)",
    "requests": "SELECT run_id FROM requests WHERE run_id NOT IN (SELECT run_id FROM runs)",
    "outputs": "SELECT output_sha256 FROM requests WHERE output_sha256 IS NOT NULL AND output_sha256 NOT IN (SELECT sha256 FROM outputs)",
    "prompts": "SELECT prompt_sha256 FROM requests WHERE prompt_sha256 IS NOT NULL AND prompt_sha256 NOT IN (SELECT sha256 FROM prompts)",
}


def export_parquet(store: Store, run_ids: Collection[str], folder: Path, *, small: bool = True) -> dict[str, int]:
    """Write the runs with these ids as one Parquet file per table; return the number of rows of each.

    Files are replaced when all of them are complete; the order of rows is fixed, so equal runs give equal files.

    Args:
        small: compress as far as possible, for files that are committed; otherwise quickly.
    """
    level = 19 if small else 3
    rows = {}
    with store.reading() as connection, _written(folder):
        folder.mkdir(parents=True, exist_ok=True)
        connection.execute(f"SET memory_limit = '{SORT_MEMORY}'")  # sorting spills to disk instead
        for table in TABLES:
            where = _BELONGS.get(table, "run_id IN (SELECT unnest($ids))")
            part = folder / f".{table}.parquet.part"
            query = f"SELECT * FROM {table} WHERE {where} ORDER BY {_ORDER[table]}"
            options = f"FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {level}, ROW_GROUP_SIZE 2048"
            copied = connection.execute(f"COPY ({query}) TO '{_quoted(part)}' ({options})", {"ids": list(run_ids)}).fetchall()
            rows[table] = int(copied[0][0])
        for table in TABLES:
            part, file = folder / f".{table}.parquet.part", folder / f"{table}.parquet"
            if table in OPTIONAL_TABLES and not rows[table]:
                part.unlink()
                file.unlink(missing_ok=True)
            else:
                part.replace(file)
    return rows


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, OSError) as error:
        for part in folder.glob(".*.parquet.part"):
            part.unlink(missing_ok=True)
        raise StoreError(
            f"the results cannot be written to {folder}: {first_line(error)}. Free space there, or see that you may write"
        ) from None


def import_parquet(store: Store, folder: Path) -> int:
    """Add the runs of exported files that the store does not have; return how many.

    Raises:
        StoreError: a file is malformed, or the store cannot be written; nothing was added.
    """
    _require_files(folder)
    with store.writing() as connection, _read(folder):
        connection.execute("CREATE TEMP TABLE held AS SELECT run_id FROM runs")
        for table in TABLES:
            rows = _rows(connection, folder, table)
            if table in SHARED_TABLES:
                connection.execute(f"INSERT OR IGNORE INTO {table} BY NAME {rows}")
            else:
                connection.execute(f"INSERT INTO {table} BY NAME {rows} WHERE run_id NOT IN (FROM held)")
        for table, missing in _ORPHANS.items():
            if lost := connection.execute(f"{missing} LIMIT 1").fetchone():
                raise MalformedRecord(
                    f"{table}.parquet does not belong to the other files: {lost[0]} is missing in one of them"
                )
        for _ in records_where(connection, "run_id NOT IN (FROM held)", []):
            pass  # what cannot be read again is not committed
        return _count(connection, "runs") - _count(connection, "held")


class Published(RecordReader):
    """Exported results of a study, read where they lie."""

    def __init__(self, folder: Path) -> None:
        _require_files(folder)
        self.folder = folder

    def counts(self) -> dict[str, int]:
        """Return the number of rows of each table."""
        with self.reading() as connection:
            return {table: _count(connection, table) for table in TABLES}

    def _explained(self) -> AbstractContextManager[None]:
        return _read(self.folder)

    @contextmanager
    def _opened(self) -> Iterator[DuckDBPyConnection]:
        """Open a database in memory whose tables are the files."""
        with closing(connect()) as connection:
            for table in TABLES:
                connection.execute(f"CREATE VIEW {table} AS {_rows(connection, self.folder, table)}")
            yield connection


@contextmanager
def _read(folder: Path) -> Iterator[None]:
    """Turn what is wrong with exported files into a sentence about them."""
    try:
        yield
    except (duckdb.Error, OSError, MalformedRecord) as error:
        raise StoreError(f"the results in {folder} cannot be read: {first_line(error)}; export or fetch them again") from None


def published(folder: Path) -> Published | None:
    """Return the exported results in a folder, or None when it has none."""
    return Published(folder) if (folder / "runs.parquet").is_file() else None


def _rows(connection: DuckDBPyConnection, folder: Path, table: str) -> str:
    """Return the query of an exported table with the columns and types of today; what an earlier export does not have is NULL."""
    file = folder / f"{table}.parquet"
    if table in OPTIONAL_TABLES and not file.is_file():
        return (
            f"SELECT {', '.join(f'CAST(NULL AS {kind.sql}) AS {name}' for name, kind in schema()[table].items())} WHERE false"
        )
    source = f"read_parquet('{_quoted(file)}')"
    present = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    columns = []
    for name, kind in schema()[table].items():
        if name not in present and name not in ADDED.get(table, ()):
            raise MalformedRecord(f"{table}.parquet has no column {name}")
        column = f'"{name}"'
        value = f"CAST({column if name in present else 'NULL'} AS {kind.sql})"
        if kind.sql == "VARCHAR" and name not in LONG_TEXTS:
            too_long = f"error('{table}.parquet: {name} is longer than {MOST_CHARACTERS} characters')"
            value = f"CASE WHEN length({value}) > {MOST_CHARACTERS} THEN {too_long} ELSE {value} END"
        if not kind.nullable:
            value = f"coalesce({value}, error('{table}.parquet: {name} is NULL'))"
        columns.append(f"{value} AS {column}")
    return f"SELECT {', '.join(columns)} FROM {source}"


def _require_files(folder: Path) -> None:
    needed = [table for table in TABLES if table not in OPTIONAL_TABLES]
    absent = [f"{table}.parquet" for table in needed if not (folder / f"{table}.parquet").is_file()]
    if absent:
        raise StoreError(f"{folder} is not a complete export: {', '.join(absent)} missing")


def _count(connection: DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
