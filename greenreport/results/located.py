"""A study that has been found, and its data once it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from greenreport.analysis.measure.courses import Course
from greenreport.analysis.measure.dataset import Dataset


@dataclass(frozen=True, slots=True)
class StudyData:
    """A study with its data, before it is analysed.

    Attributes:
        parquet: its runs as files, each with its number of rows.
        courses: its cells that were measured more than once.
        file: the study file; None for imported tables.
    """

    name: str
    text: str
    dataset: Dataset
    parquet: tuple[tuple[Path, int], ...] = ()
    courses: tuple[Course, ...] = ()
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Located:
    """A study whose data has been found and not yet read.

    Attributes:
        stamp: digest of all that is read for it: study file, references, and which runs; nothing of the program.
        dated: whether it has runs whose day is known.
        measured: whether it has runs.
        compared: files and folders it is to be compared with.
        references: files of the published studies it names.
        named: files and folders whose content matters: references, prompts, weights, the folders of what it is compared with.
    """

    name: str
    stamp: str
    read: Callable[[], StudyData]
    dated: bool = False
    measured: bool = False
    file: Path | None = None
    compared: tuple[Path, ...] = ()
    references: tuple[Path, ...] = ()
    named: tuple[Path, ...] = ()
