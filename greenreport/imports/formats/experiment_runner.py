"""``run_table.csv`` of experiment-runner: ``__run_id`` names treatment and repetition, ``__done`` the state of the run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from greenreport.errors import ImportFileError
from greenreport.imports.column_guesses import suggested
from greenreport.imports.delimited_text import DelimitedText
from greenreport.imports.formats.plain_csv import TextReader
from greenreport.imports.mapped_table import mapped
from greenreport.imports.mapping import Mapping
from greenreport.imports.reader import Candidate
from greenreport.imports.results_table import Column, ResultsTable, Role

RUN_ID, DONE = "__run_id", "__done"
#: How columns begin that hold neither factors nor data.
BOOKKEEPING = "__"
_RUN = re.compile(r"run_(\d{1,9})(?:_repetition_(\d{1,9}))?")


class ExperimentRunner(TextReader):
    """A row for each run."""

    def recognises(self, file: Candidate) -> bool:
        """Whether its header names `__run_id`."""
        return RUN_ID in file.first_line and not file.is_json

    def read(self, path: Path, mapping: Mapping) -> ResultsTable:
        """Return what the table says; the repetition is that of ``__run_id`` where the mapping names no column for it."""
        with self.opened(path, mapping) as table:
            return mapped(table, self.completed(table, mapping), "experiment-runner", _derived(table, mapping))

    def completed(self, table: DelimitedText, mapping: Mapping) -> Mapping:
        """Return the mapping, or one that the columns suggest where it names none."""
        if any(mapping.uses()):
            return mapping
        treatments = _numbered(table)[0]
        varying = _varying(table, treatments)
        profiles = [profile for profile in table.profiles() if not profile.name.startswith(BOOKKEEPING)]
        left_out = dict.fromkeys(_row_numbers(table), "a number of the row") | _restated(table)
        profiles = [profile for profile in profiles if profile.name not in left_out]
        found = suggested(profiles, table.rows, model=table.path.stem, varying=varying, known=mapping)
        return found.model_copy(update={"left_out": {**left_out, **found.left_out}, "repetition": None})


def _numbered(table: DelimitedText) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for each row the number of its treatment and that of its repetition, NaN without one."""
    ids = table.texts([RUN_ID])[RUN_ID]
    treatments = np.empty(len(ids), dtype=np.int64)
    repetitions = np.empty(len(ids), dtype=np.float64)
    for row, text in enumerate(ids):
        match = _RUN.fullmatch(text)
        if match is None:
            raise ImportFileError(
                f"{table.path}:{table.lines[row]}: {RUN_ID} {text[:40]!r} is not of the form run_0_repetition_0"
            )
        treatments[row], repetitions[row] = int(match[1]), np.nan if match[2] is None else int(match[2])
    return treatments, repetitions


def _derived(table: DelimitedText, mapping: Mapping) -> Iterator[Column]:
    named = {column for _, column in mapping.uses()}
    if RUN_ID not in named:
        repetitions = _numbered(table)[1]
        if mapping.repetition is None and np.isfinite(repetitions).all():
            yield Column(RUN_ID, Role.REPETITION, repetitions, key="repetition")
        else:
            yield Column(RUN_ID, Role.LEFT_OUT, table.texts([RUN_ID])[RUN_ID], why_left_out="name of the run")
    kept = [name for name in table.names if name.startswith(BOOKKEEPING) and name != RUN_ID and name not in named]
    for name, texts in table.texts(kept).items():
        yield Column(
            name, Role.LEFT_OUT, texts, why_left_out="state of the run" if name == DONE else "bookkeeping of the runner"
        )


def _varying(table: DelimitedText, treatments: NDArray[np.int64]) -> set[str]:
    """Return the columns that differ among the runs of a treatment: no factor of the experiment does."""
    varying = set()
    for name in table.names:
        _, codes = np.unique(table.texts([name])[name].astype(str), return_inverse=True)
        pairs = np.unique(np.stack([treatments, codes]), axis=1)
        if pairs.shape[1] > len(np.unique(treatments)):
            varying.add(name)
    return varying


def _row_numbers(table: DelimitedText) -> list[str]:
    """Return the columns that count the rows, as pandas writes its index."""
    indices = [name for name in table.names if name == "column_1" or re.fullmatch(r"Unnamed: \d+", name)]
    return [name for name in indices if table.profiles()[table.names.index(name)].distinct == table.rows]


def _restated(table: DelimitedText) -> dict[str, str]:
    """Return the columns that say the numbers of ``__run_id`` again."""
    treatments, repetitions = _numbered(table)
    restated = {}
    for profile in table.profiles():
        if profile.whole != table.rows:
            continue
        values = table.numbers([profile.name])[0][profile.name]
        for what, other in (("treatment", treatments.astype(np.float64)), ("repetition", repetitions)):
            if np.isfinite(other).all() and np.array_equal(values, other) and profile.distinct > 1:
                restated[profile.name] = f"the number of the {what}, which {RUN_ID} says"
    return restated
