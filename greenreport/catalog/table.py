"""A table of the catalog: greenreport's own rows, then those of other packages, read when the table is first used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, Protocol, TypeVar

from greenreport.errors import GreenReportError

#: What an installed package can add to.
GROUPS = (
    "greenreport.engines", "greenreport.meters", "greenreport.metrics", "greenreport.pages", "greenreport.scorers", "greenreport.formats",
)  # fmt: skip


@cache
def added(group: str) -> tuple[EntryPoint, ...]:
    """Return the entry points by which installed packages add to one of `GROUPS`."""
    return tuple(entry_points(group=group))


class Named(Protocol):
    """A row: its name is its key."""

    @property
    def name(self) -> str:
        """What study files, records and pages call it."""


Row = TypeVar("Row", bound=Named)


class CatalogTable(Mapping[str, Row], Generic[Row]):
    """Rows by name, in order.

    Another package adds a row with an entry point of the table's group that names it. A name that is taken stays with the first row.

    Raises:
        GreenReportError: at first use, where an entry point names something else than a row of the table.
    """

    def __init__(self, group: str, kind: type[Row], own: tuple[Row, ...]) -> None:
        self._group, self._kind, self._own = group, kind, own

    @cached_property
    def _rows(self) -> dict[str, Row]:
        rows = {row.name: row for row in self._own}
        for entry in added(self._group):
            row = entry.load()
            if not isinstance(row, self._kind):
                raise GreenReportError(
                    f"the entry point {entry.name!r} of {self._group} names {entry.value}, which is no {self._kind.__name__}; "
                    "correct it, or uninstall the package"
                )
            rows.setdefault(row.name, row)
        return rows

    def __getitem__(self, name: str) -> Row:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
