"""Requests without a usable answer: why, and what a person can do about it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from greenreport.errors import OutOfMemory
from greenreport.record import RequestError, RequestErrorKind
from greenreport.workloads.api_content import Api
from greenreport.workloads.exchanges import printable

LONGEST_ERROR = 300
LONGEST_HEADER = 100
#: A server that says "at once" would otherwise be asked without pause.
SHORTEST_WAIT_S = 0.5
#: Statuses of a server, or of a proxy in front of it, that takes no more requests.
OVERLOADED = (429, 503)
#: Statuses of a server that has no such route; some have them for a model that they do not have, too.
NO_ROUTE = (404, 405)


_ADVICE_ON_LOAD = "; the server refused the load: fewer requests at once, or a server that lets more wait"
_ADVICE_ON_ROUTE = {
    Api.COMPLETIONS: "; a server that only chats is measured with `workload: {api: chat}`",
    Api.CHAT: "; a server that does not chat is measured with `workload: {api: completions}`",
}


class RequestFailed(Exception):
    """A request without a usable answer; `advice` is what a person can do, and is never cut."""

    def __init__(self, kind: RequestErrorKind, text: str, advice: str = "") -> None:
        self.error = RequestError(kind, printable(text, LONGEST_ERROR - len(advice)) + advice)
        super().__init__(self.error.text)


def refused(status: int, raw: bytes, api: Api) -> RequestFailed:
    """Return what an answer with an error status means."""
    detail, overloaded = reported(raw), status in OVERLOADED
    advice = _ADVICE_ON_LOAD if overloaded else _ADVICE_ON_ROUTE[api] if status in NO_ROUTE else ""
    if not overloaded and isinstance(detail, dict) and "type" in detail:  # the type says more than the status
        return server_error(detail, advice)
    text = f"HTTP {status}, not JSON: {raw[:200]!r}" if detail is raw else f"HTTP {status}: {error_text(detail)}"
    return RequestFailed(RequestErrorKind.OVERLOADED if overloaded else RequestErrorKind.SERVER, text, advice)


def asked_wait_s(status: int, retry_after: str | None) -> float | None:
    """Return how long a server that is overloaded asks to wait, in seconds, at least `SHORTEST_WAIT_S`; None where it asks for nothing.

    Args:
        retry_after: its header of that name: seconds, or a date.
    """
    if status not in OVERLOADED or retry_after is None or len(retry_after) > LONGEST_HEADER:
        return None
    if retry_after.strip().isdecimal() and retry_after.isascii():
        return max(float(retry_after), SHORTEST_WAIT_S)
    try:
        date = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    return max((date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), SHORTEST_WAIT_S)


def reported(raw: bytes | str) -> object:
    """Return what a server reports as an error, or the content itself where it is not JSON."""
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    return content.get("error", content) if isinstance(content, dict) else content


def server_error(detail: object, advice: str = "") -> RequestFailed:
    """Return the failure for an error that a server reports, in the shape it has."""
    # Our own server names the class of its error; other servers say in their own words that memory ran out.
    if isinstance(detail, dict) and detail.get("type") == OutOfMemory.__name__:
        return RequestFailed(RequestErrorKind.OUT_OF_MEMORY, str(detail.get("message")))
    return RequestFailed(RequestErrorKind.SERVER, error_text(detail), advice)


def error_text(detail: object) -> str:
    """Return an error as a sentence; servers send a text or an object."""
    if isinstance(detail, dict) and "type" in detail:
        return f"{detail['type']}: {detail.get('message')}"
    if isinstance(detail, dict) and isinstance(detail.get("message"), str):
        return str(detail["message"])
    return str(detail)


def malformed(cause: str) -> RequestFailed:
    """Return the failure for an answer that cannot be used; `cause`: what is wrong with it."""
    return RequestFailed(RequestErrorKind.MALFORMED, f"the answer is not a completion of OpenAI's API ({cause})")
