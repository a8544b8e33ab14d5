"""Results of any tool as columns: what every reader returns, and what the import and the audit work on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from greenreport.errors import ImportFileError


class Role(StrEnum):
    """What a column of somebody's table says of its rows."""

    MODEL = "model"
    SIZE_CATEGORY = "size_category"
    ENGINE = "engine"
    PROVIDER = "provider"
    LOAD = "load"  # a load factor of the catalog
    FACTOR = "factor"  # any other treatment: quantisation, task, topic
    REPETITION = "repetition"
    BLOCK = "block"
    HOST = "host"
    METRIC = "metric"
    LEFT_OUT = "left_out"


#: What stands where files tell no model, no engine or no provider.
NO_MODEL, NO_ENGINE, UNTOLD = "unnamed model", "unnamed engine", "not told"
#: Roles whose columns hold numbers; all others hold text.
NUMERIC = frozenset({Role.LOAD, Role.REPETITION, Role.BLOCK, Role.METRIC})
#: Roles that say which rows should be alike but for chance.
GROUPING = frozenset({Role.MODEL, Role.ENGINE, Role.PROVIDER, Role.LOAD, Role.FACTOR, Role.HOST})


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column.

    Attributes:
        name: as the file spells it.
        values: one for each row; float64 with NaN where the cell is blank for a role in `NUMERIC`, otherwise text ("" where blank).
            Metrics are as the file has them: `scaled` gives them in the metric's unit.
        key: the metric or factor it is; for metrics that the catalog does not know, a name of lower-case words joined by ``_``.
        unit: of the values in the file, for metrics.
        scale: what a value is multiplied by to be in the unit of the metric (``kWh`` to J: 3.6e6).
        statistic: ``mean``, ``p50``, ``p99`` … where a tool has already aggregated what it measured; None for single observations.
        why_left_out: the reason, for `Role.LEFT_OUT`.
        within: of a factor, whether its levels are different work: rivals are compared at equal levels only.
        counts: of a statistic, of how many values each is, where the file says so; NaN where it does not.
    """

    name: str
    role: Role
    values: NDArray[np.float64] | NDArray[np.object_]
    key: str = ""
    unit: str = ""
    scale: float = 1.0
    statistic: str | None = None
    why_left_out: str = ""
    within: bool = False
    counts: NDArray[np.float64] | None = None

    @property
    def scaled(self) -> NDArray[np.float64]:
        """The values in the unit of the metric."""
        return np.asarray(self.values, dtype=np.float64) * self.scale


@dataclass(frozen=True, slots=True, eq=False)
class ResultsTable:
    """What one file, or one folder of files, says.

    Attributes:
        source: name of the file or folder.
        format: the reader that read it (``experiment-runner``, ``guidellm`` …).
        digest: SHA-256 of what was read.
        columns: in the order of the file.
        lines: for each row, the line of the file (or the number of the record, from 1) that it comes from.
        row: what a row is: ``run``, ``request`` or ``report``.
    """

    source: str
    format: str
    digest: str
    columns: tuple[Column, ...]
    lines: NDArray[np.int64]
    row: str = "run"

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.lines)

    def of(self, role: Role) -> Iterator[Column]:
        """Yield the columns of a role."""
        return (column for column in self.columns if column.role is role)

    def metric(self, key: str, statistic: str | None = None) -> Column | None:
        """Return the column of a metric, or None."""
        return next((column for column in self.of(Role.METRIC) if (column.key, column.statistic) == (key, statistic)), None)

    def of_host(self, host: str) -> ResultsTable:
        """Return the rows of one machine.

        Raises:
            ImportFileError: the table tells no machines, or not this one.
        """
        column = next(self.of(Role.HOST), None)
        hosts = [] if column is None else sorted(set(column.values))
        if column is None or host not in hosts:
            raise ImportFileError(
                f"{self.source}: no row is of the machine {host!r}; there are {', '.join(hosts) or 'none told'}"
            )
        kept = np.flatnonzero(column.values == host)
        columns = tuple(
            replace(c, values=c.values[kept], counts=None if c.counts is None else c.counts[kept]) for c in self.columns
        )
        return replace(self, columns=columns, lines=self.lines[kept])

    def groups(self) -> list[NDArray[np.int64]]:
        """Return the rows (as indices) that should be alike but for chance: equal in all columns of `GROUPING`."""
        keys = [column.values for column in self.columns if column.role in GROUPING]
        if not keys:
            return [np.arange(len(self), dtype=np.int64)] if len(self) else []
        codes = np.zeros(len(self), dtype=np.int64)
        for values in keys:
            _, inner = np.unique(values, return_inverse=True)
            _, codes = np.unique(codes * (inner.max(initial=0) + 1) + inner, return_inverse=True)
        order = np.argsort(codes, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1) if len(order) else []
