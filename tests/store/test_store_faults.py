"""Tests of what disks, files and records may do to a store: a sentence, and nothing finished is lost."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from greenreport.errors import StoreError, StoreLocked, UnstorableRecord
from greenreport.record import Output, Request, RequestError, RequestErrorKind
from greenreport.store import Store, export_parquet, import_parquet, published, store
from greenreport.workspace import open_store
from tests.records import ENVIRONMENT, record


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Keep a store open in another process."""
    holder = f"import duckdb, sys; c = duckdb.connect({str(file)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.communicate(b"")


@contextmanager
def altered(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Change a store behind the back of greenreport."""
    with closing(duckdb.connect(str(file))) as connection:
        yield connection


@pytest.fixture
def held(tmp_path: Path) -> Store:
    """Give a store with one record."""
    made = Store(tmp_path / "s.duckdb")
    made.append([record()])
    return made


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("UPDATE runs SET outcome = 'excellent'", r"run run-1.* is malformed: outcome: Input should be 'ok'"),
        ("UPDATE runs SET duration_s = 'nan'", r"run run-1 .*duration_s"),
        ("DROP TABLE marks", "its table marks has no run_id"),
        ("ALTER TABLE runs DROP COLUMN flags", "its table runs has no flags"),
        ("ALTER TABLE runs ALTER position TYPE VARCHAR", "its table runs has no position of the type it had"),
        ("DROP TABLE schema_version", "the database of another program"),
        ("DROP TABLE schema_version; CREATE VIEW schema_version AS SELECT 6 AS version", "the database of another program"),
        ("ALTER TABLE runs RENAME TO others; CREATE VIEW runs AS SELECT * FROM others", "its table runs has no run_id"),
    ],
)
def test_a_damaged_store_is_a_sentence(held: Store, sql: str, message: str) -> None:
    """Unknown values, missing tables and columns of other types are named."""
    with altered(held.path) as connection:
        connection.execute(sql)
    with pytest.raises(StoreError, match=message):
        held.index()


def test_a_sound_store_is_asked_about_its_own_tables_alone(held: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at every table takes longer than most queries, and a study opens its store several times for each run."""
    monkeypatch.delattr(store, "check_schema")
    assert held.ids() == {"run-1"}


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE runs SET facts = '[]'",
        "UPDATE runs SET spec = '[1]'",
        """UPDATE runs SET flags = '[{"code": "no such flag", "detail": ""}]'""",
        "UPDATE runs SET environment_content = 'none'",
        """UPDATE environments SET facts = '{"key": 5}'""",
        "UPDATE marks SET phase = 'lunch'",
        "UPDATE requests SET token_ns = [NULL]",
        "UPDATE traces SET kind = 'sundial'",
        "UPDATE traces SET t_ns = [1, NULL]",
        "UPDATE traces SET value = [1.0]",
    ],
)
def test_a_malformed_record_is_named(held: Store, sql: str) -> None:
    """Whatever of a record means nothing, the error says which record and which part."""
    with altered(held.path) as connection:
        connection.execute(sql)
    with pytest.raises(StoreError, match=r"run-1|environment "):
        list(held.records(["run-1"]))


def test_what_is_no_file_or_another_program_s_is_refused(tmp_path: Path) -> None:
    """A folder, an empty file, a database of SQLite and a dangling link in place of the store give a sentence each."""
    (tmp_path / "folder.duckdb").mkdir()
    (tmp_path / "empty.duckdb").touch()
    with closing(sqlite3.connect(tmp_path / "sqlite.duckdb")) as other:
        other.execute("CREATE TABLE a (b)")
    for name in ("folder", "empty", "sqlite"):
        for ask in (Store.index, lambda held: held.append([record()])):
            with pytest.raises(StoreError, match=r"is no file|cannot be used"):
                ask(Store(tmp_path / f"{name}.duckdb"))
    assert {file.name for file in tmp_path.iterdir()} == {"folder.duckdb", "empty.duckdb", "sqlite.duckdb"}
    (tmp_path / "text.duckdb").write_text("hello", encoding="utf-8")
    with pytest.raises(StoreError, match=r"not a valid DuckDB database file\. It needs space"):
        Store(tmp_path / "text.duckdb").index()


def test_a_store_that_cannot_be_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full when the first record comes leaves no file that later commands would stumble over."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    held = Store(tmp_path / "s.duckdb")
    with monkeypatch.context() as patch:
        patch.setattr(store, "_insert", full)
        with pytest.raises(StoreError, match="No space left on device"):
            held.append([record()])
    assert list(tmp_path.iterdir()) == []
    held.append([record()])
    assert len(held.index()) == 1


def test_halves_of_characters_are_replaced(tmp_path: Path) -> None:
    """A lone surrogate, which no file can hold, becomes a replacement character wherever it stands."""
    error = RequestError(RequestErrorKind.SERVER, "bad \ud800")
    made = record(
        reason="why \udfff",
        requests=(Request(0, 1, 2, answered_by="\ud800", output_sha256="d", error=error),),
        outputs=(Output("d", "half \ud83d", ()),),
        spec=replace(record().spec, other={"source": "\ud800"}),
    )
    held = Store(tmp_path / "s.duckdb")
    held.append([made])
    [found] = held.records(["run-1"])
    assert found.reason == "why \N{REPLACEMENT CHARACTER}"
    assert found.outputs[0].text == "half \N{REPLACEMENT CHARACTER}"
    assert found.spec.other == {"source": "\N{REPLACEMENT CHARACTER}"}


@pytest.mark.parametrize(
    "changes",
    [
        {"position": 2**31},
        {"requests": (Request(0, 1, 2, prompt_tokens=2**31),)},
        {"requests": (Request(0, 1, 2**63),)},
        {"requests": (Request(0, 1, 2, output_tokens=float("nan")),)},  # type: ignore[arg-type]
        {"outputs": (Output("d", "", (10**40,)),)},
        {"spec": replace(record().spec, other={"x": float("inf")})},
        {"spec": replace(record().spec, other={"x": {1, 2}})},
    ],
)
def test_what_no_column_can_hold_is_refused_whole(tmp_path: Path, changes: dict[str, object]) -> None:
    """Numbers beyond 32 and 64 bits and what is no JSON are refused with the run; nothing of it is stored."""
    held = Store(tmp_path / "s.duckdb")
    with pytest.raises(UnstorableRecord, match="run run-1 cannot be stored"):
        held.append([record(**changes)])
    assert held.index() == ()


def test_a_run_that_finds_the_store_locked_is_spooled_and_taken_up(held: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits beside the store, and the next command that opens the store adds it, once."""
    monkeypatch.setattr(store, "LOCK_WAIT_S", 0.1)
    late = record(run_id="late", repetition=2)
    with locked(held.path):
        spooled = held.keep([late], 0.1)
        assert spooled is not None
        assert "is in use by another greenreport command" in str(spooled)
    assert [row.run_id for row in held.index()] == ["run-1"]
    folder = held.path.with_name("greenreport.duckdb")
    held.path.rename(folder)
    held.spool.rename(folder.with_suffix(".spool"))
    opened = open_store(folder.parent)
    assert [row.run_id for row in opened.index()] == ["late", "run-1"]
    assert list(opened.records(["late"])) == [late]
    assert not opened.spool.exists()


def test_a_store_that_is_free_in_time_takes_the_run_itself(held: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is safe beside the store first; when the lock goes while it waits, nothing stays there."""
    fails = iter([StoreLocked("in use")])
    append = Store.append

    def locked_once(self: Store, records: object) -> None:
        if self is held and (error := next(fails, None)) is not None:
            raise error
        append(self, records)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "append", locked_once)
    assert held.keep([record(run_id="late")], 1.0) is None
    assert [row.run_id for row in held.index()] == ["late", "run-1"]
    assert not held.spool.exists()


def test_a_record_that_was_taken_up_before_a_kill_is_not_added_again(held: Store) -> None:
    """The file of the spool may outlive its records' way into the store."""
    Store(held.spool / "run-1.duckdb").append([record()])
    held.take_up()
    assert len(held.index()) == 1
    assert not held.spool.exists()


def test_a_spool_that_cannot_be_written_says_so(held: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither the store nor the spool can be written, the sentence names both."""
    monkeypatch.setattr(store, "LOCK_WAIT_S", 0.1)
    held.spool.touch()
    with (
        locked(held.path),
        pytest.raises(
            StoreError,
            match=r"in use by another .* The spool beside it, .*s\.spool, cannot be written either: the last run is lost",
        ),
    ):
        held.keep([record(run_id="late")], 0.0)


def edited(table: str, sql: str) -> Callable[[Path], None]:
    """Return what writes a table of an export again by a query on it."""

    def edit(folder: Path) -> None:
        file, new = folder / f"{table}.parquet", folder / "new"
        duckdb.execute(f"COPY ({sql.format(t=f'read_parquet({str(file)!r})')}) TO '{new}' (FORMAT parquet)")
        new.replace(file)

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (edited("environments", "FROM {t} LIMIT 0"), "runs.parquet does not belong to the other files"),
        (edited("outputs", "FROM {t} LIMIT 0"), "outputs.parquet does not belong"),
        (edited("runs", "FROM {t} LIMIT 0"), r"(marks|requests|traces)\.parquet does not belong"),
        (edited("runs", "SELECT * EXCLUDE (spec) FROM {t}"), "runs.parquet has no column spec"),
        (edited("runs", "SELECT * REPLACE ('no JSON' AS spec) FROM {t}"), "Malformed JSON"),
        (edited("runs", "SELECT * REPLACE ('super' AS outcome) FROM {t}"), "run run-1 is malformed: .*super"),
        (edited("runs", "SELECT * REPLACE (NULL AS model) FROM {t}"), "runs.parquet: model is NULL"),
        (
            edited("marks", "SELECT * REPLACE (repeat('long ', 100000) AS phase) FROM {t}"),
            "marks.parquet: phase is longer than 100000 characters",
        ),
        (edited("runs", "FROM {t} UNION ALL FROM {t}"), "duplicate key"),
        (edited("marks", "SELECT * REPLACE ('soon' AS start_ns) FROM {t}"), "Could not convert string 'soon'"),
        (lambda folder: (folder / "traces.parquet").write_bytes(b"PAR1"), "traces.parquet"),
    ],
)
def test_a_hollow_export_is_not_imported(held: Store, tmp_path: Path, edit: Callable[[Path], None], message: str) -> None:
    """What cannot be read again as records leaves the store as it was, and the sentence says which file."""
    folder = tmp_path / "results"
    export_parquet(held, ["run-1"], folder)
    edit(folder)
    other = Store(tmp_path / "other.duckdb")
    own = record(run_id="own", environment=replace(ENVIRONMENT, kernel="6.2"), requests=(), outputs=())
    other.append([own])
    with pytest.raises(StoreError, match=message):
        import_parquet(other, folder)
    assert list(other.records(["own", "run-1"])) == [own]


def test_results_of_somebody_else_are_checked_where_they_lie(held: Store, tmp_path: Path) -> None:
    """Published files without their environments are a sentence, too."""
    folder = tmp_path / "results"
    export_parquet(held, ["run-1"], folder)
    edited("environments", "FROM {t} LIMIT 0")(folder)
    results = published(folder)
    assert results is not None
    with pytest.raises(StoreError, match=r"results cannot be read: run run-1 names an environment"):
        list(results.records(["run-1"]))
