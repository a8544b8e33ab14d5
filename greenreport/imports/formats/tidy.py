"""greenreport's own table of text: one row for each value.

Columns: ``model, engine, provider, repetition, metric, value, unit``; optional ``size_category, host``, a column for each of
`catalog.CURVE_FACTORS` (``batch_size``, ``concurrency``, …), as in a study file, and any other column as a further factor. Metrics carry
the names of `catalog.METRICS` and their units; anything else is an error with its line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from greenreport.catalog import CURVE_FACTORS, METRICS
from greenreport.errors import ImportFileError
from greenreport.imports.column_guesses import WORK, words_of
from greenreport.imports.delimited_text import DelimitedText, open_table
from greenreport.imports.mapped_table import number_problems
from greenreport.imports.mapping import Mapping
from greenreport.imports.reader import Candidate, Reader
from greenreport.imports.results_table import Column, ResultsTable, Role
from greenreport.study.error_messages import nearest

REQUIRED = ("model", "engine", "provider", "repetition", "metric", "value", "unit")
_TEXTS = {
    "model": Role.MODEL,
    "engine": Role.ENGINE,
    "provider": Role.PROVIDER,
    "size_category": Role.SIZE_CATEGORY,
    "host": Role.HOST,
}


@dataclass(frozen=True, slots=True)
class TidyRuns:
    """Which rows of the table are one run.

    Attributes:
        run: number of the run of each row; first: the first row of each run.
    """

    run: NDArray[np.int64]
    first: NDArray[np.int64]


class Tidy(Reader):
    """A row for each value; a run is all rows that agree in everything else."""

    def recognises(self, file: Candidate) -> bool:
        """Whether its header has the required columns."""
        names = {name.strip().strip('"') for mark in ",;\t|" for name in file.first_line.split(mark)}
        return not file.is_json and {"metric", "value", "unit", "repetition"} <= names

    def read(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return a row for each run."""
        with open_table(path, separator=mapping.separator, decimal=mapping.decimal, encoding=mapping.encoding) as table:
            return _read(table)


def _read(table: DelimitedText) -> ResultsTable:
    absent = [name for name in REQUIRED if name not in table.names]
    if absent:
        raise ImportFileError(f"{table.path}:1: missing columns {', '.join(absent)}; needed: {', '.join(REQUIRED)}")
    if not table.rows:
        raise ImportFileError(f"{table.path}: holds no rows")
    loads = [name for name in table.names if name in CURVE_FACTORS]
    numbers, wrong = table.numbers(["repetition", *loads])
    values, not_values = table.numbers(["value"], blanks=False)
    problems = [*number_problems(table, wrong), *number_problems(table, not_values)]
    others = [name for name in table.names if name not in (*loads, "repetition", "value", "metric", "unit")]
    levels = {name: table.levels(name) for name in (*others, "metric", "unit")}
    problems += [] if problems else list(_wrong_metrics(table, levels))
    if problems:
        raise ImportFileError("\n".join(problems))
    runs = _runs([levels[name][1] for name in others], [numbers[name] for name in ("repetition", *loads)])
    metrics = levels["metric"]
    _refuse_repeated(table, runs, metrics[1])
    columns = [_text_column(name, *levels[name], runs.first) for name in others]
    columns += [Column(name, Role.LOAD, numbers[name][runs.first], key=name, within=name == "output_tokens") for name in loads]
    columns.append(Column("repetition", Role.REPETITION, numbers["repetition"][runs.first], key="repetition"))
    for code, metric in enumerate(metrics[0]):
        rows = np.flatnonzero(metrics[1] == code)
        cells = np.full(len(runs.first), np.nan)
        cells[runs.run[rows]] = values["value"][rows]
        columns.append(Column(metric, Role.METRIC, cells, metric, METRICS[metric].unit))
    return ResultsTable(table.path.name, "tidy", table.digest, tuple(columns), table.lines[runs.first])


def _wrong_metrics(table: DelimitedText, levels: dict[str, tuple[list[str], NDArray[np.int64]]]) -> Iterator[str]:
    """Yield a problem for each metric that is not known and each unit that is not its own, at the first row of each."""
    (metrics, of_metric), (units, of_unit) = levels["metric"], levels["unit"]
    pairs, first = np.unique(of_metric * len(units) + of_unit, return_index=True)
    for pair, row in sorted(zip(pairs, first, strict=True), key=lambda item: int(item[1])):
        metric, unit = metrics[int(pair) // len(units)], units[int(pair) % len(units)]
        if metric not in METRICS:
            yield f"{table.path}:{table.lines[row]}: unknown metric {metric[:60]!r}{nearest(metric[:60], METRICS)}"
        elif unit != METRICS[metric].unit:
            yield f"{table.path}:{table.lines[row]}: {metric} is in {METRICS[metric].unit!r}, not {unit[:20]!r}; convert it first"
    if any(metric not in METRICS for metric in metrics):
        yield f"known metrics: {', '.join(METRICS)}"


def _runs(codes: list[NDArray[np.int64]], numbers: list[NDArray[np.float64]]) -> TidyRuns:
    together = np.zeros(len(numbers[0]), dtype=np.int64)
    for values in [*codes, *numbers]:
        _, inner = np.unique(values, return_inverse=True)
        _, together = np.unique(together * (inner.max(initial=0) + 1) + inner, return_inverse=True)
    _, first = np.unique(together, return_index=True)
    order = np.argsort(first)  # runs in the order in which the file begins them
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return TidyRuns(place[together], first[order])


def _refuse_repeated(table: DelimitedText, runs: TidyRuns, metric: NDArray[np.int64]) -> None:
    pairs = runs.run * (metric.max(initial=0) + 1) + metric
    _, first, places = np.unique(pairs, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[places] != np.arange(len(pairs)))
    if len(again):
        lines = [
            f"{table.path}:{table.lines[row]}: the same run and metric as line {table.lines[first[places[row]]]}"
            for row in again[:20]
        ]
        more = [f"… and {len(again) - 20:,} more"] if len(again) > 20 else []
        raise ImportFileError("\n".join([*lines, *more]))


def _text_column(name: str, levels: list[str], codes: NDArray[np.int64], rows: NDArray[np.int64]) -> Column:
    role = _TEXTS.get(name, Role.FACTOR)
    values = np.array([*levels, ""], dtype=np.object_)[codes[rows]]
    return Column(name, role, values, key=name, within=role is Role.FACTOR and bool(WORK.search(words_of(name))))
