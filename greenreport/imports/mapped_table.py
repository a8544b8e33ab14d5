"""A table of text read as its mapping says: columns with their roles, numbers checked, nothing left unsaid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from greenreport.errors import ImportFileError
from greenreport.imports.declared_units import scale_of
from greenreport.imports.delimited_text import SHOWN, DelimitedText, NotNumbers
from greenreport.imports.mapping import BRACES, ColumnPlace, Mapping
from greenreport.imports.results_table import NUMERIC, Column, ResultsTable, Role
from greenreport.units import listed


def mapped(table: DelimitedText, mapping: Mapping, kind: str, derived: Iterable[Column] = ()) -> ResultsTable:
    """Return what a table says.

    Args:
        kind: name of the format.
        derived: columns the reader has made itself, of columns that the mapping need not name.

    Raises:
        ImportFileError: a named column is not there, one of the file is not named, or a cell is no number; with their lines.
    """
    made = tuple(derived)
    _complete(table, mapping, {column.name for column in made})
    numeric = [metric.column for metric in mapping.metrics.values()]
    numeric += [metric.of for metric in mapping.metrics.values() if metric.of is not None]
    numeric += [column for column in (mapping.repetition, mapping.block) if column is not None]
    numeric += [column for role, _, place in mapping.places() if role in NUMERIC for column in place.columns]
    numbers, wrong = table.numbers(list(dict.fromkeys(numeric)))
    if wrong:
        raise ImportFileError("\n".join(number_problems(table, wrong)))
    texts = table.texts(
        dict.fromkeys(column for role, _, place in mapping.places() if role not in NUMERIC for column in place.columns)
    )
    texts |= table.texts(mapping.left_out)
    columns = [*made]
    for role, key, place in mapping.places():
        values = _numbers_of(table, place, numbers) if role in NUMERIC else _texts_of(table, place, texts)
        columns.append(Column(place.column or key, role, values, key=key, within=place.compare == "within"))
    for role, name in ((Role.REPETITION, mapping.repetition), (Role.BLOCK, mapping.block)):
        if name is not None:
            columns.append(Column(name, role, numbers[name], key=role.value))
    for key, metric in mapping.metrics.items():
        counts = None if metric.of is None else numbers[metric.of]
        columns.append(
            Column(
                metric.column,
                Role.METRIC,
                numbers[metric.column],
                key,
                metric.unit,
                scale_of(metric.unit, key),
                metric.statistic,
                counts=counts,
            )
        )
    columns += [Column(name, Role.LEFT_OUT, texts[name], why_left_out=why) for name, why in mapping.left_out.items()]
    order = {name: place for place, name in enumerate(table.names)}
    columns.sort(key=lambda column: order.get(column.name, -1))
    return ResultsTable(table.path.name, kind, table.digest, tuple(columns), table.lines)


def _complete(table: DelimitedText, mapping: Mapping, made: set[str]) -> None:
    """Refuse a mapping that does not say of every column of the table what it is."""
    named = {column for _, column in mapping.uses()}
    if absent := sorted(named - set(table.names)):
        raise ImportFileError(
            f"{table.path}:1: no column {listed([repr(name) for name in absent])}; there are {', '.join(table.names)}"
        )
    if unsaid := [name for name in table.names if name not in named | made]:
        raise ImportFileError(
            f"{table.path}:1: the mapping does not say what these columns are: {', '.join(unsaid)}. Name each as a factor or a metric, or under `left_out` with why"
        )
    if not table.rows:
        raise ImportFileError(f"{table.path}: holds no rows")


def _numbers_of(table: DelimitedText, place: ColumnPlace, numbers: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    if place.column is not None:
        return numbers[place.columns[0]]
    if isinstance(place.value, str):
        raise ImportFileError(f"{table.path}: {place.value!r} in the mapping is no number")
    return np.full(table.rows, float(place.value or 0))


def _texts_of(table: DelimitedText, place: ColumnPlace, texts: dict[str, NDArray[np.object_]]) -> NDArray[np.object_]:
    if place.column is None:
        return np.full(table.rows, _written(place.value), dtype=np.object_)
    if place.columns == (place.column,):
        return texts[place.column]
    parts = [texts[name] for name in place.columns]
    made: dict[tuple[str, ...], str] = {}
    found = np.empty(table.rows, dtype=np.object_)
    for row, values in enumerate(zip(*parts, strict=True)):
        if values not in made:
            filled = dict(zip(place.columns, values, strict=True))
            made[values] = BRACES.sub(lambda match, filled=filled: filled[match[1]], place.column)  # type: ignore[misc]
        found[row] = made[values]
    return found


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def number_problems(table: DelimitedText, wrong: Iterable[NotNumbers]) -> Iterator[str]:
    """Yield a line for each cell that should be a number; beyond some, how many more there are."""
    told = 0
    every = sum(item.count for item in wrong)
    for item in wrong:
        for row, text in item.first[: SHOWN - told]:
            told += 1
            yield f"{table.path}:{table.lines[row]}: {item.column} {text[:30]!r} is no number{_hint(table, text)}"
    if every > told:
        yield f"… and {every - told:,} more"


def _hint(table: DelimitedText, text: str) -> str:
    other = "," if table.decimal == "." else "."
    if text.count(other) == 1 and text.replace(other, "").isascii() and text.replace(other, "").lstrip("+-").isdecimal():
        return f"; if that is a decimal mark, declare `decimal: {other!r}` in a mapping"
    return ""
