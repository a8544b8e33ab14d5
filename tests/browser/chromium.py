"""Where the browser is and how it is started: quiet, without a network of its own."""

from __future__ import annotations

import shutil

ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-quic", "--hide-scrollbars",
)  # fmt: skip


def chromium_path() -> str:
    """Return Debian's chromium, or an empty text where there is none; the one without windows needs half the CPU time."""
    return shutil.which("chromium-headless-shell") or shutil.which("chromium") or ""
