"""Questions to external servers: whether they are ready, their models and version.

A route that does not exist, an answer of another shape or an empty list means that the server does not say. So does an answer that is
too large, or not complete in time: a question is asked with a limit for all of the exchange, since a server may send a byte now and
then for ever.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from greenreport.errors import RunError
from greenreport.workloads.exchanges import connecting, printable, require_plain, require_within

#: Limit of an exchange, and of all questions about one server together.
PATIENCE_S = 10.0
LARGEST_B = 4_000_000
#: Values of a server are shown on pages; longer ones are cut.
LONGEST = 200
#: Scalars a model list may carry: vLLM's, then those llama.cpp keeps under `meta`.
_OF_MODEL = ("owned_by", "max_model_len", "n_ctx_train", "n_vocab", "n_embd")


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What a server says about itself and one of its models.

    Attributes:
        details: further (name, value) pairs.
    """

    parameters: int | None
    weights_b: int | None
    details: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Reply:
    """The answer to a question; `server` is the header of that name."""

    status: int
    server: str | None
    body: bytes


def is_ready(url: str, health: str, headers: Mapping[str, str]) -> bool:
    """Whether the server answers 200 on its health path; one that has no such path is asked for its models."""
    until = time.monotonic() + PATIENCE_S
    reply = _reply(url, health, headers, until)
    if reply is not None and reply.status in (404, 405):
        reply = _reply(url, "/v1/models", headers, until)
    return reply is not None and reply.status == 200


def server_info(url: str, headers: Mapping[str, str], model: str, patience_s: float = PATIENCE_S) -> ServerInfo:
    """Return what a server says about itself and one of its models.

    Raises:
        RunError: no server answers, it refuses the key, or it lists models and not this one.
    """
    until = time.monotonic() + min(patience_s, PATIENCE_S)
    try:
        reply = _ask(url, "/v1/models", headers, until)
    except httpx.HTTPError as error:
        raise _unanswered(url, error) from None
    if reply.status in (401, 403):
        raise RunError(
            f"the server at {url} wants an API key (HTTP {reply.status}); `api_key_env` names the variable that holds it"
        )
    if reply.status == 200 and reply.body.lstrip()[:1] == b"<":
        raise RunError(
            f"the server at {url} answers with a web page where OpenAI's API lists models; correct the `url` of the configuration"
        )
    data, version = _object(reply).get("data"), _version(url, headers, until)
    listed = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
    models = tuple(item["id"] for item in listed if isinstance(item.get("id"), str))
    if models and model not in models:
        raise RunError(
            f"the server at {url} lists no model {model!r}; it has: {printable(', '.join(models), LONGEST)}. "
            "Name one under `server: {model: …}`"
        )
    chosen = next((item for item in listed if item.get("id") == model), {})
    meta = chosen.get("meta")
    described = {**(meta if isinstance(meta, dict) else {}), **chosen}
    details = [("server", reply.server), ("version", version)]
    details += [(name.replace("_", " "), described.get(name)) for name in _OF_MODEL]
    said = tuple((name, printable(str(value), LONGEST)) for name, value in details if isinstance(value, str | int | float))
    return ServerInfo(_count(described.get("n_params")), _count(described.get("size")), said)


def _unanswered(url: str, error: httpx.HTTPError) -> RunError:
    origin: BaseException = error
    while (earlier := origin.__cause__ or origin.__context__) is not None:
        origin = earlier  # the HTTP library only says that all attempts to connect failed
    cause = printable(re.sub(r"\s+", " ", f"{type(error).__name__}: {origin}"), LONGEST)
    if "CERTIFICATE_VERIFY_FAILED" in cause:
        remedy = "add the authority that signed it to those of this machine, or name its file in the environment variable SSL_CERT_FILE"
        return RunError(f"the certificate of the server at {url} is not trusted here ({cause}); {remedy}")
    return RunError(f"no server answers at {url} ({cause}); start it, or correct the `url` of the configuration")


def _reply(url: str, path: str, headers: Mapping[str, str], until: float) -> _Reply | None:
    """Return the reply to a question, or None where there is none."""
    with suppress(httpx.HTTPError):
        return _ask(url, path, headers, until)
    return None


def _ask(url: str, path: str, headers: Mapping[str, str], until: float) -> _Reply:
    """Ask a question; the reply is complete at a time of the monotonic clock.

    Raises:
        httpx.HTTPError: there is no reply, or not in time, or it is too large.
    """

    async def exchange() -> _Reply:
        async with (
            asyncio.timeout(until - time.monotonic()),
            httpx.AsyncClient(**connecting(url, headers), timeout=PATIENCE_S) as client,
            client.stream("GET", path) as response,
        ):
            require_plain(response)
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                require_within(len(body), LARGEST_B)
            return _Reply(response.status_code, response.headers.get("server"), bytes(body))

    # In a thread of its own, since the caller's may run an event loop already, as those of notebooks do.
    with suppress(TimeoutError), ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, exchange()).result()
    raise httpx.ReadTimeout("its answer was not complete in time")


def _version(url: str, headers: Mapping[str, str], until: float) -> str | None:
    """Return the version where the server has a route for it: vLLM's ``/version``, llama.cpp's ``/props``."""
    for path, name in (("/version", "version"), ("/props", "build_info")):
        value = _object(_reply(url, path, headers, until)).get(name)
        if isinstance(value, str) and value:
            return value
    return None


def _object(reply: _Reply | None) -> dict[str, Any]:
    """Return the JSON object of an answer; empty for any other answer."""
    content = None
    if reply is not None and reply.status == 200:
        with suppress(ValueError, RecursionError):
            content = json.loads(reply.body)
    return content if isinstance(content, dict) else {}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63 else None
