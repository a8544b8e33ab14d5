"""Damaged stores, given to what plans, analyses, exports and builds: each works, or ends with a sentence."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import duckdb

from greenreport.analysis.analyse import analyse
from greenreport.cli.measuring import open_session
from greenreport.cli.results import answers_in_words
from greenreport.errors import GreenReportError
from greenreport.results import load, locate_all
from greenreport.store import Store, export_parquet
from greenreport.store.schema import schema
from greenreport.study import Overrides
from greenreport.workspace import open_store
from tests.attack.imports import VALUES
from tests.attack.made_results import STUDY, stored
from tests.attack.trial import Attack, Defeat, Ending
from tests.records import record


def attempt(number: int, folder: Path) -> None:
    """Damage a store, and ask for everything that is read from it; then store a run."""
    chance = random.Random(f"stores:{number}")
    file = stored(folder)
    chance.choice(DAMAGES)(file, chance)
    study, cache = folder / "studies" / f"{STUDY}.yaml", folder / "cache"
    for ask in (
        lambda: open_session(study, cache, {}, Overrides(), recheck=True).state(),
        lambda: list(answers_in_words(load(study, cache))),
        lambda: [analyse(located.read().dataset) for located in locate_all(folder / "studies", cache, None)],
        lambda: export_parquet(open_store(cache), [f"{STUDY}-1"], folder / "results", small=False),
    ):
        with suppress(GreenReportError):
            ask()
    store = Store(file)
    with suppress(GreenReportError):
        store.keep([record(run_id="late")], 0.0)
    if (store.spool / "late.duckdb").is_file():
        store = Store(store.spool / "late.duckdb")
    if "late" not in {row.run_id for row in store.index()}:
        raise Defeat(Ending.LOST, "a finished run is neither in the store nor beside it")


def flip(file: Path, chance: random.Random) -> None:
    """Change some bits."""
    data = bytearray(file.read_bytes())
    for _ in range(chance.choice((1, 10, 1000))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    file.write_bytes(data)


def flip_head(file: Path, chance: random.Random) -> None:
    """Change some bytes of the header."""
    data = bytearray(file.read_bytes())
    for _ in range(chance.choice((1, 5))):
        data[chance.randrange(12_288)] = chance.randrange(256)
    file.write_bytes(data)


def cut(file: Path, chance: random.Random) -> None:
    """Cut the end off."""
    os.truncate(file, chance.randrange(file.stat().st_size))


def replace_by_something(file: Path, chance: random.Random) -> None:
    """Put something else in the place of the store."""
    file.unlink()
    match chance.randrange(8):
        case 0:
            file.mkdir()
        case 1:
            os.mkfifo(file)
        case 2:
            file.symlink_to("nowhere/at/all")
        case 3:
            file.symlink_to(file)
        case 4:
            file.symlink_to("/dev/zero")
        case 5:
            file.write_bytes(chance.randbytes(20_000))
        case 6:
            with closing(sqlite3.connect(file)) as other:
                other.execute("CREATE TABLE runs (run_id)")
        case _:
            with closing(duckdb.connect(str(file))) as connection:
                connection.execute("CREATE TABLE flowers (name VARCHAR)")


def put_wal(file: Path, chance: random.Random) -> None:
    """Leave a log of changes that belongs to nothing."""
    file.with_name(f"{file.name}.wal").write_bytes(chance.randbytes(chance.choice((0, 10, 5000))))


def alter(file: Path, chance: random.Random) -> None:
    """Change the tables behind the back of greenreport."""
    table = chance.choice([*schema()])
    column = chance.choice([*schema()[table]])
    value = chance.choice(VALUES)
    statements = (
        f"DROP TABLE {table}",
        f'ALTER TABLE {table} DROP COLUMN "{column}"',
        f'ALTER TABLE {table} ALTER COLUMN "{column}" DROP NOT NULL',
        f'ALTER TABLE {table} ALTER COLUMN "{column}" TYPE VARCHAR',
        f"ALTER TABLE {table} RENAME TO other",
        f"CREATE OR REPLACE TABLE {table} AS SELECT 1 AS x",
        f"DROP TABLE {table}; CREATE VIEW {table} AS SELECT * FROM read_csv('/etc/passwd')",
        f"DELETE FROM {table}",
        f"UPDATE schema_version SET version = {chance.choice((-1, 0, 1, 3, 5, 99, 2147483647))}",
        *[f'UPDATE {table} SET "{column}" = {value}'] * 8,
    )
    with closing(duckdb.connect(str(file))) as connection, suppress(duckdb.Error):
        connection.execute(chance.choice(statements))


def put_spool(file: Path, chance: random.Random) -> None:
    """Leave something in the spool that is no store."""
    spool = Store(file).spool
    spool.mkdir()
    waiting = spool / "other.duckdb"
    shutil.copyfile(file, waiting)
    chance.choice((flip_head, cut, flip))(waiting, chance)


DAMAGES: tuple[Callable[[Path, random.Random], None], ...] = (
    flip, flip, flip_head, cut, replace_by_something, replace_by_something, put_wal, alter, alter, alter, put_spool,
)  # fmt: skip
ATTACK = Attack("stores", 200, attempt, longest_s=180.0)
