"""The scorers of greenreport itself, each a function from an answer with its task to a judgement."""

from __future__ import annotations

from dataclasses import dataclass

from greenreport.quality.sandbox import ProgramSandbox, Score
from greenreport.record import VerdictCode
from greenreport.workloads.tasks import Task

#: Around a short answer: quotes, markup and the full stop of a sentence.
_AROUND = " \t\"'`*_.“”‘’"


@dataclass(frozen=True, slots=True)
class Case:
    """An answer to be judged.

    Attributes:
        prompt: what was asked.
        answer: what the model wrote, without its reasoning where that is told apart.
        chat: whether the answer replies to the prompt; it continues it otherwise.
    """

    prompt: str
    answer: str
    task: Task
    chat: bool


def unit_tests(case: Case, sandbox: ProgramSandbox) -> Score:
    """Judge the program in an answer by the tests of its task, in the sandbox."""
    task = case.task
    if task.test is None or task.entry_point is None:
        raise ValueError("the task has no tests")
    if not case.answer.strip():
        return _EMPTY
    return sandbox.run_tests(case.prompt, case.answer, task.entry_point, task.test, chat=case.chat)


def exact_match(case: Case, sandbox: ProgramSandbox) -> Score:  # noqa: ARG001 - every scorer gets one
    """Compare an answer with the texts that are right.

    It is right when the whole of it, or its last line that is not blank, is one of them: without regard to case, to how much white
    space stands where, and to quotation marks, asterisks, underscores, backticks and full stops at either end.
    """
    if not case.answer.strip():
        return _EMPTY
    last = [line for line in case.answer.splitlines() if line.strip()][-1]
    if {_plain(case.answer), _plain(last)} & {_plain(text) for text in case.task.answers}:
        return Score(VerdictCode.PASSED)
    return Score(VerdictCode.WRONG, f"expected {case.task.answers[0][:80]}")


def pattern(case: Case, sandbox: ProgramSandbox) -> Score:
    """Search an answer for the regular expression of its task, in the sandbox: it may take for ever."""
    if case.task.pattern is None:
        raise ValueError("the task has no pattern")
    return sandbox.search(case.task.pattern, case.answer) if case.answer.strip() else _EMPTY


def _plain(text: str) -> str:
    return " ".join(text.split()).strip(_AROUND).casefold()


_EMPTY = Score(VerdictCode.NO_ANSWER, "it is empty")
