"""What all exchanges with a server have in common, whoever wrote it: the way to it, and limits of what it may send.

Nothing is followed, kept or unpacked that a server sends unasked: redirects, cookies, compressed content. Answers are read part by
part, so that one without end costs no more memory than the largest that is expected.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import httpx

from greenreport.errors import RunError
from greenreport.units import quantity


def authorisation(variable: str | None) -> dict[str, str]:
    """Return the header with the API key that an environment variable holds; nothing when none is named.

    Raises:
        RunError: the variable is not set.
    """
    if variable is None:
        return {}
    key = os.environ.get(variable, "")
    if not key:
        raise RunError(f"the environment variable {variable}, named by `api_key_env`, is not set")
    return bearer(key)


def bearer(key: str) -> dict[str, str]:
    """Return the header with an API key."""
    return {"Authorization": f"Bearer {key}"}


def connecting(url: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the options of an HTTP client that talks to one server."""
    return {
        "base_url": url,
        "headers": {"Accept-Encoding": "identity", **headers},
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=())),
        "verify": _authorities() if urlsplit(url).scheme == "https" else False,  # nobody needs certificates without https
        "follow_redirects": False,
        "trust_env": False,
    }


@cache
def _authorities() -> ssl.SSLContext:
    """Return the authorities whose certificates are believed: those of this machine, and of SSL_CERT_FILE.

    Reading them takes CPU time, so they are read once, and not at all where they are not needed.
    """
    return ssl.create_default_context()


def require_plain(response: httpx.Response) -> None:
    """Check that an answer is not compressed: a few bytes could stand for gigabytes.

    Raises:
        httpx.DecodingError: it is, although the request asked for plain content.
    """
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise httpx.DecodingError(f"it is compressed ({encoding}), which was not asked for")


def require_within(size_b: int, largest_b: int) -> None:
    """Check the number of bytes received so far.

    Raises:
        httpx.DecodingError: the answer is larger than any that is expected.
    """
    if size_b > largest_b:
        raise httpx.DecodingError(f"it is larger than {quantity(largest_b, 'B')}, the most that is read")


def printable(text: str, longest: int) -> str:
    """Return the beginning of a server's text with a stand-in for what can be neither stored nor shown: surrogates and controls."""
    return "".join(mark if mark.isprintable() or mark in "\n\t" else "\ufffd" for mark in text[:longest])
