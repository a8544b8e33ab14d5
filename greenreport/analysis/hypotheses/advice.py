"""What to do: the sentence below the headline, computed from who leads in what, or from the load that a sweep advises."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from greenreport.analysis.hypotheses.answers import HypothesisAnswer
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
) -> str:
    """Return what to choose and for what, or why nothing is recommended; empty where the page says so elsewhere.

    Args:
        leading: what the headline is about; its metric comes first.
        told: the load that the headline of a sweep is about.
    """
    if badge.level in (BadgeLevel.INVALID, BadgeLevel.NO_DATA):
        return ""
    if told is not None:
        return _load_advice(told)
    if dataset.imported and all(len(cell.runs) < 2 for cell in dataset.cells):
        return "Test it on your own machine before you choose: the table has one value for each cell."
    goals = [goal for goal in guidelines if goal.objective.providers is None and not goal.objective.bounded]
    first = () if leading is None or leading.standing is None else (leading.standing,)
    places = {place.metric: place for place in (*first, *(goal.standing for goal in goals if goal.standing is not None))}
    labels = short_labels(dataset.configurations)
    best = {metric: names for metric, place in places.items() if (names := _best(dataset, place, labels))}
    if best:
        return _choice(best, None if leading is None or leading.finding.metric.id in best else leading.finding.metric.noun)
    if places:
        return "These runs show no configuration ahead of the others; choose by what you already run."
    reason = next((goal.reason for goal in goals if goal.reason), "nothing was compared")
    return f"Nothing is recommended: {reason.rstrip('.')}."


def _choice(best: Mapping[str, tuple[str, ...]], undecided: str | None) -> str:
    """Return the sentence that names the best in the first metrics, and who is best in another.

    Args:
        best: labels by metric, the leader first.
        undecided: the metric of the headline, where none is ahead in it.
    """
    first = next(iter(best.values()))
    wishes = [_wish(metric) for metric, names in best.items() if names == first][: MOST_WISHES if len(first) == 1 else 1]
    others = sorted((names, metric) for metric, names in best.items() if first[0] not in names)
    clearest = min(others, key=lambda other: len(other[0]), default=None)
    rest = "" if clearest is None else f"; {_either(clearest[0])} for {_wish(clearest[1])}"
    begin = "Choose" if undecided is None else f"None is ahead in {undecided}: choose"
    return f"{begin} {_either(first)} for {' and '.join(wishes)}{rest}."


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


def _either(names: Sequence[str]) -> str:
    if len(names) > MOST_NAMED:
        return f"{names[0]}, or one of {len(names) - 1} others that may be as good,"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _wish(metric: str) -> str:
    return f"the {best_noun(METRICS[metric])}"
