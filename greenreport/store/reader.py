"""Read run records from anything that has the tables of `schema.sql`: the store, or exported files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from greenreport.pooling import EnginePlace, agreeing
from greenreport.record import Environment, IndexRow, RecordKind, RunRecord, VerdictCode
from greenreport.store import codec
from greenreport.store.schema import SHARED_TABLES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Of several verdicts on an answer, the latest.
_LATEST = """
    FROM verdicts QUALIFY row_number() OVER (PARTITION BY prompt_sha256, output_sha256 ORDER BY scored_at DESC, task) = 1
"""
#: The different answers of runs, each with its latest verdict.
_ANSWERS = f"""
    SELECT DISTINCT prompt_sha256, output_sha256, outputs.text, task, code
    FROM requests JOIN outputs ON sha256 = output_sha256 LEFT JOIN ({_LATEST}) USING (prompt_sha256, output_sha256)
    WHERE run_id IN (SELECT unnest(?)) AND prompt_sha256 IS NOT NULL AND error IS NULL ORDER BY prompt_sha256, output_sha256
"""
BATCH = 40  # runs read at a time; bounds memory while a large study is read


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer to a prompt, with what it was last judged by and how; both None where it was not."""

    prompt_sha256: str
    output_sha256: str
    text: str
    task: str | None
    code: VerdictCode | None


class RecordReader(ABC):
    """Run records that can be read."""

    _held: DuckDBPyConnection | None = None

    @abstractmethod
    def _opened(self) -> AbstractContextManager[DuckDBPyConnection]:
        """Open a connection that has the tables, and close it at the end."""

    @abstractmethod
    def _explained(self) -> AbstractContextManager[None]:
        """Turn what goes wrong while the data is read into a `StoreError`."""

    @contextmanager
    def reading(self) -> Iterator[DuckDBPyConnection]:
        """Open a connection that has the tables, and close it at the end; within `held` it is the one held.

        Raises:
            StoreError: the data cannot be read.
        """
        with self._explained():
            if self._held is not None:
                yield self._held
                return
            with self._opened() as connection:
                yield connection

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep one connection open for everything that is read meanwhile: opening takes longer than most queries.

        Raises:
            StoreError: the data cannot be read.
        """
        if self._held is not None:
            yield
            return
        with ExitStack() as stack:
            with self._explained():
                self._held = stack.enter_context(self._opened())
            try:
                yield
            finally:
                self._held = None

    def index(self, here: Environment | None = None) -> tuple[IndexRow, ...]:
        """Return a row for each run (not for other records), oldest first; `here`: an environment in which there may be no run yet."""
        columns = ", ".join(codec.INDEX_COLUMNS)
        served = "json_extract_string(spec, '$.configuration.environment')"
        query = f"SELECT engine, {served}, {columns} FROM runs WHERE kind = 'run' ORDER BY started_at, run_id"
        with self.reading() as connection:
            known = [*_environments(connection).values(), *([] if here is None else [here])]
            places, rows = [], []
            for engine, environment, *row in connection.execute(query).fetchall():
                places.append(EnginePlace(engine, environment))
                rows.append(codec.decoded(f"run {row[0]}", codec.read_index_row, *row))
        others = agreeing(known, [(row.environment, place) for row, place in zip(rows, places, strict=True)])
        return tuple(
            replace(row, agreeing=others.get((row.environment, place), frozenset()))
            for row, place in zip(rows, places, strict=True)
        )

    def ids(self) -> frozenset[str]:
        """Return the ids of all records, of whatever kind."""
        with self.reading() as connection:
            return frozenset(run_id for (run_id,) in connection.execute("SELECT run_id FROM runs").fetchall())

    def environments(self) -> tuple[Environment, ...]:
        """Return every environment that any record was made in."""
        with self.reading() as connection:
            return tuple(_environments(connection).values())

    def records(self, run_ids: Collection[str]) -> Iterator[RunRecord]:
        """Yield the records with these ids, in the order of repetition and position."""
        with self.reading() as connection:
            yield from records_where(connection, "run_id IN (SELECT unnest(?))", [list(run_ids)])

    def answers(self, run_ids: Collection[str]) -> tuple[list[StoredAnswer], bool]:
        """Return the different answers of runs, and whether some of them do not say what was asked."""
        asked = "SELECT count(*) FROM requests WHERE run_id IN (SELECT unnest(?)) AND prompt_sha256 IS NULL AND error IS NULL"
        with self.reading() as connection:
            rows = connection.execute(_ANSWERS, [list(run_ids)]).fetchall()
            unknown = connection.execute(asked, [list(run_ids)]).fetchall()[0][0]
            return [codec.decoded("an answer", _answer, *row) for row in rows], unknown > 0

    def of_kind(self, kind: RecordKind, study: str) -> Iterator[RunRecord]:
        """Yield the records of one kind of a study, in the order of repetition and position; preparations without traces."""
        with self.reading() as connection:
            yield from records_where(connection, "kind = ? AND study = ?", [kind, study], traces=kind is not RecordKind.PREPARE)


def _answer(prompt: str, output: str, text: str, task: str | None, code: str | None) -> StoredAnswer:
    return StoredAnswer(prompt, output, text, task, None if code is None else VerdictCode(code))


def records_where(
    connection: DuckDBPyConnection, condition: str, values: list[Any], *, traces: bool = True
) -> Iterator[RunRecord]:
    """Yield the records whose row of `runs` meets a condition in SQL, in the order of repetition and position."""
    query = f"SELECT run_id FROM runs WHERE {condition} ORDER BY repetition, position, run_id"
    ids = [run_id for (run_id,) in connection.execute(query, values).fetchall()]
    environments = _environments(connection)
    for start in range(0, len(ids), BATCH):
        yield from _batch(connection, ids[start : start + BATCH], environments, traces)


def _environments(connection: DuckDBPyConnection) -> dict[str, Environment]:
    """Return every environment by the digest of its content."""
    rows = connection.execute("SELECT content, facts FROM environments").fetchall()
    return {content: codec.decoded(f"environment {content}", codec.read_environment, facts) for content, facts in rows}


def _batch(
    connection: DuckDBPyConnection, ids: list[str], environments: dict[str, Environment], traces: bool
) -> Iterator[RunRecord]:
    parts: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    these = "WHERE run_id IN (SELECT unnest(?)) ORDER BY run_id"
    for table, source, order, read in (
        ("marks", "marks", "start_ns, end_ns", codec.read_mark),
        ("requests", "requests", '"index"', codec.read_request),
        ("outputs", "requests JOIN outputs ON output_sha256 = sha256", "sha256", codec.read_output),
        ("prompts", "requests JOIN prompts ON sha256 IN (prompt_sha256, rendered_sha256)", "sha256", codec.read_prompt),
        (
            "verdicts",
            f"requests JOIN ({_LATEST}) USING (prompt_sha256, output_sha256)",
            "prompt_sha256, output_sha256",
            codec.read_verdict,
        ),
    ):
        columns = ", ".join(f'"{column}"' for column in codec.COLUMNS[table])
        once = "DISTINCT" if table in SHARED_TABLES else ""  # requests may share an output
        query = f"SELECT {once} run_id, {columns} FROM {source} {these}, {order}"
        for run_id, *values in connection.execute(query, [ids]).fetchall():
            parts[run_id][table].append(codec.decoded(f"a row of {table} of run {run_id}", read, *values))
    if traces:  # as arrays, since most of a store is traces
        query = f"SELECT * REPLACE (coalesce(wrap_at, 'NaN') AS wrap_at) FROM traces {these}, meter, domain, quantity"
        arrays = connection.execute(query, [ids]).fetchnumpy()
        for run_id, *values in zip(arrays["run_id"], *(arrays[name] for name in codec.COLUMNS["traces"]), strict=True):
            parts[run_id]["traces"].append(codec.decoded(f"a trace of run {run_id}", codec.read_trace, *values))
    cursor = connection.execute(f"SELECT {', '.join(codec.RUN_COLUMNS)} FROM runs WHERE run_id IN (SELECT unnest(?))", [ids])
    rows: dict[str, dict[str, Any]] = {}
    for row in cursor.fetchall():
        if row[0] in rows:
            raise codec.MalformedRecord(f"run {row[0]} is in the table runs twice")
        rows[row[0]] = dict(zip(codec.RUN_COLUMNS, row, strict=True))
    for run_id in ids:
        environment = environments.get(rows[run_id]["environment_content"])
        if environment is None:
            raise codec.MalformedRecord(f"run {run_id} names an environment that is not in the table environments")
        yield codec.decoded(f"run {run_id}", codec.read_run, rows[run_id], environment, parts[run_id])
