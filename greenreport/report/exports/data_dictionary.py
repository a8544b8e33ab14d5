"""What the published files and their columns are; those of the Parquet files are described in the schema of the store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

#: The published tables, in the order of the data page.
TABLES = ("runs", "marks", "requests", "prompts", "outputs", "verdicts", "traces", "environments")
OBSERVATIONS = "observations.csv"
_TABLE = r"CREATE TABLE IF NOT EXISTS {} \(\n(.*?)\n\);"
_COLUMN = re.compile(r'^ +"?(\w+)"? +([A-Z]+(?:\[\])?)[^-]*-- (?:\[(.+?)\] )?(.+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column: its type as DuckDB names it, the unit of its values, what it means."""

    name: str
    type: str
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Download:
    """A file of a study that can be downloaded.

    Attributes:
        content: a description.
        rows: number of rows of a table; None for other files.
        size: in bytes.
    """

    name: str
    content: str
    rows: int | None
    size: int
    sha256: str


# A table is read by row.
# fmt: off
_OF_OBSERVATIONS = (
    FileColumn("model", "text", "", "id of the model in the study file"),
    FileColumn("engine", "text", "", "runtime engine"),
    FileColumn("provider", "text", "", "execution provider"),
    FileColumn("repetition", "integer", "", "repetition, from 1; also the block"),
    FileColumn("metric", "text", "", "id of the metric; defined in the glossary"),
    FileColumn("value", "number", "that of the row", "value of the metric in the run, in base units, all digits"),
    FileColumn("unit", "text", "", "unit of the value"),
    FileColumn("size_category", "text", "", "size category of the model, where the study gives one"),
    FileColumn("configuration", "text", "", "label of the serving configuration"),
    FileColumn("outcome", "text", "", "how the run ended; only `ok` counts in tests"),
    FileColumn("boundary", "text", "", "what an energy value includes, or who took the time"),
    FileColumn("method", "text", "", "measured or estimated"),
    FileColumn("run_id", "text", "", "the run, as in the Parquet files"),
    FileColumn("uncertainty", "number", "that of the row", "expanded uncertainty of the instrument (k = 2); empty where it is not known or none measured"),
)
# fmt: on


@cache
def file_columns() -> Mapping[str, tuple[FileColumn, ...]]:
    """Return the columns of each published file by its name."""
    schema = files("greenreport").joinpath("store/schema.sql").read_text(encoding="utf-8")
    bodies = {table: re.findall(_TABLE.format(table), schema, re.DOTALL)[0] for table in TABLES}
    parquet = {
        f"{table}.parquet": tuple(FileColumn(*column) for column in _COLUMN.findall(body)) for table, body in bodies.items()
    }
    return {OBSERVATIONS: _OF_OBSERVATIONS, **parquet}
