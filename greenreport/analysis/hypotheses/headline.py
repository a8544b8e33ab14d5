"""The sentence of the headline: who is best in a metric, on how many models and by how much, or that no difference was found.

The same sentence leads the answer to a question. The headline of a sweep is in `analysis.sweep.frontier_sentences`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from greenreport.analysis.hypotheses.claim_text import Text
from greenreport.analysis.hypotheses.claims import Claim, compare
from greenreport.analysis.hypotheses.findings import Decision, Finding
from greenreport.analysis.hypotheses.winners import Standing
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.subjects import MODELS, Subject
from greenreport.analysis.stats import Interval
from greenreport.catalog import Better, MetricInfo
from greenreport.units import capital, declared_percent, listed

#: Metrics, lower is better, in which a gain may have a price.
PRICES = ("duration_s", "ttft_s", "ram_rss_peak_b", "gpu_memory_used_b", "energy_j")


def lead_sentence(finding: Finding, place: Standing | None, *, ties: bool) -> Text:
    """Return the finding of a hypothesis in one sentence: the lead of its answer, and without ties the headline of the study."""
    info = finding.metric
    if place is None and finding.decision is not Decision.NOT_COMPUTABLE:
        return (f"No configuration leads in {info.noun}: all but one lose more right answers than the study allows.",)
    if finding.decision is Decision.NOT_COMPUTABLE or place is None:
        return (f"There is no answer for {info.noun} yet: {why_unknown(finding)}.",)
    if finding.decision is Decision.NOT_REJECTED:
        scope = models_text(len(finding.kept), finding.models, finding.subject)
        return (f"No difference in {info.noun} was found between the serving configurations {scope}.",)
    if info.better is Better.NEITHER:
        scope = models_text(len(finding.rejected), finding.models, finding.subject)
        lowest: Text = ()
        if place.claim is not None:
            lowest = (f" It is lowest with {label_of(place.leader)}: ", place.claim, _slight(finding, place), ".")
        return (f"{capital(info.noun)} differs between the serving configurations {scope}.", *lowest)
    return _winner_text(finding, place, info, ties=ties)


def with_cost(headline: Text, dataset: Dataset, place: Standing | None) -> Text:
    """Return a headline that also tells the largest price of its gain: ``16 % shorter, for 77 % more server memory than Torch``.

    A price is another metric in which the leader is worse than what it is compared with by more than the smallest effect of interest, with
    an interval that excludes equality; energy that is modelled is none.
    """
    claim = None if place is None else place.claim
    if (
        place is None
        or claim is None
        or claim not in [replace(part, brief=False) for part in headline if isinstance(part, Claim)]
    ):
        return headline
    other = next((c for c in dataset.configurations if label_of(c) == claim.denominator), None)
    models = [winner.model for winner in place.winners]
    prices = (
        []
        if other is None
        else [compare(dataset, metric, place.leader, other, models) for metric in PRICES if metric != claim.metric]
    )
    costly = [
        price
        for price in prices
        if price is not None
        and isinstance(price.ci, Interval)
        and price.ci.low > 1
        and not price.estimated
        and price.value > 1 + dataset.study.smallest_effect(price.metric)
    ]
    if not costly:
        return headline
    return (*headline[:-1], ", for ", max(costly, key=lambda price: price.value), headline[-1])


def _winner_text(finding: Finding, place: Standing, info: MetricInfo, *, ties: bool) -> Text:
    leader = label_of(place.leader)
    best = best_phrase(info)
    scope = models_text(place.models, finding.models, finding.subject)
    size: Text = () if place.claim is None else (": ", replace(place.claim, brief=True), _slight(finding, place))
    if (
        place.unanimous
        and place.tied
        and not ties
        and len(place.winners) == 1
        and (shown := gain_shown(place.claim)) is not None
    ):
        return (f"{leader} {verb_of(info)} {shown.article()}", shown, f" {scope}", _slight(finding, place), ".")
    if place.unanimous and (ties or not place.tied):
        return (f"{leader} {best} {scope}", *size, _tied(place, finding.subject) if size and ties else "", ".")
    if place.never_beaten:
        return (f"{leader} is the best, or statistically tied with the best, in {info.noun} {scope}", *size, ".")
    wins = listed([f"{_label(place, name)} on {number} of {place.models}" for name, number in place.wins])
    text = f"No configuration {best} on every {finding.subject.singular}: {wins}."
    if place.claim is None:
        return (text,)
    together = f" Over the {finding.subject.plural} together, {leader} {verb_of(info)} {place.claim.article()}"
    return (text, together, place.claim, _slight(finding, place), ".")


def gain_shown(claim: Claim | None) -> Claim | None:
    """Return a claim whose interval excludes equality."""
    if claim is None or not isinstance(claim.ci, Interval) or claim.ci.low <= 1 <= claim.ci.high:
        return None
    return claim


def _slight(finding: Finding, place: Standing) -> str:
    """Return a clause where the difference is smaller than the study takes for a practical one."""
    limit = finding.hypothesis.smallest_effect
    if place.claim is None or place.claim.shown_equal or abs(math.log(place.claim.value)) >= math.log1p(limit):
        return ""
    return f", which is less than the smallest effect of interest ({declared_percent(limit)})"


def _tied(place: Standing, subject: Subject) -> str:
    """Return a clause on configurations that are statistically tied with the leader."""
    tied = Counter(name for w in place.winners for name in w.ties if name != w.leader)
    if not tied:
        return ""
    label, number = tied.most_common(1)[0]
    return f"; {_label(place, label)} is statistically tied with it {models_text(number, [winner.model.label for winner in place.winners], subject)}"


def _label(place: Standing, identifier: str) -> str:
    return place.labels.get(identifier, identifier)


def best_phrase(info: MetricInfo) -> str:
    """Return the predicate of a winner: ``uses the least energy``, ``has the shortest execution time``; of the lowest where none is better."""
    return f"{verb_of(info)} the {best_noun(info)}"


def best_noun(info: MetricInfo) -> str:
    """Return the metric at its best: ``least energy``, ``shortest execution time``; at its lowest where none is better."""
    comparative = info.more if info.direction == "higher" else info.less
    superlative = {"less": "least", "more": "most", "fewer": "fewest"}.get(comparative, f"{comparative[:-2]}est")
    return f"{superlative} {info.noun}"


def verb_of(info: MetricInfo) -> str:
    """Return the verb of a sentence about who is best: ``uses`` less, ``has`` a shorter, ``needs`` less per right answer."""
    return info.verb or ("uses" if info.less == "less" and info.direction == "lower" else "has")


def models_text(number: int, labels: Sequence[str], subject: Subject = MODELS, *, on: bool = True) -> str:
    """Return on, or for, how many models: ``on both models``, ``on 2 of 3 models``, and of a single one its name.

    Args:
        labels: names of all models.
    """
    preposition, total = "on" if on else "for", len(labels)
    if total == 1:
        return f"{preposition} {labels[0]}"
    if number == total:
        return f"{preposition} both {subject.plural}" if total == 2 else f"{preposition} all {total} {subject.plural}"
    return f"{preposition} {number} of {total} {subject.plural}"


def why_unknown(finding: Finding) -> str:
    """Return the most frequent reason why a hypothesis could not be tested."""
    reasons = Counter(item.reason for t in finding.tests for item in t.withheld)
    if reasons:
        reason = reasons.most_common(1)[0][0].rstrip(".")
        whose = list(
            dict.fromkeys(
                finding.labels.get(item.configuration, item.configuration)
                for t in finding.tests
                for item in t.withheld
                if item.reason == reason
            )
        )
        if not whose or not any(t.test.groups for t in finding.tests):
            return reason
        return (
            f"{whose[0]} is left out ({reason})" if len(whose) == 1 else f"{len(whose)} configurations are left out ({reason})"
        )
    others = [t.test.omnibus.reason for t in finding.tests if t.test.omnibus.reason]
    return with_labels(others[0] if others else "no run has finished", finding.labels).rstrip(".")


def with_labels(reason: str, labels: Mapping[str, str]) -> str:
    """Return why nothing was tested with labels in place of ids: tests know configurations by their ids."""
    names = "|".join(map(re.escape, sorted(labels, key=len, reverse=True)))
    return re.sub(rf"(?<!\S)(?:{names})(?= \()", lambda found: labels.get(found[0], ""), reason)
