"""A device or server on loopback that answers, errs, stalls or drips as a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers as the server is told to."""

    server: Device

    def do_GET(self) -> None:
        """Answer one poll."""
        self.server.polls += 1
        self.server.paths.append(self.path)
        self.server.authorisation = self.headers.get("Authorization")
        self.server.answer(self)

    def send(self, body: bytes, status: int = 200) -> None:
        """Send an answer."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class Device(ThreadingHTTPServer):
    """A server on loopback that answers as `answer` says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.polls = 0
        self.paths: list[str] = []
        self.authorisation: str | None = None
        self.released = threading.Event()
        self.answer: Answer = self.json({})
        self.url = f"http://127.0.0.1:{self.server_port}"

    def json(self, content: object) -> Answer:
        """Return what answers with a JSON document."""
        return lambda handler: handler.send(json.dumps(content).encode())

    def stall(self, handler: Handler) -> None:
        """Answer when the test is over."""
        self.released.wait()

    def drip(self, handler: Handler) -> None:
        """Answer without end, a little at a time."""
        handler.send_response(200)
        handler.end_headers()
        while not self.released.wait(0.2):
            handler.wfile.write(b" ")

    def drip_headers(self, handler: Handler) -> None:
        """Begin an answer whose headers never end."""
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nX-Long: ")
        while not self.released.wait(0.2):
            handler.wfile.write(b"a")

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is what some tests are about."""


@contextmanager
def running() -> Iterator[Device]:
    """Run a server as long as the context."""
    with Device() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()
