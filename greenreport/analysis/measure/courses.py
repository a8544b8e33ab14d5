"""Courses: cells that were measured more than once, on another day, under other library versions, or in several environments of one study."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.pooling import EnginePlace, libraries_of
from greenreport.record import Environment
from greenreport.study import Model


@dataclass(frozen=True, slots=True)
class Period:
    """One of the times that a cell was measured.

    Attributes:
        cell: it with its runs of that time, each repetition once.
        environment: hardware and software of that time; None where it is not known.
    """

    cell: CellView
    environment: Environment | None

    @property
    def place(self) -> EnginePlace:
        """Engine and environment of the study that served it."""
        return EnginePlace(self.cell.configuration.engine, self.cell.configuration.environment)

    @property
    def libraries(self) -> tuple[tuple[str, str], ...]:
        """The libraries its engine uses, with their versions."""
        return () if self.environment is None else libraries_of(self.place, self.environment)

    @property
    def began(self) -> str:
        """When its first run that counts began (ISO 8601, UTC); empty where no day is known."""
        return min((run.started_at for run in self.cell.ok if run.started_at), default="")


@dataclass(frozen=True, slots=True)
class Course:
    """The periods of a cell, the oldest first.

    Attributes:
        configuration: label of what was served, without the environment where that is what changes.
        names: of each period, a word that tells it from the others: its day, or the study's name for its environment.
        blocked: whether all periods were measured in the same blocks, so that they are compared within them.
    """

    model: Model
    configuration: str
    periods: tuple[Period, ...]
    names: tuple[str, ...]
    blocked: bool = False

    @property
    def label(self) -> str:
        """The cell in words, as pages print it."""
        return f"{self.configuration} on {self.model.label}"

    def since(self, day: str | None) -> Course | None:
        """Return the course from one time to the last: the last before a day (``2026-11-30``), or the one before the last.

        None where there is no such time, or nothing was measured since.
        """
        earlier = [place for place, period in enumerate(self.periods[:-1]) if day is None or period.began[:10] < day]
        if not earlier or (day is not None and self.periods[-1].began[:10] < day):
            return None
        chosen = (earlier[-1], len(self.periods) - 1)
        return replace(self, periods=tuple(self.periods[i] for i in chosen), names=tuple(self.names[i] for i in chosen))


def course_of(periods: list[Period]) -> Course:
    """Return the course of one cell from the times it was measured; days that are equal are told apart by the time of day."""
    ordered = sorted(periods, key=lambda period: period.began)
    days = [period.began[:10] for period in ordered]
    names = [
        day if days.count(day) == 1 else period.began[:16].replace("T", " ") for day, period in zip(days, ordered, strict=True)
    ]
    cell = ordered[-1].cell
    return Course(cell.model, label_of(cell.configuration), tuple(ordered), tuple(name or "no date" for name in names))


def environment_courses(dataset: Dataset) -> Iterator[Course]:
    """Yield a course for all cells of a study that differ in nothing but the declared environment, in the order of the configurations."""
    alike: defaultdict[tuple[str, str], list[CellView]] = defaultdict(list)
    for cell in dataset.cells:
        if cell.configuration.environment is not None and cell.ok:
            alike[cell.model.id, cell.configuration.model_dump_json(exclude={"environment", "name"})].append(cell)
    for cells in alike.values():
        if len(cells) > 1:
            names = tuple(cell.configuration.environment or "" for cell in cells)
            served = cells[0].configuration.model_copy(update={"environment": None, "name": None})
            periods = tuple(Period(cell, dataset.environment) for cell in cells)
            yield Course(cells[0].model, label_of(served), periods, names, blocked=True)
