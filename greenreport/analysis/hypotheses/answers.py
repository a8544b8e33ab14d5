"""Answers to the research questions: the lead, the decision on each hypothesis, and the exceptions; null results are answers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median_low

from greenreport.analysis.hypotheses.claim_text import Text
from greenreport.analysis.hypotheses.claims import Claim, compare, once
from greenreport.analysis.hypotheses.findings import Decision, Finding, compare_models
from greenreport.analysis.hypotheses.headline import best_phrase, lead_sentence, models_text, why_unknown
from greenreport.analysis.hypotheses.winners import Standing, standing
from greenreport.analysis.measure.cell_view import NOT_MEASURED, CellView
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import CellFidelity, NotRanked, not_ranked, reference_of, unfaithful
from greenreport.analysis.quality.problems import OVER_PROBLEMS
from greenreport.analysis.stats import PairVerdict
from greenreport.units import capital, counted, declared_percent, listed, p_equation

#: Models, pairs or cells that a sentence names before it counts the rest.
MAX_NAMED = 4
#: What grows with what is written: totals over a window, and values of a request.
GROWING = frozenset(
    {
        "energy_j",
        "energy_net_j",
        "cpu_energy_j",
        "gpu_energy_j",
        "duration_s",
        "server_duration_s",
        "cpu_time_s",
        "energy_delay_js",
    }
    | {
        "latency_s",
        "latency_p90_s",
        "latency_p95_s",
        "latency_p99_s",
        "j_per_request",
        "requests_per_kj",
        "throughput_requests_per_s",
    }
)


@dataclass(frozen=True, slots=True)
class HypothesisAnswer:
    """The answer of the data to one hypothesis.

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


def answer_questions(dataset: Dataset, findings: Sequence[Finding], fidelity: Sequence[CellFidelity]) -> tuple[Answer, ...]:
    """Answer every question of the study, those without a hypothesis too."""
    result = []
    nothing: Text = ("No hypothesis was declared for this question; the data are described only.",)
    for identifier, question in dataset.study.questions.items():
        answers = tuple(
            _answer(dataset, finding, fidelity) for finding in findings if finding.hypothesis.question == identifier
        )
        result.append(Answer(identifier, question, answers[0].lead if answers else nothing, answers))
    return tuple(result)


def _answer(dataset: Dataset, finding: Finding, fidelity: Sequence[CellFidelity]) -> HypothesisAnswer:
    if any(cell.modelled(finding.metric.id) for cell in dataset.cells) and finding.decision is Decision.NOT_COMPUTABLE:
        lead = _not_measured(dataset, finding, fidelity)
        return HypothesisAnswer(finding, None, lead, lead, f"{finding.hypothesis.id} is not tested: {NOT_MEASURED}.", ())
    if finding.decision is Decision.NOT_COMPUTABLE and (shown := _described(dataset, finding)):
        decision = f"{finding.hypothesis.id} is not tested: each cell has one value, so how far apart runs lie is not known."
        return HypothesisAnswer(finding, None, shown, shown, decision, ())
    unranked = unfaithful(fidelity) if finding.metric.id in OVER_PROBLEMS else not_ranked(fidelity)
    place = standing(dataset, finding.metric.id, finding.tests, reference_of(dataset), unranked)
    lead, headline = (lead_sentence(finding, place, ties=ties) for ties in (True, False))
    if finding.metric.id in OVER_PROBLEMS and (shown := _against_reference(dataset, finding, place)):
        lead = headline = shown
    exceptions = (*_exceptions(finding), *_not_ranked(finding, unranked), *_lengths(dataset, finding))
    return HypothesisAnswer(finding, place, lead, headline, _decision(finding), exceptions)


def _against_reference(dataset: Dataset, finding: Finding, place: Standing | None) -> Text:
    """Return which shares of right answers are shown to differ from that of the reference, where the leader's is not; else nothing.

    The most right answers are often one more than the reference gives: to lead with that would hide what is lost elsewhere.
    """
    reference = reference_of(dataset)
    if place is None or reference is None or finding.decision not in (Decision.REJECTED, Decision.PARTLY):
        return ()
    tested = [
        t for t in finding.tests if {reference, place.leader.id} <= {group.name for group in t.test.groups if group.tested}
    ]
    differing: Counter[str] = Counter()
    for item in tested:
        others = [group.name for group in item.test.groups if group.tested and group.name != reference]
        differing.update(name for name in others if item.test.pair(name, reference).significant)
    if place.leader.id in differing:
        return ()
    name = finding.labels[reference]
    if not differing:
        return (
            f"Shares of right answers differ between the serving configurations, and none is shown to differ from that of {name}.",
        )
    most, number = differing.most_common(1)[0]
    claim = compare(
        dataset,
        finding.metric.id,
        dataset.study.configuration(most),
        dataset.study.configuration(reference),
        [t.model for t in tested],
    )
    rest = [finding.labels[other] for other in differing if other != most]
    beside = (
        f"; {listed(rest)} {'differs' if len(rest) == 1 else 'differ'} from it too"
        if rest
        else "; no other is shown to differ from it"
    )
    scope = models_text(number, finding.models, finding.subject)
    if claim is None:  # one of them has no right answer
        return (f"{finding.labels[most]} differs in {finding.metric.noun} from {name} {scope}{beside}.",)
    return (f"{finding.labels[most]} has {claim.article()}", claim, f" {scope}{beside}.")


def _not_measured(dataset: Dataset, finding: Finding, fidelity: Sequence[CellFidelity]) -> Text:
    """Return what stands in place of an answer about modelled energy: the difference in CPU time, and what that bounds.

    A linear model of CPU power gives energy as a weighted sum of execution time and CPU time, so its ratios lie between theirs; of a
    mean over models that holds where the two are in one order on every model.
    """
    tests = compare_models(dataset, "cpu_time_s", fidelity, providers=finding.hypothesis.providers)
    cpu = standing(dataset, "cpu_time_s", tests, reference_of(dataset))
    begin = f"{capital(NOT_MEASURED)}."
    if cpu is None or cpu.claim is None:
        return (begin,)
    sides = {label_of(configuration): configuration for configuration in dataset.configurations}
    pair, models = [sides[name] for name in (cpu.claim.numerator, cpu.claim.denominator)], [w.model for w in cpu.winners]
    time = compare(dataset, "duration_s", pair[0], pair[1], models)
    and_time: Text = () if time is None else (" and ", time.article(), time)
    both = [(c.ratio, t.ratio) for c, t in zip(cpu.claim.rows, () if time is None else time.rows, strict=False)]
    orders = {c < t for c, t in both if not math.isclose(c, t)}
    bounded = bool(both) and len(orders) < 2
    bounds = "; under any linear model of CPU power, the ratio of energies lies between these two" if bounded else ""
    return (begin, f" {label_of(cpu.leader)} has ", cpu.claim, *and_time, f"{bounds}.")


def _described(dataset: Dataset, finding: Finding) -> Text:
    """Return who leads in imported results that hold one value for each cell, as tables in papers do; else nothing."""
    info, pick = finding.metric, max if finding.metric.direction == "higher" else min
    cells = [cell for cell in dataset.cells if cell.values(info.id)]
    if not dataset.imported or not cells or any(len(cell.values(info.id)) > 1 for cell in cells):
        return ()
    models = [model for model in dataset.models if sum(cell.model.id == model.id for cell in cells) > 1]
    leaders = [
        pick((c for c in cells if c.model.id == model.id), key=lambda c: c.values(info.id)[0]).configuration for model in models
    ]
    if not leaders:
        return ()
    (leader, wins), *_ = Counter(label_of(configuration) for configuration in leaders).most_common(1)
    best = next(configuration for configuration in leaders if label_of(configuration) == leader)
    others = [configuration for configuration in dataset.configurations if configuration.id != best.id]
    reference = next((c for c in others if c.id == reference_of(dataset)), others[0])
    claim = compare(dataset, info.id, best, reference, models)
    size: Text = () if claim is None else (": ", replace(claim, brief=True))
    return (
        f"As published, {leader} {best_phrase(info)} {models_text(wins, [model.label for model in models], finding.subject)}",
        *size,
        ".",
    )


def _decision(finding: Finding) -> str:
    """Return the decision sentence of a hypothesis with tests, level and family."""
    name = finding.hypothesis.id
    if finding.decision is Decision.NOT_COMPUTABLE:
        return f"{name} could not be tested: {why_unknown(finding)}."
    tests = Counter(t.test.omnibus.name for t in finding.tests if t.computable)
    used = listed([test if len(tests) == 1 else f"{test} on {number}" for test, number in tests.most_common()])
    pairs = sum(len(t.test.pairs) for t in finding.tests)
    tested = counted(sum(t.computable for t in finding.tests), finding.subject.singular, finding.subject.plural)
    over = f", adjusted over {tested} (Holm)" if any(t.test.omnibus.p_family is not None for t in finding.tests) else ""
    looks = " and over all looks at the data" if any(t.test.interim for t in finding.tests) else ""
    basis = f"{used}, α = {finding.hypothesis.alpha:g}{over}; {counted(pairs, 'pair')}, with simultaneous intervals on each {finding.subject.singular}{looks}"
    if finding.decision is Decision.NOT_REJECTED:
        return f"{name} is not rejected {models_text(len(finding.kept), finding.models, finding.subject, on=False)} ({basis})."
    kept = f" and not rejected for {_names(t.model.label for t in finding.kept)}" if finding.kept else ""
    return (
        f"{name} is rejected {models_text(len(finding.rejected), finding.models, finding.subject, on=False)}{kept} ({basis})."
    )


def _exceptions(finding: Finding) -> Iterable[str]:
    """Yield a sentence for each kind of exception: pairs that do not differ, practical verdicts, withheld cells, no result."""
    labels = finding.labels
    tied = [
        (t, pair) for t in finding.tests if t.computable for pair in t.test.pairs if pair.p is not None and not pair.significant
    ]
    if tied:
        shown = [
            f"{labels[p.a]} and {labels[p.b]} on {t.model.label} (p {p_equation(p.p_adjusted)})" for t, p in tied[:MAX_NAMED]
        ]
        more = f", and {counted(len(tied) - MAX_NAMED, 'more pair')}" if len(tied) > MAX_NAMED else ""
        yield f"No difference is shown between {'; '.join(shown)}{more}."
    apart = [t.model.label for t in finding.kept if any(pair.significant for pair in t.test.pairs)]
    if apart:
        yield f"On {_names(apart)} some pairs differ by their own intervals, although the hypothesis is not rejected there after the adjustment over {finding.subject.plural}."
    yield from _practical(finding)
    withheld = [(t, item.configuration, item.reason) for t in finding.tests for item in t.withheld]
    if withheld:
        shown = [f"{labels.get(name, name)} on {t.model.label} ({reason})" for t, name, reason in withheld[:MAX_NAMED]]
        more = f"; and {counted(len(withheld) - MAX_NAMED, 'more cell')}" if len(withheld) > MAX_NAMED else ""
        yield f"Not compared: {'; '.join(shown)}{more}."
    if finding.unknown and (finding.rejected or finding.kept):
        yield f"No test for {_names(t.model.label for t in finding.unknown)}: {finding.unknown[0].test.omnibus.reason}."


def _not_ranked(finding: Finding, unranked: NotRanked) -> Iterable[str]:
    """Yield a sentence on the cells that were compared and do not lead, since they lose too many right answers."""
    cells = [(t, group.name) for t in finding.tests for group in t.test.groups if (t.model.id, group.name) in unranked]
    if cells:
        shown = [f"{finding.labels[name]} on {t.model.label} ({unranked[t.model.id, name]})" for t, name in cells[:MAX_NAMED]]
        more = f"; and {counted(len(cells) - MAX_NAMED, 'more cell')}" if len(cells) > MAX_NAMED else ""
        yield f"Compared and not ranked: {'; '.join(shown)}{more}."


def _lengths(dataset: Dataset, finding: Finding) -> Iterable[str]:
    """Yield a sentence where a metric mixes speed and length: the configurations wrote different numbers of tokens."""
    if finding.metric.id not in GROWING:
        return
    for item in finding.tests:
        written = {
            group.name: tokens
            for group in item.test.groups
            if (cell := dataset.cell(item.model.id, group.name)) is not None and (tokens := _written(cell)) is not None
        }
        if len(set(written.values())) > 1:
            ordered = sorted(written, key=lambda name: written[name])
            ends = f"{finding.labels[ordered[0]]} wrote {written[ordered[0]]:,} tokens, {finding.labels[ordered[-1]]} {written[ordered[-1]]:,}"
            yield f"Answers differ in length on {item.model.label}: {ends}. {capital(finding.metric.noun)} reflects how much was written as well as how fast."


def _written(cell: CellView) -> int | None:
    """Return the output tokens of a run, the median over the runs that count; None where one has no count."""
    counts = [run.output_tokens for run in cell.ok]
    known = [tokens for tokens in counts if tokens is not None]
    return median_low(known) if known and len(known) == len(counts) else None


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
        if finding.metric.id in OVER_PROBLEMS:
            advice = "; more problems would help, more runs would not"
        yield f"{len(open_pairs)} of {counted(total, 'pair')} {'is' if len(open_pairs) == 1 else 'are'} inconclusive{advice}."


def _names(names: Iterable[str]) -> str:
    shown = list(names)
    if len(shown) > MAX_NAMED:
        return f"{', '.join(shown[:MAX_NAMED])} and {counted(len(shown) - MAX_NAMED, 'more model')}"
    return listed(shown)
