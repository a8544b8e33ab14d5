"""Whether an error is one of an allocation: engines and servers of others tell it in words of their own.

Running out of memory is a result, and where a sweep ends; any other error is a fault. Where no type says which of them it is, the
words decide. Advice ("if out-of-memory occurs, lower …") is no error, unless it follows one in the same line, as torch writes it;
neither is the table of thread-local storage, which is full for reasons of its own.
"""

from __future__ import annotations

import re

_TOLD = re.compile(
    r"out[ -]of[ -]memory|OutOfMemory|not enough memory|no available memory|bad[_ ]alloc|ALLOC_FAILED"
    r"|(?:can't|can ?not|could not|unable to|fail\w* to) allocate\b.*(?:memory|buffer|bytes|cache|\d ?[KMGT]i?B)"
    r"|alloc\w*\b.*\b(?:memory|buffer|bytes)\b.* failed|(?:memory|buffer) allocation\b.* failed",
    re.IGNORECASE,
)
_ADVICE = re.compile(r"\b(?:if|in case|avoid|prevent|may|might)\b.*(?:out[ -]of|OOM|alloc)", re.IGNORECASE)
LONGEST = 300


def memory_line(text: str) -> str | None:
    """Return the first line that tells of an allocation that failed, or None."""
    for line in text.splitlines():
        told = _TOLD.search(line)
        if told is not None and "static TLS" not in line and not _ADVICE.search(line[: told.end()]):
            return line.strip()[:LONGEST]
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of a library is one of an allocation."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or memory_line(str(error)) is not None


def memory_words(error: BaseException) -> str:
    """Return what an error of an allocation tells, in one line."""
    return memory_line(str(error)) or first_line(error)[:LONGEST]


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text."""
    return (str(error).splitlines() or [type(error).__name__])[0]
