"""Tasks of prompts: what an answer is judged by, as the rows of a file of prompts give it.

A row has unit tests (`test` with `entry_point`, as HumanEval writes them), an expected text (`answer`, or a list of them), or a
regular expression that the answer must contain (`pattern`). Tasks change no digest of prompts: they are no part of what is asked.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from greenreport.errors import PromptsUnavailable
from greenreport.workloads.turns import has_history, problem_of, prompts_of

#: Of the texts of one task.
MAX_TASK_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Task:
    """What an answer to a prompt is judged by.

    Attributes:
        id: name of the problem in its data set, for people.
        entry_point: name of the function that the tests call.
        test: program text that defines ``check(candidate)``.
        answers: texts of which each is a right answer.
        pattern: regular expression that a right answer contains.
    """

    id: str | None = None
    entry_point: str | None = None
    test: str | None = None
    answers: tuple[str, ...] = ()
    pattern: str | None = None

    def digest(self, *how: str | float) -> str:
        """Return the SHA-256 of what an answer is judged by.

        Args:
            how: what else decides the judgement: name and revision of the scorer, its limits.
        """
        parts = [self.entry_point, self.test, list(self.answers), self.pattern, *how]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A prompt of a file, with its task where the row has one."""

    text: str
    task: Task | None = None


def rows_of(row: object, where: str) -> tuple[PromptRow, ...]:
    """Return the prompts of a row of JSON Lines: one, or one for each turn of the user in a conversation, whose last has the task.

    Args:
        where: file and line, for the error.

    Raises:
        PromptsUnavailable: the row has no prompt that can be sent, or a malformed task.
    """
    if not isinstance(row, Mapping) or "turns" not in row:
        return (row_of(row, where),)
    turns = row["turns"]
    if (problem := problem_of(turns)) is not None:
        raise PromptsUnavailable(f"{where}: {problem}")
    if "prompt" in row:
        raise PromptsUnavailable(f"{where}: give `prompt` or `turns`, not both")
    *before, last = prompts_of(turns)
    return (*(_prompt(text, where) for text in before), row_of({**row, "prompt": last}, where, scripted=True))


def _prompt(text: str, where: str) -> PromptRow:
    return row_of({"prompt": text}, where, scripted=True)


def row_of(row: object, where: str, *, scripted: bool = False) -> PromptRow:
    """Return the prompt and the task of a row of JSON Lines.

    Args:
        where: file and line, for the error.
        scripted: whether the prompt may be the text of a conversation (see `turns`).

    Raises:
        PromptsUnavailable: the row has no prompt that can be sent, or a malformed task.
    """
    fields = row if isinstance(row, Mapping) else {}
    prompt = fields.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise PromptsUnavailable(f"{where}: expected a JSON object with a non-empty text under `prompt`")
    if has_history(prompt) and not scripted:
        raise PromptsUnavailable(
            f"{where}: the prompt begins as the text of a conversation does; write its turns under `turns`"
        )
    if not _sendable(prompt):
        raise PromptsUnavailable(f"{where}: the prompt holds a character that cannot be sent (a lone surrogate)")
    problem = _problem(fields)
    if problem is not None:
        raise PromptsUnavailable(f"{where}: {problem}")
    return PromptRow(prompt, _task(fields))


def written_row(row: PromptRow) -> str:
    """Return the line of JSON that `row_of` reads back."""
    task = row.task or Task()
    fields = {
        "task_id": task.id, "prompt": row.text, "entry_point": task.entry_point, "test": task.test,
        "answer": list(task.answers) or None, "pattern": task.pattern,
    }  # fmt: skip
    return json.dumps({name: value for name, value in fields.items() if value is not None}) + "\n"


def _task(fields: Mapping[str, Any]) -> Task | None:
    name, test, answer, pattern = (fields.get(key) for key in ("task_id", "test", "answer", "pattern"))
    if test is None and answer is None and pattern is None:
        return None
    return Task(
        id=name if isinstance(name, str) and _sendable(name) else None,
        entry_point=None if test is None else fields["entry_point"],
        test=test,
        answers=() if answer is None else (answer,) if isinstance(answer, str) else tuple(answer),
        pattern=pattern,
    )


def _problem(fields: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the task of a row."""
    test, answer, pattern = fields.get("test"), fields.get("answer"), fields.get("pattern")
    answers: Sequence[object] = answer if isinstance(answer, list) else [] if answer is None else [answer]
    texts = [text for text in (test, *answers, pattern) if text is not None]
    if not all(isinstance(text, str) and text.strip() and _sendable(text) for text in texts) or answer == []:
        return "`test`, `answer` and `pattern` are non-empty texts; `answer` may be a list of them"
    if sum(len(str(text)) for text in texts) > MAX_TASK_BYTES:
        return f"the task is longer than {MAX_TASK_BYTES:,} characters"
    if test is not None:
        name = fields.get("entry_point")
        if not isinstance(name, str) or not name.isidentifier():
            return "`test` needs `entry_point`, the name of the function it tests"
        if not _defines_check(test):
            return "`test` is a Python program that defines `check(candidate)`"
    if pattern is not None:
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            return f"`pattern` is no regular expression: {error}"
    return None


def _defines_check(test: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in somebody else's text
            program = ast.parse(test)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(node, ast.FunctionDef) and node.name == "check" for node in program.body)


def _sendable(text: str) -> bool:
    """Whether a text holds no half of a character, which JSON can write and nobody can send."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
