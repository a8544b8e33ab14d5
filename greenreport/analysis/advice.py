"""What to do: the sentence below the headline. It names the best configurations, or the load that a sweep recommends."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from greenreport.analysis.hypotheses.answers import HypothesisAnswer
from greenreport.analysis.hypotheses.claim_text import Text
from greenreport.analysis.hypotheses.findings import Decision
from greenreport.analysis.hypotheses.guidelines import Guideline
from greenreport.analysis.hypotheses.headline import best_noun, gain_shown
from greenreport.analysis.hypotheses.winners import Standing
from greenreport.analysis.measure.configuration_labels import short_labels
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.validity_badge import Badge, BadgeLevel
from greenreport.analysis.sweep.directions import load_of
from greenreport.analysis.sweep.frontier_sentences import ToldLoad, where_words
from greenreport.catalog import LOAD_FACTORS, METRICS, Better

MOST_NAMED = 3  #: configurations named where several may be the best


def advice(
    dataset: Dataset, badge: Badge, guidelines: Sequence[Guideline], leading: HypothesisAnswer | None, told: ToldLoad | None
) -> Text:
    """Return what to choose and for what, or why nothing is recommended; empty where the page says so elsewhere.

    Args:
        leading: what the headline is about; its metric comes first.
        told: the load that the headline of a sweep is about.
    """
    if badge.level in (BadgeLevel.INVALID, BadgeLevel.NO_DATA):
        return ()
    if told is not None:
        return (_load_advice(dataset, told),)
    if dataset.imported and all(len(cell.runs) < 2 for cell in dataset.cells):
        return ("Test it on your own machine before you choose.",)  # the line below says why
    goals = [goal for goal in guidelines if goal.objective.providers is None and not goal.objective.bounded]
    first = None if leading is None else leading.standing
    tested = leading is not None and leading.finding.decision in (Decision.REJECTED, Decision.PARTLY)
    places = {} if first is None or METRICS[first.metric].better is Better.NEITHER else {first.metric: first}
    for place in (goal.standing for goal in goals if goal.standing is not None):
        places.setdefault(place.metric, place)
    labels = _labels(dataset)
    choices = [
        _Leaders(place, names)
        for place in places.values()
        if (place is not first or tested) and (names := _best(dataset, place, labels))
    ]
    if choices:
        return _choice(choices, _undecided(dataset, first) if first is not None and choices[0].place is not first else "")
    if any(_slight(dataset, place) for place in places.values()):
        return ("The differences that these runs show are too small to matter; keep what you already run.",)
    if places:
        return ("These runs show no configuration ahead of the others; keep what you already run.",)
    reason = next((goal.reason for goal in goals if goal.reason), "nothing was compared")
    return (f"Nothing is recommended: {reason.rstrip('.')}.",)


@dataclass(frozen=True, slots=True)
class _Leaders:
    """Who leads in a metric; `names`: labels of all that may be the best, the leader first."""

    place: Standing
    names: tuple[str, ...]

    @property
    def wish(self) -> str:
        """The metric at its best."""
        return f"the {best_noun(METRICS[self.place.metric])}"

    @property
    def gain(self) -> Text:
        """The size of the lead in brackets."""
        return () if self.place.claim is None else (" (", replace(self.place.claim, brief=True), ")")


def _choice(choices: Sequence[_Leaders], undecided: str) -> Text:
    """Return the sentence that names the best in the first metric, who may be as good, and who is best in another.

    Args:
        undecided: why nothing is chosen by the metric of the headline; empty where something is.
    """
    first = choices[0]
    leader, *equals = first.names
    alike = [choice for choice in choices if choice.names == first.names]
    others = [choice for choice in choices if leader not in choice.names]
    clearest = min(others, key=lambda choice: len(choice.names), default=None)
    begin = f"{undecided}; choose" if undecided else "Choose"
    text: Text = (f"{begin} {leader} for {first.wish}", *(first.gain if undecided else ()))
    if equals:
        text = (*text, f", though {_named(equals)} may be as good")
    elif len(alike) > 1:
        text = (*text, f" and {alike[1].wish}", *(alike[1].gain if undecided else ()))
    if clearest is not None:
        text = (*text, f"; {_named(clearest.names, 'or')} for {clearest.wish}", *clearest.gain)
    return (*text, ".")


def _load_advice(dataset: Dataset, told: ToldLoad) -> str:
    """Return which load to run, and what larger ones would do as far as they were tried."""
    series, point = told.series, told.point
    model = f"On {series.model.label}, " if len(dataset.models) > 1 else ""
    loads = (factor := LOAD_FACTORS.get(series.factor)) is not None and factor.is_load and factor.field != "replicas"
    if told.judged and not told.kept:
        remedy = "try smaller loads or another engine" if loads else "try another engine"
        said = f"{model}no {'load' if loads else 'configuration'} that was measured meets the latency objective: {remedy}."
        return said[:1].upper() + said[1:]
    where = f"{model}{'run' if model else 'Run'} {where_words(series, point)}"
    if not loads:
        return f"{where}."
    tried = [cell for cell in series.cells if load_of(cell.configuration, series.factor) > point.load]
    larger = [other for other in series.points if other.load > point.load]
    if not tried:
        return f"{where}; larger loads were not tried."
    if not larger:
        return f"{where}: no larger load worked."
    if told.kept:
        missed = not any(other in (series.kept or ()) for other in larger)
        return f"{where}: larger loads {'miss the latency objective' if missed else 'gain no throughput'}."
    if point.load != series.saturation.load:
        return f"{where}: larger loads gain no throughput."
    return f"{where}: larger loads add {'' if series.latency is None else 'latency and '}little throughput."


def _labels(dataset: Dataset) -> Mapping[str, str]:
    """Return labels without what all of them share, where each still begins with its engine."""
    short = short_labels(dataset.configurations)
    return short if all(short[c.id].startswith(c.engine_label) for c in dataset.configurations) else dataset.labels


def _slight(dataset: Dataset, place: Standing) -> bool:
    """Whether a lead is shown and smaller than the smallest effect of interest."""
    limit = math.log1p(dataset.study.smallest_effect(place.metric))
    return (claim := gain_shown(place.claim)) is not None and abs(math.log(claim.value)) < limit


def _undecided(dataset: Dataset, place: Standing) -> str:
    """Return why nothing is chosen by the metric of the headline."""
    noun = METRICS[place.metric].noun
    if METRICS[place.metric].better is Better.NEITHER:
        return f"In {noun}, neither direction is better"
    return f"The difference in {noun} is too small to matter" if _slight(dataset, place) else f"None is ahead in {noun}"


def _best(dataset: Dataset, place: Standing, labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return the labels of those that may be the best on every model, the leader first.

    Empty where that is true of all, where the gain is not shown or too small to matter, and where the leader is beaten on a model.
    """
    tied = set.intersection(*(set(winner.ties) for winner in place.winners))
    if gain_shown(place.claim) is None or _slight(dataset, place) or place.leader.id not in tied or place.compared <= tied:
        return ()
    return tuple(labels[name] for name in sorted(tied, key=lambda name: (name != place.leader.id, name)))


def _named(names: Sequence[str], joint: str = "and") -> str:
    """Return names in a row; of many the first and how many others."""
    few = names if len(names) <= MOST_NAMED else [names[0], f"{len(names) - 1} others"]
    return few[0] if len(few) == 1 else f"{', '.join(few[:-1])} {joint if len(few) == len(names) else 'and'} {few[-1]}"
