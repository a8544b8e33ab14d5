"""How tests and intervals behave where the truth is known: results of the simulation that ships with the package.

``simulation.json`` is written by ``python -m benchmarks.statistics_simulation --write``; docs/statistics-simulation.md shows all of it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("simulation.json")
#: Estimates whose coverage is summarised: table and column of the file, name on the page.
COVERED = (
    ("one-sample", "median", "median of a cell"),
    ("one-sample", "mean", "mean of a cell"),
    ("two-samples", "ratio", "ratio of two configurations"),
    ("two-samples", "Hedges' g", "Hedges' g"),
    ("two-samples", "Cliff's δ", "Cliff's δ"),
)


#: The design whose errors depend on the one before.
AUTOCORRELATED = "AR(1)"


@dataclass(frozen=True, slots=True)
class TypeOne:
    """Groups drawn from one population: how often any difference is claimed, per number of runs, as shares from 0 to 1."""

    population: str
    groups: int
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Nearest:
    """The simulated design nearest to a study's, with its smallest and largest type-I error over the populations."""

    groups: int
    runs: int
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class Simulated:
    """What the methods page shows.

    Attributes:
        error: standard error of a share of 0.05.
        runs: numbers of runs per group, the columns of both tables.
        looks: largest shares of studies of equal configurations that reject on any model, apart from the autocorrelated design: where a rule
            ended them, at any of its looks, and where looks cost nothing.
        coverage: name of an estimate, and the lowest coverage of its 95 % interval over all populations.
    """

    samples: int
    error: float
    runs: tuple[int, ...]
    type_one: tuple[TypeOne, ...]
    coverage: tuple[tuple[str, tuple[float, ...]], ...]
    looks: tuple[float, float, float]

    def nearest(self, groups: int, runs: int) -> Nearest:
        """Return the simulated design nearest to this number of groups and of runs per group."""
        alike = min({row.groups for row in self.type_one}, key=lambda simulated: abs(simulated - groups))
        column = min(range(len(self.runs)), key=lambda index: abs(self.runs[index] - runs))
        shares = [row.shares[column] for row in self.type_one if row.groups == alike]
        return Nearest(alike, self.runs[column], min(shares), max(shares))


@cache
def simulated() -> Simulated:
    """Return the results that ship with the package."""
    data = json.loads(FILE.read_text(encoding="utf-8"))
    tables: dict[str, Any] = {table["id"]: table for table in data["tables"]}
    first = tables["type-one"]
    runs = tuple(int(column.removeprefix("n=")) for column in first["columns"][2:])
    return Simulated(
        data["samples"],
        math.sqrt(0.05 * 0.95 / data["samples"]),
        runs,
        tuple(TypeOne(row[0], row[1], tuple(row[2:])) for row in first["rows"]),
        tuple((name, tuple(_lowest(tables[table], column, n) for n in runs)) for table, column, name in COVERED),
        (
            _highest(tables["sequential"], "when it ends"),
            _highest(tables["sequential"], "at any look"),
            _highest(tables["sequential"], "not chosen"),
        ),
    )


def _highest(table: dict[str, Any], columns: str) -> float:
    """Return the largest share in the columns of one kind, over all designs but the autocorrelated one, which no analysis in blocks survives."""
    places = [place for place, column in enumerate(table["columns"]) if column.startswith(columns)]
    return max(float(row[place]) for row in table["rows"] if not row[0].startswith(AUTOCORRELATED) for place in places)


def _lowest(table: dict[str, Any], column: str, runs: int) -> float:
    """Return the lowest value of a column over the rows with this number of runs (in both groups, where there are two)."""
    place, size = (table["columns"].index(name) for name in (column, "n"))
    return float(min(row[place] for row in table["rows"] if row[size] in (runs, f"{runs}, {runs}")))
