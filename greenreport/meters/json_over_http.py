"""One question to a device or server that answers in JSON."""

from __future__ import annotations

import base64
import json
import math
import time
from typing import Any

from greenreport.meters.http_exchange import POLL_S, BadAnswer, fetch

MAX_BYTES = 1_000_000


def fetch_json(
    url: str, *, login: str | None = None, token: str | None = None, within_s: float = POLL_S, deadline: float | None = None
) -> Any:
    """Return the JSON document at an address.

    Args:
        login: ``user:password``, sent as they are (basic authentication).
        token: sent as a bearer token.
        within_s: limit for connecting and the whole answer, however slowly it drips in.
        deadline: when that limit ends, in the time of `time.monotonic`, where several questions share it; counted from now when absent.

    Raises:
        BadAnswer: no answer in time, no success, too much of it, or something else than JSON.
    """
    end = time.monotonic() + within_s if deadline is None else deadline
    body = fetch(url, _headers(login, token), within_s, end, MAX_BYTES)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadAnswer("answered with something that is no JSON") from None


def number_at(answer: Any, path: tuple[str, ...]) -> float:
    """Return the number at a path, whose parts are keys of objects or positions in lists.

    Raises:
        BadAnswer: there is nothing, or no finite number.
    """
    node = answer
    for part in path:
        if isinstance(node, list) and part.isdecimal() and int(part) < len(node):
            node = node[int(part)]
        elif isinstance(node, dict) and part in node:
            node = node[part]
        else:
            raise BadAnswer(f"has no {'.'.join(path)} in its answer")
    try:
        number = math.nan if isinstance(node, bool) else float(node)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise BadAnswer(f"has no number at {'.'.join(path)}")
    return number


def _headers(login: str | None, token: str | None) -> dict[str, str]:
    headers = {"Accept": "application/json"}
    if login:
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    elif token:
        headers["Authorization"] = f"Bearer {token}"
    return headers
