"""Any table of text with a header: columns are what a mapping says, or what their names and cells suggest."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path

from greenreport.imports.column_guesses import suggested
from greenreport.imports.delimited_text import SEPARATORS, DelimitedText, open_table
from greenreport.imports.mapped_table import mapped
from greenreport.imports.mapping import Mapping
from greenreport.imports.reader import Candidate, Reader
from greenreport.imports.results_table import ResultsTable


class TextReader(Reader):
    """Reads tables of text whose columns a mapping can name."""

    @staticmethod
    def opened(path: Path, mapping: Mapping) -> AbstractContextManager[DelimitedText]:
        """Open a table as the mapping says that it is written."""
        return open_table(path, separator=mapping.separator, decimal=mapping.decimal, encoding=mapping.encoding)

    @abstractmethod
    def completed(self, table: DelimitedText, mapping: Mapping) -> Mapping:
        """Return the mapping, or one that the columns suggest where it names none."""


class PlainCsv(TextReader):
    """A row for each run."""

    def recognises(self, file: Candidate) -> bool:
        """Whether it is text whose first line has a separator."""
        return (
            file.suffix in (".csv", ".tsv", ".txt") and not file.is_json and any(mark in file.first_line for mark in SEPARATORS)
        )

    def read(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return what the table says; without a mapping, as its columns suggest."""
        with self.opened(path, mapping) as table:
            return mapped(table, self.completed(table, mapping), "csv")

    def completed(self, table: DelimitedText, mapping: Mapping) -> Mapping:
        """Return the mapping, or one that the columns suggest where it names none."""
        if any(mapping.uses()):
            return mapping
        return suggested(table.profiles(), table.rows, model=table.path.stem, known=mapping)
