"""The page of the data: files to take away, their columns, the badge, the citation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from greenreport.record import Outcome
from greenreport.report.context import StudyContext
from greenreport.report.exports.badge import badge_code, badge_svg
from greenreport.report.exports.card import cards_of
from greenreport.report.exports.citation import citation
from greenreport.report.exports.data_dictionary import FileColumn, file_columns
from greenreport.report.exports.observations_csv import has_values
from greenreport.report.page import Page, study_page
from greenreport.study import Site
from greenreport.units import counted


@dataclass(frozen=True, slots=True)
class DataContent:
    """What can be taken away.

    Attributes:
        pictures: of what, and the file in the study's folder, of the cards shown with links.
        badge: its drawing, safe inside a page; empty where there is none. `badge_codes`: (kind, code) that shows it elsewhere.
        columns: name of a file → what its columns are.
    """

    study_text: str
    citation: str
    bibtex: str
    pictures: tuple[tuple[str, str], ...]
    heading: str
    badge: str
    badge_codes: tuple[tuple[str, str], ...]
    columns: Mapping[str, tuple[FileColumn, ...]]


def data_page(study: StudyContext, study_text: str, settings: Site) -> Page[DataContent]:
    """Return the page.

    Args:
        study_text: the study file as it was read.
        settings: those of the site, for addresses.
    """
    measured = has_values(study.dataset)
    sentence, bibtex = citation(study, settings)
    content = DataContent(
        study_text=study_text,
        citation=sentence,
        bibtex=bibtex,
        pictures=tuple((card.about, card.path.removeprefix(study.root)) for card in cards_of(study)),
        heading=data_heading(study),
        badge=badge_svg(study).decode() if measured else "",
        badge_codes=badge_code(study, settings) if measured else (),
        columns=file_columns() if measured else {},
    )
    return study_page(study, "data", "data.html", "Data", content)


def data_heading(study: StudyContext) -> str:
    """Return how much there is to take away."""
    valid = study.dataset.outcomes[Outcome.OK]
    runs = f"{counted(valid, 'row')} of a table" if study.dataset.imported else counted(valid, "valid run")
    if not study.dataset.outcomes.total():
        return "Nothing to take away yet but the study file"
    return f"{runs}, measured elsewhere" if study.dataset.imported else f"{runs}, with every request, output and sample"
