"""The page of the multiverse: the leading claims, each analysed in every other way that a study might have chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from greenreport.analysis.hypotheses.multiverse import Multiverse
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure
from greenreport.report.figures.specification_curve import sentence, specification_curve
from greenreport.report.page import Page, study_page


@dataclass(frozen=True, slots=True)
class MultiverseSection:
    """A claim with its figure; `left_out`: each reason why analyses are left out, and how many."""

    multiverse: Multiverse
    figure: Figure
    left_out: tuple[tuple[str, int], ...]


def multiverse_page(study: StudyContext) -> Page[tuple[MultiverseSection, ...]]:
    """Return the page."""
    sections = tuple(
        MultiverseSection(
            item, specification_curve(study, item), tuple(Counter(part.reason for part in item.left_out).most_common())
        )
        for item in study.analysis.multiverses
    )
    lead = _lead(study.analysis.multiverses)
    return study_page(
        study, "multiverse", "multiverse.html", "Other analyses", sections, [s.figure for s in sections], description=lead
    )


def _lead(items: Sequence[Multiverse]) -> str:
    """Return how many of the leading claims keep {'its' if keep == 1 < len(items) else 'their'} direction in every analysis."""
    keep = sum(item.agreeing == len(item.ways) for item in items)
    most = max(len(item.ways) for item in items)
    if len(items) == 1:
        return f"{sentence(items[0])}."
    which = (
        f"All {len(items)} leading claims keep"
        if keep == len(items)
        else f"{keep} of {len(items)} leading claims {'keeps' if keep == 1 else 'keep'}"
    )
    return f"{which} {'its' if keep == 1 < len(items) else 'their'} direction in every analysis, up to {most} of each."
