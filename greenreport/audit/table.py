"""A table of results as the rules see it: values in base units, groups of rows that should be alike, and what is typical of each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from greenreport.catalog import CIRCUMSTANCES, METRICS
from greenreport.imports.results_table import GROUPING, Column, ResultsTable, Role

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]

#: Base units by the unit a file may spell, for columns that no table of ours knows.
_BASE_UNITS = {
    **dict.fromkeys(("J", "mJ", "uJ", "µJ", "kJ", "MJ", "Wh", "mWh", "kWh"), "J"),
    **dict.fromkeys(("s", "ms", "us", "µs", "ns", "min", "h"), "s"),
    **dict.fromkeys(("W", "mW", "uW", "µW", "kW"), "W"),
    **dict.fromkeys(("B", "kB", "KB", "MB", "GB", "KiB", "MiB", "GiB"), "B"),
}  # fmt: skip
#: The median absolute deviation of a normal sample times this is its standard deviation.
_MAD_TO_SD = 1.4826
#: Groups of fewer rows say nothing of what is typical.
SMALLEST_GROUP = 3
#: From so many rows on, a group tells its scatter by itself.
_LARGE_GROUP = 10
#: So many values tell the step of a column; a step that is no round number is believed from so many on.
_LOOKED_AT, _GRID_VALUES = 200, 6


@dataclass(frozen=True, slots=True, eq=False)
class AuditedColumn:
    """A metric of the table.

    Attributes:
        values: one for each row, in `unit`; NaN where the cell is blank, or holds no finite number.
        unit: base unit where the metric or the spelling of the file's unit is known, otherwise as the file has it.
    """

    column: Column
    values: Floats
    unit: str

    @property
    def name(self) -> str:
        """The name in the file."""
        return self.column.name

    @property
    def key(self) -> str:
        """The metric it is."""
        return self.column.key

    @property
    def lower_is_better(self) -> bool:
        """Whether less of it is better; so it is taken to be where no table of ours knows."""
        return self.key not in METRICS or METRICS[self.key].direction == "lower"

    @property
    def present(self) -> Mask:
        """Whether a row has a value."""
        return np.isfinite(self.values)


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Typical:
    """What is typical of the group of each row: median and scatter, NaN where too few rows are.

    Scatter is 1.4826 × the median absolute deviation, and no less than the step in which the column is written or counted, nor, in groups of fewer
    than ten rows, than what small groups of the table scatter by.
    """

    centre: Floats
    scatter: Floats


@dataclass(frozen=True, slots=True, eq=False)
class LevelComparison:
    """Rows in which one factor varies while all others are equal.

    Attributes:
        factor: name of the column; within: levels of the others, as text; levels: rows by level.
    """

    factor: str
    within: str
    levels: tuple[tuple[str, Rows], ...]


class AuditedTable:
    """A table of results with what the rules share, computed once."""

    def __init__(self, table: ResultsTable) -> None:
        self.table = table
        self.groups: list[Rows] = table.groups()
        self.columns: tuple[AuditedColumn, ...] = tuple(
            AuditedColumn(column, _finite(column.scaled), _base_unit(column)) for column in table.of(Role.METRIC)
        )
        self._typical: dict[int, Typical] = {}
        self._steps: dict[int, float] = {}

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.table)

    @property
    def repeats(self) -> bool:
        """Whether rows are runs, so that those of a group are repetitions."""
        return self.table.row == "run"

    def of_unit(self, *units: str) -> list[AuditedColumn]:
        """Return the columns of single observations in one of the units, without readings of running counters."""
        return [c for c in self.columns if c.unit in units and c.column.statistic is None and c.key != "counter_j"]

    def single(self, key: str) -> AuditedColumn | None:
        """Return the column of single observations of a metric, or None."""
        return next((c for c in self.columns if c.key == key and c.column.statistic is None), None)

    def mean(self, key: str) -> AuditedColumn | None:
        """Return the column of single observations of a metric, else that of its mean, or None."""
        mean = next((c for c in self.columns if c.key == key and c.column.statistic == "mean"), None)
        return self.single(key) or mean

    def level(self, key: str) -> Floats | None:
        """Return the levels of a load factor, or the values of a circumstance of that key, or None."""
        column = next((c for c in self.table.of(Role.LOAD) if c.key == key), None)
        if column is not None:
            return np.asarray(column.values, dtype=np.float64)
        metric = self.mean(key)
        return None if metric is None else metric.values

    def statistics(self, key: str) -> dict[str, AuditedColumn]:
        """Return the columns of a metric by statistic; those that the catalog knows by keys of their own (``latency_p99_s``) too.

        The catalog's ``latency_s`` is a median, except where rows are single requests.
        """
        found = {c.column.statistic: c for c in self.columns if c.key == key and c.column.statistic is not None}
        stem, unit = key.rpartition("_")[::2]
        own = {f"{stem}_p{percent}_{unit}": f"p{percent}" for percent in (90, 95, 99)}
        found |= {own[c.key]: c for c in self.columns if c.key in own and c.column.statistic is None}
        if "median" in found:
            found["p50"] = found.pop("median")
        if self.table.row != "request" and (median := self.single(key)) is not None:
            found.setdefault("p50", median)
        return found

    def typical(self, column: AuditedColumn) -> Typical:
        """Return what is typical of each row's group; NaN in groups with fewer than three values."""
        known = self._typical.get(id(column))
        if known is None:
            found = self.typical_values(column.values)
            scatter = np.maximum(found.scatter, self.step(column))
            known = self._typical[id(column)] = Typical(found.centre, np.fmax(scatter, self._pooled(column.values, found)))
        return known

    def _pooled(self, values: Floats, found: Typical) -> Floats:
        """Return the scatter that all small groups have in common, as a share of the median; NaN in large groups.

        Three rows may lie close to each other by chance, and all small groups of a table do not.
        """
        small = np.zeros(len(self), dtype=bool)
        for rows in self.groups:
            small[rows] = len(rows) < _LARGE_GROUP
        with np.errstate(all="ignore"):
            share = np.abs(values - found.centre)[small] / np.abs(found.centre)[small]
        share = share[np.isfinite(share) & (share > 0)]
        common = _MAD_TO_SD * float(np.median(share)) if len(share) else math.nan
        return np.where(small, common * np.abs(found.centre), math.nan)

    def step(self, column: AuditedColumn) -> float:
        """Return the step of a column, in its base unit."""
        if id(column) not in self._steps:
            self._steps[id(column)] = step(np.asarray(column.column.values, dtype=np.float64)) * column.column.scale
        return self._steps[id(column)]

    def typical_values(self, values: Floats) -> Typical:
        """Return median and scatter of each row's group, as `typical`, for values that have no step."""
        centre, scatter = np.full(len(self), math.nan), np.full(len(self), math.nan)
        for rows in self.groups:
            inside = values[rows]
            inside = inside[np.isfinite(inside)]
            if len(inside) >= SMALLEST_GROUP:
                middle = np.median(inside)
                centre[rows] = middle
                scatter[rows] = _MAD_TO_SD * np.median(np.abs(inside - middle))
        return Typical(centre, scatter)

    def lines(self, rows: Rows | Mask) -> tuple[int, ...]:
        """Return the lines of the file that rows, as indices or as a mask, come from."""
        return tuple(int(line) for line in np.sort(self.table.lines[rows]))

    def name_of(self, rows: Rows) -> str:
        """Return the levels that a group of rows shares, of all factors that vary: ``awq-4-bit, SA``."""
        return ", ".join(_text(column.values[rows[0]]) for column in self.factors) or "all rows"

    @cached_property
    def factors(self) -> tuple[Column, ...]:
        """The factors with two levels or more."""
        return tuple(c for c in self.table.columns if c.role in GROUPING and len(np.unique(c.values)) > 1)

    @cached_property
    def in_order(self) -> list[Rows]:
        """The groups, their rows in the order of repetitions, or of the file where none are numbered."""
        numbers = next((c.values for c in self.table.of(Role.REPETITION)), None)
        if numbers is None:
            return [np.sort(rows) for rows in self.groups]
        return [rows[np.lexsort((rows, np.asarray(numbers[rows], dtype=np.float64)))] for rows in self.groups]

    @cached_property
    def comparisons(self) -> tuple[LevelComparison, ...]:
        """Every comparison of the levels of one factor, all others equal; of all groups, where no two differ in one factor only."""
        rivals = [factor for factor in self.factors if not factor.within]  # different work is no rival
        found = tuple(comparison for factor in rivals for comparison in self._of_factor(factor))
        if found or len(self.groups) < 2:
            return found
        names = ", ".join(factor.name for factor in self.factors)
        return (LevelComparison(names, "", tuple((self.name_of(rows), rows) for rows in self.groups)),)

    def _of_factor(self, factor: Column) -> Iterator[LevelComparison]:
        others = [column for column in self.factors if column is not factor]
        contexts: dict[tuple[str, ...], list[tuple[str, Rows]]] = {}
        for rows in self.groups:
            context = tuple(f"{column.name} {_text(column.values[rows[0]])}" for column in others)
            contexts.setdefault(context, []).append((_text(factor.values[rows[0]]), rows))
        for context, levels in contexts.items():
            if len(levels) > 1:
                yield LevelComparison(factor.name, ", ".join(context), tuple(levels))


def step(values: Floats) -> float:
    """Return the step in which values are written or counted: 0.01 for 5.30 and 4.17, 2⁻¹⁴ for readings of RAPL.

    The largest that fits of a power of ten (12 significant digits are looked at), a power of two, and the smallest difference or a twelfth part of it.
    """
    known = np.unique(values[np.isfinite(values)])
    largest = float(np.abs(known).max(initial=0.0))
    if largest == 0:
        return 1.0
    known = np.unique(np.round(known[:: max(1, len(known) // _LOOKED_AT)], 11 - math.floor(math.log10(largest))))
    texts = (f"{value:.12g}" for value in known)
    steps = [10.0 ** -max(-int(Decimal(text).normalize().as_tuple().exponent) for text in texts)]
    steps += islice((2.0**-k for k in range(25) if _on_grid(known, 2.0**-k)), 1)
    if len(known) > _GRID_VALUES:
        smallest = float(np.diff(known).min())
        steps += islice((smallest / part for part in range(1, 13) if _on_grid(known - known[0], smallest / part)), 1)
    return max(steps)


def _on_grid(values: Floats, spacing: float) -> bool:
    places = values / spacing
    return bool(np.all(np.abs(places - np.round(places)) < 1e-3)) and float(np.abs(places).max()) < 1e9


def _text(level: object) -> str:
    if isinstance(level, str):
        return level or "(blank)"
    return f"{level:g}" if isinstance(level, float) and math.isfinite(level) else "(blank)"


def _base_unit(column: Column) -> str:
    if column.key in METRICS:
        return METRICS[column.key].unit
    if column.key in CIRCUMSTANCES:
        return CIRCUMSTANCES[column.key].unit
    return _BASE_UNITS.get(column.unit, column.unit)
