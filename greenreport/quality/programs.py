"""The program inside an answer.

A *completion* continues its prompt: the program is the longest run of whole lines, from the start of the prompt, that is Python and
defines the function asked for; what the model writes after it is left out. An answer in a *chat* has programs in fences: the first one
that defines the function, cut in the same way, since an answer may end in the middle of a line at its limit of tokens. Where a prompt is
itself Python (imports and the head of the function), it stands before the program of an answer too.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

#: Characters of an answer that are looked at; the rest is cut off.
MOST_CHARACTERS = 200_000
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n`]*$", re.MULTILINE)
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def program_of(prompt: str, answer: str, entry_point: str, *, chat: bool) -> str | None:
    """Return the program an answer gives for a task; None where nothing in it defines the function.

    A program that cannot be compiled is returned as the model wrote it when it begins to define the function.

    Args:
        chat: whether the answer replies to the prompt; it continues it otherwise.
    """
    answer = answer[:MOST_CHARACTERS]
    if not answer.strip():
        return None
    head = prompt.rstrip() + "\n\n" if _parsed(prompt) is not None else ""
    replies = [head + block for block in (*blocks(answer), answer)]
    # A completion ends where the prompt ends unless a line of its own is Python.
    candidates = [(text, len(head.splitlines())) for text in replies]
    if not chat:
        candidates.insert(0, (prompt + answer, len(prompt.splitlines())))
    for text, lines in candidates:
        program = _longest(text, lines)
        if program is not None and defines(program, entry_point):
            return program
    begins = re.compile(rf"^[ \t]*(async[ \t]+)?(def|class)[ \t]+{re.escape(entry_point)}\b", re.MULTILINE)
    return next((text for text, _ in candidates if begins.search(text)), None)


def blocks(answer: str) -> Iterator[str]:
    """Yield the fenced blocks of an answer in order; one that is not closed ends with the answer."""
    lines = answer.splitlines(keepends=True)
    opened: str | None = None
    block: list[str] = []
    for line in lines:
        fence = _FENCE.match(line.rstrip("\r\n"))
        if opened is None:
            opened, block = (fence[1], []) if fence else (None, [])
        elif fence and fence[1].startswith(opened) and line.strip() == fence[1]:
            yield "".join(block)
            opened = None
        else:
            block.append(line)
    if opened is not None:
        yield "".join(block)


def defines(program: str, name: str) -> bool:
    """Whether a program defines a function, a class or a variable of this name at its top level."""
    parsed = _parsed(program)
    return parsed is not None and any(_binds(node, name) for node in parsed.body)


def _binds(node: ast.stmt, name: str) -> bool:
    if isinstance(node, _Definition):
        return node.name == name
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def parts(program: str, entry_point: str) -> tuple[ast.Module, list[ast.Module]]:
    """Return a program up to the last definition of the function, and each statement after it.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: it is no Python.
    """
    parsed = ast.parse(program)
    end = max(index for index, node in enumerate(parsed.body, start=1) if _binds(node, entry_point))
    return ast.Module(parsed.body[:end], []), [ast.Module([node], []) for node in parsed.body[end:]]


def _longest(text: str, lines: int) -> str | None:
    """Return the longest run of lines from the start that is Python; None where it has no more than a number of lines."""
    whole = text.splitlines(keepends=True)
    count = len(whole)
    while count > lines:
        program = "".join(whole[:count])
        wrong = _wrong_line(program)
        if wrong is None:
            return program
        count = min(count - 1, max(wrong, lines))  # no line after the wrong one can mend it
    return None


def _wrong_line(program: str) -> int | None:
    """Return the line that is no Python, 0 where that is not known, None where the program is Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that a model writes
            ast.parse(program)
    except SyntaxError as error:
        return error.lineno or 0
    except (ValueError, RecursionError, MemoryError):
        return 0
    return None


def _parsed(program: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
