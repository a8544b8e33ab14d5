"""The store of run records: one DuckDB file, opened for each call and closed again.

DuckDB admits one process at a time, so nothing is open while a run is measured, and a second ``greenreport`` command waits
briefly before it says who is in the way.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from greenreport.errors import StoreError
from greenreport.plan import IndexRow
from greenreport.record import Environment, Outcome, RecordKind, RunRecord
from greenreport.store import codec

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
BATCH = 40  # runs read at a time; bounds memory while a large study is read


class Store:
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
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as connection:
            connection.begin()
            for record in records:
                _insert(connection, record)
            connection.commit()

    def index(self) -> tuple[IndexRow, ...]:
        """Return a row for each run (not for preparations), oldest first."""
        if not self.path.is_file():
            return ()
        with self._open() as connection:
            return index_of(connection)

    def records(self, run_ids: Collection[str]) -> Iterator[RunRecord]:
        """Yield the records with these ids, in the order of repetition and position."""
        if not self.path.is_file():
            return
        with self._open() as connection:
            yield from records_of(connection, run_ids)

    def of_kind(self, kind: RecordKind, study: str) -> Iterator[RunRecord]:
        """Yield the records of one kind of a study, oldest first; preparations come without traces."""
        if not self.path.is_file():
            return
        with self._open() as connection:
            yield from of_kind(connection, kind, study)

    def besides(self, study: str) -> tuple[str, ...]:
        """Return the ids of a study's records that are no runs, oldest first."""
        if not self.path.is_file():
            return ()
        with self._open() as connection:
            found = connection.execute(
                "SELECT run_id FROM runs WHERE kind <> 'run' AND study = ? ORDER BY started_at, run_id", [study]
            ).fetchall()
        return tuple(row[0] for row in found)

    @contextmanager
    def _open(self) -> Iterator[DuckDBPyConnection]:
        connection = _connect(self.path)
        try:
            _check_schema(connection, self.path)
            yield connection
        finally:
            connection.close()

    @contextmanager
    def connection(self) -> Iterator[DuckDBPyConnection]:
        """Give the open database to `exchange`, which copies tables in and out."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as connection:
            yield connection


def _connect(path: Path) -> DuckDBPyConnection:
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


def _check_schema(connection: DuckDBPyConnection, path: Path) -> None:
    known = connection.execute("SELECT 1 FROM information_schema.tables WHERE table_name = 'schema_version'").fetchone()
    if known is None:
        create_tables(connection)
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


def create_tables(connection: DuckDBPyConnection) -> None:
    """Create the tables of `schema.sql` that do not exist."""
    connection.execute(Path(__file__).with_name("schema.sql").read_text(encoding="utf-8"))


def _insert(connection: DuckDBPyConnection, record: RunRecord) -> None:
    connection.execute("INSERT OR IGNORE INTO environments VALUES (?, ?, ?)", codec.environment_row(record.environment))
    connection.execute(f"INSERT INTO runs VALUES ({_marks(len(codec.RUN_COLUMNS))})", codec.run_row(record))
    for table, rows, conflict in (
        ("marks", codec.mark_rows(record), ""),
        ("requests", codec.request_rows(record), ""),
        ("outputs", codec.output_rows(record), "OR IGNORE"),
        ("traces", codec.trace_rows(record), ""),
    ):
        if rows:  # one statement for all rows: a statement for each takes a hundred times as long
            columns = [list(column) for column in zip(*rows, strict=True)]
            values = ", ".join(["unnest(?)"] * len(columns))
            connection.execute(f"INSERT {conflict} INTO {table} SELECT {values}", columns)


def _marks(number: int) -> str:
    return ", ".join("?" * number)


def index_of(connection: DuckDBPyConnection) -> tuple[IndexRow, ...]:
    """Return the index of any connection that has the tables, be it a store or exported files."""
    rows = connection.execute(
        "SELECT run_id, study, key, fingerprint, repetition, environment, outcome, duration_s, started_at "
        "FROM runs WHERE kind = 'run' ORDER BY started_at, run_id"
    ).fetchall()
    return tuple(_index_row(row) for row in rows)


def _index_row(row: tuple[Any, ...]) -> IndexRow:
    run_id, study, key, fingerprint, repetition, environment, outcome, duration_s, started_at = row
    return IndexRow(run_id, study, key, fingerprint, repetition, environment, Outcome(outcome), duration_s, started_at)


def of_kind(connection: DuckDBPyConnection, kind: RecordKind, study: str) -> Iterator[RunRecord]:
    """Yield the records of a kind and a study from any connection that has the tables; preparations without traces."""
    rows = connection.execute(
        "SELECT run_id FROM runs WHERE kind = ? AND study = ? ORDER BY started_at, run_id", [kind.value, study]
    ).fetchall()
    yield from records_of(connection, [row[0] for row in rows], traces=kind is not RecordKind.PREPARE)


def records_of(connection: DuckDBPyConnection, run_ids: Collection[str], *, traces: bool = True) -> Iterator[RunRecord]:
    """Yield records of any connection that has the tables, a batch of runs at a time."""
    wanted = connection.execute(
        "SELECT run_id FROM runs WHERE run_id IN (SELECT unnest(?)) ORDER BY repetition, position, run_id", [list(run_ids)]
    ).fetchall()
    environments: dict[str, Environment] = {
        content: codec.read_environment(facts)
        for content, facts in connection.execute("SELECT content, facts FROM environments").fetchall()
    }
    for start in range(0, len(wanted), BATCH):
        yield from _batch(connection, [row[0] for row in wanted[start : start + BATCH]], environments, traces)


def _batch(
    connection: DuckDBPyConnection, ids: list[str], environments: dict[str, Environment], traces: bool
) -> Iterator[RunRecord]:
    parts: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))

    def collect(name: str, columns: str, read: Callable[[tuple[Any, ...]], Any], order: str) -> None:
        query = f"SELECT run_id, {columns} FROM {name} WHERE run_id IN (SELECT unnest(?)) ORDER BY run_id, {order}"
        for row in connection.execute(query, [ids]).fetchall():
            parts[row[0]][name].append(read(row[1:]))

    collect("marks", ", ".join(codec.MARK_COLUMNS), codec.read_mark, "start_ns, end_ns")
    collect("requests", ", ".join(f'"{c}"' for c in codec.REQUEST_COLUMNS), codec.read_request, '"index"')
    for run_id, *output in connection.execute(
        "SELECT DISTINCT r.run_id, o.sha256, o.text, o.token_ids FROM requests r JOIN outputs o ON r.output_sha256 = o.sha256 "
        "WHERE r.run_id IN (SELECT unnest(?)) ORDER BY r.run_id, o.sha256",
        [ids],
    ).fetchall():
        parts[run_id]["outputs"].append(codec.read_output(tuple(output)))
    if traces:
        columns = connection.execute(
            "SELECT * FROM traces WHERE run_id IN (SELECT unnest(?)) ORDER BY run_id, meter, domain, quantity", [ids]
        ).fetchnumpy()
        for index, run_id in enumerate(columns["run_id"]):
            parts[run_id]["traces"].append(codec.read_trace({name: _plain(column[index]) for name, column in columns.items()}))
    cursor = connection.execute(f"SELECT {', '.join(codec.RUN_COLUMNS)} FROM runs WHERE run_id IN (SELECT unnest(?))", [ids])
    rows = {row[0]: dict(zip(codec.RUN_COLUMNS, row, strict=True)) for row in cursor.fetchall()}
    for run_id in ids:
        row = rows[run_id]
        yield codec.read_run(row, environments[row["environment_content"]], parts[run_id])


def _plain(value: Any) -> Any:
    """A masked array holds `masked` where SQL has NULL."""
    return None if getattr(value, "mask", False) is True or type(value).__name__ == "MaskedConstant" else value
