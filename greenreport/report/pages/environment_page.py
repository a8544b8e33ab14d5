"""The page of the environment: machine and software, outcomes, and what was prepared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.host_shares import HostShare, host_shares
from greenreport.pooling import EnginePlace, libraries_of
from greenreport.record import Environment
from greenreport.report.context import StudyContext
from greenreport.report.page import Page, study_page
from greenreport.units import counted
from greenreport.validity import Advice, advice


@dataclass(frozen=True, slots=True)
class EnvironmentContent:
    """Machine and software.

    Attributes:
        outcomes: how runs ended, with their number.
        boundary: what energy includes, and whether it was measured; empty where there is none.
        served: the environments in which engines were served, each with its Python and the versions that count.
        timeline: whether the page of the methods shows when each run was made.
        hosts: what each host did, where several share the study.
    """

    advice: tuple[Advice, ...]
    outcomes: tuple[tuple[str, int], ...]
    boundary: tuple[str, ...]
    served: tuple[tuple[str, str], ...]
    timeline: bool
    hosts: tuple[HostShare, ...]


def environment_page(study: StudyContext) -> Page[EnvironmentContent]:
    """Return the page."""
    dataset = study.dataset
    methods = " and ".join(sorted({method.value for cell in dataset.cells for method in cell.methods("energy_j")}))
    content = EnvironmentContent(
        advice=() if dataset.environment is None else advice(dataset.environment),
        outcomes=tuple((outcome.value.replace("_", " "), number) for outcome, number in sorted(dataset.outcomes.items())),
        boundary=tuple(f"{boundary}, {methods}; idle power included" for boundary in dataset.boundaries("energy_j")),
        served=() if dataset.environment is None else tuple(_served(dataset, dataset.environment)),
        timeline=any(run.start_ns and run.duration_s for run in dataset.runs),
        hosts=host_shares(dataset),
    )
    return study_page(study, "environment", "environment.html", "Environment", content)


def _served(dataset: Dataset, environment: Environment) -> Iterator[tuple[str, str]]:
    """Yield the name and the content of each environment that a configuration names."""
    for served in environment.served:
        engines = [c.engine for c in dataset.configurations if c.environment == served.name]
        libraries = dict(item for engine in engines for item in libraries_of(EnginePlace(engine, served.name), environment))
        versions = ", ".join((f"Python {served.python}", *(f"{name} {version}" for name, version in libraries.items())))
        if engines:
            yield served.name, f"{versions}; {counted(len(served.packages), 'package')} in all"
