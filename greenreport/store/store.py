"""The store of run records: one DuckDB file, opened for each call and closed again.

DuckDB admits one process at a time, so nothing is open while a run is measured, and a second ``greenreport`` command waits
briefly before it says who is in the way.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from greenreport.errors import StoreError
from greenreport.record import RunRecord
from greenreport.store import codec
from greenreport.store.reader import RecordReader

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SCHEMA_VERSION = 4
#: What raises a store of an earlier version by one.
RAISE = {
    1: "ALTER TABLE observations ADD COLUMN IF NOT EXISTS load VARCHAR",
    2: "ALTER TABLE requests ADD COLUMN IF NOT EXISTS server INTEGER",
    3: "ALTER TABLE marks ADD COLUMN IF NOT EXISTS steady BOOLEAN",
}
#: Columns that earlier exports do not have: table → (column, type), in the order in which they came.
ADDED = {"requests": (("server", "INTEGER"),), "marks": (("steady", "BOOLEAN"),)}
TABLES = ("environments", "runs", "marks", "requests", "outputs", "traces")
LOCK_WAIT_S = 10.0


class Store(RecordReader):
    """Run records in a DuckDB file.

    Args:
        path: the file; it is created by the first `append`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, records: Sequence[RunRecord]) -> None:
        """Add records, all of them or none.

        Raises:
            StoreError: the file cannot be opened or has another schema version.
        """
        with self.writing() as connection:
            for record in records:
                _insert(connection, record)

    def other_ids(self, study: str) -> tuple[str, ...]:
        """Return the ids of a study's records that are not runs, oldest first."""
        with self.reading() as connection:
            query = "SELECT run_id FROM runs WHERE kind <> 'run' AND study = ? ORDER BY started_at, run_id"
            return tuple(run_id for (run_id,) in connection.execute(query, [study]).fetchall())

    def reading(self) -> AbstractContextManager[DuckDBPyConnection]:
        """Open the file and close it at the end; a store without a file is empty."""
        return _open(self.path if self.path.is_file() else ":memory:")

    @contextmanager
    def writing(self) -> Iterator[DuckDBPyConnection]:
        """Open the file for one transaction; it is created when there is none."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _open(self.path) as connection:
            connection.begin()
            yield connection
            connection.commit()


@contextmanager
def _open(path: Path | str) -> Iterator[DuckDBPyConnection]:
    with closing(_connect(path)) as connection:
        _check_schema(connection, path)
        yield connection


def _connect(path: Path | str) -> DuckDBPyConnection:
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            return quiet(duckdb.connect(str(path)))
        except duckdb.IOException as error:
            locked = "lock" in str(error).lower()
            if not locked or time.monotonic() > deadline:
                cause = "is in use by another greenreport command" if locked else f"cannot be opened: {error}"
                raise StoreError(f"the store {path} {cause}; wait for it to end, or use another --cache") from None
        except duckdb.Error as error:
            raise StoreError(f"{path} is no greenreport store: {str(error).splitlines()[0]}") from None
        time.sleep(0.1)


def quiet(connection: DuckDBPyConnection) -> DuckDBPyConnection:
    """Keep DuckDB from drawing a progress bar of its own."""
    connection.execute("SET enable_progress_bar = false")
    return connection


def _check_schema(connection: DuckDBPyConnection, path: Path | str) -> None:
    tables = "SELECT 1 FROM information_schema.tables WHERE table_name = 'schema_version'"
    if connection.execute(tables).fetchone() is None:
        connection.execute(Path(__file__).with_name("schema.sql").read_text(encoding="utf-8"))
        connection.execute("INSERT INTO schema_version VALUES (?)", [SCHEMA_VERSION])
    row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    version = row[0] if row else None
    while version in RAISE:
        connection.execute(RAISE[version])
        version += 1
        connection.execute("INSERT INTO schema_version VALUES (?)", [version])
    if version != SCHEMA_VERSION:
        raise StoreError(
            f"the store {path} has schema version {version}, this greenreport writes version {SCHEMA_VERSION}; "
            "export it with the greenreport that wrote it, or use another --cache"
        )


def _insert(connection: DuckDBPyConnection, record: RunRecord) -> None:
    connection.execute("INSERT OR IGNORE INTO environments VALUES (?, ?, ?)", codec.environment_row(record.environment))
    _insert_rows(connection, "runs", codec.RUN_COLUMNS, [codec.run_row(record)])
    for table, columns in codec.COLUMNS.items():
        owner = () if table == "outputs" else ("run_id",)  # outputs belong to all requests with their digest
        _insert_rows(connection, table, (*owner, *columns), codec.part_rows(record, table))


def _insert_rows(connection: DuckDBPyConnection, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    if rows:  # one statement for all rows: a statement for each takes a hundred times as long
        names, values = ", ".join(f'"{name}"' for name in columns), ", ".join(["unnest(?)"] * len(columns))
        conflict = "OR IGNORE" if table == "outputs" else ""
        connection.execute(
            f"INSERT {conflict} INTO {table} ({names}) SELECT {values}", [list(column) for column in zip(*rows, strict=True)]
        )
