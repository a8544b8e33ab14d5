"""What to do: the sentence below the headline, computed from who leads in what, or from the load that a sweep advises."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from greenreport.analysis.hypotheses.answers import HypothesisAnswer
from greenreport.analysis.hypotheses.claim_text import Text
from greenreport.analysis.hypotheses.guidelines import Guideline
from greenreport.analysis.hypotheses.headline import best_noun
from greenreport.analysis.hypotheses.winners import Standing
from greenreport.analysis.measure.configuration_labels import short_labels
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.validity_badge import Badge, BadgeLevel
from greenreport.analysis.sweep.frontier_sentences import ToldLoad, where_words
from greenreport.catalog import METRICS, Better

MOST_WISHES = 2  #: metrics named for the first choice
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
        return (_load_advice(told),)
    if dataset.imported and all(len(cell.runs) < 2 for cell in dataset.cells):
        return ("Test it on your own machine before you choose: the table has one value for each cell.",)
    goals = [goal for goal in guidelines if goal.objective.providers is None and not goal.objective.bounded]
    first = () if leading is None or leading.standing is None else (leading.standing,)
    places = {place.metric: place for place in (*first, *(goal.standing for goal in goals if goal.standing is not None))}
    labels = short_labels(dataset.configurations)
    choices = [_Leaders(place, names) for place in places.values() if (names := _best(dataset, place, labels))]
    if choices:
        led = leading is None or leading.finding.metric.id == choices[0].place.metric
        return _choice(choices, None if led or leading is None else leading.finding.metric.noun)
    if places:
        return ("These runs show no configuration ahead of the others; choose by what you already run.",)
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
        """The size of the lead in brackets; nothing where the leader cannot be compared."""
        return () if self.place.claim is None else (" (", replace(self.place.claim, brief=True), ")")


def _choice(choices: Sequence[_Leaders], undecided: str | None) -> Text:
    """Return the sentence that names the best in the first metric, who may be as good, and who is best in another.

    Args:
        undecided: the metric of the headline, where none is ahead in it.
    """
    first = choices[0]
    leader, *equals = first.names
    wishes = [choice.wish for choice in choices if choice.names == first.names][: 1 if equals else MOST_WISHES]
    others = [choice for choice in choices if leader not in choice.names]
    clearest = min(others, key=lambda choice: len(choice.names), default=None)
    begin = "Choose" if undecided is None else f"None is ahead in {undecided}; choose"
    text: Text = (f"{begin} {leader} for {' and '.join(wishes)}", *(() if undecided is None else first.gain))
    if equals:
        text = (*text, f", though {_named(equals)} may be as good")
    if clearest is not None:
        text = (*text, f"; {_named(clearest.names, 'or')} for {clearest.wish}", *clearest.gain)
    return (*text, ".")


def _load_advice(told: ToldLoad) -> str:
    series, point = told.series, told.point
    if told.judged and not told.kept:
        return "Try smaller loads or another engine: no load that was measured meets the latency objective."
    where = f"Run {where_words(series, point)}"
    if point.load == series.points[-1].load:
        return f"{where}; larger loads were not measured."
    return f"{where}: larger loads {'miss the latency objective' if told.kept else 'add latency and little throughput'}."


def _best(dataset: Dataset, place: Standing, labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return the labels of those that may be the best on every model, the leader first.

    None where that is true of most, where the metric has no better direction, and where the gain is too small to matter.
    """
    slight = place.claim is not None and abs(math.log(place.claim.value)) < math.log1p(
        dataset.study.smallest_effect(place.metric)
    )
    tied = set.intersection(*(set(winner.ties) for winner in place.winners))
    if place.unanimous:
        tied.add(place.leader.id)
    if slight or METRICS[place.metric].better is Better.NEITHER or 2 * len(tied) > len(place.compared):
        return ()
    return tuple(labels[name] for name in sorted(tied, key=lambda name: (name != place.leader.id, name)))


def _named(names: Sequence[str], joint: str = "and") -> str:
    """Return names in a row; of many the first and how many others."""
    few = names if len(names) <= MOST_NAMED else [names[0], f"{len(names) - 1} others"]
    return few[0] if len(few) == 1 else f"{', '.join(few[:-1])} {joint if len(few) == len(names) else 'and'} {few[-1]}"
