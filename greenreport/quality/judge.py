"""Judge the stored answers of a study: each prompt and answer once, outside every measured window.

A verdict is known by prompt, answer and what it was judged by, so nothing is judged twice, and a corrected test or another limit judges
stored answers anew.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import SimpleQueue

from greenreport.catalog import load_target
from greenreport.plan import Plan, current
from greenreport.quality.criteria import Criterion, criteria
from greenreport.quality.sandbox import Limits, ProgramSandbox, Score
from greenreport.quality.scorers import Case
from greenreport.record import Outcome, Verdict, VerdictCode
from greenreport.store import Store, StoredAnswer
from greenreport.study import Quality, Study
from greenreport.units import counted
from greenreport.workloads.prompts import PromptList

#: Verdicts that are stored at a time, so that an interruption loses few.
BATCH = 20
MOST_AT_ONCE = 4
#: Runs whose answers are judged: those that count, and those that would under other rules of validity.
_JUDGED = (Outcome.OK, Outcome.INVALID)
Progress = Callable[[int, int], None]

_WORDS = {
    VerdictCode.WRONG: "wrong", VerdictCode.NO_ANSWER: "without an answer", VerdictCode.ERROR: "with an error",
    VerdictCode.TIMED_OUT: "over the time limit", VerdictCode.OUT_OF_MEMORY: "out of memory",
    VerdictCode.REFUSED: "refused by the sandbox",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scoring:
    """What a judgement of a study's answers came to.

    Attributes:
        codes: number of the different answers that were judged now, by verdict.
        before: how many had a verdict already, and how many of those are right.
        without_task: different answers to prompts that have no task.
        unknown: whether some runs do not say what was asked.
    """

    codes: Counter[VerdictCode]
    before: int
    right_before: int
    without_task: int
    unknown: bool

    def __str__(self) -> str:
        """Return it as a sentence."""
        judged, right = self.codes.total(), self.codes[VerdictCode.PASSED]
        if judged:
            rest = [f"{number} {_WORDS[code]}" for code, number in sorted(self.codes.items()) if code in _WORDS]
            parts = [f"{counted(judged, 'answer')} judged: {', '.join([f'{right} right', *rest])}"]
        else:
            parts = ["no answer left to judge"]
        if self.before:
            parts.append(f"{self.before:,} judged before ({self.right_before:,} right)")
        if self.without_task:
            parts.append(f"{counted(self.without_task, 'answer')} cannot be judged, since the prompts have no task")
        if self.unknown:
            parts.append(
                "some runs do not say what they asked, as an earlier version made them: their answers cannot be judged"
            )
        return "; ".join(parts)


def judge(plan: Plan, prompts: PromptList, store: Store, progress: Progress) -> Scoring:
    """Judge the answers of a study that have no verdict yet, and store the verdicts.

    Args:
        progress: called with the number of answers judged and of those to judge.

    Raises:
        UsageError: see `criteria`.
        SandboxUnavailable: judged programs could not be held here.
        StoreError: the verdicts cannot be stored.
    """
    by = criteria(plan.study, prompts)
    rows = [row for rows in current(plan, store.index()).values() for row in rows.values()]
    stored, unknown = store.answers({row.run_id for row in rows if row.outcome in _JUDGED})
    tasked = [answer for answer in stored if answer.prompt_sha256 in by]
    todo = [answer for answer in tasked if answer.task != by[answer.prompt_sha256].digest]
    before = [answer.code for answer in tasked if answer.task == by[answer.prompt_sha256].digest]
    codes: Counter[VerdictCode] = Counter()
    waiting: list[Verdict] = []
    try:
        for verdict in _verdicts(todo, by, plan.study):
            waiting.append(verdict)
            codes[verdict.code] += 1
            progress(codes.total(), len(todo))
            if len(waiting) == BATCH:
                store.add_verdicts(waiting)
                waiting = []
    finally:
        store.add_verdicts(waiting)
    return Scoring(codes, len(before), before.count(VerdictCode.PASSED), len(stored) - len(tasked), unknown)


def _verdicts(todo: Sequence[StoredAnswer], by: Mapping[str, Criterion], study: Study) -> Iterator[Verdict]:
    """Yield a verdict on each answer, in the order in which they are found."""
    if not todo:
        return
    quality = study.quality or Quality()
    limits = Limits(quality.time_limit_s, quality.memory_limit_mb)
    at_once = min(MOST_AT_ONCE, os.cpu_count() or 1, len(todo))
    free: SimpleQueue[ProgramSandbox] = SimpleQueue()

    def judged(answer: StoredAnswer) -> Verdict:
        criterion = by[answer.prompt_sha256]
        case = Case(criterion.prompt, answer.text, criterion.task, study.workload.api == "chat")
        sandbox = free.get()
        try:
            found: Score = load_target(criterion.scorer.target)(case, sandbox)
        finally:
            free.put(sandbox)
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return Verdict(answer.prompt_sha256, answer.output_sha256, criterion.digest, found.code, found.detail, now)

    with ExitStack() as stack:
        for _ in range(at_once):
            free.put(stack.enter_context(ProgramSandbox(limits)))
        pool = stack.enter_context(ThreadPoolExecutor(at_once))
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        futures: list[Future[Verdict]] = [pool.submit(judged, answer) for answer in todo]
        for future in as_completed(futures):
            yield future.result()
