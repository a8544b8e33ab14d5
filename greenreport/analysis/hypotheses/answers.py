"""Answers to the research questions, built from sentence templates and claims; null results are answers.

A text is a sequence of words and claims. The page prints a claim as its size in words with a link to its derivation; a number
never stands in a text by itself unless it counts something (models, pairs, runs) or is a statistic of a named test.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from greenreport.analysis.hypotheses.claims import Claim, once
from greenreport.analysis.hypotheses.findings import Decision, Finding
from greenreport.analysis.hypotheses.winners import Standing, standing
from greenreport.analysis.measure.dataset import Dataset, label_of
from greenreport.analysis.measure.fidelity import reference_of
from greenreport.analysis.stats import PairVerdict
from greenreport.catalog import Better, MetricInfo
from greenreport.units import capital, counted, declared_percent, listed, p_equation

Text = tuple[str | Claim, ...]
MAX_NAMED = 4


@dataclass(frozen=True, slots=True)
class HypothesisAnswer:
    """What the data say about one hypothesis.

    Attributes:
        lead: the finding in one sentence; `headline`: the same without what is tied with the winner.
        exceptions: sentences on pairs that do not differ, practical verdicts, withheld cells and missing results.
    """

    finding: Finding
    standing: Standing | None
    lead: Text
    headline: Text
    decision: str
    exceptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a research question; `lead` is the sentence that stands first."""

    id: str
    question: str
    lead: Text
    answers: tuple[HypothesisAnswer, ...]

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Every claim of the texts, once."""
        return once(part for answer in self.answers for part in answer.lead if isinstance(part, Claim))


def plain(text: Text) -> str:
    """Return a text with its claims in words, for attributes and feeds."""
    return "".join(part if isinstance(part, str) else f"{part.size()}{against(text, place)}" for place, part in enumerate(text))


def against(text: Text, place: int) -> str:
    """Return what the claim at this place of a text is compared with: `` than Torch · CPU``.

    Of several claims in a row against the same, only the last one says it: “twice the throughput and 40 % less energy than …”.
    """
    claim = text[place]
    assert isinstance(claim, Claim)
    later = next((part for part in text[place + 1 :] if isinstance(part, Claim)), None)
    if later is not None and later.denominator == claim.denominator and later.numerator == claim.numerator:
        return ""
    return f" {claim.compared_with()}"


def answer_questions(dataset: Dataset, findings: Sequence[Finding]) -> tuple[Answer, ...]:
    """Answer every question of the study, those without a hypothesis too."""
    result = []
    for identifier, question in dataset.study.questions.items():
        answers = tuple(_answer(dataset, finding) for finding in findings if finding.hypothesis.question == identifier)
        lead: Text = (
            answers[0].lead if answers else ("No hypothesis was declared for this question; the data are described only.",)
        )
        result.append(Answer(identifier, question, lead, answers))
    return tuple(result)


def _answer(dataset: Dataset, finding: Finding) -> HypothesisAnswer:
    place = standing(dataset, finding.metric.id, finding.tests, reference_of(dataset))
    lead, headline = (_lead(finding, place, ties=ties) for ties in (True, False))
    return HypothesisAnswer(finding, place, lead, headline, _decision(finding), tuple(_exceptions(finding)))


def _lead(finding: Finding, place: Standing | None, *, ties: bool) -> Text:
    info = finding.metric
    if finding.decision is Decision.NOT_COMPUTABLE or place is None:
        return (f"There is no answer for {info.noun} yet: {_why_unknown(finding)}.",)
    if finding.decision is Decision.NOT_REJECTED:
        scope = models_text(len(finding.kept), len(finding.tests))
        return (f"No difference in {info.noun} was found between the serving configurations {scope}.",)
    if info.better is Better.NEITHER:
        scope = models_text(len(finding.rejected), len(finding.tests))
        return (f"{capital(info.noun)} differs between the serving configurations {scope}.", *_extremes(finding, place))
    return _winner_text(finding, place, info, ties=ties)


def _winner_text(finding: Finding, place: Standing, info: MetricInfo, *, ties: bool) -> Text:
    leader = label_of(place.leader)
    best = best_phrase(info)
    scope = models_text(place.models, len(finding.tests), on=True)
    size: Text = () if place.claim is None else (": ", place.claim, _slight(finding, place))
    if place.unanimous:
        return (f"{leader} {best} {scope}", *size, _tied(place) if size and ties else "", ".")
    if place.never_beaten:
        return (f"{leader} is the best, or statistically tied with the best, in {info.noun} {scope}", *size, ".")
    text: Text = (f"No configuration {best} on every model: {_counts(place)}.",)
    if place.claim is not None:
        text = (
            *text,
            f" Over the models together, {leader} {_verb(info)} {place.claim.article()}",
            place.claim,
            _slight(finding, place),
            ".",
        )
    return text


def _slight(finding: Finding, place: Standing) -> str:
    """Return a clause where the difference is smaller than the study takes for a practical one."""
    limit = finding.hypothesis.smallest_effect
    if place.claim is None or abs(math.log(place.claim.value)) >= math.log1p(limit):
        return ""
    return f", which is less than the smallest effect of interest ({declared_percent(limit)})"


def _tied(place: Standing) -> str:
    """Return a clause on configurations that are statistically tied with the leader, or that the test has too few runs to tell from it."""
    tied = Counter(name for w in place.winners for name in w.ties if name not in (w.leader, *w.unresolved))
    if tied:
        label, number = tied.most_common(1)[0]
        return f"; {_label(place, label)} is statistically tied with it {models_text(number, place.models, on=True)}"
    unresolved = tuple(dict.fromkeys(name for w in place.winners for name in w.unresolved))
    if not unresolved:
        return ""
    which = f"{len(unresolved)} others" if len(unresolved) > 1 else _label(place, unresolved[0])
    return f"; the runs of {which} lie apart from it, but are too few for the test to tell them apart"


def _label(place: Standing, identifier: str) -> str:
    return place.labels.get(identifier, identifier)


def _counts(place: Standing) -> str:
    parts = [f"{_label(place, name)} on {number} of {place.models}" for name, number in place.wins]
    return listed(parts)


def _extremes(finding: Finding, place: Standing) -> Text:
    if place.claim is None:
        return ()
    return (f" It is lowest with {label_of(place.leader)}: ", place.claim, _slight(finding, place), ".")


def best_phrase(info: MetricInfo) -> str:
    """Return the predicate of a winner: ``uses the least energy``, ``has the shortest execution time``; of the lowest where none is better."""
    words = {
        "less": "least",
        "shorter": "shortest",
        "lower": "lowest",
        "more": "most",
        "longer": "longest",
        "higher": "highest",
        "smaller": "smallest",
        "larger": "largest",
    }
    word = words[info.more if info.better is Better.HIGHER else info.less]
    verb = "uses" if word == "least" else "has"
    return f"{verb} the {word} {info.noun}"


def _verb(info: MetricInfo) -> str:
    return "uses" if info.less == "less" else "has"


def models_text(number: int, total: int, *, on: bool = True) -> str:
    """Return on, or for, how many models: ``on both models``, ``on 2 of 3 models``."""
    preposition = "on" if on else "for"
    if total == 1:
        return f"{preposition} the one model studied"
    if number == total:
        return f"{preposition} both models" if total == 2 else f"{preposition} all {total} models"
    return f"{preposition} {number} of {total} models"


def _decision(finding: Finding) -> str:
    """Return the decision sentence of a hypothesis with tests, level and family."""
    name = finding.hypothesis.id
    total = len(finding.tests)
    if finding.decision is Decision.NOT_COMPUTABLE:
        return f"{name} could not be tested: {_why_unknown(finding)}."
    tests = Counter(t.test.omnibus.name for t in finding.tests if t.computable)
    used = listed([test if len(tests) == 1 else f"{test} on {number}" for test, number in tests.most_common()])
    pairs = sum(len(t.test.pairs) for t in finding.tests)
    basis = f"{used}, α = {finding.hypothesis.alpha:g}; {counted(pairs, 'pairwise comparison')}, p adjusted over the question's family (Holm)"
    if finding.decision is Decision.REJECTED:
        return f"{name} is rejected {models_text(len(finding.rejected), total, on=False)} ({basis})."
    if finding.decision is Decision.NOT_REJECTED:
        return f"{name} is not rejected {models_text(len(finding.kept), total, on=False)} ({basis})."
    kept = _names(t.model.label for t in finding.kept)
    return f"{name} is rejected {models_text(len(finding.rejected), total, on=False)} and not rejected for {kept} ({basis})."


def _exceptions(finding: Finding) -> Iterable[str]:
    """Yield a sentence for each kind of exception: pairs that do not differ, practical verdicts, withheld cells, no result."""
    labels = finding.labels
    tied = [
        (t, pair) for t in finding.tests if t.computable for pair in t.test.pairs if pair.p is not None and not pair.significant
    ]
    if tied:
        shown = [
            f"{labels[pair.a]} and {labels[pair.b]} on {t.model.label} (p {p_equation(pair.p_final)})"
            for t, pair in tied[:MAX_NAMED]
        ]
        more = f", and {counted(len(tied) - MAX_NAMED, 'more pair')}" if len(tied) > MAX_NAMED else ""
        yield f"Not significantly different: {'; '.join(shown)}{more}."
    yield from _practical(finding)
    withheld = [(t, item) for t in finding.tests for item in t.withheld]
    if withheld:
        shown = [
            f"{labels.get(item.configuration, item.configuration)} on {t.model.label} ({item.reason})"
            for t, item in withheld[:MAX_NAMED]
        ]
        more = f"; and {counted(len(withheld) - MAX_NAMED, 'more cell')}" if len(withheld) > MAX_NAMED else ""
        yield f"Not compared: {'; '.join(shown)}{more}."
    if finding.unknown and (finding.rejected or finding.kept):
        yield f"No test for {_names(t.model.label for t in finding.unknown)}: {finding.unknown[0].test.omnibus.reason}."


def _practical(finding: Finding) -> Iterable[str]:
    verdicts = Counter(pair.verdict for t in finding.tests for pair in t.test.pairs)
    total = verdicts.total()
    small = verdicts[PairVerdict.NO_PRACTICAL_DIFFERENCE]
    open_pairs = [pair for t in finding.tests for pair in t.test.pairs if pair.verdict is PairVerdict.INCONCLUSIVE]
    if total and small:
        limit = declared_percent(finding.hypothesis.smallest_effect)
        yield f"{small} of {counted(total, 'pair')} {'shows' if small == 1 else 'show'} no practical difference: {'its' if small == 1 else 'their'} ratio lies within ±{limit}."
    if open_pairs:
        needed = sorted(pair.runs_needed for pair in open_pairs if pair.runs_needed is not None)
        typical = needed[len(needed) // 2] if needed else 0
        advice = "" if not needed else "; more than 100 runs per cell would be needed to decide half of them" if typical > 100 else (
            f"; about {counted(typical, 'run')} per cell would decide half of them"
        )  # fmt: skip
        yield f"{len(open_pairs)} of {counted(total, 'pair')} {'is' if len(open_pairs) == 1 else 'are'} inconclusive{advice}."


def _why_unknown(finding: Finding) -> str:
    reasons = Counter(item.reason for t in finding.tests for item in t.withheld)
    if reasons:
        return reasons.most_common(1)[0][0].rstrip(".")
    others = [t.test.omnibus.reason for t in finding.tests if t.test.omnibus.reason]
    return (others[0] if others else "no run has finished").rstrip(".")


def _names(names: Iterable[str]) -> str:
    shown = list(names)
    if len(shown) > MAX_NAMED:
        return f"{', '.join(shown[:MAX_NAMED])} and {counted(len(shown) - MAX_NAMED, 'more model')}"
    return listed(shown)
