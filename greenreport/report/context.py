"""What every page of a study shows: its analysis, looks, remarks, machine and dates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from greenreport.analysis.analyse import Analysis
from greenreport.analysis.compare.history import StudyHistory, history
from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.courses import Course
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import reference_of
from greenreport.analysis.measure.run_view import RunView
from greenreport.analysis.measure.subjects import Subject
from greenreport.record import Environment
from greenreport.report.drawing.style import Look, looks
from greenreport.units import counted

#: In a study of more cells than this, cells and models have no pages: they stand in the explorer and in the data.
MOST_CELLS_WITH_PAGES = 300
#: The remark on joules that no meter read.
ESTIMATED_ENERGY = "estimated energy"
#: What a band means, for somebody who sees it for the first time.
MEANINGS = {
    "simulated engine": "no model was served; these numbers test the tool and say nothing about engines.",
    ESTIMATED_ENERGY: "no energy meter could be read, so energy is computed from the CPU load. It shows who keeps the processor busy for longer; the joules "
    "themselves are rough, and answer no question unless the study says so.",
    "untrained weights": "the models have their true size and shape and random weights. Speed, memory and energy are those of the real models; what they answer "
    "means nothing.",
    "measured elsewhere": "the values come from a table; how they were measured is not known here.",
}


class EnergySource(StrEnum):
    """Where the joules of a study come from."""

    METERED = "metered"
    CALIBRATED = "calibrated"
    MODELLED = "modelled"
    IMPORTED = "imported"


def evidence_of(dataset: Dataset) -> EnergySource | None:
    """Return where the joules of a dataset come from; None where it has none."""
    if dataset.imported:
        return EnergySource.IMPORTED
    if dataset.estimated:  # also where it answers no question
        return EnergySource.MODELLED
    if not dataset.has("energy_j"):
        return None
    return EnergySource.CALIBRATED if dataset.study.calibrations else EnergySource.METERED


@dataclass(frozen=True, slots=True)
class StudyContext:
    """What every page of a study shows.

    Attributes:
        slug: folder of the study below ``s/``.
        looks: colour and shape of each configuration, by its id.
        bands: remarks shown on every figure and headline.
        source: line below exported figures.
        dates: first and last day of its runs.
        history: how its cells changed over times and environments; None where there was one.
    """

    slug: str
    analysis: Analysis
    looks: Mapping[str, Look]
    bands: tuple[str, ...]
    source: str
    machine: str
    dates: str
    history: StudyHistory | None = None

    @property
    def dataset(self) -> Dataset:
        """The data."""
        return self.analysis.dataset

    @property
    def reference(self) -> str | None:
        """Id of the configuration that ratios refer to and outputs are compared with; None without cells."""
        return reference_of(self.dataset)

    @property
    def root(self) -> str:
        """Path of the study's folder in the site."""
        return f"s/{self.slug}/"

    @property
    def large(self) -> bool:
        """Whether it has too many cells for a page each."""
        return len(self.dataset.cells) > MOST_CELLS_WITH_PAGES

    def cell_page(self, cell: CellView) -> str | None:
        """Return the page of a cell, from the study's folder; None where it has none, having no runs or too many neighbours."""
        return None if self.large or not cell.runs else f"cells/{cell.slug}/index.html"

    @property
    def remarks(self) -> tuple[tuple[str, str], ...]:
        """Each remark with its explanation for readers."""
        return tuple((band, MEANINGS[band]) for band in self.bands)


def study_context(slug: str, analysis: Analysis, courses: Sequence[Course] = ()) -> StudyContext:
    """Return the context of a study.

    Args:
        courses: its cells that were measured more than once.
    """
    dataset = analysis.dataset
    configurations = dataset.study.configurations
    pairs = [(c.id, c.runtime, c.provider) for c in configurations]
    styles = looks([c.runtime for c in configurations], pairs, dataset.engine_names)
    dates, machine = dates_of(dataset.runs), machine_text(dataset.environment)
    source = " · ".join(part for part in ("greenreport", dataset.study.study, machine, dates) if part)
    return StudyContext(slug, analysis, styles, bands_of(dataset), source, machine, dates, history(dataset, courses))


def bands_of(dataset: Dataset) -> tuple[str, ...]:
    """Return the remarks that every figure and headline of a dataset carries."""
    remarks = (
        ("simulated engine", dataset.simulated),
        (ESTIMATED_ENERGY, dataset.estimated),
        ("untrained weights", dataset.untrained),
        ("measured elsewhere", dataset.imported),
    )
    return tuple(name for name, applies in remarks if applies)


def on_models(number: int, models: int, subject: Subject) -> str:
    """Return the number of models out of all, in words: ``on 2 of 3 models``."""
    return f"on the one {subject.singular}" if models == 1 else f"on {number} of {models} {subject.plural}"


def dates_of(runs: Iterable[RunView]) -> str:
    """Return the first and the last day of runs; empty where none is known."""
    days = sorted({run.started_at[:10] for run in runs if run.started_at})
    return "" if not days else days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"


def machine_text(environment: Environment | None) -> str:
    """Return a machine in a few words."""
    if environment is None:
        return "machine not known"
    cores = counted(environment.physical_cores, "core")
    return ", ".join([f"{environment.cpu_model} ({cores})", *dict.fromkeys(gpu.name for gpu in environment.gpus)])
