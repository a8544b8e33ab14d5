"""A page of the site: where it lies, what its template prints, and what the search finds on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure
from greenreport.report.search import Entry, entry

ContentT = TypeVar("ContentT", covariant=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[ContentT]):
    """A page of the site.

    Attributes:
        path: file in the site, with ``/``.
        template: file in the folder of templates.
        section: entry of the navigation that is marked.
        study: the study it belongs to; None for pages of the whole site.
        content: exactly what its template prints; each kind of page has a type of its own.
        figures: those on the page, in order.
        entries: what the search finds on it.
    """

    path: str
    template: str
    title: str
    description: str
    section: str
    study: StudyContext | None
    content: ContentT
    figures: tuple[Figure, ...] = ()
    entries: tuple[Entry, ...] = ()

    @property
    def up(self) -> str:
        """Relative path from this page to the root of the site."""
        return "../" * self.path.count("/")


def study_page(
    study: StudyContext,
    section: str,
    template: str,
    title: str,
    content: T,
    figures: Iterable[Figure] = (),
    *,
    description: str | None = None,
    found_as: tuple[str, str, str] | None = None,
) -> Page[T]:
    """Return a page of a study.

    Args:
        section: its folder below that of the study; empty for the first page.
        template: file in the folder of study templates.
        description: one sentence for those who link to it; the study's headline by default.
        found_as: kind, place and further words by which the search finds the page; by its title and that of the study when absent.
    """
    path = f"{study.root}{section}/index.html" if section else f"{study.root}index.html"
    about = plain(study.analysis.headline) if description is None else description
    name, drawn = study.dataset.study.title, tuple(figures)
    kind, where, words = found_as or ("Page", name, section.replace("/", " "))
    # the figures of the first page stand on others too, those of one cell or model are found by its name
    findings = () if not section else (figure for figure in drawn if not figure.detail)
    entries = (
        entry(title, kind, where, path, words),
        *(entry(f.finding, "Figure", name, path, f.id, f"fig-{f.id}") for f in findings),
    )
    return Page(path, f"study/{template}", title, about, section or "overview", study, content, drawn, entries)
