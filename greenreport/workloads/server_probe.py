"""Questions to external servers: whether they are ready, their models, version and counters.

A route that does not exist, an answer of another shape or an empty list means that the server does not say.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx

from greenreport.errors import RunError

PATIENCE_S = 10.0
#: Values of a server are shown on pages; longer ones are cut.
LONGEST = 200
#: Scalars a model list may carry: vLLM's, then those llama.cpp keeps under `meta`.
_OF_MODEL = ("owned_by", "max_model_len", "n_ctx_train", "n_vocab", "n_embd")
_COUNT = re.compile(
    r"^vllm:(num_preemptions|prefix_cache_hits)(?:_total)?(?:\{.*\})?[ \t]+(\d+(?:\.\d+)?(?:[eE]\+?\d{1,2})?)\b", re.MULTILINE
)


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
class ServerCounters:
    """Counts of all servers of a run since they started; None where one of them has no such counter.

    Attributes:
        preemptions: requests taken back for lack of memory.
        cached_tokens: prompt tokens taken from a cache instead of being computed.
    """

    preemptions: float | None
    cached_tokens: float | None


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
    return {"Authorization": f"Bearer {key}"}


def is_ready(url: str, health: str, headers: Mapping[str, str]) -> bool:
    """Whether the server answers 200 on its health path; one that has no such path is asked for its models."""
    with _client(url, headers) as client:
        response = _get(client, health)
        if response is not None and response.status_code in (404, 405):
            response = _get(client, "/v1/models")
    return response is not None and response.status_code == 200


def server_info(url: str, headers: Mapping[str, str], model: str) -> ServerInfo:
    """Return what a server says about itself and one of its models.

    Raises:
        RunError: no server answers, it refuses the key, or it lists models and not this one.
    """
    with _client(url, headers) as client:
        try:
            response = client.get("/v1/models")
        except httpx.HTTPError as error:
            raise _unanswered(url, error) from None
        if response.status_code in (401, 403):
            raise RunError(
                f"the server at {url} wants an API key (HTTP {response.status_code}); `api_key_env` names the variable that holds it"
            )
        data, version = _object(response).get("data"), _version(client)
    listed = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
    models = tuple(str(item["id"]) for item in listed if isinstance(item.get("id"), str))
    if models and model not in models:
        raise RunError(
            f"the server at {url} lists no model {model!r}; it has: {', '.join(models)[:LONGEST]}. Name one under `server: {{model: …}}`"
        )
    chosen = next((item for item in listed if item.get("id") == model), {})
    meta = chosen.get("meta")
    described = {**(meta if isinstance(meta, dict) else {}), **chosen}
    details = [("server", response.headers.get("server")), ("version", version)]
    details += [(name.replace("_", " "), described.get(name)) for name in _OF_MODEL]
    said = tuple((name, str(value)[:LONGEST]) for name, value in details if isinstance(value, str | int | float))
    return ServerInfo(_count(described.get("n_params")), _count(described.get("size")), said)


def _unanswered(url: str, error: httpx.HTTPError) -> RunError:
    cause = re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")[:LONGEST]
    if "CERTIFICATE_VERIFY_FAILED" in cause:
        remedy = "add the authority that signed it to those of this machine, or name its file in the environment variable SSL_CERT_FILE"
        return RunError(f"the certificate of the server at {url} is not trusted here ({cause}); {remedy}")
    return RunError(f"no server answers at {url} ({cause}); start it, or correct the `url` of the configuration")


def server_counters(urls: Sequence[str], headers: Mapping[str, str]) -> ServerCounters:
    """Return the counters of some servers; vLLM has them among its Prometheus metrics, one line per engine."""
    lines: list[list[tuple[str, str]]] = []
    for url in urls:
        with _client(url, headers) as client:
            response = _get(client, "/metrics")
        lines.append(_COUNT.findall(response.text) if response is not None and response.status_code == 200 else [])

    def total(counter: str) -> float | None:
        counts = [[float(value) for name, value in of_server if name == counter] for of_server in lines]
        return sum(map(sum, counts)) if all(counts) else None

    return ServerCounters(total("num_preemptions"), total("prefix_cache_hits"))


def trusted(url: str) -> ssl.SSLContext | bool:
    """Return the authorities whose certificates are believed: those of this machine, and of SSL_CERT_FILE; none without https.

    Reading certificates that nobody needs would take CPU time while a model loads.
    """
    return _authorities() if urlsplit(url).scheme == "https" else False


@cache
def _authorities() -> ssl.SSLContext:
    return ssl.create_default_context()


def _client(url: str, headers: Mapping[str, str]) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False, headers=dict(headers), verify=trusted(url))


def _get(client: httpx.Client, path: str) -> httpx.Response | None:
    with suppress(httpx.HTTPError):
        return client.get(path)
    return None


def _version(client: httpx.Client) -> str | None:
    """Return the version where the server has a route for it: vLLM's ``/version``, llama.cpp's ``/props``."""
    for path, name in (("/version", "version"), ("/props", "build_info")):
        value = _object(_get(client, path)).get(name)
        if isinstance(value, str) and value:
            return value
    return None


def _object(response: httpx.Response | None) -> dict[str, Any]:
    """Return the JSON object of an answer; empty for any other answer."""
    content = None
    if response is not None and response.status_code == 200:
        with suppress(ValueError):
            content = response.json()
    return content if isinstance(content, dict) else {}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
