"""The front page of the site: every study, and the facets for choosing among many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from greenreport.report.page import Page
from greenreport.report.summary import ComparisonLink, Summary

FEW = 6  # studies that are found at a glance; of more, readers may choose


@dataclass(frozen=True, slots=True)
class Choice:
    """Something by which studies can be chosen: its name in the address, what it is called, its values."""

    name: str
    label: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IndexContent:
    """The front page.

    Attributes:
        newest: the day of the last run of all; empty where none is known.
        choices: by what readers may choose; empty where there is little to choose from.
        comparisons: pages that set two studies beside each other.
        groups: heading of a group, and its studies; those without a heading stand open.
    """

    entries: tuple[Summary, ...]
    runs: int
    newest: str
    choices: tuple[Choice, ...]
    comparisons: tuple[ComparisonLink, ...]
    groups: tuple[tuple[str, tuple[Summary, ...]], ...]


def index_page(studies: Sequence[Summary]) -> Page[IndexContent]:
    """Return the page, with studies in the order given."""
    content = IndexContent(
        entries=tuple(studies),
        runs=sum(study.runs for study in studies if not study.imported),
        newest=max((study.moments[1][:10] for study in studies if study.moments), default=""),
        choices=tuple(_choices(studies)),
        comparisons=tuple(dict.fromkeys(link for study in studies for link in study.compared)),
        groups=tuple(_groups(studies)),
    )
    first = studies[0].headline if studies else "No study has been published here yet."
    return Page("index.html", "index.html", "Studies", first, "studies", None, content)


def _groups(studies: Sequence[Summary]) -> Iterator[tuple[str, tuple[Summary, ...]]]:
    """Yield what was measured, then demonstrations, then what was not run; the first that there is stands open."""
    shown = [study for study in studies if study.attempted and not study.simulated]
    parts = [
        ("", shown),
        ("Demonstrations on a simulated engine", [study for study in studies if study.attempted and study.simulated]),
        ("Declared, not run yet", [study for study in studies if not study.attempted]),
    ]
    present = [(heading, tuple(group)) for heading, group in parts if group]
    yield from (("" if place == 0 else heading, group) for place, (heading, group) in enumerate(present))


def _choices(studies: Sequence[Summary]) -> Iterator[Choice]:
    """Yield what tells many studies apart: machines, models, engines, evidence and tags that are not those of all."""
    if len(studies) <= FEW:
        return
    facets: tuple[tuple[str, str, list[tuple[str, ...]]], ...] = (
        ("machine", "Machine", [(study.machine,) for study in studies]),
        ("model", "Model", [study.model_names for study in studies]),
        ("engine", "Engine", [study.engines for study in studies]),
        ("evidence", "Evidence", [() if study.evidence is None else (study.evidence.value,) for study in studies]),
        ("tag", "Tag", [study.tags for study in studies]),
    )
    for name, label, values_by_study in facets:
        distinct = {value for values in values_by_study for value in values}
        every = tuple(sorted(distinct, key=lambda value: (value.casefold(), value)))
        if any(set(values) != distinct for values in values_by_study):
            yield Choice(name, label, every)
