"""Columns of text as numbers, and rows grouped by several columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as numbers of its different texts."""

    levels: list[str]
    codes: NDArray[np.int64]

    def texts(self) -> NDArray[np.object_]:
        """Return the text of each row."""
        return np.array([*self.levels, ""], dtype=np.object_)[self.codes]


def combined(columns: Iterable[NDArray[Any]], rows: int) -> NDArray[np.int64]:
    """Return for each row the number of its combination of values; blanks are equal."""
    together = np.zeros(rows, dtype=np.int64)
    for values in columns:
        _, inner = np.unique(values, return_inverse=True)
        _, together = np.unique(together * (inner.max(initial=0) + 1) + inner, return_inverse=True)
    return together


def counted_in(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of each row among those of its group, from 1, in their order."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.array([], dtype=np.int64)
    numbers = np.arange(len(groups)) - np.repeat(starts, np.diff(np.r_[starts, len(groups)])) + 1
    found = np.empty(len(groups), dtype=np.int64)
    found[order] = numbers
    return found


def coded(values: NDArray[Any]) -> Coded:
    """Return a column of texts as numbers."""
    places: dict[str, int] = {}
    codes = np.fromiter((places.setdefault(value, len(places)) for value in values), dtype=np.int64, count=len(values))
    return Coded(list(places), codes)
