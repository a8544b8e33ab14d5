"""One question to a device or server over HTTP, within a total limit of time and size.

Nothing is followed and nothing stands in between: no redirect, which would take the password with it, and no proxy, behind which no device
of the local network is.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Mapping
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

#: Longest poll, in seconds; the value of a longer one could belong to any moment of it.
POLL_S = 1.0


class BadAnswer(Exception):
    """A poll without a value; its text completes the name of what was asked, such as "the wall meter"."""


def fetch(url: str, headers: Mapping[str, str], within_s: float, deadline: float, largest_b: int) -> bytes:
    """Return the content at an address.

    Args:
        within_s: what reasons call the limit.
        deadline: when connecting and the whole answer must be done, however slowly it drips in, in the time of `time.monotonic`.
        largest_b: bytes of the longest content that is read.

    Raises:
        BadAnswer: no answer in time, no success, too much of it, or not all.
    """
    try:
        return _content(url, {"Connection": "close", **headers}, deadline, largest_b)
    except TimeoutError:
        raise BadAnswer(f"did not answer within {within_s:g} s") from None
    except (HTTPException, OSError, ValueError) as error:
        detail = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise BadAnswer(f"cannot be reached ({detail})") from None


def _content(url: str, headers: Mapping[str, str], deadline: float, largest_b: int) -> bytes:
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=max(0.01, deadline - time.monotonic()))
    connection.response_class = partial(_TimedAnswer, deadline)  # type: ignore[assignment]
    try:
        connection.request("GET", f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}", headers=dict(headers))
        with connection.getresponse() as response:
            if not 200 <= response.status < 300:
                raise BadAnswer(f"answered with HTTP status {response.status}")
            body = b""
            while chunk := response.read1(65536):
                body += chunk
                if len(body) > largest_b:
                    raise BadAnswer(f"sent more than {largest_b / 1e6:g} MB")
            if response.length:
                raise BadAnswer("broke off its answer")
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
