"""Whether the answers of a run are right, and what a right one costs in energy, time and tokens.

The whole window is shared among the right answers: a wrong one costs as much and is worth nothing. How much of the energy it took is
told apart where every request had the machine to itself for long enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from greenreport import traces as tr
from greenreport.analysis.measure.energy import Calibrations, boundary_components, energy_budget, traces_of
from greenreport.analysis.measure.latency import WindowRequests, inside
from greenreport.analysis.measure.observation import Observation
from greenreport.record import Mark, Request, RunRecord, Trace
from greenreport.study import Quality
from greenreport.units import counted, quantity

UNDECLARED = "the study declares no `quality:`"
#: Every metric that needs verdicts.
QUALITY_METRICS = ("solved_pct", "j_per_right_answer", "s_per_right_answer", "tokens_per_right_answer", "wrong_energy_pct")
Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class JudgedAnswers:
    """The answers that were complete inside a window and have a verdict, apart by whether they are right.

    Attributes:
        unjudged: how many have none.
    """

    right: tuple[Request, ...]
    wrong: tuple[Request, ...]
    unjudged: int


def judged_answers(record: RunRecord, content: WindowRequests) -> JudgedAnswers:
    """Return the answers of a window by their verdicts."""
    passed = {(verdict.prompt_sha256, verdict.output_sha256): verdict.passed for verdict in record.verdicts}
    found = [(request, passed.get((request.prompt_sha256 or "", request.output_sha256 or ""))) for request in content.completed]
    right, wrong = (tuple(request for request, verdict in found if verdict is which) for which in (True, False))
    return JudgedAnswers(right, wrong, sum(verdict is None for _, verdict in found))


def answer_observations(
    record: RunRecord, window: Mark, quality: Quality | None, energy: Observation | None, calibrations: Calibrations
) -> Iterator[Observation]:
    """Yield the observations of every metric of right answers.

    Args:
        quality: how the study judges answers; None where it does not.
        energy: that of the window.
    """
    content = inside(record.requests, window)
    answers = judged_answers(record, content)
    unknown = UNDECLARED if quality is None else _why_unjudged(record, answers)
    if unknown is not None:
        yield from (Observation(metric, None, reason=unknown) for metric in QUALITY_METRICS)
        return
    right, judged = len(answers.right), len(answers.right) + len(answers.wrong)
    yield Observation("solved_pct", 100.0 * right / judged)
    energy = energy or Observation("energy_j", None, reason="no energy over the window")
    why = _why_not_shared(answers)

    def shared(whole: Observation, unit: str) -> Observation:
        """Return the part of each right answer in what the whole window took."""
        if whole.value is None:
            return whole
        reason = why if right else f"{_none_right(judged)}; {quantity(whole.value, unit)} were spent"
        if reason is not None:
            return replace(whole, value=None, reason=reason, budget=None)
        return replace(whole, value=whole.value / right, budget=None if whole.budget is None else whole.budget.times(1 / right))

    yield shared(replace(energy, metric="j_per_right_answer"), "J")
    yield shared(Observation("s_per_right_answer", window.duration_s, "client"), "s")
    tokens = Observation("tokens_per_right_answer", content.tokens or None, reason="the server tells no token counts")
    yield shared(tokens if tokens.value is None else replace(tokens, reason=None), "tokens")
    yield _on_wrong_answers(record, window, answers, energy, calibrations)


def _why_unjudged(record: RunRecord, answers: JudgedAnswers) -> str | None:
    """Return why no answer of a window is judged; None where one is."""
    if answers.right or answers.wrong:
        return None
    if not answers.unjudged:
        return "no request"
    if all(request.prompt_sha256 is None for request in record.requests):
        return "the run does not tell which prompt an answer belongs to"
    return "no answer has a task" if record.verdicts else "not scored yet: `greenreport score`"


def _why_not_shared(answers: JudgedAnswers) -> str | None:
    """Return why the window cannot be shared among the right answers: some were not judged, and their part is not apart."""
    if not answers.unjudged:
        return None
    every = counted(len(answers.right) + len(answers.wrong) + answers.unjudged, "answer")
    return f"{answers.unjudged} of its {every} {'has' if answers.unjudged == 1 else 'have'} no verdict, and what they took is not told apart"


def _none_right(judged: int) -> str:
    return "its only answer is wrong" if judged == 1 else f"none of its {judged} answers is right"


def _on_wrong_answers(
    record: RunRecord, window: Mark, answers: JudgedAnswers, energy: Observation, calibrations: Calibrations
) -> Observation:
    """Return the share of energy over the times of requests with a wrong answer; by tokens where it cannot be told apart."""
    share = replace(energy, metric="wrong_energy_pct", budget=None)
    if energy.value is None:
        return share
    span = window.start_ns, window.end_ns
    traces = traces_of(boundary_components(record, *span), record, *span)
    wrong, right = ([(r.start_ns, r.end_ns) for r in side] for side in (answers.wrong, answers.right))
    by_tokens = _why_by_tokens([*wrong, *right], traces)
    if by_tokens is not None:
        return _by_tokens(share, answers, by_tokens)
    spent, useful = _energy_of(traces, wrong), _energy_of(traces, right)
    if spent is None or useful is None or spent + useful <= 0:
        return replace(share, value=None, reason="the energy cannot be computed over the requests")
    budget, total = None, spent + useful
    parts = [energy_budget(record, traces, spans, calibrations) if spans else tr.Budget(()) for spans in (wrong, right)]
    if parts[0] is not None and parts[1] is not None:  # s = W / (W + R): the error of a common scale cancels
        budget = parts[0].times(100 * useful / total**2).minus(parts[1], 100 * spent / total**2)
    return replace(share, value=100 * spent / total, budget=budget)


def _why_by_tokens(spans: Spans, traces: Sequence[Trace]) -> str | None:
    if any(later[0] < earlier[1] for earlier, later in pairwise(sorted(spans))):
        return "requests overlap"
    typical_s = float(np.median([end - start for start, end in spans])) / 1e9
    return "requests are too short" if typical_s < 2 * max(tr.usual_interval_s(trace) for trace in traces) else None


def _by_tokens(share: Observation, answers: JudgedAnswers, why: str) -> Observation:
    wrong, right = (sum(request.output_tokens or 0 for request in side) for side in (answers.wrong, answers.right))
    if not wrong + right:
        return replace(share, value=None, reason=f"{why}, and the server tells no token counts")
    return replace(share, value=100 * wrong / (wrong + right), boundary=f"{share.boundary}; by output tokens, since {why}")


def _energy_of(traces: Sequence[Trace], spans: Spans) -> float | None:
    parts = [tr.energy_over(trace, spans) for trace in traces]
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None
