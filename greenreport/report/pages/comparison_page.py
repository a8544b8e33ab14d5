"""Pages that set two studies beside each other: which pairs there are, what each page shows, and where it is linked from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from greenreport.analysis.compare.comparison import MetricComparison, StudyComparison, compare_studies
from greenreport.analysis.measure.dataset import Dataset
from greenreport.record import Outcome
from greenreport.report.context import StudyContext, bands_of, dates_of, machine_text
from greenreport.report.figure import Figure
from greenreport.report.figures.study_comparison import quotient_figure, slope_figure
from greenreport.report.page import Page
from greenreport.report.search import entry
from greenreport.report.summary import ComparisonLink
from greenreport.results import Counterpart
from greenreport.units import safe_slug


@dataclass(frozen=True, slots=True)
class Party:
    """One of the two studies; `root` is its folder in the site, None for results that are no study of the site."""

    name: str
    title: str
    root: str | None
    machine: str
    dates: str
    runs: int
    bands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ComparisonSection:
    """One metric: sentences first, then the figures."""

    comparison: MetricComparison
    sentences: tuple[str, ...]
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class ComparisonContent:
    """The page of two studies.

    Attributes:
        cautions: what a reader has to know before comparing, in sentences.
    """

    comparison: StudyComparison
    parties: tuple[Party, Party]
    cautions: tuple[str, ...]
    sections: tuple[ComparisonSection, ...]


def comparison_pages(studies: Sequence[StudyContext], pairs: Sequence[Counterpart]) -> list[Page[ComparisonContent]]:
    """Return a page for each pair of studies, below ``compare/``."""
    by_name = {study.dataset.study.study: study for study in studies}
    slugs: list[str] = []
    pages = []
    for pair in pairs:
        first, second = by_name[pair.first], by_name.get(pair.second) if pair.known else None
        other = second.slug if second is not None else pair.second
        slugs.append(safe_slug(f"{first.slug}--{other}", slugs))
        pages.append(_page(first, second, pair, slugs[-1]))
    return pages


def comparison_links(pages: Sequence[Page[ComparisonContent]]) -> Mapping[str, tuple[ComparisonLink, ...]]:
    """Return the links to comparisons by the root of the study they belong on: both studies of a page have one."""
    links: dict[str, tuple[ComparisonLink, ...]] = {}
    for page in pages:
        for root in (party.root for party in page.content.parties if party.root is not None):
            links[root] = (*links.get(root, ()), ComparisonLink(page.title, page.path))
    return links


def _page(first: StudyContext, second: StudyContext | None, pair: Counterpart, slug: str) -> Page[ComparisonContent]:
    names = (pair.first, pair.second)
    comparison = compare_studies(first.dataset, pair.dataset, names)
    bands = tuple(dict.fromkeys((*first.bands, *bands_of(pair.dataset))))
    sections = []
    for item in _distinct(comparison.metrics):
        figures = (
            slope_figure(item, names, first.looks, bands, f"compare-{slug}".replace(".", "-")),
            quotient_figure(item, names, bands, f"compare-{slug}".replace(".", "-")),
        )
        sections.append(ComparisonSection(item, tuple(item.sentences()), figures))
    parties = (
        _party(pair.first, first.root, first.dataset),
        _party(pair.second, None if second is None else second.root, pair.dataset),
    )
    headline = comparison.headline()
    content = ComparisonContent(comparison, parties, tuple(_cautions(comparison, first.dataset, pair.dataset)), tuple(sections))
    drawn = tuple(figure for section in sections for figure in section.figures)
    path = f"compare/{slug}/index.html"
    found = entry(headline, "Page", "Two studies side by side", path, " ".join(names))
    return Page(path, "study/compare.html", headline, headline, "compare", first, content, drawn, (found,))


def _distinct(metrics: Sequence[MetricComparison]) -> Iterator[MetricComparison]:
    """Leave out a metric whose ratios are those of an earlier one: energy per token is, where all answers are of one length."""
    seen: list[list[tuple[str, str, float, float]]] = []
    for item in metrics:
        ratios = [(p.model, p.configuration, round(p.first.value, 9), round(p.second.value, 9)) for p in item.pairs]
        if ratios not in seen:
            seen.append(ratios)
            yield item


def _party(name: str, root: str | None, dataset: Dataset) -> Party:
    machine = machine_text(dataset.environment)
    runs = dataset.outcomes[Outcome.OK]
    return Party(name, dataset.study.title, root, machine, dates_of(dataset.runs), runs, bands_of(dataset))


def _cautions(comparison: StudyComparison, first: Dataset, second: Dataset) -> Iterator[str]:
    if comparison.same_machine is None:
        yield "The machine of at least one of the two is not known."
    elif comparison.same_machine:
        yield "Both were measured on one machine, at different times."
    else:
        yield "They were measured on different machines: a ratio may change with the processor, a joule or a second always does."
    methods = {dataset.estimated for dataset in (first, second) if dataset.has("energy_j")}
    if len(methods) == 2:
        yield "One energy is measured and the other estimated from the CPU load, so a difference in energy ratios may come from that alone."
    elif methods == {True}:
        yield "Energy is estimated from the CPU load in both, so energy ratios are little more than ratios of CPU time."
    if comparison.design:
        names = ", ".join(item.name for item in comparison.design)
        yield f"Workload or protocol differ, too ({names}); what differs cannot be told from what the machine does."
    if comparison.withheld:
        cells = "One cell is" if len(comparison.withheld) == 1 else f"{len(comparison.withheld)} cells are"
        yield f"{cells} left out: {'; '.join(comparison.withheld)}."
