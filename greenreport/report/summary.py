"""The summary of a study for the pages of the whole site, small enough to keep from one build to the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from greenreport.analysis.compare.history import StepVerdict
from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.analysis.measure.validity_badge import BadgeLevel
from greenreport.catalog import ENGINES
from greenreport.record import Outcome
from greenreport.report.cell_summary import CellSummary, cell_summaries
from greenreport.report.context import EnergySource, StudyContext, evidence_of
from greenreport.report.exports.card import cards_of
from greenreport.report.miniature import miniature
from greenreport.report.page import Page
from greenreport.report.search import Entry
from greenreport.results import MOMENT
from greenreport.units import capital


@dataclass(frozen=True, slots=True)
class ComparisonLink:
    """A page that sets the study beside another: its headline, and its path in the site."""

    headline: str
    path: str


@dataclass(frozen=True, slots=True)
class Regression:
    """A cell that became worse from one time it was measured to the next.

    Attributes:
        title: cell and metric; `told`: size, times, and what changed around it.
        moment: when the first run of the later time began; `anchor`: of its figure on the page of the history.
    """

    title: str
    told: str
    moment: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Summary:
    """A study on the front page, in the feed and in the search.

    Attributes:
        root: folder of the study in the site; `name`: its name in the study file.
        runs: valid runs, or rows of a table that was imported; `attempted`: all runs.
        machine: in words.
        model_names, engines, tags: by which studies can be chosen.
        evidence: where its joules come from; None without any. `untrained`: whether a model has untrained weights.
        simulated: whether no model was served.
        moments: when the first and the last run began; None where no day is known.
        card, card_alt: its picture, and the same in words.
        glance: its result as a drawing of one line (SVG).
        compared: pages on which it stands beside another study.
        cells: those with valid runs.
        entries: what can be found on its pages.
        regressions: cells that became worse since they were first measured.
    """

    root: str
    name: str
    title: str
    headline: str
    level: BadgeLevel
    bands: tuple[str, ...]
    evidence: EnergySource | None
    untrained: bool
    simulated: bool
    models: int
    model_names: tuple[str, ...]
    engines: tuple[str, ...]
    tags: tuple[str, ...]
    configurations: int
    runs: int
    imported: bool
    attempted: int
    machine: str
    dates: str
    moments: tuple[str, str] | None
    authors: tuple[str, ...]
    license: str
    card: str
    card_alt: str
    glance: str
    compared: tuple[ComparisonLink, ...]
    cells: tuple[CellSummary, ...]
    entries: tuple[Entry, ...]
    regressions: tuple[Regression, ...]

    @property
    def slug(self) -> str:
        """Name of the study's folder."""
        return self.root.split("/")[1]


def newest_first(studies: Iterable[Summary]) -> list[Summary]:
    """Return studies by the day of their last run, the newest first; those without valid runs come last."""
    ordered = sorted(studies, key=lambda study: study.slug)
    ordered.sort(key=lambda study: study.moments[1] if study.moments else "", reverse=True)
    return sorted(ordered, key=lambda study: study.runs == 0)


def summarise(study: StudyContext, pages: Sequence[Page[object]], compared: tuple[ComparisonLink, ...] = ()) -> Summary:
    """Return the summary of a study.

    Args:
        pages: its pages.
        compared: pages on which it stands beside another study.
    """
    dataset, spec = study.dataset, study.dataset.study
    began = sorted(r.started_at for cell in dataset.cells for r in cell.runs if MOMENT.fullmatch(r.started_at))
    card = cards_of(study)[0]
    return Summary(
        root=study.root,
        name=spec.study,
        title=spec.title,
        headline=plain(study.analysis.headline),
        level=study.analysis.badge.level,
        bands=study.bands,
        evidence=evidence_of(dataset),
        untrained=dataset.untrained,
        simulated=dataset.simulated,
        engines=tuple(
            dict.fromkeys(
                dataset.engine_names.get(configuration.engine) or _engine(configuration.runtime)
                for configuration in spec.configurations
            )
        ),
        models=len(dataset.models),
        model_names=tuple(model.label for model in dataset.models),
        tags=spec.tags,
        configurations=len(dataset.configurations),
        runs=dataset.outcomes[Outcome.OK],
        imported=dataset.imported,
        attempted=dataset.outcomes.total(),
        machine=study.machine,
        dates=study.dates,
        moments=(began[0], began[-1]) if began else None,
        authors=tuple(author.name for author in spec.authors),
        license=spec.license,
        card=card.path,
        card_alt=card.alt,
        glance=miniature(study),
        compared=compared,
        cells=tuple(cell_summaries(study)),
        entries=tuple(entry for page in pages for entry in page.entries),
        regressions=tuple(_regressions(study)),
    )


def _regressions(study: StudyContext) -> Iterator[Regression]:
    """Yield what became worse with time; environments of one study are no course of time."""
    for step in study.history.steps if study.history is not None else ():
        if step.change is StepVerdict.WORSE and not step.course.blocked and MOMENT.fullmatch(step.after.began):
            cause = f" Changed around it: {step.cause()}." if step.around else ""
            title = f"{step.course.label}: {step.info.noun} is worse"
            yield Regression(
                title, f"{capital(step.sentence())}.{cause}", step.after.began, f"fig-history-{step.metric.replace('_', '-')}"
            )


def _engine(runtime: str) -> str:
    return ENGINES[runtime].label if runtime in ENGINES else runtime
