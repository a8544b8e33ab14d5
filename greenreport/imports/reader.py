"""The seam of the readers: what a file looks like from outside, and what each reader does with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from greenreport.errors import ImportFileError
from greenreport.imports.mapping import Mapping
from greenreport.imports.results_table import ResultsTable
from greenreport.regular_files import regular_size

#: More than any file of results has; what is read as a whole has a smaller bound of its own.
MAX_BYTES = 4_000_000_000
_HEAD = 1 << 16


@dataclass(frozen=True)
class Candidate:
    """A file that may hold results."""

    path: Path

    @cached_property
    def head(self) -> str:
        """The begin of its text; characters that are none are left out.

        Raises:
            ImportFileError: it is no regular file, or cannot be read.
        """
        try:
            regular_size(self.path, MAX_BYTES)
            with self.path.open("rb") as stream:
                data = stream.read(_HEAD)
        except OSError as error:
            raise ImportFileError(f"{self.path}: cannot be read: {error.strerror or error}") from None
        return data.decode("utf-8-sig", "ignore")

    @cached_property
    def first_line(self) -> str:
        """Its first line."""
        return self.head.partition("\n")[0].strip()

    @property
    def suffix(self) -> str:
        """Its suffix in lower case, with the dot."""
        return self.path.suffix.lower()

    @property
    def is_json(self) -> bool:
        """Whether its text begins like a JSON document."""
        return self.head.lstrip()[:1] in ("{", "[")


class Reader(ABC):
    """Reads one kind of file."""

    @abstractmethod
    def recognises(self, file: Candidate) -> bool:
        """Whether the file is of this kind, by what it holds."""

    @abstractmethod
    def read(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return what a file says.

        Args:
            mapping: what its columns are; where it names none, the reader says so itself.

        Raises:
            ImportFileError: the file is not what it seems, with the line where that is known.
        """

    def runs(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return what a file says of runs: itself, unless its rows are samples of one."""
        return self.read(path, mapping)
