"""The page of the environment: machine and software, outcomes, and what was prepared."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.analysis.measure.host_shares import HostShare, host_shares
from greenreport.report.context import StudyContext
from greenreport.report.page import Page, study_page
from greenreport.validity import Advice, advice


@dataclass(frozen=True, slots=True)
class EnvironmentContent:
    """Machine and software.

    Attributes:
        outcomes: how runs ended, with their number.
        boundary: what energy includes, and whether it was measured; empty where there is none.
        timeline: whether the page of the methods shows when each run was made.
        hosts: what each host did, where several share the study.
    """

    advice: tuple[Advice, ...]
    outcomes: tuple[tuple[str, int], ...]
    boundary: tuple[str, ...]
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
        timeline=any(run.start_ns and run.duration_s for run in dataset.runs),
        hosts=host_shares(dataset),
    )
    return study_page(study, "environment", "environment.html", "Environment", content)
