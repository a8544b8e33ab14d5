"""The first page of a study: headline, key numbers, the figure on top, answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from greenreport.analysis.hypotheses.answers import HypothesisAnswer
from greenreport.analysis.hypotheses.claim_text import Text, plain
from greenreport.analysis.hypotheses.claims import Claim, Generality
from greenreport.analysis.hypotheses.ratio_text import interval_text
from greenreport.analysis.measure.validity_badge import BadgeLevel
from greenreport.analysis.quality.problems import OVER_PROBLEMS
from greenreport.analysis.stats import Interval
from greenreport.analysis.sweep.frontier_sentences import ToldLoad, objective_words, where_words
from greenreport.catalog import METRICS
from greenreport.record import Outcome
from greenreport.report.context import StudyContext
from greenreport.report.figure import Figure
from greenreport.report.figures.hypothesis_ratios import forest_figure, untested
from greenreport.report.figures.matrix import matrix_figure
from greenreport.report.figures.saturation_curves import by_model_and_factor
from greenreport.report.figures.throughput_frontier import front_figure
from greenreport.report.page import Page, study_page
from greenreport.report.sparkline import sparkline
from greenreport.report.summary import ComparisonLink
from greenreport.units import THIN, counted, declared_percent, quantity

#: Numbers beside a headline, apart from that of the runs.
MOST_NUMBERS = 2
#: Pixels of the place beside the headline.
HERO_COLUMN = 637


@dataclass(frozen=True, slots=True)
class KeyNumber:
    """One of the numbers below a headline: a claim, or a text where there is none."""

    label: str
    claim: Claim | None
    text: str = ""
    note: str = ""

    def about(self, headline: Text) -> str:
        """Return interval and scope of the claim, and what it compares where the headline does not say it."""
        claim = self.claim
        if claim is None:
            return self.note
        named = any(
            isinstance(part, Claim) and (part.numerator, part.denominator) == (claim.numerator, claim.denominator)
            for part in headline
        )
        compared = "" if named else f"{claim.numerator} against {claim.denominator}, "
        return f"{compared}{_interval(claim)}; {claim.scope_text()}"


@dataclass(frozen=True, slots=True)
class BestFor:
    """A configuration and the wishes for which it is the best choice: ``shortest execution time``."""

    label: str
    wishes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OverviewContent:
    """The first page of a study.

    Attributes:
        hero: the figure on top; `swept`: whether it is that of a sweep, `untested`: whether its values have no intervals.
        compared: pages on which the study stands beside another.
        scope: where its headline was found, and how sure it is.
        related: studies of the same publication, where it has no runs itself.
        glance: the result as a small drawing (SVG), which stands in for the figure on small screens.
        choices: for what each configuration is the best choice.
        rules: how many rules of validity hold, in words.
        commands: what repeats the study; empty for imported values.
    """

    numbers: tuple[KeyNumber, ...]
    hero: Figure | None
    matrix: Figure | None
    compared: tuple[ComparisonLink, ...]
    swept: bool
    untested: bool
    scope: str
    related: tuple[StudyContext, ...]
    glance: str
    choices: tuple[BestFor, ...]
    rules: str
    commands: tuple[str, ...]


def overview_page(
    study: StudyContext, compared: tuple[ComparisonLink, ...], related: tuple[StudyContext, ...]
) -> Page[OverviewContent]:
    """Return the page.

    Args:
        compared: pages on which the study stands beside another.
        related: studies of the same publication, for a study without runs.
    """
    analysis = study.analysis
    finding = None if analysis.leading is None else analysis.leading.finding
    hero = None if finding is None else forest_figure(study, finding, study.reference)
    swept = None if analysis.frontier is None else next(iter(by_model_and_factor(analysis.frontier.series).values()), None)
    if swept is not None:
        hero = front_figure(study, swept) or hero
    matrix = None if finding is None else matrix_figure(study, finding.metric.id)
    content = OverviewContent(
        numbers=tuple(_key_numbers(study)),
        hero=None if hero is None else replace(hero, column=HERO_COLUMN),
        matrix=matrix,
        compared=compared,
        swept=swept is not None,
        untested=finding is not None and untested(study, finding),
        scope=headline_scope(study),
        related=related,
        glance=sparkline(study),
        choices=tuple(_choices(study)),
        rules=_rules(study),
        commands=()
        if study.dataset.imported
        else (f"greenreport run studies/{study.dataset.study.study}.yaml", "greenreport build"),
    )
    spec = study.dataset.study
    words = " ".join([spec.study, *spec.tags, study.machine, *(author.name for author in spec.authors), *study.bands])
    figures = [figure for figure in (content.hero, matrix) if figure is not None]
    found_as = ("Study", plain(analysis.headline), words)
    return study_page(study, "", "overview.html", spec.title, content, figures, found_as=found_as)


def related_studies(study: StudyContext, others: Sequence[StudyContext]) -> tuple[StudyContext, ...]:
    """Return the studies with valid runs that name a publication this study names; none once it has runs itself."""
    if study.dataset.outcomes.total():
        return ()
    publications = {reference.reference for reference in study.dataset.references}
    return tuple(
        other
        for other in others
        if other.dataset.outcomes[Outcome.OK]
        and any(reference.reference in publications for reference in other.dataset.references)
    )


def headline_scope(study: StudyContext) -> str:
    """Return where the headline was found, and interval, scope and runs of its claim; empty before any run."""
    if not study.dataset.outcomes.total():
        return ""
    where = f"On {study.machine}" if study.dataset.environment is not None else "On a machine that is not known here"
    where = "Measured elsewhere" if study.dataset.imported else where
    claim = next((part for part in study.analysis.headline if isinstance(part, Claim)), None)
    ended = "" if study.analysis.stopping is None else f" {study.analysis.stopping.summary()}"
    swept, objective = study.analysis.frontier, study.dataset.study.objective
    if swept is not None and swept.headline is not None and objective is not None:
        ended = f" Objective: {objective_words(objective)}.{ended}"
    if claim is None:
        return f"{where}; medians over valid runs.{ended}"
    if study.dataset.imported and claim.n == 1:
        return f"{where}: {claim.scope_text()}. The table has one value for each cell, so nothing says how sure this is.{ended}"
    named = claim.denominator in plain(study.analysis.headline)
    compared = "" if named else f"{claim.numerator} against {claim.denominator}, "
    return (
        f"{where}: {compared}{_interval(claim)}; {claim.scope_text()}{_further(claim)}; {claim.runs_text} in each cell.{ended}"
    )


def _choices(study: StudyContext) -> Iterator[BestFor]:
    """Yield the configurations that lead in an objective, that of the most objectives first."""
    wishes: dict[str, list[str]] = {}
    for guideline in study.analysis.guidelines:
        if guideline.standing is not None:
            label = study.dataset.labels[guideline.standing.leader.id]
            wishes.setdefault(label, []).append(guideline.objective.wish[:1].lower() + guideline.objective.wish[1:])
    for label, found in sorted(wishes.items(), key=lambda item: -len(item[1])):
        yield BestFor(label, tuple(found))


def _rules(study: StudyContext) -> str:
    """Return how many of the machine-checked rules hold."""
    rules = study.analysis.badge.rules
    passed = sum(rule.level is BadgeLevel.PASS for rule in rules)
    ok, made = study.dataset.outcomes[Outcome.OK], study.dataset.outcomes.total()
    return (
        f"{ok} of {counted(made, 'run')} valid; {passed} of {counted(len(rules), 'rule')} of validity hold without reservation"
    )


def _interval(claim: Claim) -> str:
    """Return the interval of a claim; why there is none stands with its derivation."""
    return claim.interval() if isinstance(claim.ci, Interval) else "no interval"


def _further(claim: Claim) -> str:
    """Return where a further model would lie, in words, where the claim speaks of models like these."""
    further = None if claim.mean is None else claim.mean.further_model
    if claim.generality is not Generality.MODELS_LIKE_THESE or not isinstance(further, Interval):
        return ""
    return f"; a further model like these: {interval_text(further.low, further.high, claim.value)} (95{THIN}% prediction)"


def _solved(study: StudyContext, part: HypothesisAnswer) -> KeyNumber | None:
    """Return how many problems the leader in right answers solves, or that of the headline where it solves as many.

    None for other metrics, and for several models.
    """
    quality = study.analysis.quality
    if quality is None or part.standing is None or part.finding.metric.id not in OVER_PROBLEMS or len(quality.models) > 1:
        return None
    row, reference = quality.models[0].row(part.standing.leader.id), quality.models[0].reference
    if row is None:
        return None
    first = None if study.analysis.leading is None else study.analysis.leading.standing
    told = None if first is None else quality.models[0].row(first.leader.id)
    row = told if told is not None and told.solved == row.solved else row
    against = f", {row.beside(study.dataset.labels[reference])}" if reference and row.difference is not None else ""
    return KeyNumber(part.finding.metric.label, None, row.right(), f"{study.dataset.labels[row.configuration]}{against}")


def _key_numbers(study: StudyContext) -> Iterator[KeyNumber]:
    told = [part for part in study.analysis.headline if isinstance(part, Claim)]
    frontier = study.analysis.frontier
    if frontier is not None and frontier.headline is not None:
        numbers = [*(KeyNumber(claim.info.label, claim) for claim in told), *_load_numbers(next(iter(frontier.told.values())))]
        yield from numbers[:MOST_NUMBERS]
        yield _runs_number(study)
        return
    for shown in told[:MOST_NUMBERS]:
        limit = study.dataset.study.smallest_effect(shown.metric)
        slight = abs(math.log(shown.value)) < math.log1p(limit)
        note = f"too small to matter here: less than {declared_percent(limit)}" if slight else ""
        yield KeyNumber(shown.info.label, shown, note=note)
    metrics, left = {claim.metric for claim in told}, MOST_NUMBERS - len(told)
    for part in (part for answer in study.analysis.answers for part in answer.answers[:1]):
        claim = None if part.standing is None else part.standing.claim
        if left < 1 or part.finding.metric.id in metrics:
            continue
        limit = part.finding.hypothesis.smallest_effect
        if (solved := _solved(study, part)) is not None:
            yield solved
        elif claim is not None and isinstance(claim.ci, Interval) and claim.ci.low <= 1 <= claim.ci.high:
            note = f"{claim.numerator} against {claim.denominator}: {_interval(claim)}"
            yield KeyNumber(part.finding.metric.label, None, "no difference shown", note)
        elif claim is not None and abs(math.log(claim.value)) >= math.log1p(limit):
            yield KeyNumber(part.finding.metric.label, claim)
        else:
            continue
        left -= 1
    yield _runs_number(study)


def _load_numbers(told: ToldLoad) -> Iterator[KeyNumber]:
    """Yield what the load of a headline gains over the smallest, and its latency."""
    here = where_words(told.series, told.point)
    if told.gain is not None:
        yield KeyNumber(told.gain.info.label, told.gain)
    latency = told.series.latency
    value = None if latency is None else told.point.value(latency)
    if latency is not None and value is not None:
        yield KeyNumber(METRICS[latency].label, None, quantity(value, METRICS[latency].unit), f"{here}; median over its runs")


def _runs_number(study: StudyContext) -> KeyNumber:
    dataset, repetitions = study.dataset, study.dataset.repetitions
    ok, planned = dataset.outcomes[Outcome.OK], len(dataset.cells) * repetitions
    models, configurations = dataset.subject.counted(len(dataset.models)), counted(len(dataset.configurations), "configuration")
    repeated = "one value for each" if dataset.imported and repetitions == 1 else counted(repetitions, "repetition")
    left_out = len(dataset.excluded)
    note = f"{models}, {configurations}, {repeated}" + (f"; {counted(left_out, 'cell')} left out by design" if left_out else "")
    return KeyNumber(
        "Rows of the table" if dataset.imported else "Valid runs",
        None,
        f"{ok} of {planned}" if ok != planned else str(ok),
        note,
    )
