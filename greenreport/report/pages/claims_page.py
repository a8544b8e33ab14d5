"""The page of claims: every comparison that is printed, with all that is needed to compute it again."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.analysis.hypotheses.claims import Claim
from greenreport.report.context import StudyContext
from greenreport.report.page import Page, study_page


@dataclass(frozen=True, slots=True)
class ClaimsContent:
    """Every claim of a study."""

    claims: tuple[Claim, ...]


def claims_page(study: StudyContext) -> Page[ClaimsContent]:
    """Return the page."""
    return study_page(study, "claims", "claims.html", "How we know", ClaimsContent(study.analysis.claims))
