"""Tests of questions to servers that answer with anything: what cannot be used is not said, and no exchange is without end."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import repeat
from typing import Any

import pytest

from greenreport.errors import RunError
from greenreport.workloads.server_probe import LARGEST_B, is_ready, server_info

OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"


@contextmanager
def answering(parts: Callable[[str], Iterable[bytes]]) -> Iterator[str]:
    """Serve, to each path, some parts one after the other; give the address."""

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                path = connection.recv(65536).split()[1].decode()
                for part in parts(path):
                    connection.sendall(part)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def of(content: Any, headers: bytes = b"") -> Callable[[str], Iterable[bytes]]:
    """Return what answers every path with JSON, or with bytes as they are."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return lambda path: [OK + headers + b"\r\n" + raw]


def dripping(path: str) -> Iterator[bytes]:
    """Send a byte now and then, for ever: of the headers, or of the content."""
    yield from (OK, b"X: ") if path == "/health" else (OK, b"\r\n")
    while True:
        yield b"x"
        time.sleep(0.05)


def test_a_server_that_drips_is_given_up_in_time() -> None:
    """Each byte is in time, and the whole never comes: the limit is that of the exchange."""
    with answering(dripping) as url, pytest.raises(RunError, match=r"no server answers .*its answer was not complete in time"):
        server_info(url, {}, "one", 0.3)


@pytest.mark.parametrize("path", ["/health", "/v1/models"])
def test_a_server_that_drips_is_not_ready(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether in its headers or in its content."""
    monkeypatch.setattr("greenreport.workloads.server_probe.PATIENCE_S", 0.3)
    with answering(dripping) as url:
        assert not is_ready(url, path, {})


def test_an_answer_without_end_costs_no_memory() -> None:
    """It is given up at a size that no list of models has."""
    sizes = []

    def endless(path: str) -> Iterator[bytes]:
        yield OK + b"\r\n"
        for part in repeat(b"x" * 100_000):
            sizes.append(len(part))
            yield part

    with answering(endless) as url, pytest.raises(RunError, match=r"it is larger than 4.00.MB, the most that is read"):
        server_info(url, {}, "one")
    assert sum(sizes) < 5 * LARGEST_B  # the rest is in buffers of sockets


def test_compressed_content_is_refused() -> None:
    """Also of a server that was told to send it plain."""
    with (
        answering(of(b"\x1f\x8b", b"Content-Encoding: gzip\r\n")) as url,
        pytest.raises(RunError, match=r"it is compressed \(gzip\), which was not asked for"),
    ):
        server_info(url, {}, "one")


@pytest.mark.parametrize(
    "content",
    [
        [], None, 3, b"", b"\xff\xfe", b"[" * 100_000, b'{"data": ' + b"9" * 5_000 + b"}", {"data": {}}, {"data": [3, None]},
        {"data": [{"id": 3}]}, {"data": [{"id": "one", "meta": 3, "n_params": True, "size": -1}]},
        {"data": [{"id": "one", "n_params": 10**40, "size": 1e999}]},
    ],
)  # fmt: skip
def test_what_is_no_list_of_models_says_nothing(content: Any) -> None:
    """Of any shape: the run goes on without it."""
    with answering(of(content)) as url:
        info = server_info(url, {}, "one")
    assert (info.parameters, info.weights_b) == (None, None)


def test_texts_of_a_server_can_be_stored_and_shown() -> None:
    """Half a surrogate pair and controls have a stand-in, long texts are cut; also those of an error."""
    text = "\ud800\x1b[2J" + "x" * 1000
    with answering(of({"data": [{"id": "one", "owned_by": text}], "version": text})) as url:
        details = dict(server_info(url, {}, "one").details)
    assert details == dict.fromkeys(("owned by", "version"), "\ufffd\ufffd[2J" + "x" * 195)
    with (
        answering(of({"data": [{"id": text}]})) as url,
        pytest.raises(RunError, match=r"it has: ..\[2Jx{195}\. Name one"),
    ):
        server_info(url, {}, "one")


def test_a_redirect_is_not_followed() -> None:
    """A server could lead the client, with its key, to another."""
    asked = []

    def elsewhere(path: str) -> list[bytes]:
        asked.append(path)
        return [b"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: /other\r\n\r\n"]

    with answering(elsewhere) as url:
        assert not is_ready(url, "/health", {})
    assert asked == ["/health"]


def test_a_web_page_is_no_server() -> None:
    """A wrong address often answers every path with a page and status 200."""
    with (
        answering(of(b"\n<!doctype html><title>Welcome</title>")) as url,
        pytest.raises(RunError, match="answers with a web page"),
    ):
        server_info(url, {}, "one")
