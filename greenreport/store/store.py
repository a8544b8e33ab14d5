"""The store of run records: one DuckDB file, opened for each call and closed again.

DuckDB admits one process at a time, so nothing is open while a run is measured, and a second ``greenreport`` command waits
briefly before it says who is in the way. A finished run that finds the store locked or its disk full is spooled: kept in a
store of its own in the folder beside it, which the next command takes up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from greenreport.errors import StoreError, StoreLocked, UnstorableRecord
from greenreport.record import RunRecord, Verdict
from greenreport.store import codec
from greenreport.store.reader import RecordReader, records_where
from greenreport.store.schema import SHARED_TABLES, check_schema, connect, first_line, has_schema

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LOCK_WAIT_S = 10.0
#: How DuckDB's message on a file that another process has open differs from its other ones about files.
LOCK = "Conflicting lock"


@dataclass(frozen=True, slots=True)
class Spooled:
    """Records that wait beside the store, and why."""

    file: Path
    cause: StoreError

    def __str__(self) -> str:
        return f"a finished run is kept in {self.file}; the next greenreport command takes it into the store. Why: {self.cause}"


class Store(RecordReader):
    """Run records in a DuckDB file.

    Args:
        path: the file; it is created by the first `append`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def spool(self) -> Path:
        """Folder of the records that wait to be taken up."""
        return self.path.with_suffix(".spool")

    def append(self, records: Iterable[RunRecord]) -> None:
        """Add records, all of them or none.

        Raises:
            UnstorableRecord: one of them holds a value that cannot be stored.
            StoreError: the file cannot be opened or written, or has another schema version.
        """
        with self.writing() as connection:
            for record in records:
                _insert(connection, record)

    def keep(self, records: Sequence[RunRecord], patience_s: float) -> Spooled | None:
        """Add records, or spool them where the store cannot be written; return what was spooled.

        Args:
            patience_s: how long the store may be locked by another process, once the records are safe.

        Raises:
            UnstorableRecord: one of them holds a value that cannot be stored.
            StoreError: the spool cannot be written either.
        """
        try:
            self.append(records)
        except UnstorableRecord:
            raise
        except StoreError as error:
            file = self.set_aside(records, error)
            try:
                self.take_up(patience_s)
            except StoreError as still:
                return Spooled(file, still)
        return None

    def take_up(self, patience_s: float = LOCK_WAIT_S) -> None:
        """Add the records of the spool, each once.

        Raises:
            StoreError: the store, or a file of the spool, cannot be read or written.
        """
        for file in sorted(self.spool.glob("*.duckdb")):
            records = Store(file).every_record()
            with self.writing(patience_s) as connection:
                held = {run_id for (run_id,) in connection.execute("SELECT run_id FROM runs").fetchall()}
                for record in records:
                    if record.run_id not in held:
                        _insert(connection, record)
            file.unlink(missing_ok=True)
        with suppress(OSError):  # absent, or another process spools
            self.spool.rmdir()

    def add_verdicts(self, verdicts: Sequence[Verdict]) -> None:
        """Add verdicts; one on an answer that was judged by the same task replaces the earlier one, and is the latest again.

        Raises:
            StoreError: as for `append`.
        """
        if not verdicts:
            return
        last = {(item.prompt_sha256, item.output_sha256, item.task): item for item in verdicts}
        with self.writing() as connection:
            connection.execute(
                "DELETE FROM verdicts WHERE (prompt_sha256, output_sha256, task) IN (SELECT unnest(?), unnest(?), unnest(?))",
                [list(column) for column in zip(*last, strict=True)],
            )
            rows = [codec.part_row(item, "verdicts") for item in last.values()]
            insert_rows(connection, "verdicts", codec.COLUMNS["verdicts"], rows)

    def verdicts_on(self, run_ids: Collection[str]) -> tuple[int, str]:
        """Return how many verdicts there are on the answers of these runs, and the time of the latest."""
        query = (
            "SELECT count(*), coalesce(max(scored_at), '') FROM verdicts WHERE (prompt_sha256, output_sha256) IN "
            "(SELECT (prompt_sha256, output_sha256) FROM requests WHERE run_id IN (SELECT unnest(?)))"
        )
        with self.reading() as connection:
            number, latest = connection.execute(query, [list(run_ids)]).fetchall()[0]
        return int(number), str(latest)

    def set_aside(self, records: Sequence[RunRecord], cause: StoreError | None = None) -> Path:
        """Write records into a store of their own in the spool, which has its name once it is complete and on the disk.

        Args:
            cause: why they are not in the store itself.

        Raises:
            UnstorableRecord: one of them holds a value that cannot be stored.
            StoreError: the spool cannot be written.
        """
        file = self.spool / f"{records[0].run_id}.duckdb"
        part = Store(file.with_suffix(".part"))
        try:
            part.append(records)
            part.path.replace(file)
            descriptor = os.open(self.spool, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except UnstorableRecord:
            raise
        except (StoreError, OSError) as error:
            if cause is None:
                raise StoreError(f"{error}. The last run is lost") from None
            raise StoreError(
                f"{cause}. The spool beside it, {self.spool}, cannot be written either: the last run is lost"
            ) from None
        return file

    def every_record(self) -> tuple[RunRecord, ...]:
        """Return all records, of whatever kind.

        Raises:
            StoreError: the file cannot be read.
        """
        with self.reading() as connection:
            return tuple(records_where(connection, "true", []))

    def other_ids(self, study: str) -> tuple[str, ...]:
        """Return the ids of a study's records that are not runs, oldest first."""
        with self.reading() as connection:
            query = "SELECT run_id FROM runs WHERE kind <> 'run' AND study = ? ORDER BY started_at, run_id"
            return tuple(run_id for (run_id,) in connection.execute(query, [study]).fetchall())

    def _opened(self) -> AbstractContextManager[DuckDBPyConnection]:
        """Open the file and close it at the end; a store without a file is empty."""
        return _open(self.path if os.path.lexists(self.path) else None)

    def _explained(self) -> AbstractContextManager[None]:
        return _explained(self.path)

    @contextmanager
    def writing(self, patience_s: float = LOCK_WAIT_S) -> Iterator[DuckDBPyConnection]:
        """Open the file for one transaction; where there is none, it has its name once it is complete."""
        if os.path.lexists(self.path):
            with _transaction(self.path, patience_s) as connection:
                yield connection
            return
        part = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        try:
            with _explained(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                part.unlink(missing_ok=True)
            with _transaction(part, patience_s, self.path) as connection:
                yield connection
            try:
                os.link(part, self.path)  # unlike a renaming, it replaces nothing that another process has made meanwhile
            except FileExistsError:
                raise StoreLocked(
                    f"another greenreport command has made the store {self.path} meanwhile; run this one again"
                ) from None
            except OSError:  # a file system without links
                with _explained(self.path):
                    part.rename(self.path)
        finally:
            for file in (part, part.with_name(f"{part.name}.wal")):
                with suppress(OSError):
                    file.unlink()


@contextmanager
def _transaction(path: Path, patience_s: float, named: Path | None = None) -> Iterator[DuckDBPyConnection]:
    """Open a store for one transaction; its messages are about `named`, where it gets that name later."""
    with _explained(named or path), _open(path, patience_s) as connection:
        connection.begin()
        yield connection
        connection.commit()


@contextmanager
def _open(path: Path | None, patience_s: float = LOCK_WAIT_S) -> Iterator[DuckDBPyConnection]:
    """Open a store, or an empty one in memory."""
    with _explained(path), closing(_connect(path, patience_s)) as connection:
        if not has_schema(connection):
            connection.begin()
            check_schema(connection, f"the store {path}")
            connection.commit()
        yield connection


@contextmanager
def _explained(path: Path | None) -> Iterator[None]:
    """Turn what DuckDB and the disk say into a sentence about the store."""
    try:
        yield
    except (duckdb.Error, OSError, codec.MalformedRecord) as error:
        raise StoreError(
            f"the store {path} cannot be used: {first_line(error)}. It needs space on its disk and a file that this user may "
            "write; replace a damaged one by a copy, or use another --cache"
        ) from None


def _connect(path: Path | None, patience_s: float) -> DuckDBPyConnection:
    if path is None:
        return connect()
    if path.exists() and not path.is_file():
        raise StoreError(f"the store {path} is no file; move it away, or use another --cache")
    deadline = time.monotonic() + patience_s
    while True:
        try:
            not_writable = path.exists() and not os.access(path, os.W_OK)
            return connect(path, read_only=not_writable)
        except duckdb.IOException as error:
            if LOCK not in str(error):
                raise
            if time.monotonic() > deadline:
                raise StoreLocked(
                    f"the store {path} is in use by another greenreport command; wait for it to end, or use another --cache"
                ) from None
        time.sleep(0.1)


def _insert(connection: DuckDBPyConnection, record: RunRecord) -> None:
    try:
        connection.execute("INSERT OR IGNORE INTO environments VALUES (?, ?, ?)", codec.environment_row(record.environment))
        insert_rows(connection, "runs", codec.RUN_COLUMNS, [codec.run_row(record)])
        for table, columns in codec.COLUMNS.items():
            owner = () if table in SHARED_TABLES else ("run_id",)
            insert_rows(connection, table, (*owner, *columns), codec.part_rows(record, table))
    except (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError, ValueError, OverflowError) as error:
        raise UnstorableRecord(f"run {record.run_id} cannot be stored: {first_line(error)}") from None


def insert_rows(connection: DuckDBPyConnection, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Add rows to a table; a row that runs share and that is there already stays as it is."""
    if rows:  # one statement for all rows: a statement for each takes a hundred times as long
        names, values = ", ".join(f'"{name}"' for name in columns), ", ".join(["unnest(?)"] * len(columns))
        conflict = "OR IGNORE" if table in SHARED_TABLES else ""
        connection.execute(
            f"INSERT {conflict} INTO {table} ({names}) SELECT {values}", [list(column) for column in zip(*rows, strict=True)]
        )
