"""Results measured elsewhere, in the store: one row for each value of a run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from greenreport.errors import StoreError
from greenreport.store.store import Store

#: Columns of a batch of values, each an array or a list; text is "" where there is none.
BATCH = (
    "model", "size_category", "engine", "provider", "repetition", "metric", "value", "unit", "host", "load", "factors", "statistic", "of_values",
)  # fmt: skip
#: Values inserted by one statement.
CHUNK = 200_000
_OPTIONAL = ("size_category", "host", "statistic")


@dataclass(frozen=True, slots=True)
class FreeFactor:
    """A further treatment of a run: its name, its level, and whether another level is different work, so that rivals are compared at equal ones."""

    name: str
    level: str
    within: bool = False


@dataclass(frozen=True, slots=True)
class ObservedRow:
    """One imported value.

    Attributes:
        load: (factor, level) of every load factor that is told.
        statistic: ``mean``, ``p99`` … where the value is one of many that its tool had already; None for a single observation.
        of_values: of how many; None where that is not told.
    """

    model: str
    size_category: str | None
    engine: str
    provider: str
    repetition: int
    metric: str
    value: float
    unit: str
    host: str | None = None
    load: tuple[tuple[str, float], ...] = ()
    factors: tuple[FreeFactor, ...] = ()
    statistic: str | None = None
    of_values: float | None = None


def add_observations(
    store: Store, study: str, source: str, batches: Iterable[Mapping[str, Any]], *, replace: bool = False
) -> int:
    """Store the values of a study, all of them or none; return their number.

    Args:
        source: name and digest of the files.
        batches: the columns of `BATCH`; ``load`` and ``factors`` as JSON.
        replace: whether values of an earlier import are replaced.

    Raises:
        StoreError: the study has values already, or the store cannot be written.
    """
    with store.writing() as connection:
        held = connection.execute("SELECT source FROM observations WHERE study = ? LIMIT 1", [study]).fetchall()
        if held and not replace:
            raise StoreError(
                f"the store has imported results of {study} already, from {held[0][0]}; --replace puts these in their place, --study gives another name"
            )
        connection.execute("DELETE FROM observations WHERE study = ?", [study])
        names = ", ".join(BATCH)
        wanted = ", ".join(
            f"nullif({name}, '')"
            if name in _OPTIONAL
            else f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END"
            if name == "of_values"
            else name
            for name in BATCH
        )
        for batch in _parts(batches):
            connection.register("batch", batch)
            connection.execute(
                f"INSERT INTO observations (study, source, {names}) SELECT ?, ?, {wanted} FROM batch", [study, source]
            )
            connection.unregister("batch")
        number = connection.execute("SELECT count(*) FROM observations WHERE study = ?", [study]).fetchall()[0][0]
    return int(number)


def _parts(batches: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield batches in parts that DuckDB converts at once."""
    for batch in batches:
        for start in range(0, len(batch["value"]), CHUNK):
            yield {name: values[start : start + CHUNK] for name, values in batch.items()}


@cache
def _read_load(text: str) -> tuple[tuple[str, float], ...]:
    return tuple((str(name), float(level)) for name, level in json.loads(text))


@cache
def _read_factors(text: str) -> tuple[FreeFactor, ...]:
    return tuple(FreeFactor(str(name), str(level), bool(within)) for name, level, within in json.loads(text))


def observed_studies(store: Store, study: str | None = None) -> dict[str, tuple[str, tuple[ObservedRow, ...]]]:
    """Return imported studies, or one of them: name → (source, rows)."""
    with store.reading() as connection:
        rows = connection.execute(
            "SELECT study, source, model, size_category, engine, provider, repetition, metric, value, unit, host, load, factors, statistic, of_values "
            "FROM observations WHERE study = coalesce(?, study) ORDER BY study, rowid", [study],
        ).fetchall()  # fmt: skip
    studies: dict[str, tuple[str, list[ObservedRow]]] = {}
    for name, source, *values, load, factors, statistic, of_values in rows:
        row = ObservedRow(*[*values, _read_load(load or "[]"), _read_factors(factors or "[]"), statistic, of_values])
        studies.setdefault(name, (source, []))[1].append(row)
    return {name: (source, tuple(values)) for name, (source, values) in studies.items()}
