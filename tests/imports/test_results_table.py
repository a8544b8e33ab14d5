"""Tests of results as columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from greenreport.imports.results_table import Column, ResultsTable, Role


def column(name: str, role: Role, values: list[Any], **changes: Any) -> Column:
    """Return a column of text or numbers."""
    kind = object if isinstance(values[0], str) else np.float64
    return Column(name, role, np.array(values, dtype=kind), **changes)


def test_rows_that_differ_in_a_repetition_alone_are_one_group() -> None:
    """Blank loads are equal to each other, and text differs by case."""
    columns = (
        column("model", Role.MODEL, ["a", "a", "A", "a"]),
        column("batch", Role.LOAD, [np.nan, np.nan, np.nan, 2.0]),
        column("rep", Role.REPETITION, [1.0, 2.0, 1.0, 1.0]),
        column("energy", Role.METRIC, [1.0, 2.0, 3.0, 4.0], key="energy_j", unit="kWh", scale=3.6e6),
    )
    table = ResultsTable("x.csv", "tidy", "0" * 64, columns, np.arange(2, 6))
    assert sorted(sorted(map(int, group)) for group in table.groups()) == [[0, 1], [2], [3]]
    energy = table.metric("energy_j")
    assert energy is not None and list(energy.scaled) == [3.6e6, 7.2e6, 1.08e7, 1.44e7]
    assert table.metric("energy_j", "mean") is None
