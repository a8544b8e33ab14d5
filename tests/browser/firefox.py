"""Drives Debian's Firefox through its own remote protocol (Marionette): a message is ``length:json`` over TCP.

Playwright brings a Firefox of its own and cannot drive this one, and no driver program is packaged.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WAIT_S = 90.0
#: Run inside the browser itself: what its console has of pages from disk, warnings left out.
TROUBLES = """return Services.console.getMessageArray()
    .filter(m => m instanceof Ci.nsIScriptError && (/CSP/.test(m.category) || (/content javascript/.test(m.category) && !(m.flags & 1))))
    .map(m => m.category + ": " + m.errorMessage + " " + m.sourceName)"""


def firefox_path() -> str:
    """Return Debian's firefox-esr, or an empty text where there is none."""
    return shutil.which("firefox-esr") or ""


class Firefox:
    """One window."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), WAIT_S)
        self.number = 0
        self._receive()
        self.send("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": False}}})

    def send(self, command: str, parameters: dict[str, Any]) -> Any:
        """Send a command; return its value."""
        self.number += 1
        text = json.dumps([0, self.number, command, parameters])
        self.socket.sendall(f"{len(text.encode())}:{text}".encode())
        _, _, error, value = self._receive()
        assert error is None, (command, error)
        return value["value"] if isinstance(value, dict) and set(value) == {"value"} else value

    def _receive(self) -> Any:
        head = b""
        while not head.endswith(b":"):
            head += self._read(1)
        return json.loads(self._read(int(head[:-1])))

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            assert piece, "Firefox closed the connection"
            data += piece
        return data

    def open(self, address: str) -> None:
        """Load a page and wait until it is complete."""
        self.send("WebDriver:Navigate", {"url": address})

    def evaluate(self, script: str) -> Any:
        """Return the value of a script that ends with ``return``, run beside the page and not under its policy."""
        return self.send("WebDriver:ExecuteScript", {"script": script, "args": [], "sandbox": "tests"})

    def troubles(self) -> list[str]:
        """Return every error of a page and everything its policy refused, since the browser was started."""
        self.send("Marionette:SetContext", {"value": "chrome"})
        try:
            found = self.send("WebDriver:ExecuteScript", {"script": TROUBLES, "args": []})
        finally:
            self.send("Marionette:SetContext", {"value": "content"})
        return [str(text) for text in found]


@contextmanager
def firefox(folder: Path) -> Iterator[Firefox]:
    """Start Firefox without a window and with a fresh profile; it is ended with all its processes."""
    profile = folder / "profile"
    profile.mkdir()
    (profile / "user.js").write_text('user_pref("marionette.port", 0);\n', encoding="utf-8")
    command = [
        firefox_path(),
        "--headless",
        "--marionette",
        "--remote-allow-system-access",
        "--no-remote",
        "--profile",
        str(profile),
    ]
    environment = {**os.environ, "HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        window = Firefox(_port(profile, process))
        with window.socket:
            yield window
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _port(profile: Path, process: subprocess.Popen[bytes]) -> int:
    """Return the port Firefox chose; it writes it into its profile."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, f"Firefox ended with {process.returncode}"
        file = profile / "MarionetteActivePort"
        if file.is_file() and file.read_text(encoding="utf-8").strip():
            return int(file.read_text(encoding="utf-8"))
        time.sleep(0.1)
    raise AssertionError("Firefox did not say on which port it listens")
