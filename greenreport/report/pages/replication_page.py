"""The page of replication: published findings beside those of the study."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.analysis.compare.replication import ReplicationReport
from greenreport.report.context import StudyContext
from greenreport.report.page import Page, study_page


@dataclass(frozen=True, slots=True)
class ReplicationContent:
    """Published findings beside those of the study, a report for each publication."""

    reports: tuple[ReplicationReport, ...]


def replication_page(study: StudyContext) -> Page[ReplicationContent]:
    """Return the page."""
    content = ReplicationContent(study.analysis.replications)
    return study_page(study, "replication", "replication.html", "Replication", content)
