"""Mutated exports, analysed where they lie and imported: each is read, or refused with a sentence, and harms no other study."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import duckdb

from greenreport.cli.results import answers_in_words
from greenreport.errors import GreenReportError
from greenreport.results import load, locate_all
from greenreport.store import Store, import_parquet
from greenreport.store.schema import TABLES, schema
from greenreport.workspace import STORE_FILE
from tests.attack.made_results import GOOD, STUDY, published_beside
from tests.attack.trial import Attack, Defeat, Ending

#: Expressions in SQL that may stand in a column instead of its values.
VALUES = (
    "NULL", "''", "'x'", "'\U0001f9ea'", "repeat('long ', 100000)", "'<script>'", "'null'", "'[]'", "'{}'", "'[[1]]'", "'{\"a\": NaN}'",
    "'[{\"code\": 1}]'", "-1", "0", "1", "2147483648", "9223372036854775807", "-9223372036854775808", "1e308", "'nan'::DOUBLE",
    "'inf'::DOUBLE", "true", "[]", "[1]", "[NULL]", "[3, 2, 1]", "['nan'::DOUBLE]", "{'a': 1}", "DATE '2026-01-01'", "'\\x00'::BLOB",
)  # fmt: skip


def attempt(number: int, folder: Path) -> None:
    """Change one to three places of an export; analyse the study, list the folder, and import it."""
    chance = random.Random(f"imports:{number}")
    results = published_beside(folder)
    for _ in range(chance.randint(1, 3)):
        mutate(results, chance)
    study, cache = folder / "studies" / f"{STUDY}.yaml", folder / "cache"
    with suppress(GreenReportError):
        list(answers_in_words(load(study, cache)))
    if {located.name for located in locate_all(folder / "studies", cache, None)} != {STUDY, GOOD}:
        raise Defeat(Ending.LOST, "a study is no longer listed")
    store = Store(cache / STORE_FILE)
    try:
        import_parquet(store, results)
    except GreenReportError:
        if store.index():
            raise Defeat(Ending.LOST, "a refused import left runs in the store") from None
        return
    list(answers_in_words(load(study, cache)))  # what was taken in can be analysed


def mutate(results: Path, chance: random.Random) -> None:
    """Change a table by a query, or the bytes of a file."""
    file = results / f"{chance.choice(TABLES)}.parquet"
    if not file.is_file():  # optional, or removed by the mutation before
        return
    table = file.stem
    column = chance.choice([*schema()[table]])
    match chance.randrange(18):
        case 0:
            file.unlink()
        case 1:
            data = bytearray(file.read_bytes())
            for _ in range(chance.randint(1, 20)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            file.write_bytes(data)
        case 2:
            file.write_bytes(file.read_bytes()[: chance.randrange(file.stat().st_size)])
        case 3:
            rewrite(file, f"SELECT * FROM t USING SAMPLE {chance.choice((0, 10, 50))}% (bernoulli, {chance.randrange(100)})")
        case 4:
            rewrite(file, "FROM t UNION ALL FROM t")
        case 5:
            rewrite(file, f'SELECT * EXCLUDE ("{column}") FROM t')
        case 6:
            other = chance.choice([*schema()[table]])
            rewrite(file, f'SELECT * REPLACE ("{other}" AS "{column}") FROM t')
        case 7 | 8 | 9 | 10:
            rewrite(file, f'SELECT * REPLACE ({chance.choice(VALUES)} AS "{column}") FROM t')
        case _:  # in one row alone, as the type of the column where that can be
            value = f"TRY_CAST({chance.choice(VALUES)} AS {schema()[table][column].sql})"
            rewrite(
                file, f'SELECT * REPLACE (CASE WHEN n = 0 THEN {value} ELSE "{column}" END AS "{column}") FROM t', numbered=True
            )


def rewrite(file: Path, query: str, *, numbered: bool = False) -> None:
    """Replace a file by the result of a query on its table, called t; what DuckDB cannot make leaves the file as it was."""
    part = file.with_suffix(".part")
    rows = f"SELECT *{', row_number() OVER () - 1 AS n' if numbered else ''} FROM read_parquet('{file}')"
    query = f"SELECT * EXCLUDE (n) FROM ({query})" if numbered else query
    with suppress(duckdb.Error):
        duckdb.execute(f"COPY (WITH t AS ({rows}) {query}) TO '{part}' (FORMAT parquet)")
        part.replace(file)


ATTACK = Attack("imports", 500, attempt, batch=20)
