"""Recognise failed allocations in the texts of third-party libraries and servers.

Running out of memory is a result, and ends a sweep; any other error is a fault. Libraries have no common type for it, so here, and only
here, wording decides. Advice ("if out-of-memory occurs, lower …") does not count unless it follows an error in the same line, as torch
writes it; nor does a full table of thread-local storage.
"""

from __future__ import annotations

import re

from greenreport.errors import EngineUnavailable, OutOfMemory

_FAILED = re.compile(
    r"out[ -]of[ -]memory|OutOfMemory|not enough memory|no available memory|bad[_ ]alloc|ALLOC_FAILED"
    r"|(?:can't|can ?not|could not|unable to|fail\w* to) allocate\b.*(?:memory|buffer|bytes|cache|\d ?[KMGT]i?B)"
    r"|alloc\w*\b.*\b(?:memory|buffer|bytes)\b.* failed|(?:memory|buffer) allocation\b.* failed",
    re.IGNORECASE,
)
_ADVICE = re.compile(r"\b(?:if|in case|avoid|prevent|may|might)\b.*(?:out[ -]of|OOM|alloc)", re.IGNORECASE)
LONGEST = 300


def memory_line(text: str) -> str | None:
    """Return the first line that reports a failed allocation, or None."""
    for line in text.splitlines():
        failed = _FAILED.search(line)
        if failed is not None and "static TLS" not in line and not _ADVICE.search(line[: failed.end()]):
            return line.strip()[:LONGEST]
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether a library's error is a failed allocation."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or memory_line(str(error)) is not None


def memory_words(error: BaseException) -> str:
    """Return the line of an error that reports the failed allocation."""
    return memory_line(str(error)) or first_line(error)[:LONGEST]


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def loading_error(error: BaseException, runtime: str, failed: str) -> OutOfMemory | EngineUnavailable:
    """Return what an error means that a runtime raises while it loads; `failed`: what it could not do ("compile the model")."""
    if is_out_of_memory(error):
        return OutOfMemory(f"{runtime} could not allocate memory: {memory_words(error)}")
    return EngineUnavailable(f"{runtime} cannot {failed}: {first_line(error)}")
