"""One question to a device or server that answers in JSON, within a total limit of time and size.

Nothing is followed and nothing stands in between: no redirect, which would take the password with it, and no proxy, behind which no device
of the local network is.
"""

from __future__ import annotations

import base64
import io
import json
import math
import socket
import time
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

#: Longest poll, in seconds; the value of a longer one could belong to any moment of it.
POLL_S = 1.0
MAX_BYTES = 1_000_000


class BadAnswer(Exception):
    """A poll without a value; its text completes the name of what was asked, such as "the wall meter"."""


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
    try:
        body = _body(url, _headers(login, token), end)
    except TimeoutError:
        raise BadAnswer(f"did not answer within {within_s:g} s") from None
    except (HTTPException, OSError, ValueError) as error:
        detail = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise BadAnswer(f"cannot be reached ({detail})") from None
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
    headers = {"Accept": "application/json", "Connection": "close"}
    if login:
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    elif token:
        headers["Authorization"] = f"Bearer {token}"
    return headers


def _body(url: str, headers: dict[str, str], deadline: float) -> bytes:
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=max(0.01, deadline - time.monotonic()))
    connection.response_class = partial(_TimedAnswer, deadline)  # type: ignore[assignment]
    try:
        connection.request("GET", f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}", headers=headers)
        with connection.getresponse() as response:
            if not 200 <= response.status < 300:
                raise BadAnswer(f"answered with HTTP status {response.status}")
            body = b""
            while chunk := response.read1(65536):
                body += chunk
                if len(body) > MAX_BYTES:
                    raise BadAnswer("sent more than 1 MB")
            return body
    finally:
        connection.close()


class _TimedAnswer(HTTPResponse):
    """An answer whose every byte, headers included, comes before a deadline."""

    def __init__(self, deadline: float, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp: io.BufferedReader = io.BufferedReader(_TimedBytes(sock, self.fp, deadline))


class _TimedBytes(io.RawIOBase):
    """The bytes of a socket until a deadline; `file` keeps the socket open when its connection is closed."""

    def __init__(self, sock: socket.socket, file: io.BufferedReader, deadline: float) -> None:
        self.sock = sock
        self.file = file
        self.deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.sock.settimeout(left)
        return self.sock.recv_into(buffer)

    def close(self) -> None:
        self.file.close()
        super().close()
