"""Waiting for what a page does in its own time: look again and again, until a deadline that only a page at fault reaches."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

WAIT_S = 60
Seen = TypeVar("Seen")


def until(page: Any, condition: Callable[[], bool], what: str | Callable[[], str]) -> None:
    """Wait until a condition holds; `what` is said where it does not.

    Not `wait_for_function`: its polling evaluates a string inside the page, which the page's own policy refuses.
    """
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT_S} s in vain: {what() if callable(what) else what}"
        page.wait_for_timeout(20)


def at_rest(page: Any, look: Callable[[], Seen]) -> Seen:
    """Return what is seen once it has stayed the same for a while."""
    deadline = time.monotonic() + WAIT_S
    seen, same = look(), 0
    while same < 5:
        assert time.monotonic() < deadline, f"still changing after {WAIT_S} s: {seen}"
        page.wait_for_timeout(40)
        before, seen = seen, look()
        same = same + 1 if seen == before else 0
    return seen


def addressed(page: Any, end: str) -> None:
    """Wait until the address of a page ends so; the script of a page changes it without loading anything."""
    until(page, lambda: str(page.evaluate("location.href")).endswith(end), f"an address that ends with {end}")


def follow(page: Any, link: Any, part: str) -> None:
    """Click a link and wait until the page it leads to is loaded; a part of its address is known."""
    link.click()
    page.wait_for_url(lambda address: part in address)
